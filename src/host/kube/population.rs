//! A second look where a list came back empty: whether there was anything that it could have been selected from.
//!
//! A cluster answers an empty list alike where nothing is wrong, where a selector has a typing error, and where the
//! namespace does not exist.

use rhai::NativeCallContext;

use super::cluster::ClusterHandle;
use super::read::{find_object, list_of};
use crate::client::kube::Query;
use crate::error::{Error, Kind};
use crate::host::context::Context;
use crate::host::object::List;

/// The empty list with what it was selected from: all of a cluster or of a namespace that is there is an answer.
pub(super) fn of_empty(
    at: &NativeCallContext,
    k: &ClusterHandle,
    kind: &str,
    query: &Query,
    empty: List,
    namespaced: bool,
) -> Result<List, Error> {
    let selects = query.labels.is_some() || query.fields.is_some();
    if selects {
        let all = Query { namespace: query.namespace.clone(), limit: Some(1), ..Query::default() };
        match list_of(at, k, kind, &all) {
            Ok(others) if others.is_empty() => {}
            Ok(others) => return Ok(List::of_population(Vec::new(), others.len(), &empty.what())),
            Err(error) if error.kind == Kind::Forbidden => {
                let why = format!("whether there are others may not be seen: {error}");
                return Ok(List::of_nothing(&empty.what(), &why));
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(namespace) = query.namespace.as_deref().filter(|_| namespaced)
        && let Some(why) = not_there(at, k, namespace)?
    {
        return Ok(List::of_nothing(&empty.what(), &why));
    }
    Ok(if selects { List::of_population(Vec::new(), 0, &empty.what()) } else { empty })
}

/// Why a namespace can hold nothing: it is not there, or nobody lets us see whether it is.
fn not_there(at: &NativeCallContext, k: &ClusterHandle, namespace: &str) -> Result<Option<String>, Error> {
    let cx = Context::current()?;
    match find_object(&cx, at, k, "namespaces", namespace, None) {
        Ok(Some(_)) => Ok(None),
        Ok(None) => Ok(Some(format!("there is no namespace {namespace} on {}", k.name()))),
        Err(error) if error.kind == Kind::Forbidden => {
            Ok(Some(format!("whether there is a namespace {namespace} on {} may not be seen: {error}", k.name())))
        }
        Err(error) => Err(error),
    }
}

//! `serviceaccounts/NAME/token`: a token is asked for.
//!
//! Source: k8s.io/kubernetes `pkg/registry/core/serviceaccount/storage/token.go`, `pkg/apis/authentication/validation`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::asked::{Answered, Payload};
use super::body;
use crate::lab::kube::access::{AUDIENCE, Grant};
use crate::lab::kube::cluster::{World, time};
use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};
use crate::lab::kube::store::Place;

/// How long a token is good that says nothing of it, in seconds.
const HOUR: i64 = 3600;
const LEAST: i64 = 600;
const MOST: i64 = 1 << 32;

/// Gives a token for a ServiceAccount.
pub(crate) fn token(
    world: &mut World,
    namespace: &str,
    name: &str,
    payload: &Payload,
    now: Timestamp,
) -> Answer<Answered> {
    let account = Named { group: "", kind: "serviceaccounts", name };
    let found = world.store.get(&Place::new("serviceaccounts", namespace, name)).cloned();
    let found = found.ok_or_else(|| Refusal::not_found(&account))?;
    let asked = body::plain(payload)?;
    let spec = &asked["spec"];
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(HOUR);
    let refused = |why: &str| {
        let what = Named { group: "authentication.k8s.io", kind: "TokenRequest", name: "" };
        Refusal::invalid(&what, &[Fault::invalid("spec.expirationSeconds", &json!(seconds), why)])
    };
    if seconds < LEAST {
        return Err(refused("may not specify a duration less than 10 minutes"));
    }
    if seconds > MOST {
        return Err(refused("may not specify a duration larger than 2^32 seconds"));
    }
    let mut audiences: Vec<String> =
        spec["audiences"].as_array().into_iter().flatten().filter_map(|a| a.as_str().map(str::to_owned)).collect();
    if audiences.is_empty() {
        audiences.push(AUDIENCE.to_owned());
    }
    let bound = bound(world, namespace, &spec["boundObjectRef"])?;
    let id = world.naming.uid();
    let grant = Grant {
        namespace,
        name,
        uid: found.value["metadata"]["uid"].as_str().unwrap_or_default(),
        audiences: &audiences,
        seconds,
        bound: bound.as_ref().map(|(kind, name, uid)| (*kind, name.as_str(), uid.as_str())),
        id: &id,
    };
    let given = world.tokens.give(&grant, now).ok_or_else(|| Refusal::internal("no token can be signed"))?;
    let end = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    let value = json!({
        "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "name": name, "namespace": namespace, "creationTimestamp": time(now) },
        "spec": {
            "audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": spec["boundObjectRef"],
        },
        "status": { "token": given, "expirationTimestamp": time(end) },
    });
    Ok(Answered::new(201, value))
}

/// The object with which the token ends: its kind, name and uid.
fn bound(world: &World, namespace: &str, reference: &Value) -> Answer<Option<(&'static str, String, String)>> {
    if reference.is_null() {
        return Ok(None);
    }
    let (kind, resource) = match reference["kind"].as_str() {
        Some("Pod") => ("pod", "pods"),
        Some("Secret") => ("secret", "secrets"),
        other => {
            let version = reference["apiVersion"].as_str().unwrap_or_default();
            let group = version.rsplit_once('/').map_or("", |(group, _)| group);
            let version = version.rsplit('/').next().unwrap_or_default();
            let kind = other.unwrap_or_default();
            let why = format!("cannot bind token to object of type {group}/{version}, Kind={kind}");
            return Err(Refusal::bad_request(why));
        }
    };
    let name = reference["name"].as_str().unwrap_or_default();
    let what = Named { group: "", kind: resource, name };
    let found = world.store.get(&Place::new(resource, namespace, name)).ok_or_else(|| Refusal::not_found(&what))?;
    let uid = found.value["metadata"]["uid"].as_str().unwrap_or_default();
    if reference["uid"].as_str().is_some_and(|meant| !meant.is_empty() && meant != uid) {
        let why = format!(
            "the UID in the bound object reference ({}) does not match the UID in record. The object might have been deleted and \
             then recreated",
            reference["uid"].as_str().unwrap_or_default()
        );
        return Err(Refusal::conflict(&what, &why));
    }
    Ok(Some((kind, name.to_owned(), uid.to_owned())))
}

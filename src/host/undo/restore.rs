//! Putting fields back, each only where it still has the value that the run gave it.

use serde_json::{Value, json};

use super::Undone;
use super::delete::{find, path};
use super::plan::plan;
use crate::client::kube::{Cluster, rest};
use crate::error::{Kind, Result};
use crate::event::{FieldChange, ObjectRef, Owned};
use crate::host::kube::{diff, keyed, owners};

/// How often somebody else's write may come between reading and patching.
const ATTEMPTS: usize = 5;

/// Restores fields of an object or of its subresource, and gives back to their former managers what it took of them.
pub(super) async fn restore(
    cluster: &Cluster,
    object: &ObjectRef,
    subresource: Option<&str>,
    fields: &[FieldChange],
    owners: &[Owned],
) -> Result<Undone> {
    let undone = restore_fields(cluster, object, subresource, fields).await?;
    // What is not as before is not its former manager's either.
    if undone.whole && !owners.is_empty() {
        give_back(cluster, object, owners).await?;
    }
    Ok(undone.what)
}

/// A field that somebody else has set and that the server would drop with what is put back, as it drops a node port with
/// the type `NodePort`: the server is asked, and does not do it.
async fn would_go(
    cluster: &Cluster,
    path: &str,
    there: &Value,
    fields: &[FieldChange],
    patch: &[Value],
    what: &str,
) -> Result<Option<String>> {
    let tried = rest::patch(cluster, &format!("{path}?dryRun=All"), rest::JSON_PATCH, &json!(patch), what).await;
    let tried = match tried {
        Ok(tried) => tried,
        // What is refused for its own sake says why when it is done.
        Err(e) if matches!(e.kind, Kind::NotFound | Kind::Conflict | Kind::Invalid) => return Ok(None),
        Err(e) => return Err(e),
    };
    let others = fields.iter().flat_map(diff::each).filter(|field| {
        let now = keyed::at(there, &field.pointer);
        now.is_some() && now != field.before.as_ref() && now != field.after.as_ref()
    });
    let lost = others.map(|field| field.pointer).find(|at| keyed::at(&tried, at) != keyed::at(there, at));
    Ok(lost)
}

/// What became of the fields.
struct Restored {
    what: Undone,
    /// Whether the object is there with every field as before.
    whole: bool,
}

impl Restored {
    fn gone() -> Self {
        Self { what: Undone::Already, whole: false }
    }
}

async fn restore_fields(
    cluster: &Cluster,
    object: &ObjectRef,
    subresource: Option<&str>,
    fields: &[FieldChange],
) -> Result<Restored> {
    let mut path = path(object)?;
    if let Some(subresource) = subresource {
        path = format!("{path}/{}", rest::segment(subresource)?);
    }
    let what = object.to_string();
    let mut attempt = 1;
    loop {
        let Some(there) = find(cluster, &path, &what).await? else { return Ok(Restored::gone()) };
        let uid = there.pointer("/metadata/uid").and_then(Value::as_str);
        if object.uid.is_some() && object.uid.as_deref() != uid {
            return Ok(Restored::gone());
        }
        let there = diff::whole(there, subresource);
        let fields: Vec<FieldChange> = fields.iter().map(|f| diff::whole_field(f.clone(), subresource)).collect();
        let (patch, left) = plan(&there, &fields, &what);
        if !left.is_empty()
            && !patch.is_empty()
            && let Some(lost) = would_go(cluster, &path, &there, &fields, &patch, &what).await?
        {
            let all = fields.iter().map(|field| field.pointer.as_str()).collect::<Vec<_>>().join(", ");
            let why = format!("{all} of {what} stay as they are: {lost} would go with them, which somebody set since");
            let left = left.into_iter().chain([why]).collect();
            return Ok(Restored { what: Undone::LeftAlone(left), whole: false });
        }
        if !patch.is_empty() {
            // The version makes sure that nobody's change between reading and writing is lost.
            let version = there.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
            let mut all = vec![json!({ "op": "test", "path": "/metadata/resourceVersion", "value": version })];
            all.extend(patch.iter().cloned());
            match rest::patch(cluster, &path, rest::JSON_PATCH, &Value::Array(all), &what).await {
                Ok(_) => {}
                Err(e) if e.kind == Kind::NotFound => return Ok(Restored::gone()),
                Err(e) if attempt < ATTEMPTS && matches!(e.kind, Kind::Conflict | Kind::Invalid) => {
                    attempt += 1;
                    continue;
                }
                Err(e) => return Err(e),
            }
        }
        let whole = left.is_empty();
        let what = match (whole, patch.is_empty()) {
            (false, _) => Undone::LeftAlone(left),
            (true, true) => Undone::Already,
            (true, false) => Undone::Done,
        };
        return Ok(Restored { what, whole });
    }
}

/// Gives the ownership of fields back, in the object's own account: that of a subresource stands there, too.
async fn give_back(cluster: &Cluster, object: &ObjectRef, owners: &[Owned]) -> Result<()> {
    let (path, what) = (path(object)?, object.to_string());
    for attempt in 1..=ATTEMPTS {
        let Some(there) = find(cluster, &path, &what).await? else { return Ok(()) };
        let Some(account) = owners::given_back(&there, owners) else { return Ok(()) };
        let version = there.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        let patch = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": version },
            { "op": "replace", "path": owners::PLACE, "value": account },
        ]);
        match rest::patch(cluster, &path, rest::JSON_PATCH, &patch, &what).await {
            Err(e) if attempt < ATTEMPTS && matches!(e.kind, Kind::Conflict | Kind::Invalid) => {}
            // Whoever may write a subresource alone may not write this, and no second try would change it. The fields are
            // back.
            Err(e) if matches!(e.kind, Kind::Forbidden | Kind::Refused | Kind::Invalid | Kind::NotFound) => {
                return Ok(());
            }
            other => return other.map(drop),
        }
    }
    Ok(())
}

//! Putting fields back, each only where it still has the value that the run gave it.

use serde_json::{Value, json};

use super::Undone;
use super::delete::{find, path};
use crate::client::kube::{Cluster, rest};
use crate::error::{Kind, Result};
use crate::event::{FieldChange, ObjectRef};
use crate::host::kube::secrets;

/// How often somebody else's write may come between reading and patching.
const ATTEMPTS: usize = 5;

/// Restores fields of an object or of its subresource.
pub(super) async fn restore(
    cluster: &Cluster,
    object: &ObjectRef,
    subresource: Option<&str>,
    fields: &[FieldChange],
) -> Result<Undone> {
    let mut path = path(object)?;
    if let Some(subresource) = subresource {
        path = format!("{path}/{}", rest::segment(subresource)?);
    }
    let what = object.to_string();
    let mut attempt = 1;
    loop {
        let Some(there) = find(cluster, &path, &what).await? else { return Ok(Undone::Already) };
        let uid = there.pointer("/metadata/uid").and_then(Value::as_str);
        if object.uid.is_some() && object.uid.as_deref() != uid {
            return Ok(Undone::Already);
        }
        let (patch, left) = plan(&there, fields, &what);
        if !patch.is_empty() {
            // The version makes sure that nobody's change between reading and writing is lost.
            let version = there.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
            let mut all = vec![json!({ "op": "test", "path": "/metadata/resourceVersion", "value": version })];
            all.extend(patch.iter().cloned());
            match rest::patch(cluster, &path, rest::JSON_PATCH, &Value::Array(all), &what).await {
                Ok(_) => {}
                Err(e) if e.kind == Kind::NotFound => return Ok(Undone::Already),
                Err(e) if attempt < ATTEMPTS && matches!(e.kind, Kind::Conflict | Kind::Invalid) => {
                    attempt += 1;
                    continue;
                }
                Err(e) => return Err(e),
            }
        }
        return Ok(match (left.is_empty(), patch.is_empty()) {
            (false, _) => Undone::LeftAlone(left),
            (true, true) => Undone::Already,
            (true, false) => Undone::Done,
        });
    }
}

/// The operations that restore, and what has to be left alone.
fn plan(there: &Value, fields: &[FieldChange], what: &str) -> (Vec<Value>, Vec<String>) {
    let (mut patch, mut left) = (Vec::new(), Vec::new());
    for field in fields {
        let now = there.pointer(&field.pointer);
        if now == field.before.as_ref() {
            continue;
        }
        let secret = what.starts_with("Secret ") && !field.pointer.starts_with("/metadata/labels");
        if [&field.before, &field.after].into_iter().flatten().any(secrets::is_hidden) {
            let why = "held a secret before or after this run changed it, and records hold none";
            left.push(format!("{} of {what} {why}: put it back by hand", field.pointer));
            continue;
        }
        if now != field.after.as_ref() && secret {
            left.push(format!("{} of {what} is no longer as this run left it", field.pointer));
            continue;
        }
        if now != field.after.as_ref() {
            left.push(format!(
                "{} of {what} is {} now, not {} as this run left it; it was {} before",
                field.pointer,
                shown(now),
                shown(field.after.as_ref()),
                shown(field.before.as_ref()),
            ));
            continue;
        }
        match &field.before {
            // "add" on a member that exists replaces it (RFC 6902, 4.1); its parents may have gone with it.
            Some(before) => patch.extend(
                parents(there, &field.pointer, &patch)
                    .into_iter()
                    .chain([json!({ "op": "add", "path": field.pointer, "value": before })]),
            ),
            None => patch.push(json!({ "op": "remove", "path": field.pointer })),
        }
    }
    (patch, left)
}

/// Operations that make the objects which a field stands in, where they are absent.
fn parents(there: &Value, pointer: &str, planned: &[Value]) -> Vec<Value> {
    let ends = pointer.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    ends.map(|end| &pointer[..end])
        .filter(|parent| there.pointer(parent).is_none())
        .map(|parent| json!({ "op": "add", "path": parent, "value": {} }))
        .filter(|operation| !planned.contains(operation))
        .collect()
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".into(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(pointer: &str, before: Value, after: Value) -> FieldChange {
        let some = |v: Value| (!v.is_null()).then_some(v);
        FieldChange { pointer: pointer.into(), before: some(before), after: some(after) }
    }

    #[test]
    fn only_what_still_has_the_runs_value_is_put_back() {
        let there = json!({ "spec": { "replicas": 0, "paused": true, "other": 7 } });
        let fields = [
            change("/spec/replicas", json!(3), json!(0)),
            change("/spec/paused", Value::Null, json!(true)),
            change("/spec/other", json!(1), json!(2)),
        ];
        let (patch, left) = plan(&there, &fields, "Deployment web/shop");
        assert_eq!(
            patch,
            [
                json!({ "op": "add", "path": "/spec/replicas", "value": 3 }),
                json!({ "op": "remove", "path": "/spec/paused" })
            ]
        );
        assert_eq!(left, ["/spec/other of Deployment web/shop is 7 now, not 2 as this run left it; it was 1 before"]);
    }

    #[test]
    fn a_field_that_was_removed_comes_back_with_its_parents() {
        let fields = [
            change("/metadata/annotations/a~1b", json!("x"), Value::Null),
            change("/metadata/annotations/c", json!("y"), Value::Null),
        ];
        let (patch, _) = plan(&json!({ "metadata": {} }), &fields, "it");
        assert_eq!(patch.len(), 3, "{patch:?}");
        assert_eq!(patch[0], json!({ "op": "add", "path": "/metadata/annotations", "value": {} }));
    }

    #[test]
    fn a_value_that_the_record_hides_is_never_written() {
        let fields = [change("/data/a", json!("<redacted>"), Value::Null)];
        let (patch, left) = plan(&json!({ "kind": "Secret" }), &fields, "Secret web/s");
        assert!(patch.is_empty() && left[0].contains("put it back by hand"), "{patch:?} {left:?}");
        let (_, left) = plan(
            &json!({ "data": { "a": "b2xk" } }),
            &[change("/data/a", json!("YQ=="), json!("Yg=="))],
            "Secret web/s",
        );
        assert_eq!(left, ["/data/a of Secret web/s is no longer as this run left it"]);
    }

    #[test]
    fn what_is_as_before_needs_nothing() {
        let (patch, left) = plan(&json!({ "a": 1 }), &[change("/a", json!(1), json!(2))], "it");
        assert!(patch.is_empty() && left.is_empty());
    }
}

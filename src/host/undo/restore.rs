//! Putting fields back, each only where it still has the value that the run gave it.

use serde_json::{Value, json};

use super::Undone;
use super::delete::{find, path};
use crate::client::kube::{Cluster, rest};
use crate::error::{Kind, Result};
use crate::event::{FieldChange, ObjectRef};
use crate::host::kube::{diff, secrets};

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
    let mut gone: Vec<(String, String)> = Vec::new();
    for field in &fields.iter().flat_map(diff::each).collect::<Vec<_>>() {
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
            None => {
                patch.push(json!({ "op": "remove", "path": field.pointer }));
                gone.extend(field.made.iter().map(|made| (field.pointer.clone(), made.clone())));
            }
        }
    }
    patch.extend(emptied(there, &gone).iter().map(|map| json!({ "op": "remove", "path": map })));
    (patch, left)
}

/// The maps that nothing is left in once fields are gone, the inner ones first: each field with the outermost map that
/// the change made around it.
fn emptied(there: &Value, gone: &[(String, String)]) -> Vec<String> {
    let mut there = there.clone();
    gone.iter().for_each(|(field, _)| take(&mut there, field));
    let mut maps = Vec::new();
    for (field, made) in gone {
        let mut inner = field.as_str();
        while let Some((outer, _)) = inner.rsplit_once('/').filter(|(outer, _)| outer.len() >= made.len()) {
            if there.pointer(outer).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
                take(&mut there, outer);
                maps.push(outer.to_string());
            }
            inner = outer;
        }
    }
    maps
}

/// Takes a member out of the map that it stands in.
fn take(object: &mut Value, pointer: &str) {
    if let Some((map, key)) = pointer.rsplit_once('/')
        && let Some(Value::Object(fields)) = object.pointer_mut(map)
    {
        fields.remove(&key.replace("~1", "/").replace("~0", "~"));
    }
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
        FieldChange { pointer: pointer.into(), before: some(before), after: some(after), made: None }
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

    #[test]
    fn a_map_that_the_run_made_goes_only_when_nobody_else_uses_it() {
        let before = json!({ "metadata": { "name": "a" } });
        let after = json!({ "metadata": { "name": "a", "labels": { "x/y": "1", "z": "2" } } });
        let remove = |path: &str| json!({ "op": "remove", "path": path });
        // As rows are now, and as they were when a map was one value.
        let whole = change("/metadata/labels", Value::Null, after["metadata"]["labels"].clone());
        for fields in [diff::changes(&before, &after, None), vec![whole]] {
            let (patch, left) = plan(&after, &fields, "it");
            let all = [remove("/metadata/labels/x~1y"), remove("/metadata/labels/z"), remove("/metadata/labels")];
            assert_eq!((patch.as_slice(), left.len()), (all.as_slice(), 0));
            let mut others = after.clone();
            others["metadata"]["labels"]["theirs"] = json!("3");
            let (patch, left) = plan(&others, &fields, "it");
            assert_eq!((patch.as_slice(), left.len()), (&all[..2], 0));
            others["metadata"]["labels"]["z"] = json!("4");
            let (patch, left) = plan(&others, &fields, "it");
            assert_eq!((patch.as_slice(), left.len()), (&all[..1], 1), "{left:?}");
            assert!(left[0].starts_with("/metadata/labels/z of it is \"4\" now"), "{left:?}");
        }
        // An empty map of before is not the run's to remove.
        let before = json!({ "data": {}, "spec": {} });
        let after = json!({ "data": { "a": "1" }, "spec": { "b": { "c": { "d": 1 } } } });
        let (patch, _) = plan(&after, &diff::changes(&before, &after, None), "it");
        assert_eq!(patch, [remove("/data/a"), remove("/spec/b/c/d"), remove("/spec/b/c"), remove("/spec/b")]);
    }

    #[test]
    fn a_map_that_the_run_removed_comes_back_beside_what_was_put_there_since() {
        let before = json!({ "metadata": { "labels": { "a": "1", "b": "2" } } });
        let fields = diff::changes(&before, &json!({ "metadata": {} }), None);
        let (patch, left) = plan(&json!({ "metadata": { "labels": { "c": "3" } } }), &fields, "it");
        let add = |path: &str, value: &str| json!({ "op": "add", "path": path, "value": value });
        assert_eq!(patch, [add("/metadata/labels/a", "1"), add("/metadata/labels/b", "2")]);
        assert!(left.is_empty(), "{left:?}");
    }
}

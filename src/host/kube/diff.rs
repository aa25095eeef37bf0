//! What a change makes of an object, field by field: so that it can be put back, field by field.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::event::FieldChange;

/// Fields that the server keeps itself; nobody puts them back.
const SERVERS: &[&str] = &[
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/managedFields",
    "/metadata/creationTimestamp",
    "/metadata/uid",
    "/metadata/selfLink",
];

/// The fields in which two states of an object differ, each by itself also where a whole map came or went: somebody else
/// may have put a field beside it since. Lists count as one field. `status` is left out unless
/// it is what was written.
pub(crate) fn changes(before: &Value, after: &Value, subresource: Option<&str>) -> Vec<FieldChange> {
    let mut out = Vec::new();
    walk(String::new(), (Some(before), Some(after)), None, &mut out);
    out.retain(|f| {
        let server = SERVERS.iter().any(|s| f.pointer == *s || f.pointer.starts_with(&format!("{s}/")));
        let status = f.pointer == "/status" || f.pointer.starts_with("/status/");
        !server && (!status || subresource == Some("status"))
    });
    out
}

/// The fields that a merge patch sets, with their values before: where the server can't try it out first.
pub(crate) fn of_merge(before: &Value, patch: &Value) -> Vec<FieldChange> {
    let mut after = before.clone();
    merge(&mut after, patch);
    changes(before, &after, Some("status"))
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Some(target) = target.as_object_mut() {
        for (key, value) in fields {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// The fields of a row by themselves: rows of before it was done so hold a map that came or went as one value.
pub(crate) fn each(field: &FieldChange) -> Vec<FieldChange> {
    let mut out = Vec::new();
    walk(field.pointer.clone(), (field.before.as_ref(), field.after.as_ref()), field.made.as_deref(), &mut out);
    out
}

fn walk(pointer: String, states: (Option<&Value>, Option<&Value>), made: Option<&str>, out: &mut Vec<FieldChange>) {
    let (before, after) = states;
    if before == after {
        return;
    }
    let is_map = |state: Option<&Value>| state.and_then(Value::as_object).is_some_and(|fields| !fields.is_empty());
    let (was, is) = (before.is_some_and(Value::is_object), after.is_some_and(Value::is_object));
    let apart = (was && is) || (before.is_none() && is_map(after)) || (is_map(before) && after.is_none());
    if !apart {
        let made = made.map(Into::into);
        out.push(FieldChange { pointer, before: before.cloned(), after: after.cloned(), made });
        return;
    }
    let fields = |state: Option<&Value>| state.and_then(Value::as_object).cloned().unwrap_or_default();
    let (b, a) = (fields(before), fields(after));
    // What it stands in was made by the change, too, from here on.
    let made = made.or_else(|| before.is_none().then_some(pointer.as_str()));
    let keys: BTreeSet<&String> = b.keys().chain(a.keys()).collect();
    for key in keys {
        let step = key.replace('~', "~0").replace('/', "~1");
        walk(format!("{pointer}/{step}"), (b.get(key), a.get(key)), made, out);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_told_one_by_one_and_the_servers_own_are_left_out() {
        let before = json!({ "metadata": { "resourceVersion": "1", "labels": { "a/b": "1" } }, "spec": { "replicas": 1, "ports": [1] }, "status": { "x": 1 } });
        let after = json!({ "metadata": { "resourceVersion": "2", "labels": { "c": "2" } }, "spec": { "replicas": 2, "ports": [1, 2] }, "status": {} });
        let changes = changes(&before, &after, None);
        let told: Vec<_> = changes.iter().map(|c| (c.pointer.as_str(), c.before.clone(), c.after.clone())).collect();
        assert_eq!(
            told,
            [
                ("/metadata/labels/a~1b", Some(json!("1")), None),
                ("/metadata/labels/c", None, Some(json!("2"))),
                ("/spec/ports", Some(json!([1])), Some(json!([1, 2]))),
                ("/spec/replicas", Some(json!(1)), Some(json!(2))),
            ]
        );
    }

    #[test]
    fn a_merge_patch_says_what_it_changes() {
        let before = json!({ "spec": { "a": 1, "b": { "c": 2 } } });
        let changes = of_merge(&before, &json!({ "spec": { "a": 1, "b": null, "d": { "e": 3 } } }));
        let told: Vec<_> = changes.iter().map(|c| (c.pointer.as_str(), c.after.clone())).collect();
        assert_eq!(told, [("/spec/b/c", None), ("/spec/d/e", Some(json!(3)))]);
    }

    #[test]
    fn a_map_that_came_or_went_is_told_field_by_field() {
        let before = json!({ "metadata": { "annotations": { "x": "1", "y": "2" } }, "spec": { "empty": {} } });
        let after = json!({ "metadata": { "labels": { "a/b": "1", "deep": { "c": 2 }, "none": {} } }, "spec": {} });
        let told = changes(&before, &after, None);
        let told: Vec<_> =
            told.iter().map(|c| (c.pointer.as_str(), c.before.clone(), c.after.clone(), c.made.as_deref())).collect();
        let made = Some("/metadata/labels");
        assert_eq!(
            told,
            [
                ("/metadata/annotations/x", Some(json!("1")), None, None),
                ("/metadata/annotations/y", Some(json!("2")), None, None),
                ("/metadata/labels/a~1b", None, Some(json!("1")), made),
                ("/metadata/labels/deep/c", None, Some(json!(2)), made),
                ("/metadata/labels/none", None, Some(json!({})), made),
                ("/spec/empty", Some(json!({})), None, None),
            ]
        );
    }
}

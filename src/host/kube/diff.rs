//! What a change makes of an object, field by field: so that it can be put back, field by field.

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

/// The fields in which two states of an object differ. Lists count as one field. `status` is left out unless
/// it is what was written.
pub(crate) fn changes(before: &Value, after: &Value, subresource: Option<&str>) -> Vec<FieldChange> {
    let mut out = Vec::new();
    walk(String::new(), Some(before), Some(after), &mut out);
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

fn walk(pointer: String, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    if let (Some(Value::Object(b)), Some(Value::Object(a))) = (before, after) {
        let mut keys: Vec<&String> = b.keys().chain(a.keys().filter(|k| !b.contains_key(*k))).collect();
        keys.sort();
        for key in keys {
            let step = key.replace('~', "~0").replace('/', "~1");
            walk(format!("{pointer}/{step}"), b.get(key), a.get(key), out);
        }
        return;
    }
    out.push(FieldChange { pointer, before: before.cloned(), after: after.cloned() });
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
        assert_eq!(told, [("/spec/b", None), ("/spec/d", Some(json!({ "e": 3 })))]);
    }
}

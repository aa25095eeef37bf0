//! The way back of a JSON merge patch.

use serde_json::{Map, Value};

/// The merge patch that gives every field that `patch` touches what it had in `before`.
pub(super) fn inverse(before: &Value, patch: &Value) -> Value {
    let Some(fields) = patch.as_object() else { return before.clone() };
    let mut back = Map::new();
    for (key, change) in fields {
        let value = match before.get(key) {
            None | Some(Value::Null) => Value::Null,
            Some(was) if was.is_object() && change.is_object() => inverse(was, change),
            Some(was) => was.clone(),
        };
        back.insert(key.clone(), value);
    }
    Value::Object(back)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lab::kube::patch::merge;

    #[test]
    fn what_a_patch_did_is_undone_field_by_field() {
        let before = json!({ "spec": { "a": 1, "list": [1, 2], "map": { "x": "y" } }, "kind": "Thing" });
        for patch in [
            json!({ "spec": { "a": 2 } }),
            json!({ "spec": { "list": [3], "new": { "deep": true } } }),
            json!({ "spec": { "map": { "x": null, "z": 1 } } }),
            json!({ "spec": { "map": null } }),
            json!({ "spec": { "a": { "now": "a map" } } }),
            json!({ "data": { "k": "v" } }),
        ] {
            let mut object = before.clone();
            merge::patch(&mut object, &patch);
            assert_ne!(object, before, "{patch}");
            merge::patch(&mut object, &inverse(&before, &patch));
            assert_eq!(object, before, "{patch}");
        }
    }
}

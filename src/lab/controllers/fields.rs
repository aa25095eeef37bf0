//! Reading objects: fields by their paths, conditions, owners, and numbers that may be shares.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::lab::kube::store::Place;

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer; 0 where there is none.
pub(crate) fn number(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}

/// The list at a JSON pointer; empty where there is none.
pub(crate) fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    object.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The time at a JSON pointer.
pub(crate) fn time_at(object: &Value, path: &str) -> Option<Timestamp> {
    text(object, path).parse().ok()
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether somebody wants it gone.
pub(crate) fn is_ending(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string)
}

pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    list(object, "/metadata/finalizers").iter().any(|one| one == finalizer)
}

/// The owner that controls an object.
pub(crate) fn controller_of(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true)
}

/// A reference to an owner that controls.
pub(crate) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// A condition by its type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|one| one["type"] == kind)
}

/// Whether a condition is there and true.
pub(crate) fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|one| one["status"] == "True")
}

/// A number, or a share of so many, rounded up or down.
pub(crate) fn share(wanted: &Value, of: i64, up: bool) -> i64 {
    match (wanted.as_i64(), wanted.as_str().and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok())) {
        (Some(number), _) => number,
        (None, Some(percent)) if up => (of * percent + 99) / 100,
        (None, Some(percent)) => of * percent / 100,
        (None, None) => wanted.as_str().and_then(|text| text.parse().ok()).unwrap_or(0),
    }
}

/// Leaves out what Go leaves out: numbers that are 0, empty lists and texts; but for the keys that are named.
pub(crate) fn without_zeros(mut status: Value, always: &[&str]) -> Value {
    if let Some(map) = status.as_object_mut() {
        map.retain(|key, value| {
            let empty = value.is_null()
                || *value == 0
                || value.as_array().is_some_and(Vec::is_empty)
                || value.as_str().is_some_and(str::is_empty);
            always.contains(&key.as_str()) || !empty
        });
    }
    status
}

/// Sets an entry of an object's map, which is made where it is missing.
pub(crate) fn set(object: &mut Value, path: &str, key: &str, value: impl Into<Value>) {
    let mut at = object;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        at = &mut at[part];
    }
    at[key] = value.into();
}

/// Takes a key out of an object's map.
pub(crate) fn unset(object: &mut Value, path: &str, key: &str) {
    if let Some(map) = object.pointer_mut(path).and_then(Value::as_object_mut) {
        map.remove(key);
    }
}

/// The place of an object of a kind.
pub(crate) fn place(resource: &str, object: &Value) -> Place {
    Place::new(resource, namespace(object), name(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_as_the_controllers_round_them() {
        assert_eq!((share(&json!("25%"), 3, true), share(&json!("25%"), 3, false)), (1, 0));
        assert_eq!((share(&json!(2), 10, true), share(&json!("2"), 10, false)), (2, 2));
        assert_eq!(share(&json!("0%"), 10, true), 0);
    }

    #[test]
    fn what_go_leaves_out_is_left_out() {
        let status = json!({ "replicas": 0, "readyReplicas": 0, "conditions": [], "availableReplicas": 2 });
        assert_eq!(without_zeros(status, &["replicas"]), json!({ "replicas": 0, "availableReplicas": 2 }));
    }
}

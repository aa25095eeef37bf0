//! Strategic merge patch: lists merge by the keys that a kind declares, and directives say what else is meant.
//!
//! Source: k8s.io/apimachinery `util/strategicpatch`.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::lab::kube::kinds::Schema;
use crate::lab::kube::refusal::{Answer, Refusal};

const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Lays a patch over an object.
pub(crate) fn patch(schema: &Schema, target: &Value, patch: &Value) -> Answer<Value> {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else {
        return Err(Refusal::bad_request("a strategic merge patch is an object"));
    };
    maps(schema, target, patch).map(Value::Object)
}

fn maps(schema: &Schema, target: &Map<String, Value>, patch: &Map<String, Value>) -> Answer<Map<String, Value>> {
    match patch.get("$patch").and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            let mut rest = patch.clone();
            rest.remove("$patch");
            return Ok(rest);
        }
        Some("delete") => return Ok(Map::new()),
        Some(other) => {
            let shown = go(&Value::Object(patch.clone()));
            return Err(Refusal::internal(format!("unknown patch type: {other} in map: {shown}")));
        }
    }
    let mut merged = target.clone();
    if let Some(retained) = patch.get("$retainKeys").and_then(Value::as_array) {
        merged.retain(|key, _| retained.iter().any(|r| r == key));
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE)
            && let (Some(Value::Array(list)), Value::Array(gone)) = (merged.get_mut(field), value)
        {
            list.retain(|item| !gone.contains(item));
        }
    }
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        if value.is_null() {
            merged.remove(key);
            continue;
        }
        let below = schema.field(key).cloned().unwrap_or_else(|| Arc::new(Schema::anything()));
        let there = merged.get(key);
        let result = match value {
            Value::Object(value) => {
                let nothing = Map::new();
                Value::Object(maps(&below, there.and_then(Value::as_object).unwrap_or(&nothing), value)?)
            }
            Value::Array(value) if below.merge_key.is_some() || below.merge_values => {
                let there = there.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let order = patch.get(&format!("{ORDER}{key}")).and_then(Value::as_array);
                Value::Array(lists(&below, there, value, order.map(Vec::as_slice))?)
            }
            other => other.clone(),
        };
        merged.insert(key.clone(), result);
    }
    // An order alone, without the list.
    for (key, value) in patch {
        let Some(field) = key.strip_prefix(ORDER) else { continue };
        let (false, Some(Value::Array(there)), Value::Array(order)) =
            (patch.contains_key(field), merged.get(field), value)
        else {
            continue;
        };
        let below = schema.field(field).cloned().unwrap_or_else(|| Arc::new(Schema::anything()));
        let sorted = lists(&below, there, &[], Some(order))?;
        merged.insert(field.to_owned(), Value::Array(sorted));
    }
    Ok(merged)
}

/// What two items are the same by.
fn same(key: Option<&str>, a: &Value, b: &Value) -> bool {
    match key {
        Some(key) => a.get(key).is_some() && a.get(key) == b.get(key),
        None => a == b,
    }
}

fn lists(schema: &Schema, target: &[Value], patch: &[Value], order: Option<&[Value]>) -> Answer<Vec<Value>> {
    let key = schema.merge_key.as_deref();
    let item = schema.items.clone().unwrap_or_else(|| Arc::new(Schema::anything()));
    let directive = |value: &Value| value["$patch"].as_str().map(str::to_owned);
    if let Some(key) = key {
        for value in patch {
            let alone = value.as_object().is_some_and(|o| o.len() == 1 && o.contains_key("$patch"));
            if !alone && value.get(key).is_none() {
                let why = format!("map: {} does not contain declared merge key: {key}", go(value));
                return Err(Refusal::internal(why));
            }
        }
    }
    if patch.iter().any(|p| directive(p).as_deref() == Some("replace")) {
        return Ok(patch.iter().filter(|p| directive(p).is_none()).cloned().collect());
    }
    let mut merged: Vec<Value> = target.to_vec();
    for gone in patch.iter().filter(|p| directive(p).as_deref() == Some("delete")) {
        merged.retain(|there| !same(key, there, gone));
    }
    let wanted: Vec<Value> = patch.iter().filter(|p| directive(p).as_deref() != Some("delete")).cloned().collect();
    for value in &wanted {
        match merged.iter_mut().find(|there| same(key, there, value)) {
            Some(there) => {
                if let (Value::Object(before), Value::Object(with)) = (&*there, value) {
                    *there = Value::Object(maps(&item, before, with)?);
                }
            }
            None => merged.push(match value {
                Value::Object(with) => Value::Object(maps(&item, &Map::new(), with)?),
                other => other.clone(),
            }),
        }
    }
    Ok(ordered(key, merged, order.unwrap_or(&wanted), target))
}

/// The items that the patch names, in its order, among those that only the server has, in theirs.
fn ordered(key: Option<&str>, merged: Vec<Value>, patch: &[Value], server: &[Value]) -> Vec<Value> {
    let place = |list: &[Value], value: &Value| list.iter().position(|l| same(key, l, value));
    let (mut named, others): (Vec<Value>, Vec<Value>) = merged.into_iter().partition(|m| place(patch, m).is_some());
    named.sort_by_key(|value| place(patch, value));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    let mut all = Vec::new();
    loop {
        let take_other = match (others.peek(), named.peek()) {
            (None, None) => return all,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(name)) => match (place(server, other), place(server, name)) {
                (Some(left), Some(right)) => left < right,
                _ => false,
            },
        };
        all.extend(if take_other { others.next() } else { named.next() });
    }
}

/// A value as Go prints it: `map[image:busybox]`.
pub(crate) fn go(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go(v))).collect();
            format!("map[{}]", parts.join(" "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lab::kube::kinds::Kinds;

    fn pod(target: &Value, with: &Value) -> Answer<Value> {
        let pods = Kinds::builtin().get("", "v1", "pods").expect("pods");
        patch(pods.schema(), target, with)
    }

    #[test]
    fn items_merge_by_their_key_and_keep_their_places() {
        let before =
            json!({"spec": {"containers": [{"name": "a", "image": "1", "args": ["x"]}, {"name": "b", "image": "1"}]}});
        let with =
            json!({"spec": {"containers": [{"name": "c", "image": "3"}, {"name": "a", "image": "2", "args": ["y"]}]}});
        let after = pod(&before, &with).expect("merges");
        let containers = json!([
            {"name": "c", "image": "3"}, {"name": "a", "image": "2", "args": ["y"]}, {"name": "b", "image": "1"},
        ]);
        assert_eq!(after["spec"]["containers"], containers);
    }

    #[test]
    fn directives_delete_replace_order_and_retain() {
        let before = json!({
            "metadata": {"finalizers": ["a", "b"]},
            "spec": {"containers": [{"name": "a"}, {"name": "b"}], "volumes": [{"name": "v", "configMap": {"name": "c"}}]},
        });
        let with = json!({
            "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]},
            "spec": {
                "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}],
                "containers": [{"name": "a", "$patch": "delete"}, {"name": "c"}],
                "volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}],
            },
        });
        let after = pod(&before, &with).expect("merges");
        assert_eq!(after["metadata"]["finalizers"], json!(["b"]));
        assert_eq!(after["spec"]["containers"], json!([{"name": "c"}, {"name": "b"}]));
        assert_eq!(after["spec"]["volumes"], json!([{"name": "v", "emptyDir": {}}]));
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let before = json!({"spec": {"containers": []}});
        let keyless = pod(&before, &json!({"spec": {"containers": [{"image": "x"}]}})).expect_err("refused");
        assert_eq!(keyless.message, "map: map[image:x] does not contain declared merge key: name");
        let unknown = pod(&before, &json!({"spec": {"$patch": "frob"}})).expect_err("refused");
        assert_eq!(unknown.message, "unknown patch type: frob in map: map[$patch:frob]");
    }
}

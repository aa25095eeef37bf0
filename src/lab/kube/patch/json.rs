//! JSON patch, RFC 6902.

use serde_json::Value;

use crate::lab::kube::refusal::{Answer, Refusal};

/// Carries out the operations one after the other; one that fails fails them all.
pub(crate) fn patch(target: &mut Value, patch: &Value) -> Answer<()> {
    let Some(operations) = patch.as_array() else {
        let what = match patch {
            Value::Object(_) => "object",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            _ => "value",
        };
        return Err(Refusal::bad_request(format!(
            "json: cannot unmarshal {what} into Go value of type jsonpatch.Patch"
        )));
    };
    for operation in operations {
        one(target, operation).ok_or_else(Refusal::unprocessable)?;
    }
    Ok(())
}

fn one(target: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    let value = || operation.get("value").cloned();
    match operation["op"].as_str()? {
        "add" => add(target, path, value()?),
        "remove" => remove(target, path).map(drop),
        "replace" => {
            *target.pointer_mut(path)? = value()?;
            Some(())
        }
        "move" => {
            let moved = remove(target, operation["from"].as_str()?)?;
            add(target, path, moved)
        }
        "copy" => {
            let copied = target.pointer(operation["from"].as_str()?)?.clone();
            add(target, path, copied)
        }
        "test" => {
            let there = target.pointer(path).unwrap_or(&Value::Null);
            (*there == value().unwrap_or(Value::Null)).then_some(())
        }
        _ => None,
    }
}

fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(object) => {
            object.insert(last, value);
        }
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => {
            let at: usize = last.parse().ok().filter(|at| *at <= list.len())?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(object) => object.remove(&last),
        Value::Array(list) => {
            let at: usize = last.parse().ok().filter(|at| *at < list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_follow_each_other() {
        let mut value = json!({"data": {"k": "v", "l": "w"}, "list": [1, 2]});
        let operations = json!([
            {"op": "test", "path": "/data/k", "value": "v"},
            {"op": "add", "path": "/data/a~1b", "value": "1"},
            {"op": "move", "from": "/data/l", "path": "/data/m"},
            {"op": "add", "path": "/list/-", "value": 3},
            {"op": "add", "path": "/list/0", "value": 0},
            {"op": "remove", "path": "/list/1"},
        ]);
        patch(&mut value, &operations).expect("applies");
        assert_eq!(value, json!({"data": {"k": "v", "a/b": "1", "m": "w"}, "list": [0, 2, 3]}));
    }

    #[test]
    fn what_does_not_hold_is_refused() {
        for operation in [
            json!({"op": "test", "path": "/a", "value": 2}),
            json!({"op": "remove", "path": "/b"}),
            json!({"op": "add", "path": "/b/c", "value": 1}),
            json!({"op": "frob", "path": "/a"}),
        ] {
            let refused = patch(&mut json!({"a": 1}), &json!([operation])).expect_err("refused");
            assert_eq!(refused.code, 422, "{operation}");
        }
        assert_eq!(patch(&mut json!({}), &json!({})).expect_err("refused").code, 400);
    }
}

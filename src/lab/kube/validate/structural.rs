//! Objects of registered kinds held against their schema.
//!
//! Source: the words are those of k8s.io/kube-openapi `pkg/validation` and k8s.io/apiextensions-apiserver.

use serde_json::{Value, json};

use crate::lab::kube::kinds::schema::Limits;
use crate::lab::kube::kinds::{ListKind, Schema, Type};
use crate::lab::kube::refusal::{Fault, Why};

/// Everything that is wrong with an object.
pub(crate) fn rules(schema: &Schema, object: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(fields) = object.as_object() else { return faults };
    for key in &schema.required {
        if !fields.contains_key(key) {
            faults.push(Fault::required(key));
        }
    }
    for (key, value) in fields.iter().filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata")) {
        if let Some(below) = schema.field(key) {
            check(below, value, key, &mut faults);
        }
    }
    faults
}

fn told(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn fits(of: Type, value: &Value) -> bool {
    match of {
        Type::Anything => true,
        Type::Object | Type::Map => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
        Type::IntOrString | Type::Quantity => value.is_string() || value.is_i64() || value.is_u64(),
    }
}

fn check(schema: &Schema, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    if value.is_null() && schema.nullable {
        return;
    }
    if !fits(schema.of, value) {
        let (there, wanted) = (told(value), schema.of.name());
        let why = format!("{path} in body must be of type {wanted}: {there:?}");
        faults.push(Fault::invalid(path, &json!(there), why));
        return;
    }
    if let Some(limits) = &schema.limits {
        limited(limits, value, path, faults);
    }
    match value {
        Value::Object(object) => {
            for key in schema.required.iter().filter(|key| !object.contains_key(*key)) {
                faults.push(Fault::required(format!("{path}.{key}")));
            }
            for (key, value) in object {
                if let Some(below) = schema.field(key) {
                    check(below, value, &format!("{path}.{key}"), faults);
                }
            }
        }
        Value::Array(list) => {
            if let Some(item) = &schema.items {
                for (at, value) in list.iter().enumerate() {
                    check(item, value, &format!("{path}[{at}]"), faults);
                }
            }
            unique(schema, list, path, faults);
        }
        _ => {}
    }
}

fn unique(schema: &Schema, list: &[Value], path: &str, faults: &mut Vec<Fault>) {
    let key = |value: &Value| match &schema.list {
        ListKind::Atomic => None,
        ListKind::Set => Some(value.clone()),
        ListKind::Map(keys) => Some(Value::Object(keys.iter().map(|k| (k.clone(), value[k].clone())).collect())),
    };
    let mut seen = Vec::new();
    for (at, value) in list.iter().enumerate() {
        let Some(key) = key(value) else { return };
        if seen.contains(&key) {
            faults.push(Fault::duplicate(format!("{path}[{at}]"), &key));
        }
        seen.push(key);
    }
}

fn limited(limits: &Limits, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    let mut say =
        |why: String, value: &Value| faults.push(Fault::invalid(path, value, format!("{path} in body {why}")));
    if let Value::String(text) = value {
        let length = text.chars().count() as u64;
        // The first that does not hold is told alone.
        if let Some(most) = limits.length.1.filter(|most| length > *most) {
            say(format!("should be at most {most} chars long"), value);
        } else if let Some(least) = limits.length.0.filter(|least| length < *least) {
            say(format!("should be at least {least} chars long"), value);
        } else if let Some((text_of, pattern)) = &limits.pattern
            && !pattern.is_match(text)
        {
            say(format!("should match '{text_of}'"), value);
        }
    }
    if let Some(number) = value.as_f64() {
        if let Some((least, exclusive)) = limits.minimum
            && (number < least || exclusive && number <= least)
        {
            let or = if exclusive { "" } else { " or equal to" };
            say(format!("should be greater than{or} {least}"), value);
        }
        if let Some((most, exclusive)) = limits.maximum
            && (number > most || exclusive && number >= most)
        {
            let or = if exclusive { "" } else { " or equal to" };
            say(format!("should be less than{or} {most}"), value);
        }
        if let Some(of) = limits.multiple_of.filter(|of| (number / of).fract() != 0.0) {
            say(format!("should be a multiple of {of}"), value);
        }
    }
    let count = |n: usize| json!(n);
    if let Value::Array(list) = value {
        if let Some(least) = limits.items.0.filter(|least| (list.len() as u64) < *least) {
            say(format!("should have at least {least} items"), &count(list.len()));
        }
        if let Some(most) = limits.items.1.filter(|most| list.len() as u64 > *most) {
            say(format!("should have at most {most} items"), &count(list.len()));
        }
        if limits.unique && list.iter().enumerate().any(|(at, item)| list[..at].contains(item)) {
            say("shouldn't contain duplicates".to_owned(), value);
        }
    }
    if let Value::Object(object) = value {
        if let Some(least) = limits.fields.0.filter(|least| (object.len() as u64) < *least) {
            say(format!("should have at least {least} properties"), &count(object.len()));
        }
        if let Some(most) = limits.fields.1.filter(|most| object.len() as u64 > *most) {
            say(format!("should have at most {most} properties"), &count(object.len()));
        }
    }
    if !limits.one_of.is_empty() && !limits.one_of.contains(value) {
        let known: Vec<String> = limits.one_of.iter().map(Value::to_string).collect();
        faults.push(Fault {
            why: Why::NotSupported,
            field: path.to_owned(),
            value: Some(value.to_string()),
            detail: format!("supported values: {}", known.join(", ")),
        });
    }
    junctors(limits, value, path, faults);
}

fn junctors(limits: &Limits, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    for (name, schemas) in &limits.junctors {
        let holds = schemas.iter().filter(|schema| {
            let mut wrong = Vec::new();
            check(schema, value, path, &mut wrong);
            wrong.is_empty()
        });
        let holds = holds.count();
        let why = match *name {
            "allOf" if holds < schemas.len() => "must validate all the schemas (allOf)",
            "anyOf" if holds == 0 => "must validate at least one schema (anyOf)",
            "oneOf" if holds != 1 => "must validate one and only one schema (oneOf)",
            "not" if holds > 0 => "must not validate the schema (not)",
            _ => continue,
        };
        let field = if path.is_empty() { "<nil>" } else { path };
        faults.push(Fault::invalid(field, &json!(""), format!("\"{path}\" {why}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::kube::kinds::custom;

    #[test]
    fn every_fault_is_named_with_its_place() {
        let schema = custom::read(&json!({
            "type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {
                "size": {"type": "integer", "maximum": 9},
                "mode": {"type": "string", "enum": ["on", "off"]},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            }}},
        }));
        let faults = rules(&schema, &json!({"spec": {"size": 12, "mode": "x", "set": ["a", "a"]}}));
        let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.mode: Unsupported value: \"x\": supported values: \"on\", \"off\"",
                "spec.set[1]: Duplicate value: \"a\"",
                "spec.size: Invalid value: 12: spec.size in body should be less than or equal to 9",
            ]
        );
        let missing = rules(&schema, &json!({"spec": {}}));
        assert_eq!(missing[0].to_string(), "spec.size: Required value");
    }
}

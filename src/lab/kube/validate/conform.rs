//! An object brought into its kind's shape: types are checked, what the kind does not know is dropped and named, and
//! what Go leaves out as empty is left out.

use serde_json::Value;

use super::quantity;
use crate::lab::kube::kinds::{Kind, Schema, Type};

/// A value that is not of its field's type, in the words of the one that found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Go's decoder of JSON.
    pub(crate) decoder: String,
    /// The converter of objects without types (`runtime.DefaultUnstructuredConverter`), which reads what a strategic patch
    /// has made.
    pub(crate) converter: String,
    /// The reader of what is applied (sigs.k8s.io/structured-merge-diff).
    pub(crate) typed: String,
}

impl Mismatch {
    /// A type's own decoder says why.
    pub(crate) fn of_type(why: impl Into<String>) -> Self {
        let decoder = why.into();
        Self { converter: format!("error decoding from json: {decoder}"), typed: decoder.clone(), decoder }
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.decoder)
    }
}

/// Checks and prunes an object; the fields that were dropped, or why it can't be read.
pub(crate) fn conform(kind: &Kind, object: &mut Value) -> Result<Vec<String>, Mismatch> {
    let mut walk = Walk { unknown: Vec::new(), custom: kind.custom.is_some() };
    walk.value(kind.schema(), object, "", &kind.kind)?;
    Ok(walk.unknown)
}

struct Walk {
    unknown: Vec<String>,
    /// Registered kinds are judged by their schema later; only what is unknown goes.
    custom: bool,
}

/// Booleans and numbers that Go leaves out when they are false or zero.
const LEFT_OUT: &[&str] = &[
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "readOnly",
    "paused",
    "stdin",
    "stdinOnce",
    "tty",
    "unschedulable",
    "publishNotReadyAddresses",
    "minReadySeconds",
    "observedGeneration",
    "hostPort",
    "nodePort",
    "initialDelaySeconds",
    "readyReplicas",
    "availableReplicas",
    "updatedReplicas",
    "unavailableReplicas",
    "fullyLabeledReplicas",
    "active",
    "succeeded",
    "failed",
    "numberAvailable",
    "numberUnavailable",
    "updatedNumberScheduled",
    "count",
    "serviceNodePort",
    "generation",
    "weight",
];

/// Texts that stay even when they are empty.
const STAYS: &[&str] = &["storageClassName", "ingressClassName", "apiGroup", "type", "loadBalancerClass", "service"];

impl Walk {
    fn value(&mut self, schema: &Schema, value: &mut Value, path: &str, owner: &str) -> Result<(), Mismatch> {
        if schema.embedded {
            return self.object(schema, value, path, owner);
        }
        if schema.of == Type::Anything && schema.properties.is_empty() {
            return Ok(());
        }
        match schema.of {
            Type::Object | Type::Map | Type::Anything => self.object(schema, value, path, owner),
            Type::Array => {
                if !value.is_array() {
                    return self.wrong(schema, value, path, owner);
                }
                if let (Some(item), Some(list)) = (&schema.items, value.as_array_mut()) {
                    for (at, value) in list.iter_mut().enumerate() {
                        self.value(item, value, &format!("{path}[{at}]"), owner)?;
                    }
                }
                Ok(())
            }
            Type::Quantity if !self.custom => {
                let text = match &*value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => return self.wrong(schema, value, path, owner),
                };
                let canonical = quantity::canonical(&text).ok_or_else(|| {
                    let form = "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                    Mismatch::of_type(format!("quantities must match the regular expression {form}"))
                })?;
                *value = Value::String(canonical);
                Ok(())
            }
            _ if fits(schema, value) => Ok(()),
            _ => self.wrong(schema, value, path, owner),
        }
    }

    fn object(&mut self, schema: &Schema, value: &mut Value, path: &str, owner: &str) -> Result<(), Mismatch> {
        if !value.is_object() {
            return self.wrong(schema, value, path, owner);
        }
        let Some(object) = value.as_object_mut() else { return Ok(()) };
        let owner = schema.name.rsplit('.').next().filter(|n| !n.is_empty()).unwrap_or(owner).to_owned();
        let known = |key: &str| {
            schema.field(key).is_some()
                || schema.embedded && matches!(key, "apiVersion" | "kind" | "metadata")
                || schema.keeps_unknown()
        };
        let gone: Vec<String> = object.keys().filter(|key| !known(key)).cloned().collect();
        for key in gone {
            object.remove(&key);
            self.unknown.push(join(path, &key));
        }
        for (key, value) in object.iter_mut() {
            let Some(below) = schema.field(key) else { continue };
            // Null is what is not there.
            if !value.is_null() {
                self.value(below, value, &join(path, key), &owner)?;
            }
        }
        if !self.custom || schema.name == "meta.v1.ObjectMeta" {
            object.retain(|key, value| match schema.properties.get(key) {
                Some(below) => !empty(below, key, value) || schema.required.contains(key),
                None => schema.of != Type::Object || !value.is_null(),
            });
        }
        Ok(())
    }

    fn wrong(&self, schema: &Schema, value: &Value, path: &str, owner: &str) -> Result<(), Mismatch> {
        if self.custom && !path.starts_with("metadata") {
            return Ok(());
        }
        let there = match value {
            Value::Null => return Ok(()),
            Value::Number(n) if n.is_i64() && schema.of == Type::Integer => format!("number {n}"),
            other => word(other).to_owned(),
        };
        let full = path;
        let path: String = path.split('[').map(|p| p.split_once(']').map_or(p, |(_, rest)| rest)).collect();
        let of = match schema.of {
            Type::Integer if schema.format == "int64" => "int64",
            Type::Integer => "int32",
            Type::Boolean => "bool",
            Type::Number => "float64",
            Type::Array => "[]string",
            Type::Map => "map[string]string",
            Type::Object => &format!("v1.{}", schema.name.rsplit('.').next().unwrap_or_default()),
            _ => "string",
        };
        let decoder = format!("json: cannot unmarshal {there} into Go struct field {owner}.{path} of type {of}");
        let kind = match value {
            Value::Number(n) if n.is_f64() => "float64",
            Value::Number(_) => "int64",
            Value::Object(_) => "map",
            Value::Array(_) => "slice",
            other => word(other),
        };
        let converter = match schema.of {
            Type::Array => format!("cannot restore slice from {kind}"),
            Type::Map => format!("cannot restore map from {kind}"),
            Type::Object => format!("cannot restore struct from: {kind}"),
            Type::String if value.is_number() => format!("cannot convert {kind} to string"),
            _ => format!("unrecognized type: {of}"),
        };
        let wanted = match schema.of {
            Type::Integer | Type::Number => "numeric (int or float)",
            Type::Boolean => "boolean",
            Type::Array => "list",
            Type::Map | Type::Object => "map",
            _ => "string",
        };
        // Items of lists are named by their keys there, which are not known here.
        let plain = !full.contains('[') && !value.is_object() && !value.is_array();
        let typed = if plain {
            format!(".{full}: expected {wanted}, got &value.valueUnstructured{{Value:{value}}}")
        } else {
            decoder.clone()
        };
        Err(Mismatch { decoder, converter, typed })
    }
}

/// What Go's decoder calls a value.
pub(crate) fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn fits(schema: &Schema, value: &Value) -> bool {
    match schema.of {
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
        Type::IntOrString | Type::Quantity => value.is_string() || value.is_number(),
        _ => true,
    }
}

/// Whether Go leaves the value out.
fn empty(schema: &Schema, key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() && !STAYS.contains(&key),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty() && schema.of == Type::Map,
        Value::Bool(false) => LEFT_OUT.contains(&key),
        Value::Number(n) => n.as_i64() == Some(0) && LEFT_OUT.contains(&key),
        Value::Bool(true) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lab::kube::kinds::Kinds;

    #[test]
    fn unknown_fields_go_and_are_named() {
        let kinds = Kinds::builtin();
        let pods = kinds.get("", "v1", "pods").expect("pods");
        let mut pod = json!({"metadata": {"name": "p", "labels": {}}, "spec": {"containers": [{"name": "c", "imagge": "x"}], "foo": 1}});
        let mut unknown = conform(&pods, &mut pod).expect("reads");
        unknown.sort();
        assert_eq!(unknown, ["spec.containers[0].imagge", "spec.foo"]);
        assert_eq!(pod, json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}));
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let kinds = Kinds::builtin();
        let deployments = kinds.get("apps", "v1", "deployments").expect("deployments");
        let error = conform(&deployments, &mut json!({"spec": {"replicas": "3"}})).expect_err("refused");
        assert_eq!(
            error.decoder,
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(error.converter, "unrecognized type: int32");
    }
}

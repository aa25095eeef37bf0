//! Answers without what differs by nature: names, times, uids, versions, addresses, and the order that Go's maps lack.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::exceptions;
use super::side::Answer;

/// Keys whose values differ by nature.
const BY_NATURE: [&str; 16] = [
    "uid",
    "time",
    "creationTimestamp",
    "deletionTimestamp",
    "lastTransitionTime",
    "resourceVersion",
    "continue",
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "controller-uid",
    "ca.crt",
    "storageVersionHash",
    "token",
    "expirationTimestamp",
    "audiences",
];

/// An answer as lines of JSON, the status first.
pub(super) fn answer(answer: &Answer, namespace: &str) -> Vec<Value> {
    let text = answer.text.replace(namespace, "NS");
    let mut lines = vec![json!(answer.code)];
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => lines.push(normal(&value)),
        // Events of a watch, or plain text.
        Err(_) => lines.extend(text.lines().map(|line| match serde_json::from_str::<Value>(line) {
            Ok(value) => normal(&value),
            Err(_) => json!(words(line)),
        })),
    }
    lines
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut out = Map::new();
            for (key, value) in object {
                if exceptions::left_out(key, value, object) {
                    continue;
                }
                let (key, value) = exceptions::renamed(key, value);
                let kept = value == json!("None") || value == json!(["None"]) || value == json!("");
                let shown = match key.as_str() {
                    key if BY_NATURE.contains(&key) && !kept => json!("~"),
                    "managedFields" => managers(&value),
                    "cells" => Value::Array(list(&value).iter().map(cell).collect()),
                    // A rule may be checked twice, and maps have no order.
                    "causes" => {
                        let mut causes: Vec<String> = list(&value).iter().map(|c| normal(c).to_string()).collect();
                        causes.sort();
                        causes.dedup();
                        json!(causes)
                    }
                    _ => normal(&value),
                };
                out.insert(key, shown);
            }
            Value::Object(out)
        }
        Value::Array(list) => Value::Array(list.iter().map(normal).collect()),
        Value::String(text) => json!(words(text)),
        other => other.clone(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn cell(value: &Value) -> Value {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if AGE.is_match(&text) { json!("AGE") } else { json!(words(&NODE_PORT.replace_all(&text, "$1:PORT/"))) }
}

/// Managers by name, operation and version; parts of an object are not told apart, see the exceptions.
fn managers(value: &Value) -> Value {
    let mut by_manager = Map::new();
    for row in list(value) {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let key = format!("{} {} {}", text("manager"), text("operation"), text("apiVersion"));
        let mut fields = row["fieldsV1"].clone();
        if let Some(fields) = fields.as_object_mut() {
            fields.remove("f:status");
        }
        if fields.as_object().is_some_and(|f| !f.is_empty()) {
            join(by_manager.entry(key).or_insert_with(|| json!({})), &normal(&fields));
        }
    }
    Value::Object(by_manager)
}

fn join(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        for (key, value) in from {
            match into.get_mut(key) {
                Some(there) => join(there, value),
                None => {
                    into.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

static AGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d+s$"));
static NODE_PORT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d+):\d{5}/"));
static FAULTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)^(.* is invalid: )\[(.*)\]$"));
/// Where the next field's name begins.
static NEXT: LazyLock<Regex> = LazyLock::new(|| pattern(r", ([a-z]+[.\[:])"));
static WORDS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    vec![
        (pattern(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
        (pattern(r"^10\.\d+\.\d+\.\d+$"), "ADDRESS"),
        (pattern(r"in record \(\d+\)"), "in record (N)"),
        (pattern(r"^q-[a-z0-9]{5}$"), "q-END"),
        (pattern(r"too old resource version: 1 \(\d+\)"), "too old resource version: 1 (N)"),
    ]
});

pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// A text without uids, addresses, versions and generated ends of names, and with sorted lists of faults.
fn words(text: &str) -> String {
    let mut text = exceptions::go_values(text);
    for (pattern, with) in WORDS.iter() {
        text = pattern.replace_all(&text, *with).into_owned();
    }
    if let Some(found) = FAULTS.captures(&text) {
        let marked = NEXT.replace_all(&found[2], "\n$1").into_owned();
        let mut parts: Vec<&str> = marked.split('\n').collect();
        parts.sort_unstable();
        return format!("{}[{}]", &found[1], parts.join(", "));
    }
    text
}

//! Small pieces of objects, as tables show them.

use serde_json::{Value, json};

pub(super) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn or(value: impl Into<String>, otherwise: &str) -> Value {
    let value: String = value.into();
    if value.is_empty() { json!(otherwise) } else { json!(value) }
}

pub(super) fn count(value: &Value) -> i64 {
    value.as_object().map_or_else(|| value.as_array().map_or(0, Vec::len), serde_json::Map::len) as i64
}

pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// `a=b,c=d`; `<none>` for none.
pub(super) fn labels(selector: &Value) -> String {
    let map = if selector["matchLabels"].is_object() { &selector["matchLabels"] } else { selector };
    let parts: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, v)| v.is_string())
        .map(|(k, v)| format!("{k}={}", text(v)))
        .collect();
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(",") }
}

pub(super) fn containers(spec: &Value) -> [Value; 2] {
    let join = |key: &str| list(spec, "containers").map(|c| text(&c[key])).collect::<Vec<_>>().join(",");
    [json!(join("name")), json!(join("image"))]
}

/// `daemonset.apps`, as an owner is named.
pub(super) fn kind_of(reference: &Value) -> String {
    let kind = text(&reference["kind"]).to_lowercase();
    match text(&reference["apiVersion"]).split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind,
    }
}

pub(super) fn short(all: &[String]) -> String {
    let shown = all.iter().take(3).cloned().collect::<Vec<_>>().join(",");
    if all.len() > 3 { format!("{shown} + {} more...", all.len() - 3) } else { shown }
}

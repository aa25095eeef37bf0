//! Reading pods: their fields, and the names that follow from them.

use serde_json::Value;

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer; empty where there is none.
pub(crate) fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    object.pointer(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// What a pod calls itself.
pub(crate) fn hostname(pod: &Value) -> String {
    if pod["spec"]["hostNetwork"] == true {
        return text(pod, "/spec/nodeName").to_owned();
    }
    let own = text(pod, "/spec/hostname");
    let name = if own.is_empty() { text(pod, "/metadata/name") } else { own };
    name.chars().take(63).collect()
}

/// A container's words: what it runs, and with what.
pub(crate) fn command(container: &Value) -> Vec<String> {
    let all = list(container, "/command").iter().chain(list(container, "/args"));
    all.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// A pod's containers of all three kinds.
pub(crate) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["/spec/initContainers", "/spec/containers", "/spec/ephemeralContainers"]
        .into_iter()
        .flat_map(|path| list(pod, path))
}

/// Whether a condition is there and true.
pub(crate) fn holds(object: &Value, kind: &str) -> bool {
    list(object, "/status/conditions").iter().any(|one| one["type"] == kind && one["status"] == "True")
}

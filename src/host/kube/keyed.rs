//! Lists whose items are told apart by a key, as the API server does when it merges them: containers by name, taints by
//! key and effect. A field within an item has a pointer that names the item instead of its place:
//! `/spec/template/spec/containers/[name=main]/env/[name=A]/value`.
//!
//! The keys are those of `patchMergeKey` and `x-kubernetes-list-map-keys` in Kubernetes' API types.

use std::collections::BTreeSet;

use serde_json::Value;

/// The lists by name, and the keys of their items; where a name has several rows, the first whose keys an item has.
const KEYS: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("imagePullSecrets", &["name"]),
    ("secrets", &["name"]),
    ("resourceClaims", &["name"]),
    ("webhooks", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("hostAliases", &["ip"]),
    ("podIPs", &["ip"]),
    ("conditions", &["type"]),
    ("taints", &["key", "effect"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("ownerReferences", &["uid"]),
    ("ports", &["containerPort", "protocol"]),
    ("ports", &["port", "protocol"]),
];

/// The lists that are sets of words: each is its own key.
const SETS: &[&str] = &["finalizers"];

/// What a port has that says nothing else.
const PROTOCOL: &str = "TCP";

/// The step of a pointer that names an item of a list, `[name=main]`; none where its list has no keys.
pub(crate) fn step(list: &str, item: &Value) -> Option<String> {
    if SETS.contains(&list) {
        return item.as_str().map(|word| format!("[{}]", escaped(word)));
    }
    KEYS.iter().filter(|(name, _)| *name == list).find_map(|(_, keys)| {
        let words = keys.iter().map(|key| match &item[*key] {
            Value::String(word) => Some(format!("{key}={}", escaped(word))),
            Value::Number(number) => Some(format!("{key}={number}")),
            Value::Null if *key == "protocol" => Some(format!("{key}={PROTOCOL}")),
            // A taint's effect, or what else may be left out and means nothing then.
            Value::Null if *key != keys[0] => Some(format!("{key}=")),
            _ => None,
        });
        Some(format!("[{}]", words.collect::<Option<Vec<_>>>()?.join(",")))
    })
}

/// Whether a step of a pointer names an item of a list.
pub(crate) fn is_item(step: &str) -> bool {
    step.starts_with('[') && step.ends_with(']')
}

/// The items of two states of a list by their steps, in order; none where it counts as one value: its items have no
/// keys, two have the same, or those that stayed changed places.
pub(crate) fn items<'v>(list: &str, before: &'v [Value], after: &'v [Value]) -> Option<[Vec<(String, &'v Value)>; 2]> {
    let steps = |items: &'v [Value]| -> Option<Vec<(String, &'v Value)>> {
        let all: Vec<_> = items.iter().map(|item| Some((step(list, item)?, item))).collect::<Option<_>>()?;
        let different: BTreeSet<&String> = all.iter().map(|(step, _)| step).collect();
        (different.len() == all.len()).then_some(all)
    };
    let (was, is) = (steps(before)?, steps(after)?);
    let stayed = |one: &[(String, &Value)], other: &[(String, &Value)]| -> Vec<String> {
        let there = |step: &String| other.iter().any(|(other, _)| other == step);
        one.iter().map(|(step, _)| step).filter(|step| there(step)).cloned().collect()
    };
    (stayed(&was, &is) == stayed(&is, &was)).then_some([was, is])
}

/// What stands at a pointer, whose steps may name items.
pub(crate) fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    value.pointer(&place(value, pointer)?)
}

/// The pointer by places alone, as RFC 6901 has it; none where something that it leads through is not there. What it
/// leads to may be absent from a map, and not from a list.
pub(crate) fn place(value: &Value, pointer: &str) -> Option<String> {
    let (mut there, mut out, mut list) = (Some(value), String::new(), "");
    for step in pointer.split('/').skip(1) {
        let next = match there? {
            Value::Array(items) if is_item(step) => {
                let found = items.iter().position(|item| self::step(list, item).as_deref() == Some(step))?;
                out.push_str(&format!("/{found}"));
                items.get(found)
            }
            Value::Object(fields) => {
                out.push_str(&format!("/{step}"));
                fields.get(&plain(step))
            }
            other => {
                out.push_str(&format!("/{step}"));
                other.pointer(&format!("/{step}"))
            }
        };
        if !is_item(step) {
            list = step;
        }
        there = next;
    }
    Some(out)
}

/// The name of the list or map that a pointer's last step stands in.
pub(crate) fn name_of(pointer: &str) -> String {
    let last = pointer.rsplit('/').find(|step| !is_item(step)).unwrap_or_default();
    plain(last)
}

/// A key as a step of a pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A step of a pointer as the key that it is.
pub(crate) fn plain(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_named_by_the_keys_of_their_list() {
        for (list, item, expected) in [
            ("containers", json!({ "name": "main", "image": "x" }), Some("[name=main]")),
            ("taints", json!({ "key": "a/b", "effect": "NoExecute" }), Some("[key=a~1b,effect=NoExecute]")),
            ("ports", json!({ "containerPort": 80 }), Some("[containerPort=80,protocol=TCP]")),
            ("ports", json!({ "port": 53, "protocol": "UDP" }), Some("[port=53,protocol=UDP]")),
            ("finalizers", json!("x/y"), Some("[x~1y]")),
            ("tolerations", json!({ "key": "a" }), None),
            ("env", json!({ "value": "nameless" }), None),
            ("args", json!("x"), None),
        ] {
            assert_eq!(step(list, &item).as_deref(), expected, "{list}");
        }
    }

    #[test]
    fn a_list_whose_items_can_not_be_told_apart_is_one_value() {
        let a = json!([{ "name": "a" }, { "name": "b" }]);
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let apart = |after: Value| items("env", &list(&a), &list(&after)).is_some();
        assert!(apart(json!([{ "name": "a" }, { "name": "c" }, { "name": "b" }])));
        assert!(apart(json!([])));
        assert!(!apart(json!([{ "name": "b" }, { "name": "a" }])), "their order may mean something");
        assert!(!apart(json!([{ "name": "a" }, { "name": "a" }])));
        assert!(!apart(json!([{ "value": "a" }])));
    }

    #[test]
    fn a_pointer_leads_to_the_item_wherever_it_stands() {
        let value = json!({ "spec": { "containers": [{ "name": "side" }, { "name": "main", "env": [{ "name": "A", "value": "1" }] }], "a/b": [7] } });
        let pointer = "/spec/containers/[name=main]/env/[name=A]/value";
        assert_eq!(at(&value, pointer), Some(&json!("1")));
        assert_eq!(place(&value, pointer).as_deref(), Some("/spec/containers/1/env/0/value"));
        assert_eq!(place(&value, "/spec/containers/[name=side]/image").as_deref(), Some("/spec/containers/0/image"));
        assert_eq!(place(&value, "/spec/containers/[name=gone]/image"), None);
        assert_eq!(at(&value, "/spec/a~1b/0"), Some(&json!(7)));
        assert_eq!(name_of("/spec/containers/[name=main]"), "containers");
    }
}

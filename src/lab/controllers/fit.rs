//! Whether a node takes a pod: its taints, its labels, and what a pod tolerates and asks for.
//!
//! Source: k8s.io/component-helpers `scheduling/corev1`.

use serde_json::{Value, json};

use super::fields::{list, name, text};

/// Whether one of the tolerations covers a taint.
pub(super) fn tolerates(tolerations: &[Value], taint: &Value) -> bool {
    tolerations.iter().any(|one| covers(one, taint))
}

/// Whether a toleration covers a taint.
pub(super) fn covers(toleration: &Value, taint: &Value) -> bool {
    let same = |key: &str| toleration[key].as_str().unwrap_or_default() == taint[key].as_str().unwrap_or_default();
    let (effect, key) = (text(toleration, "/effect"), text(toleration, "/key"));
    let exists = toleration["operator"] == "Exists";
    (effect.is_empty() || same("effect"))
        && (if key.is_empty() { exists } else { same("key") })
        && (exists || same("value"))
}

/// The first taint of the given effects that a pod does not tolerate.
pub(super) fn untolerated<'n>(node: &'n Value, tolerations: &[Value], effects: &[&str]) -> Option<&'n Value> {
    let taints = list(node, "/spec/taints").iter();
    taints.filter(|taint| effects.contains(&text(taint, "/effect"))).find(|taint| !tolerates(tolerations, taint))
}

/// Whether a node's labels are what a pod's `nodeSelector` and required node affinity ask for.
pub(super) fn selected(node: &Value, spec: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let plain = spec["nodeSelector"].as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = list(required, "/nodeSelectorTerms");
    plain && (required.is_null() || terms.iter().any(|term| term_holds(node, term)))
}

fn term_holds(node: &Value, term: &Value) -> bool {
    let (labels, own) = (list(term, "/matchExpressions"), list(term, "/matchFields"));
    let fields = json!({ "metadata.name": name(node) });
    !(labels.is_empty() && own.is_empty())
        && labels.iter().all(|rule| holds(rule, &node["metadata"]["labels"]))
        && own.iter().all(|rule| holds(rule, &fields))
}

fn holds(rule: &Value, labels: &Value) -> bool {
    let value = labels[text(rule, "/key")].as_str();
    let listed = || list(rule, "/values").iter().filter_map(Value::as_str);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    match text(rule, "/operator") {
        "In" => value.is_some_and(|value| listed().any(|one| one == value)),
        "NotIn" => value.is_none_or(|value| listed().all(|one| one != value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => number(value).zip(number(listed().next())).is_some_and(|(a, b)| a > b),
        "Lt" => number(value).zip(number(listed().next())).is_some_and(|(a, b)| a < b),
        _ => false,
    }
}

/// Whether the terms of a volume's node affinity take a node.
pub(super) fn reachable(node: &Value, volume: &Value) -> bool {
    let required = &volume["spec"]["nodeAffinity"]["required"];
    required.is_null() || list(required, "/nodeSelectorTerms").iter().any(|term| term_holds(node, term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_need_a_toleration_of_their_key_value_and_effect() {
        let node = json!({ "spec": { "taints": [{ "key": "gpu", "value": "yes", "effect": "NoSchedule" }] } });
        let fits = |tolerations: Value| {
            untolerated(&node, tolerations.as_array().unwrap(), &["NoSchedule", "NoExecute"]).is_none()
        };
        assert!(!fits(json!([])));
        assert!(fits(json!([{ "operator": "Exists" }])));
        assert!(fits(json!([{ "key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule" }])));
        assert!(fits(json!([{ "key": "gpu", "value": "yes" }])));
        assert!(!fits(json!([{ "key": "gpu", "value": "no" }])));
        assert!(!fits(json!([{ "key": "gpu", "operator": "Exists", "effect": "NoExecute" }])));
    }

    #[test]
    fn nodes_are_selected_by_labels_and_names() {
        let node = json!({ "metadata": { "name": "a", "labels": { "zone": "x" } } });
        let affinity = |term: Value| json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [term] } } } });
        assert!(selected(&node, &json!({ "nodeSelector": { "zone": "x" } })));
        assert!(!selected(&node, &json!({ "nodeSelector": { "zone": "y" } })));
        let by = |operator: &str, values: Value| {
            selected(
                &node,
                &affinity(json!({ "matchExpressions": [{ "key": "zone", "operator": operator, "values": values }] })),
            )
        };
        assert!(by("In", json!(["x"])) && !by("NotIn", json!(["x"])) && by("Exists", json!(null)));
        assert!(selected(
            &node,
            &affinity(json!({ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["a"] }] }))
        ));
    }
}

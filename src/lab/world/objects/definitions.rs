//! The CustomResourceDefinitions of a cluster's operators.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::Making;
use super::notation::{Head, kinds};

/// Operators by the name that a topology has for them, with the kinds that each brings.
const OPERATORS: &[(&str, &str)] = &[
    ("apps", include_str!("crds/apps.txt")),
    ("cert-manager", include_str!("crds/cert-manager.txt")),
    ("cilium", include_str!("crds/cilium.txt")),
    ("databases", include_str!("crds/databases.txt")),
    ("external-secrets", include_str!("crds/external-secrets.txt")),
    ("flux", include_str!("crds/flux.txt")),
    ("gateway", include_str!("crds/gateway.txt")),
    ("kafka", include_str!("crds/kafka.txt")),
    ("observability", include_str!("crds/observability.txt")),
    ("storage", include_str!("crds/storage.txt")),
];

/// Built-in kinds that a topology writes without their version.
const BUILT_IN: &[(&str, &str, bool)] = &[
    ("ConfigMap", "v1", true),
    ("Secret", "v1", true),
    ("PersistentVolumeClaim", "v1", true),
    ("PersistentVolume", "v1", false),
    ("StorageClass", "storage.k8s.io/v1", false),
    ("CSIDriver", "storage.k8s.io/v1", false),
    ("PodDisruptionBudget", "policy/v1", true),
    ("NetworkPolicy", "networking.k8s.io/v1", true),
    ("PriorityClass", "scheduling.k8s.io/v1", false),
];

/// The names of operators that a topology can name.
pub(in crate::lab::world) fn operators() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _)| *name)
}

/// The stored version of a kind, and whether its objects are in namespaces.
pub(in crate::lab::world) fn version(kind: &str) -> Option<(String, bool)> {
    static KNOWN: OnceLock<BTreeMap<&str, (String, bool)>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let own = OPERATORS.iter().flat_map(|(_, text)| kinds(text));
        let mut known: BTreeMap<&str, (String, bool)> =
            own.map(|head| (head.kind, (head.api_version(), head.namespaced))).collect();
        // What is built in goes first.
        known.extend(BUILT_IN.iter().map(|(name, version, namespaced)| (*name, ((*version).to_owned(), *namespaced))));
        known
    });
    known.get(kind).cloned()
}

pub(super) fn all(making: &Making<'_>) -> Vec<Value> {
    let wanted = |name: &str| making.cluster.operators.iter().any(|own| own.get_ref() == name);
    let texts = OPERATORS.iter().filter(|(name, _)| wanted(name));
    texts.flat_map(|(_, text)| kinds(text)).map(|head| one(making, &head)).collect()
}

fn one(making: &Making<'_>, head: &Head<'_>) -> Value {
    let names = head.names();
    let condition = |kind: &str, reason: &str, message: &str| json!({ "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": making.born });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": making.metadata("CustomResourceDefinition", "", &format!("{}.{}", head.plural, head.group), json!({})),
        "spec": {
            "group": head.group, "names": names, "scope": if head.namespaced { "Namespaced" } else { "Cluster" },
            "conversion": { "strategy": "None" }, "versions": head.rows(),
        },
        "status": {
            "acceptedNames": names, "storedVersions": [head.versions.first().map_or("v1", |(name, _)| name)],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
        },
    })
}

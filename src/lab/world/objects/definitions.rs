//! The CustomResourceDefinitions of the kinds that a topology's objects have.

use serde_json::{Value, json};

use super::Making;

/// Group, version, plural, kind, short names; all are of the whole cluster.
const KINDS: &[(&str, &str, &str, &str, &[&str])] = &[
    ("cilium.io", "v2", "ciliumbgpadvertisements", "CiliumBGPAdvertisement", &["cbgpadvert"]),
    ("cilium.io", "v2", "ciliumbgpclusterconfigs", "CiliumBGPClusterConfig", &["cbgpcluster"]),
    ("cilium.io", "v2", "ciliumbgpnodeconfigs", "CiliumBGPNodeConfig", &["cbgpnode"]),
    ("cilium.io", "v2", "ciliumbgppeerconfigs", "CiliumBGPPeerConfig", &["cbgppeer"]),
    (
        "cilium.io",
        "v2",
        "ciliumloadbalancerippools",
        "CiliumLoadBalancerIPPool",
        &["ippools", "ippool", "lbippool", "lbippools"],
    ),
];

pub(super) fn all(making: &Making<'_>) -> Vec<Value> {
    KINDS.iter().map(|(group, version, plural, kind, short)| one(making, group, version, plural, kind, short)).collect()
}

fn one(making: &Making<'_>, group: &str, version: &str, plural: &str, kind: &str, short: &[&str]) -> Value {
    let names = json!({
        "plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List"),
        "shortNames": short, "categories": ["cilium"],
    });
    // What they hold is Cilium's to check.
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let condition = |kind: &str, reason: &str, message: &str| json!({ "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": making.born });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": making.metadata("CustomResourceDefinition", "", &format!("{plural}.{group}"), json!({})),
        "spec": {
            "group": group, "names": names, "scope": "Cluster", "conversion": { "strategy": "None" },
            "versions": [{
                "name": version, "served": true, "storage": true, "subresources": { "status": {} },
                "additionalPrinterColumns": [{ "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" }],
                "schema": { "openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "properties": {
                        "apiVersion": { "type": "string" }, "kind": { "type": "string" }, "metadata": { "type": "object" },
                        "spec": open, "status": open,
                    },
                } },
            }],
        },
        "status": {
            "acceptedNames": names, "storedVersions": [version],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ],
        },
    })
}

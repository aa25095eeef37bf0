//! The kubeconfig that leads clients to the lab's clusters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::listen::Access;

/// A kubeconfig with a context for each cluster, of the cluster's name. JSON, which is YAML.
pub fn kubeconfig(accesses: &[Access]) -> String {
    let encoded = |text: &str| STANDARD.encode(text);
    let clusters: Vec<Value> = accesses
        .iter()
        .map(|a| {
            json!({ "name": a.cluster, "cluster": {
                "server": a.url, "certificate-authority-data": encoded(&a.authority),
            }})
        })
        .collect();
    let users: Vec<Value> = accesses
        .iter()
        .map(|a| {
            json!({ "name": format!("{}-admin", a.cluster), "user": {
                "client-certificate-data": encoded(&a.certificate), "client-key-data": encoded(&a.key),
            }})
        })
        .collect();
    let contexts: Vec<Value> = accesses
        .iter()
        .map(|a| {
            json!({ "name": a.cluster, "context": { "cluster": a.cluster, "user": format!("{}-admin", a.cluster) }})
        })
        .collect();
    let current = accesses.first().map(|a| a.cluster.as_str()).unwrap_or_default();
    let whole = json!({
        "apiVersion": "v1", "kind": "Config", "preferences": {}, "clusters": clusters, "users": users,
        "contexts": contexts, "current-context": current,
    });
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}

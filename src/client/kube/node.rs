//! Nodes: closing them to new pods, opening them again, and what runs on them.

use serde_json::{Value, json};

use super::rest::{self, segment};
use super::{Cluster, Query};
use crate::error::Result;

/// A node.
///
/// # Errors
/// [`crate::error::Kind::NotFound`] and others, as the API server answers.
pub async fn get(cluster: &Cluster, node: &str) -> Result<Value> {
    rest::get(cluster, &path(node)?, &format!("Node {node}")).await
}

/// Whether a node takes no new pods.
pub fn is_cordoned(node: &Value) -> bool {
    node.pointer("/spec/unschedulable").and_then(Value::as_bool).unwrap_or(false)
}

/// Who closed a node, as the API server's account of fields has it; empty where it keeps none.
pub fn cordoned_by(node: &Value) -> Vec<String> {
    let managers = node.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    managers
        .filter(|entry| entry.pointer("/fieldsV1/f:spec/f:unschedulable").is_some())
        .filter_map(|entry| entry["manager"].as_str().map(Into::into))
        .collect()
}

/// Closes a node to new pods.
///
/// # Errors
/// As the API server answers.
pub async fn cordon(cluster: &Cluster, node: &str) -> Result<()> {
    set(cluster, node, json!(true)).await
}

/// Opens it again.
///
/// # Errors
/// As the API server answers.
pub async fn uncordon(cluster: &Cluster, node: &str) -> Result<()> {
    set(cluster, node, Value::Null).await
}

/// The pods that a node has been given.
///
/// # Errors
/// As the API server answers.
pub async fn pods(cluster: &Cluster, node: &str) -> Result<Vec<Value>> {
    let fields = Some(format!("spec.nodeName={}", segment(node)?));
    rest::list(cluster, "pods", &Query { fields, ..Query::default() }).await
}

async fn set(cluster: &Cluster, node: &str, unschedulable: Value) -> Result<()> {
    let body = json!({ "spec": { "unschedulable": unschedulable } });
    rest::patch(cluster, &path(node)?, rest::MERGE, &body, &format!("Node {node}")).await.map(|_| ())
}

fn path(node: &str) -> Result<String> {
    Ok(format!("/api/v1/nodes/{}", segment(node)?))
}

//! Whether a cluster answers: its version, and its nodes.

use std::fmt;

use serde_json::Value;

use super::{Cluster, Query, rest};
use crate::error::Result;

/// What a cluster says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// `v1.34.1`
    pub version: String,
    /// How many nodes it has.
    pub nodes: usize,
    /// How many of them are Ready.
    pub ready: usize,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.version)?;
        match (self.nodes, self.ready) {
            (0, _) => f.write_str("no nodes"),
            (1, 1) => f.write_str("1 node, Ready"),
            (nodes, ready) if nodes == ready => write!(f, "{nodes} nodes, all Ready"),
            (nodes, ready) => write!(f, "{ready} of {nodes} nodes Ready"),
        }
    }
}

impl Cluster {
    /// Asks the version and lists the nodes.
    ///
    /// # Errors
    /// As [`Cluster::version`] and [`Cluster::list`].
    pub async fn reach(&self) -> Result<Reached> {
        let version = self.version().await?.git_version;
        let nodes = rest::list(self, "nodes", &Query::default()).await?;
        Ok(Reached { version, nodes: nodes.len(), ready: nodes.iter().filter(|node| is_ready(node)).count() })
    }
}

fn is_ready(node: &Value) -> bool {
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_are_counted_by_their_ready_condition() {
        let node = |status: &str| {
            json!({ "status": { "conditions": [
                { "type": "MemoryPressure", "status": "True" }, { "type": "Ready", "status": status } ] } })
        };
        assert!(is_ready(&node("True")) && !is_ready(&node("Unknown")) && !is_ready(&json!({})));
        let reached = |nodes, ready| Reached { version: "v1.34.1".into(), nodes, ready }.to_string();
        assert_eq!(reached(3, 3), "v1.34.1, 3 nodes, all Ready");
        assert_eq!(reached(3, 1), "v1.34.1, 1 of 3 nodes Ready");
        assert_eq!(reached(0, 0), "v1.34.1, no nodes");
    }
}

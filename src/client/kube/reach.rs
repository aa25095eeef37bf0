//! Whether a cluster answers: its version, and its nodes.

use std::fmt;

use serde::Deserialize;

use super::Cluster;
use crate::error::{Error, Kind, Result};

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

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    git_version: String,
}

#[derive(Deserialize)]
struct Nodes {
    items: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

impl Cluster {
    /// Asks the version and lists the nodes.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] where nobody answers, [`Kind::Unauthorized`] and [`Kind::Forbidden`] where the
    /// credentials don't do, [`Kind::Unreadable`] where the answer is none of a Kubernetes API server.
    pub async fn reach(&self) -> Result<Reached> {
        let version: Version = self.read("/version", "its version").await?;
        let nodes: Nodes = self.read("/api/v1/nodes", "its nodes").await?;
        let is_ready = |node: &&Node| node.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
        let ready = nodes.items.iter().filter(is_ready).count();
        Ok(Reached { version: version.git_version, nodes: nodes.items.len(), ready })
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, path: &str, what: &str) -> Result<T> {
        let request = http::Request::get(path)
            .body(Vec::new())
            .map_err(|e| Error::new(Kind::Config, format!("{path} is no path")).caused_by(&e))?;
        let server = self.server();
        self.client().request(request).await.map_err(|e| match &e {
            kube::Error::Api(status) => {
                let kind = match status.code {
                    401 => Kind::Unauthorized,
                    403 => Kind::Forbidden,
                    _ => Kind::Unreachable,
                };
                Error::new(kind, format!("{server} does not tell {what} ({}): {}", status.code, status.message))
            }
            kube::Error::SerdeError(_) => {
                Error::new(Kind::Unreadable, format!("{server} answers, but not with {what}")).caused_by(&e)
            }
            _ => Error::new(Kind::Unreachable, format!("{server} can't be asked {what}")).caused_by(&e),
        })
    }
}

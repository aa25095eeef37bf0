//! Kubernetes: one client and one connection pool a cluster.
//!
//! Everything above works with [`Cluster`]; objects travel as JSON text, never as typed structs.

pub mod connect;
mod reach;

use std::sync::Arc;

pub use reach::Reached;

/// A cluster that is connected to: a client for reads, which may retry, and one for writes, which never does.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    /// The cluster's name in `pb.toml`.
    name: String,
    /// The context in the kubeconfig, for `--explain`.
    context: String,
    /// The API server's address, for messages.
    server: String,
    client: kube::Client,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("name", &self.inner.name).field("server", &self.inner.server).finish()
    }
}

impl Cluster {
    /// The cluster's name in `pb.toml`.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The context in the kubeconfig.
    pub fn context(&self) -> &str {
        &self.inner.context
    }

    /// The API server's address.
    pub fn server(&self) -> &str {
        &self.inner.server
    }

    /// The client underneath: no retries, no read timeout; the gate sets the deadline.
    pub fn client(&self) -> &kube::Client {
        &self.inner.client
    }
}

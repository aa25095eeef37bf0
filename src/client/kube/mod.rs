//! Kubernetes: one client and one connection pool a cluster.
//!
//! Everything above works with [`Cluster`]; objects travel as JSON text, never as typed structs. Nothing
//! is retried in here, and nothing but connecting has a deadline: the gate sets it and drops the future.

pub mod certificate;
pub mod connect;
mod container;
mod cut;
mod discovery;
mod discovery_wire;
pub mod drain;
pub mod events;
pub mod evict;
pub mod exec;
mod fault;
pub mod forward;
mod forward_target;
mod identity;
mod list;
pub mod logs;
mod meta;
pub mod node;
pub mod pod;
mod query;
mod raw;
mod reach;
mod request;
mod resource;
mod resource_table;
pub mod rest;
mod review;
mod stack;
pub mod target;
#[cfg(test)]
mod tests;
pub mod unstarted;
mod verbs;
mod watch;
mod write;

use std::sync::Arc;

pub use cut::{Page, without_managed_fields};
pub use discovery::{Catalogue, known, known_object};
pub use identity::Identity;
pub use meta::Meta;
pub use query::Query;
pub use reach::Reached;
pub use resource::Resource;
pub use review::{Access, Version};
pub use watch::{Change, Watch};
pub(crate) use write::FIELD_MANAGER;
pub use write::{Applied, Delete, PatchKind};

/// A cluster that is connected to.
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
    /// The proxy on the way to it, for messages.
    proxy: Option<String>,
    /// Whether the server is on this machine, where compressing costs more than it saves.
    loopback: bool,
    /// The certificate that the client shows, if it shows one.
    certificate: Option<certificate::Validity>,
    /// A hash over the authorities that it trusts for the server, if the kubeconfig names any.
    authority: Option<String>,
    client: kube::Client,
    /// What kinds the server has, once somebody asked.
    catalogue: tokio::sync::Mutex<Option<Arc<Catalogue>>>,
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

    /// The namespace that the context names, `default` where it names none.
    pub fn default_namespace(&self) -> &str {
        self.inner.client.default_namespace()
    }

    /// The client underneath: no retries, no read timeout; the gate sets the deadline.
    pub fn client(&self) -> &kube::Client {
        &self.inner.client
    }
}

//! Talos: the machine API of a cluster's nodes, over mutual TLS (gRPC on port 50000).
//!
//! One connection a cluster goes to the first endpoint of the talosconfig's context that takes it; the endpoint hands each
//! call on to the node that it names, as `talosctl -n` has it. Nodes are asked side by side, each with a deadline of its
//! own, so that one that is silent is named. Everything in here only reads.

mod ask;
mod channel;
pub(crate) mod codec;
pub mod config;
pub mod etcd;
mod fault;
pub mod health;
mod identity;
pub mod kubeconfig;
pub mod logs;
pub mod machine;
pub mod services;
mod tar;
mod watched;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use ask::{Ask, Told};
use channel::Channel;
pub use config::Context;
use identity::Identity;

use crate::client::kube::certificate::Validity;
use crate::client::route::Routes;
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};

/// The longest message that is taken, as Talos' own client has it.
pub(crate) const MESSAGE_LIMIT: usize = 32 << 20;

/// The machines of a cluster. Nothing is connected until one is asked.
#[derive(Clone)]
pub struct Machines {
    inner: Arc<Inner>,
}

struct Inner {
    /// The cluster's name in `pb.toml`.
    name: String,
    context: Context,
    /// `talosctl --context infra`
    talosctl: String,
    validity: Option<Validity>,
    channel: Channel,
    /// The nodes' own names, as far as they told.
    names: Mutex<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Machines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machines").field("name", &self.inner.name).field("context", &self.inner.context).finish()
    }
}

impl Machines {
    /// Reads the talosconfig of a cluster and prepares its credentials. Nothing is sent yet. `nodes` take the place of
    /// those of the context, if there are any; connecting may take so long.
    ///
    /// # Errors
    /// [`Kind::Config`] where the talosconfig or its context is missing or wrong.
    pub fn new(
        name: &str,
        talosconfig: Option<&Path>,
        context: &str,
        nodes: &[String],
        routes: Routes,
        limit: Duration,
    ) -> Result<Self> {
        let of = |error: Error| error.context(format!("cluster {name}"));
        let talosctl = {
            let file = talosconfig.map(|file| format!(" --talosconfig {}", quoted(&file.display().to_string())));
            format!("talosctl{} --context {}", file.unwrap_or_default(), quoted(context))
        };
        let mut context = config::read(name, talosconfig, context)?;
        if !nodes.is_empty() {
            context.nodes = nodes.into();
        }
        let identity = Identity::of(&context).map_err(of)?;
        let routes = match &context.proxy {
            Some(proxy) => {
                let all = [("0.0.0.0/0".to_string(), proxy.clone()), ("::/0".into(), proxy.clone())];
                Routes::new(&all.into()).map_err(|e| of(e.context(format!("proxy-url of {}", context.from))))?
            }
            None => routes,
        };
        let endpoints = context.endpoints.clone();
        let channel = Channel { endpoints, tls: identity.tls, routes, limit, open: tokio::sync::Mutex::default() };
        let (validity, names) = (identity.validity, Mutex::default());
        Ok(Self { inner: Arc::new(Inner { name: name.into(), context, talosctl, validity, channel, names }) })
    }

    /// The cluster's name in `pb.toml`.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The talosconfig's context.
    pub fn context(&self) -> &Context {
        &self.inner.context
    }

    /// `talosctl --context infra`, as a person types it.
    pub fn talosctl(&self) -> &str {
        &self.inner.talosctl
    }

    /// The nodes that are asked where nobody names others, each once.
    ///
    /// # Errors
    /// [`Kind::Config`] where the context names none: the endpoints alone might be fewer than the nodes.
    pub fn nodes(&self) -> Result<Vec<String>> {
        let Context { name, from, nodes, .. } = self.context();
        if nodes.is_empty() {
            return Err(Error::new(
                Kind::Config,
                format!("cluster {}: context \"{name}\" of {from} names no nodes", self.name()),
            )
            .hint(format!("{} config node ADDRESS … sets them", self.talosctl()))
            .hint(format!("or talos_nodes = [\"ADDRESS\", …] in pb.toml's [clusters.{}]", self.name())));
        }
        let mut once: Vec<String> = Vec::new();
        for node in nodes {
            if !once.contains(node) {
                once.push(node.clone());
            }
        }
        Ok(once)
    }

    /// The client certificate that the talosconfig shows to the machines.
    pub fn validity(&self) -> Option<&Validity> {
        self.inner.validity.as_ref()
    }
}

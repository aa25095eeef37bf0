//! The handle of a cluster, and the connections that a run keeps: one a cluster, made when first used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::NativeCallContext;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::client::kube::{Cluster, Resource, connect, known};
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};
use crate::event::{Effect, ObjectRef};
use crate::host::call::{CONNECT_LIMIT, Call};
use crate::host::context::Context;
use crate::host::net::Net;
use crate::host::world::World;

/// The connections of a run.
#[derive(Debug, Default)]
pub struct Clusters {
    open: Mutex<HashMap<String, Arc<OnceCell<Cluster>>>>,
}

impl Clusters {
    /// The connection to a cluster of the configuration, by its name. A failure is not kept: the next call tries again.
    ///
    /// # Errors
    /// [`Kind::Config`] where the cluster, its kubeconfig or its context is missing or wrong.
    pub async fn get(&self, world: &World, name: &str) -> Result<Cluster> {
        let cell =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_string()).or_default().clone();
        cell.get_or_try_init(|| open(world, name)).await.cloned()
    }
}

async fn open(world: &World, name: &str) -> Result<Cluster> {
    let cluster = world.config.cluster(name)?;
    let kubeconfig = cluster.kubeconfig.clone();
    let context = world.config.context(name).to_string();
    let routes = Net::of(world).routes(world)?;
    let name = name.to_string();
    // Credential plugins are programs that are waited for, so this must not hold a worker up.
    let connecting = tokio::task::spawn_blocking(move || {
        connect::connect(&name, kubeconfig.as_deref(), &context, &routes, CONNECT_LIMIT)
    });
    connecting.await.map_err(|e| Error::new(Kind::Config, "connecting was broken off").because(e))?
}

/// `kube("infra")`: a cluster by its name; connects when it is first asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterHandle {
    name: Arc<str>,
    /// `kubectl --context infra`, as a person types it.
    kubectl: Arc<str>,
}

/// A kind and a namespace that a call means, found before its effect is judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spot {
    /// The kind.
    pub resource: Resource,
    /// None for kinds that are in no namespace.
    pub namespace: Option<String>,
}

impl ClusterHandle {
    /// The handle of a cluster of the configuration.
    ///
    /// # Errors
    /// [`Kind::Config`] where it names none.
    pub fn of(cx: &Context, name: &str) -> Result<Self> {
        Self::in_world(&cx.world, name)
    }

    /// The same where there is no step.
    ///
    /// # Errors
    /// As [`ClusterHandle::of`].
    pub(crate) fn in_world(world: &World, name: &str) -> Result<Self> {
        let config = &world.config;
        let mut kubectl = "kubectl".to_string();
        if let Some(file) = &config.cluster(name)?.kubeconfig {
            kubectl.push_str(&format!(" --kubeconfig {}", quoted(&file.display().to_string())));
        }
        kubectl.push_str(&format!(" --context {}", quoted(config.context(name))));
        Ok(Self { name: name.into(), kubectl: kubectl.into() })
    }

    /// The cluster's name in `pb.toml`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The connection. Await it within the gate, so that connecting is part of the call.
    ///
    /// # Errors
    /// [`Kind::Config`], [`Kind::Unreachable`] …
    pub async fn connection(&self, cx: &Context) -> Result<Cluster> {
        cx.world.part::<Clusters>().get(&cx.world, &self.name).await
    }

    /// A call on this cluster; `line` is what stands after `kubectl --context infra`.
    pub fn call(&self, function: &'static str, effect: Effect, line: &str) -> Call {
        Call::new(function, format!("{} {line}", self.kubectl)).effect(effect).cluster(&self.name)
    }

    /// `kubectl --context infra`, for lines that need more than one command.
    pub fn kubectl(&self) -> &str {
        &self.kubectl
    }

    /// The kind that a word means and the namespace that is meant; asks the server only where it has to.
    ///
    /// # Errors
    /// [`Kind::UnknownKind`], and what connecting says.
    pub fn spot(&self, cx: &Context, at: &NativeCallContext, kind: &str, namespace: Option<String>) -> Result<Spot> {
        if let Some(resource) = known(kind)
            && (namespace.is_some() || !resource.namespaced)
        {
            let namespace = namespace.filter(|_| resource.namespaced);
            return Ok(Spot { resource, namespace });
        }
        let line = format!("explain {}", quoted(kind));
        let call = self.call("kube.resolve", Effect::Read, &line).args(json!({ "kind": kind, "namespace": namespace }));
        cx.call(at, call, async {
            let cluster = self.connection(cx).await?;
            let resource = cluster.resolve(kind).await?;
            let namespace = namespace_of(&cluster, &resource, namespace);
            Ok(Spot { resource, namespace })
        })
    }

    /// The ledger's reference to an object.
    pub fn object(&self, spot: &Spot, name: &str) -> ObjectRef {
        ObjectRef {
            cluster: self.name.to_string(),
            api_version: spot.resource.api_version(),
            kind: spot.resource.kind.clone(),
            plural: spot.resource.plural.clone(),
            namespace: spot.namespace.clone(),
            name: name.to_string(),
            uid: None,
        }
    }
}

/// The namespace that is meant: the one named, or else the context's own, as kubectl has it.
pub(crate) fn namespace_of(cluster: &Cluster, resource: &Resource, namespace: Option<String>) -> Option<String> {
    resource.namespaced.then(|| namespace.unwrap_or_else(|| cluster.default_namespace().to_string()))
}

//! The HTTP services of the platform: what its pods answer, and what lies outside of its clusters.
//!
//! | part | what it is |
//! |---|---|
//! | [`at`] | which program listens at a port of a pod, a Service, a name inside a cluster |
//! | `programs` | the table of programs by the images that they are in |
//! | [`outside`] | the table of what is reached by name outside of the clusters |
//! | [`gateway`] | Gateways and HTTPRoutes, which lead from an address to a Service |
//! | [`serve`] | HTTP on a connection, with TLS where there is one |
//! | [`endpoints`] | what `pb.toml` says of them |
//! | `faults` | the one place that faults of services are honoured in |
//! | `promql`, `series` | metrics: the language, and the series that follow from the clusters |
//!
//! A handler is a pure function of the world: it gets a request and gives an answer. A pod that is not ready answers
//! nobody, whatever its program would say.

mod acme;
mod alertmanager;
pub mod at;
mod cloudflare;
pub mod endpoints;
mod etcd;
pub(crate) mod faults;
pub mod gateway;
pub(crate) mod git;
mod github;
mod gitlab;
mod grafana;
mod harbor;
pub mod http;
mod hubble;
mod keycloak;
pub mod links;
mod metrics;
mod minio;
mod needs;
pub(crate) mod oci;
pub(crate) mod onepassword;
pub mod outside;
pub(crate) mod programs;
pub(crate) mod promql;
mod schema_registry;
pub(crate) mod series;
pub mod serve;
pub mod tls;
mod upstream;
pub mod vault;
mod victoria;
mod vlogs;
pub(crate) mod voice;
mod web;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

pub use self::http::{Asked, Reply};

use crate::error::Result;
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::store::Place;
use crate::lab::world::World;

/// All services of a lab, with what they remember.
pub struct Services {
    /// The world with its causes.
    pub world: Arc<World>,
    /// The clusters that their pods are in.
    pub clusters: BTreeMap<String, Arc<Cluster>>,
    /// Who signed their certificates.
    pub authority: tls::Authority,
    state: Mutex<State>,
}

/// What they remember of what clients told them.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Metrics that were written.
    pub(crate) imported: victoria::Imported,
    /// Schema registries by cluster.
    pub(crate) registries: BTreeMap<String, schema_registry::Registry>,
    /// The images of Harbor's registry.
    pub(crate) images: oci::Images,
    /// What Harbor knows besides.
    pub(crate) harbor: harbor::Harbor,
    /// What Alertmanager was told.
    pub(crate) notices: alertmanager::Notices,
    /// Dashboards that somebody made.
    pub(crate) dashboards: grafana::Dashboards,
    /// DNS records.
    pub(crate) records: cloudflare::Records,
    /// Runs of GitHub's workflows.
    pub(crate) runs: github::Runs,
    /// GitLab's projects.
    pub(crate) forge: gitlab::Forge,
    /// Logs that were written by hand.
    pub(crate) written: vlogs::Written,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("clusters", &self.clusters.keys()).finish_non_exhaustive()
    }
}

impl Services {
    /// Those of a world with its clusters.
    ///
    /// # Errors
    /// No certificate can be made.
    pub fn new(world: Arc<World>, clusters: BTreeMap<String, Arc<Cluster>>) -> Result<Arc<Self>> {
        let authority = tls::Authority::new(world.clock.now())?;
        let services = Arc::new(Self { world, clusters, authority, state: Mutex::default() });
        for cluster in services.clusters.values() {
            cluster.world().inside.reach(&services);
        }
        Ok(services)
    }

    /// What was told to them.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lab's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }
}

/// What a handler works with: the pod that its program runs in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) services: &'a Services,
    pub(crate) cluster: &'a Cluster,
    pub(crate) pod: &'a Value,
    /// The container's port that the request came in at.
    pub(crate) port: u16,
}

impl Site<'_> {
    /// The namespace that the pod is in.
    pub(crate) fn namespace(&self) -> &str {
        self.pod["metadata"]["namespace"].as_str().unwrap_or_default()
    }

    /// The pod's name.
    pub(crate) fn name(&self) -> &str {
        self.pod["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// A key of a Secret in the pod's namespace, decoded.
    pub(crate) fn secret(&self, name: &str, keys: &[&str]) -> Option<String> {
        secret(self.cluster, self.namespace(), name, keys)
    }
}

/// The first of some keys that a Secret has, decoded.
pub(crate) fn secret(cluster: &Cluster, namespace: &str, name: &str, keys: &[&str]) -> Option<String> {
    use base64::Engine as _;
    let world = cluster.world();
    let data = &world.store.get(&Place::new("secrets", namespace, name))?.value["data"];
    let text = keys.iter().find_map(|key| data[*key].as_str())?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}

/// Whether a pod's programs run, and clients are sent to it.
pub(crate) fn ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

#[cfg(test)]
pub(crate) mod tests;

#[cfg(test)]
mod curl;

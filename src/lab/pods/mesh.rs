//! Services that the clusters' mesh shares: those that have the same name and namespace in two clusters, and in both the
//! annotation that says so. Where no pod of its own is behind one, a cluster's pods are led to the other's.
//!
//! Source: docs.cilium.io, "Load-balancing & Service Discovery" of Cluster Mesh.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::reach::{self, Asker};
use super::words::{holds, list, text};
use crate::lab::kube::cluster::{Cluster, World as Objects};
use crate::lab::kube::store::Place;
use crate::lab::services::Services;
use crate::lab::world::{World, Wrong};

/// The domain of shared Services' names.
pub(crate) const DOMAIN: &str = ".clusterset.local";

/// The workload that tells other clusters of this one.
const SERVER: &str = "clustermesh-apiserver";

/// Whether a Service is one of the mesh.
pub(crate) fn is_global(service: &Value) -> bool {
    service["metadata"]["annotations"]["service.cilium.io/global"] == "true"
}

/// Whether a cluster hears of another one's Services, as far as links and the server's process decide it.
pub(crate) fn hears(world: &World, own: &str, other: &str) -> bool {
    let down = world.service(SERVER).iter().any(|wrong| matches!(wrong, Wrong::Down | Wrong::Hangs));
    !down && world.passes(own, other)
}

/// The Service at an address of a cluster, if it is one of the mesh: its place, and the row of a port.
fn at(objects: &Objects, address: IpAddr, port: u16) -> Option<(Place, Value)> {
    let wanted = address.to_string();
    let mut all = objects.store.list("services", "");
    let (place, service) =
        all.find(|(_, one)| text(&one.value, "/spec/clusterIP") == wanted && is_global(&one.value))?;
    let row = list(&service.value, "/spec/ports").iter().find(|row| row["port"] == port)?;
    Some((place.clone(), row.clone()))
}

/// The pod of another cluster that is behind a Service's address, with its port. Nobody may hold a cluster meanwhile.
pub(super) fn find(
    services: &Services,
    own: &Cluster,
    pod: &Value,
    address: IpAddr,
    port: u16,
) -> Option<(Arc<Cluster>, Value, u16)> {
    let (place, _) = at(&own.world(), address, port)?;
    let others = services.clusters.values().filter(|other| other.name != own.name);
    others.filter(|other| hears(&services.world, &own.name, &other.name)).find_map(|other| {
        let objects = other.world();
        let mut servers = objects.store.list("pods", "kube-system").map(|(_, pod)| &*pod.value);
        servers.find(|one| one["metadata"]["labels"]["app.kubernetes.io/name"] == SERVER && holds(one, "Ready"))?;
        let service = objects.store.get(&place).filter(|service| is_global(&service.value))?;
        let asker = Asker { objects: &objects, pod, now: services.now() };
        let server = reach::behind(asker, &service.value)?;
        let row = list(&service.value, "/spec/ports").iter().find(|row| row["port"] == port)?;
        let port = reach::target(row, &server)?;
        Some((other.clone(), server, port))
    })
}

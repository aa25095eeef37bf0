//! Who listens: which program is behind a port of a pod, a Service, or a name inside a cluster.

use std::sync::Arc;

use serde_json::Value;

use super::programs::{self, Program};
use super::serve::{self, Cut, Door};
use super::{Asked, Reply, Services, ready};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::store::Place;
use crate::lab::pods::mesh;
use crate::lab::world::World;

/// A pod's program, at one of its ports.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The pod's cluster.
    pub(crate) cluster: Arc<Cluster>,
    /// The pod as it was when it was found.
    pub(crate) pod: Arc<Value>,
    /// The port of the container.
    pub(crate) port: u16,
    /// What listens there.
    pub(crate) program: &'static Program,
}

impl Listener {
    /// Talks with whoever connects.
    pub(crate) fn handler(self, services: &Arc<Services>) -> crate::lab::net::Handler {
        serve::handler(services, Door::Pod(self))
    }
}

/// Why nobody answers at a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unserved {
    /// There is no such Service.
    NoService,
    /// It has no such port.
    NoPort,
    /// None of its pods is ready.
    NoPod,
    /// Its pod runs, and nothing listens at the port.
    NoListener,
}

/// What listens at a port of a pod. None where nothing does, so that a connection is refused: the pod does not run, its
/// program does not use this port, or a cause has ended it.
///
/// Takes the cluster's lock for a moment, so it must not be called by whoever holds that.
pub fn pod(services: &Services, cluster: &str, namespace: &str, name: &str, port: u16) -> Option<Listener> {
    let cluster = services.clusters.get(cluster)?;
    let pod = cluster.world().store.get(&Place::new("pods", namespace, name))?.value.clone();
    of_pod(services, cluster, pod, port)
}

/// The same for a pod at hand.
pub(crate) fn of_pod(services: &Services, cluster: &Arc<Cluster>, pod: Value, port: u16) -> Option<Listener> {
    let running = pod["status"]["phase"] == "Running" && !cut_off(&services.world, &pod);
    let program = programs::of_pod(&pod, port).filter(|program| running && !program.down(&services.world))?;
    Some(Listener { cluster: cluster.clone(), pod: Arc::new(pod), port, program })
}

/// Whether a pod's node can't be reached.
pub(crate) fn cut_off(world: &World, pod: &Value) -> bool {
    pod["spec"]["nodeName"].as_str().is_some_and(|node| world.has(&crate::lab::world::Cause::link(node)))
}

/// What listens at a port of a Service, by its number or its name: the first of its pods that is ready.
///
/// # Errors
/// Why nobody does.
pub fn service(
    services: &Services,
    cluster: &str,
    namespace: &str,
    name: &str,
    port: &str,
) -> Result<Listener, Unserved> {
    let cluster = services.clusters.get(cluster).ok_or(Unserved::NoService)?;
    let (service, pods) = {
        let world = cluster.world();
        let service = world.store.get(&Place::new("services", namespace, name)).ok_or(Unserved::NoService)?;
        (service.value.clone(), behind(&world, &service.value))
    };
    let ports = service["spec"]["ports"].as_array().ok_or(Unserved::NoPort)?;
    let wanted = |one: &&Value| one["name"] == port || one["port"].as_u64().is_some_and(|own| own.to_string() == port);
    let found = ports.iter().find(wanted).ok_or(Unserved::NoPort)?;
    let mut pods = pods.into_iter().filter(|pod| !cut_off(&services.world, pod));
    let pod = pods.next().ok_or(Unserved::NoPod)?;
    let port = target(found, &pod).ok_or(Unserved::NoListener)?;
    of_pod(services, cluster, pod, port).ok_or(Unserved::NoListener)
}

/// The pods of a Service that are ready.
pub(crate) fn behind(world: &crate::lab::kube::cluster::World, service: &Value) -> Vec<Value> {
    let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty());
    let Some(selector) = selector else { return Vec::new() };
    let namespace = service["metadata"]["namespace"].as_str().unwrap_or_default();
    let takes =
        |pod: &&Value| ready(pod) && selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value);
    world.store.list("pods", namespace).map(|(_, pod)| &*pod.value).filter(takes).cloned().collect()
}

/// The container's port that a Service's port leads to.
pub(crate) fn target(port: &Value, pod: &Value) -> Option<u16> {
    let number = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
    let own = &port["targetPort"];
    if own.is_null() {
        return number(&port["port"]);
    }
    let Some(name) = own.as_str() else { return number(own) };
    let containers = pod["spec"]["containers"].as_array()?;
    let mut named = containers.iter().filter_map(|container| container["ports"].as_array()).flatten();
    number(&named.find(|one| one["name"] == name)?["containerPort"])
}

/// Why a request inside a cluster got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfetched {
    /// Nobody has this name.
    NoName,
    /// Somebody has the address, and nothing listens.
    Refused,
    /// Nothing came back, or no more than a part.
    Silent,
}

/// Asks as a program in a pod would: a Service by its name, a pod or a gateway by its address, a name outside.
///
/// `host` may have the forms `NAME`, `NAME.NAMESPACE`, `NAME.NAMESPACE.svc…`; `namespace` is that of the pod. Must not be
/// called by whoever holds the cluster's lock.
///
/// # Errors
/// Why there is no answer.
pub async fn fetch(
    services: &Arc<Services>,
    cluster: &str,
    namespace: &str,
    host: &str,
    port: u16,
    asked: Asked,
) -> Result<Reply, Unfetched> {
    let door = door(services, cluster, namespace, host, port)?;
    match serve::answer(services, &door, asked).await {
        Ok(reply) => Ok(reply),
        Err(Cut) => Err(Unfetched::Silent),
    }
}

/// Where such a request is led.
///
/// # Errors
/// Why it is led nowhere.
pub(crate) fn door(
    services: &Services,
    cluster: &str,
    namespace: &str,
    host: &str,
    port: u16,
) -> Result<Door, Unfetched> {
    let bare = host.trim_end_matches('.').trim_end_matches(".cluster.local");
    // Cilium's ClusterMesh shares those Services that are marked as global.
    let (bare, shared) = bare.strip_suffix(mesh::DOMAIN).map_or((bare, false), |bare| (bare, true));
    let bare = bare.strip_suffix(".svc").unwrap_or(bare);
    let (name, space) = bare.split_once('.').unwrap_or((bare, namespace));
    let named = |cluster: &str| service(services, cluster, space, name, &port.to_string());
    let found = match named(cluster) {
        Err(Unserved::NoService) if shared => {
            let global = |other: &String| {
                let service = services.clusters[other].world().store.get(&Place::new("services", space, name)).cloned();
                service.is_some_and(|service| mesh::is_global(&service.value))
                    && mesh::hears(&services.world, cluster, other)
            };
            let others = services.clusters.keys().filter(|other| *other != cluster && global(other));
            others.map(|other| named(other)).find(Result::is_ok).unwrap_or(Err(Unserved::NoService))
        }
        other => other,
    };
    match found {
        Ok(listener) => return Ok(Door::Pod(listener)),
        Err(Unserved::NoService) => {}
        Err(_) => return Err(Unfetched::Refused),
    }
    if let Ok(address) = host.parse::<std::net::IpAddr>() {
        return by_address(services, cluster, &address.to_string(), port);
    }
    let address = super::links::resolve(services, host).ok_or(Unfetched::NoName)?;
    super::links::door(services, address, port).ok_or(Unfetched::Refused)?.ok_or(Unfetched::Refused)
}

/// A pod's or Service's own address, or one of a LoadBalancer.
fn by_address(services: &Services, cluster: &str, address: &str, port: u16) -> Result<Door, Unfetched> {
    let own = services.clusters.get(cluster).ok_or(Unfetched::NoName)?;
    let (pod, name) = {
        let world = own.world();
        let pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
        let pod = pods.filter(|pod| pod["spec"]["hostNetwork"] != true).find(|pod| pod["status"]["podIP"] == address);
        let mut all = world.store.list("services", "");
        let service = all.find(|(_, one)| one.value["spec"]["clusterIP"] == address);
        (pod.cloned(), service.map(|(place, _)| (place.namespace.clone(), place.name.clone())))
    };
    if let Some(pod) = pod {
        return of_pod(services, own, pod, port).map(Door::Pod).ok_or(Unfetched::Refused);
    }
    if let Some((namespace, name)) = name {
        let found = service(services, cluster, &namespace, &name, &port.to_string());
        return found.map(Door::Pod).map_err(|why| match why {
            // The address is translated port by port: at any other there is nobody who could refuse.
            Unserved::NoPort => Unfetched::Silent,
            _ => Unfetched::Refused,
        });
    }
    let address = address.parse().map_err(|_| Unfetched::NoName)?;
    super::links::door(services, address, port).ok_or(Unfetched::Silent)?.ok_or(Unfetched::Refused)
}

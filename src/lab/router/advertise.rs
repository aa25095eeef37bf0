//! From what a cluster's API server has to what its nodes tell the router: Cilium's BGP control plane, seen from outside.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde_json::Value;
use tokio::sync::watch;

use super::{Neighbour, Speaker, Voice};
use crate::lab::world::cause::BGP;
use crate::lab::world::{Cause, World, topology};

/// The objects of a cluster, as they are now.
pub trait Objects: Send + Sync + 'static {
    /// All of a kind: `nodes`, `services`, `ciliumbgpclusterconfigs.cilium.io`.
    fn list(&self, resource: &str) -> Vec<Value>;
    /// Looks at each of a kind, where they may be many. What `look` does must not ask for objects itself.
    fn each(&self, resource: &str, look: &mut dyn FnMut(&Value)) {
        self.list(resource).iter().for_each(look);
    }
    /// Tells of every change from here on.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// A cluster with its objects.
#[derive(Clone)]
pub struct Source {
    /// Its name in the topology.
    pub cluster: String,
    /// What it has.
    pub objects: Arc<dyn Objects>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.cluster).finish()
    }
}

/// The neighbours that the router is configured with: every node of the topology.
pub fn neighbours(topology: &topology::Topology) -> Vec<Neighbour> {
    let one = |(cluster, node): (&str, &topology::Node)| Neighbour {
        address: *node.address.get_ref(),
        asn: topology.clusters[cluster].asn,
        name: node.name.get_ref().clone(),
    };
    topology.nodes().map(one).collect()
}

/// What the speakers of a cluster do.
pub fn speakers(world: &World, source: &Source) -> Vec<Speaker> {
    let Some(cluster) = world.topology.clusters.get(&source.cluster) else { return Vec::new() };
    let objects = &*source.objects;
    let nodes = objects.list("nodes");
    let configs = objects.list("ciliumbgpclusterconfigs.cilium.io");
    let advertised = Advertised::of(objects);
    let router = world.topology.router.address.to_string();
    let one = |node: &topology::Node| {
        let name = node.name.get_ref();
        let object = nodes.iter().find(|object| object["metadata"]["name"] == name.as_str());
        let asn = object.and_then(|object| local_asn(&configs, object, &router));
        let spoken = world.causes().into_iter().find_map(|(cause, _)| match cause {
            Cause::Asn { node, asn } if node == *name => Some(asn),
            _ => None,
        });
        let silent = world.has(&Cause::process(name, BGP)) || world.has(&Cause::link(name));
        let voice = match (silent, asn) {
            (true, _) => Voice::Silent,
            // No configuration takes the node, or the node is gone: Cilium closes the session.
            (false, None) => Voice::Stopped,
            (false, Some(_)) => Voice::Speaks,
        };
        Speaker {
            address: *node.address.get_ref(),
            host: name.clone(),
            asn: spoken.or(asn).unwrap_or(cluster.asn),
            voice,
            prefixes: object.map(|object| advertised.by(object)).unwrap_or_default(),
        }
    };
    cluster.nodes.iter().map(one).collect()
}

/// The AS in which a node speaks with the router: by the first configuration whose selector takes the node.
fn local_asn(configs: &[Value], node: &Value, router: &str) -> Option<u32> {
    let takes = |config: &&Value| selects(&config["spec"]["nodeSelector"], &node["metadata"]["labels"]);
    let instances = configs.iter().find(takes)?["spec"]["bgpInstances"].as_array()?.iter();
    let peered = |instance: &&Value| {
        instance["peers"].as_array().is_some_and(|peers| peers.iter().any(|peer| peer["peerAddress"] == router))
    };
    u32::try_from(instances.into_iter().find(peered)?["localASN"].as_u64()?).ok()
}

/// Services' addresses, each with the nodes that may tell of it.
struct Advertised {
    /// The prefix, and the only nodes that have it where traffic stays on its node.
    rows: Vec<(IpNet, Option<BTreeSet<String>>)>,
}

impl Advertised {
    fn of(objects: &dyn Objects) -> Self {
        let selectors: Vec<Value> = objects
            .list("ciliumbgpadvertisements.cilium.io")
            .iter()
            .flat_map(|object| object["spec"]["advertisements"].as_array().cloned().unwrap_or_default())
            .filter(|one| one["advertisementType"] == "Service")
            .filter(|one| {
                one["service"]["addresses"].as_array().is_some_and(|all| all.contains(&"LoadBalancerIP".into()))
            })
            // Without a selector nothing is selected.
            .filter(|one| one["selector"].is_object())
            .collect();
        let mut rows = Vec::new();
        for service in objects.list("services") {
            let labels = &service["metadata"]["labels"];
            if service["spec"]["type"] != "LoadBalancer"
                || !selectors.iter().any(|one| selects(&one["selector"], labels))
            {
                continue;
            }
            let local = service["spec"]["externalTrafficPolicy"] == "Local";
            let nodes = local.then(|| nodes_with_pods(objects, &service));
            let ingress = service["status"]["loadBalancer"]["ingress"].as_array().cloned().unwrap_or_default();
            let addresses = ingress.iter().filter_map(|one| one["ip"].as_str()?.parse::<IpAddr>().ok());
            // The router has sessions for IPv4 alone.
            rows.extend(addresses.filter(IpAddr::is_ipv4).map(|ip| (IpNet::from(ip), nodes.clone())));
        }
        Self { rows }
    }

    /// What a node tells of. One that is being drained takes its addresses back, so that traffic leaves it first.
    fn by(&self, node: &Value) -> BTreeSet<IpNet> {
        if node["spec"]["unschedulable"] == true {
            return BTreeSet::new();
        }
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        let here = |nodes: &Option<BTreeSet<String>>| nodes.as_ref().is_none_or(|nodes| nodes.contains(name));
        self.rows.iter().filter(|(_, nodes)| here(nodes)).map(|(prefix, _)| *prefix).collect()
    }
}

/// The nodes on which a Service has a pod that is ready.
fn nodes_with_pods(objects: &dyn Objects, service: &Value) -> BTreeSet<String> {
    let (namespace, selector) = (&service["metadata"]["namespace"], &service["spec"]["selector"]);
    let Some(wanted) = selector.as_object().filter(|wanted| !wanted.is_empty()) else { return BTreeSet::new() };
    let ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array();
        let is = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
        pod["metadata"]["deletionTimestamp"].is_null() && conditions.is_some_and(|all| all.iter().any(is))
    };
    let own = |pod: &Value| {
        pod["metadata"]["namespace"] == *namespace
            && wanted.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value)
    };
    let mut nodes = BTreeSet::new();
    objects.each("pods", &mut |pod| {
        if own(pod) && ready(pod) {
            nodes.extend(pod["spec"]["nodeName"].as_str().map(String::from));
        }
    });
    nodes
}

/// Whether a label selector takes labels; an empty one, or none, takes everything.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object();
    let rules = selector["matchExpressions"].as_array();
    wanted.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value))
        && rules.is_none_or(|rules| rules.iter().all(|rule| holds(rule, labels)))
}

fn holds(rule: &Value, labels: &Value) -> bool {
    let value = &labels[rule["key"].as_str().unwrap_or_default()];
    let among = rule["values"].as_array().is_some_and(|values| values.contains(value));
    match rule["operator"].as_str() {
        Some("In") => !value.is_null() && among,
        Some("NotIn") => !among,
        Some("Exists") => !value.is_null(),
        Some("DoesNotExist") => value.is_null(),
        _ => false,
    }
}

#[cfg(test)]
#[path = "advertise_tests.rs"]
mod tests;

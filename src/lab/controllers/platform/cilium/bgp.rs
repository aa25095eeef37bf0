//! BGP: the operator makes a configuration for each node of what ClusterConfigs say, and the agents report their sessions.
//!
//! A session is what the router would say of it, too: the same objects and causes decide. An agent that is gone, or whose
//! node is cut off, reports nothing any more; what it said last stays.
//!
//! Source: github.com/cilium/cilium `operator/pkg/bgp`, `pkg/bgpv1/manager/reconcilerv2`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Operator;
use super::super::conditions::Condition;
use super::super::site::{Site, after, is_ready};
use crate::lab::kube::cluster::time;
use crate::lab::kube::store::Place;
use crate::lab::router::advertise::selects;
use crate::lab::world::Cause;
use crate::lab::world::cause::BGP;
use crate::lab::world::topology::Node;

pub(super) const WATCHES: &[&str] = &[
    "ciliumbgpclusterconfigs.cilium.io",
    "ciliumbgpnodeconfigs.cilium.io",
    "ciliumbgppeerconfigs.cilium.io",
    "ciliumbgpnodeconfigoverrides.cilium.io",
    "nodes",
];
pub(super) const NODES: &[&str] = &[
    "ciliumbgpnodeconfigs.cilium.io",
    "ciliumbgppeerconfigs.cilium.io",
    "ciliumbgpadvertisements.cilium.io",
    "services",
    "nodes",
];

/// The operator's part.
#[derive(Debug)]
pub(super) struct Configs;

impl Operator for Configs {
    fn look(&mut self, site: &mut Site<'_>) {
        let nodes = site.all("nodes", "");
        let mut wanted: BTreeMap<String, Value> = BTreeMap::new();
        for (place, stored) in site.all(WATCHES[0], "") {
            let spec = &stored.value["spec"];
            let mut matched = 0;
            for (node, object) in &nodes {
                if selects(&spec["nodeSelector"], &object.value["metadata"]["labels"]) {
                    matched += 1;
                    wanted.entry(node.name.clone()).or_insert_with(|| instances(site, spec, &object.value));
                }
            }
            let mut missing: Vec<String> = Vec::new();
            for peer in spec["bgpInstances"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|one| one["peers"].as_array().into_iter().flatten())
            {
                let name = peer["peerConfigRef"]["name"].as_str().unwrap_or_default();
                if !name.is_empty()
                    && site.get(WATCHES[2], "", name).is_none()
                    && !missing.iter().any(|known| known == name)
                {
                    missing.push(name.to_owned());
                }
            }
            let (mut value, stamp) = (stored.value.clone(), site.stamp());
            let truth = |yes| if yes { "True" } else { "False" };
            let why = if matched == 0 { "No node matches spec.nodeSelector" } else { "" };
            Condition::new("cilium.io/NoMatchingNode", truth(matched == 0), "NoMatchingNode", why)
                .set(&mut value, &stamp);
            let why = if missing.is_empty() {
                String::new()
            } else {
                format!("Referenced CiliumBGPPeerConfig(s) are missing: [{}]", missing.join(" "))
            };
            Condition::new("cilium.io/MissingPeerConfigs", truth(!missing.is_empty()), "MissingPeerConfigs", &why)
                .set(&mut value, &stamp);
            site.put(&place, value);
        }
        for (place, _) in site.all(WATCHES[1], "") {
            if !wanted.contains_key(&place.name) {
                site.delete(&place);
            }
        }
        for (name, instances) in wanted {
            let place = Place::new(WATCHES[1], "", &name);
            match site.get(WATCHES[1], "", &name) {
                Some(there) if there.value["spec"]["bgpInstances"] != instances => {
                    let mut value = there.value.clone();
                    value["spec"]["bgpInstances"] = instances;
                    value["metadata"]["generation"] =
                        (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
                    site.put(&place, value);
                }
                Some(_) => {}
                None => site.create(&json!({
                    "apiVersion": "cilium.io/v2", "kind": "CiliumBGPNodeConfig",
                    "metadata": { "name": name, "generation": 1 }, "spec": { "bgpInstances": instances },
                })),
            }
        }
    }
}

/// What a node is told: the instances, each peer with the node's own address.
fn instances(site: &Site<'_>, spec: &Value, node: &Value) -> Value {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let addresses = node["status"]["addresses"].as_array();
    let own =
        addresses.and_then(|all| all.iter().find(|one| one["type"] == "InternalIP")).map(|one| one["address"].clone());
    let mut all = spec["bgpInstances"].clone();
    let over = site.get(WATCHES[3], "", name);
    for instance in all.as_array_mut().into_iter().flatten() {
        for peer in instance["peers"].as_array_mut().into_iter().flatten() {
            peer["localAddress"] = own.clone().unwrap_or_default();
        }
        let mine = over.as_ref().and_then(|over| {
            over.value["spec"]["bgpInstances"].as_array()?.iter().find(|one| one["name"] == instance["name"])
        });
        if let Some(asn) = mine.map(|one| &one["localASN"]).filter(|asn| !asn.is_null()) {
            instance["localASN"] = asn.clone();
        }
    }
    all
}

/// The agents' part.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Since when a session could stand, by node and peer.
    since: BTreeMap<String, Timestamp>,
}

impl Operator for Sessions {
    fn look(&mut self, site: &mut Site<'_>) {
        let agents = site.ready_pods("cilium");
        let Some(topology) = site.topology() else { return };
        for (place, stored) in site.all(NODES[0], "") {
            let node = topology.nodes.iter().find(|node| *node.name.get_ref() == place.name);
            let runs = agents.iter().any(|pod| pod.value["spec"]["nodeName"] == place.name.as_str());
            let (Some(node), true) = (node, runs) else { continue };
            let name = node.name.get_ref();
            if site.world.has(&Cause::process(name, BGP)) || site.world.has(&Cause::link(name)) {
                continue;
            }
            let mut value = stored.value.clone();
            let told: Vec<Value> = stored.value["spec"]["bgpInstances"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|instance| {
                    let peers: Vec<Value> = instance["peers"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(|peer| self.session(site, node, instance, peer, &stored.value["status"]))
                        .collect();
                    json!({ "name": instance["name"], "localASN": instance["localASN"], "peers": peers })
                })
                .collect();
            value["status"]["bgpInstances"] = told.into();
            site.put(&place, value);
        }
    }
}

impl Sessions {
    /// A session as its agent reports it.
    fn session(&mut self, site: &mut Site<'_>, node: &Node, instance: &Value, peer: &Value, before: &Value) -> Value {
        let router = &site.world.topology.router;
        let name = node.name.get_ref();
        let key = format!("{name} {}", peer["peerAddress"]);
        let mut told = json!({ "name": peer["name"], "peerASN": peer["peerASN"], "peerAddress": peer["peerAddress"] });
        let configured = peer["peerConfigRef"]["name"].as_str();
        let config = configured.and_then(|name| site.get(NODES[1], "", name));
        if configured.is_some() && config.is_none() {
            // Without its configuration the peer is not made at all.
            self.since.remove(&key);
            told["peeringState"] = "idle".into();
            return told;
        }
        let spoken = site.world.causes().into_iter().find_map(|(cause, _)| match cause {
            Cause::Asn { node, asn } if node == *name => Some(u64::from(asn)),
            _ => None,
        });
        let expected = site.topology().map_or(0, |cluster| u64::from(cluster.asn));
        let mine = spoken.or(instance["localASN"].as_u64()).unwrap_or(0);
        let address = *node.address.get_ref();
        let there = peer["peerAddress"] == router.address.to_string().as_str()
            && !site.world.has(&Cause::NeighbourShut { neighbour: address });
        let agrees = mine == expected && peer["peerASN"] == router.asn;
        if !there || !agrees {
            self.since.remove(&key);
            // A router that is not there, or takes nobody, lets it try for ever; a wrong number ends each try.
            told["peeringState"] = if there { "open_sent" } else { "active" }.into();
            return told;
        }
        let stood = before["bgpInstances"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|one| one["peers"].as_array().into_iter().flatten());
        let mut stood =
            stood.filter(|one| one["peerAddress"] == peer["peerAddress"] && one["peeringState"] == "established");
        let established = match stood.next() {
            Some(one) => one["establishedTime"].clone(),
            None => {
                let begin = *self.since.entry(key).or_insert(site.now);
                let done = after(begin, router.connect_retry);
                if done > site.now {
                    site.at(done);
                    told["peeringState"] = "active".into();
                    return told;
                }
                time(site.now).into()
            }
        };
        let timers = config.as_ref().map(|config| config.value["spec"]["timers"].clone()).unwrap_or_default();
        let least = |key: &str, own: u64| timers[key].as_u64().unwrap_or(own).min(own);
        told["peeringState"] = "established".into();
        told["establishedTime"] = established;
        told["timers"] = json!({
            "appliedHoldTimeSeconds": least("holdTimeSeconds", router.hold.as_secs()),
            "appliedKeepaliveSeconds": least("keepAliveTimeSeconds", router.keepalive.as_secs()),
        });
        let advertised = advertised(site, name);
        told["routeCount"] = json!([{ "afi": "ipv4", "safi": "unicast", "advertised": advertised, "received": 0 }]);
        told
    }
}

/// How many addresses a node tells of.
fn advertised(site: &Site<'_>, node: &str) -> usize {
    let object = site.get("nodes", "", node);
    if object.is_none_or(|object| object.value["spec"]["unschedulable"] == true) {
        return 0;
    }
    let rows = site.all(NODES[2], "");
    let selectors: Vec<&Value> = rows
        .iter()
        .flat_map(|(_, one)| one.value["spec"]["advertisements"].as_array().into_iter().flatten())
        .filter(|one| one["advertisementType"] == "Service" && one["selector"].is_object())
        .filter(|one| one["service"]["addresses"].as_array().is_some_and(|all| all.contains(&"LoadBalancerIP".into())))
        .map(|one| &one["selector"])
        .collect();
    let told = |service: &Value| {
        let metadata = &service["metadata"];
        let local = service["spec"]["externalTrafficPolicy"] == "Local";
        service["spec"]["type"] == "LoadBalancer"
            && selectors.iter().any(|one| selects(one, &metadata["labels"]))
            && (!local || has_pod(site, service, node))
    };
    let services = site.objects.store.list("services", "").filter(|(_, service)| told(&service.value));
    services.map(|(_, one)| one.value["status"]["loadBalancer"]["ingress"].as_array().map_or(0, Vec::len)).sum()
}

fn has_pod(site: &Site<'_>, service: &Value, node: &str) -> bool {
    let Some(wanted) = service["spec"]["selector"].as_object().filter(|wanted| !wanted.is_empty()) else {
        return false;
    };
    let namespace = service["metadata"]["namespace"].as_str().unwrap_or_default();
    site.objects.store.list("pods", namespace).any(|(_, pod)| {
        pod.value["spec"]["nodeName"] == node
            && is_ready(&pod.value)
            && wanted.iter().all(|(key, value)| pod.value["metadata"]["labels"][key] == *value)
    })
}

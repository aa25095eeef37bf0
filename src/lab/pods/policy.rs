//! Whether traffic passes from a pod to a pod: NetworkPolicies and Cilium's, of the one that sends and the one that is
//! reached.
//!
//! A policy that selects a pod denies, in its direction, all that no rule of any policy allows; what one of Cilium's
//! denies is denied. A node's own pods are none of policies' business. Source: kubernetes.io and docs.cilium.io, network
//! policies.

use serde_json::{Value, json};

use crate::lab::controllers::platform::egress::{always, endpoint, rules};
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;
use crate::lab::router::advertise::selects;

/// Which way a policy is read.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// The policy's part.
    part: &'static str,
    deny: &'static str,
    /// As `policyTypes` has it.
    named: &'static str,
    /// Whom a rule names.
    peers: &'static str,
    endpoints: &'static str,
    entities: &'static str,
}

const OUT: Way = Way {
    part: "egress",
    deny: "egressDeny",
    named: "Egress",
    peers: "to",
    endpoints: "toEndpoints",
    entities: "toEntities",
};
const IN: Way = Way {
    part: "ingress",
    deny: "ingressDeny",
    named: "Ingress",
    peers: "from",
    endpoints: "fromEndpoints",
    entities: "fromEntities",
};

/// Whether a pod's packets reach a port of another pod of its cluster.
pub(crate) fn passes(objects: &Objects, from: &Value, to: &Value, port: u16) -> bool {
    let own = from["metadata"]["uid"].is_string() && from["metadata"]["uid"] == to["metadata"]["uid"];
    own || (may(objects, OUT, from, to, to, port) && may(objects, IN, to, from, to, port))
}

/// Whether what is enforced for a pod lets another one in, at a port of it.
pub(crate) fn lets_in(objects: &Objects, from: &Value, to: &Value, port: u16) -> bool {
    may(objects, IN, to, from, to, port)
}

/// Whether what is enforced for `pod` lets it talk with `other`; the port is one of `server`.
fn may(objects: &Objects, way: Way, pod: &Value, other: &Value, server: &Value, port: u16) -> bool {
    if pod["spec"]["hostNetwork"] == true {
        return true;
    }
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let (mut denied, mut allowed) = (always(objects), false);
    for (_, policy) in objects.store.list("networkpolicies.networking.k8s.io", namespace) {
        let spec = &policy.value["spec"];
        let types = spec["policyTypes"].as_array();
        let speaks =
            types.map_or(way.part == "ingress" || spec[way.part].is_array(), |all| all.contains(&way.named.into()));
        if speaks && selects(&spec["podSelector"], &pod["metadata"]["labels"]) {
            denied = true;
            allowed |= rules(&spec[way.part]).any(|rule| {
                let ports = rule["ports"].as_array().filter(|ports| !ports.is_empty());
                let peers = rule[way.peers].as_array().filter(|peers| !peers.is_empty());
                ports.is_none_or(|ports| ports.iter().any(|one| is_port(one, server, port)))
                    && peers.is_none_or(|peers| peers.iter().any(|peer| is_peer(objects, peer, other, namespace)))
            });
        }
    }
    let own = objects.store.list("ciliumnetworkpolicies.cilium.io", namespace);
    for (place, policy) in own.chain(objects.store.list("ciliumclusterwidenetworkpolicies.cilium.io", "")) {
        let within = if place.namespace.is_empty() { None } else { Some(namespace) };
        let listed = policy.value["specs"].as_array().into_iter().flatten();
        for spec in listed.chain([&policy.value["spec"]]).filter(|spec| spec["endpointSelector"].is_object()) {
            if !endpoint(&spec["endpointSelector"], pod, namespace) {
                continue;
            }
            let takes = |rule: &Value| {
                let ports: Vec<&Value> = rules(&rule["toPorts"]).flat_map(|one| rules(&one["ports"])).collect();
                (ports.is_empty() || ports.iter().any(|one| is_port(one, server, port)))
                    && is_endpoint(rule, way, other, within)
            };
            if rules(&spec[way.deny]).any(takes) {
                return false;
            }
            if spec[way.part].is_array() {
                denied |= spec["enableDefaultDeny"][way.part] != false;
                allowed |= rules(&spec[way.part]).any(takes);
            }
        }
    }
    allowed || !denied
}

/// Whether a rule's port is one of a pod: by number, by a range, or by a container's name for it.
fn is_port(rule: &Value, server: &Value, port: u16) -> bool {
    if rule["protocol"].as_str().is_some_and(|protocol| !matches!(protocol, "TCP" | "ANY")) {
        return false;
    }
    let first = match &rule["port"] {
        Value::Null => return true,
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok().or_else(|| {
            let containers = server["spec"]["containers"].as_array().into_iter().flatten();
            let mut ports = containers.filter_map(|one| one["ports"].as_array()).flatten();
            ports.find(|one| one["name"] == text.as_str())?["containerPort"].as_u64()
        }),
        _ => None,
    };
    let Some(first) = first else { return false };
    let last = rule["endPort"].as_u64().unwrap_or(first);
    first == 0 || (first..=last).contains(&u64::from(port))
}

/// Whether a peer of a NetworkPolicy is a pod. Addresses are for what lies outside.
fn is_peer(objects: &Objects, peer: &Value, pod: &Value, own: &str) -> bool {
    if peer["ipBlock"].is_object() {
        return false;
    }
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let there = if peer["namespaceSelector"].is_object() {
        let labels = objects.store.get(&Place::new("namespaces", "", namespace));
        let labels = labels.map_or(Value::Null, |stored| stored.value["metadata"]["labels"].clone());
        selects(&peer["namespaceSelector"], &labels)
    } else {
        namespace == own
    };
    there && (peer["podSelector"].is_null() || selects(&peer["podSelector"], &pod["metadata"]["labels"]))
}

/// Whether a rule of one of Cilium's policies names a pod. Selectors are of the policy's own namespace, unless they say
/// another; those of a policy of the whole cluster are of all.
fn is_endpoint(rule: &Value, way: Way, pod: &Value, within: Option<&str>) -> bool {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let named = |selector: &Value| {
        let keys = selector["matchLabels"].as_object().into_iter().flat_map(|labels| labels.keys());
        let rules = rules(&selector["matchExpressions"]).filter_map(|rule| rule["key"].as_str());
        keys.map(String::as_str).chain(rules).any(|key| key.contains("io.kubernetes.pod.namespace"))
    };
    let endpoints = rules(&rule[way.endpoints]).any(|selector| {
        let there = named(selector) || within.is_none_or(|within| within == namespace);
        there && endpoint(selector, pod, namespace)
    });
    let entities = rules(&rule[way.entities]).any(|one| match one.as_str() {
        Some("all" | "cluster") => true,
        // What runs in a node's own network is the node.
        Some("host" | "remote-node") => pod["spec"]["hostNetwork"] == true,
        _ => false,
    });
    // A rule with ports alone is for everybody; one with nothing in it is for nobody.
    let everybody = rule.as_object().is_some_and(|rule| !rule.is_empty() && rule.keys().all(|key| key == "toPorts"));
    let any = rules(&rule[way.endpoints]).any(|one| *one == json!({})) && within.is_none();
    endpoints || entities || everybody || any
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::controllers::platform::testing::definitions;
    use crate::lab::kube::cluster::Cluster;

    fn pod(namespace: &str, app: &str) -> Value {
        json!({ "metadata": { "namespace": namespace, "uid": format!("{namespace}-{app}"), "labels": { "app": app } },
                "spec": { "containers": [{ "ports": [{ "name": "http", "containerPort": 8080 }] }] } })
    }

    #[test]
    fn a_policy_lets_in_whom_it_names_at_the_ports_that_it_names() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let mut objects = cluster.world();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (web, client, other, far) =
            (pod("default", "web"), pod("default", "client"), pod("default", "x"), pod("kube-system", "client"));
        assert!(passes(&objects, &far, &web, 8080));
        let policy = |name: &str, spec: Value| {
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                    "metadata": { "name": name, "namespace": "default" }, "spec": spec })
        };
        let web_of = json!({ "matchLabels": { "app": "web" } });
        objects.plant(&policy("deny", json!({ "podSelector": web_of, "policyTypes": ["Ingress"] })), now);
        assert!(!passes(&objects, &client, &web, 8080));
        assert!(passes(&objects, &web, &client, 8080), "what it sends is another matter");
        assert!(passes(&objects, &web, &web, 8080), "and so is what stays within");
        let ingress = json!([{ "from": [{ "podSelector": { "matchLabels": { "app": "client" } } }], "ports": [{ "port": "http" }] }]);
        objects.plant(
            &policy("let", json!({ "podSelector": web_of, "policyTypes": ["Ingress"], "ingress": ingress })),
            now,
        );
        assert!(passes(&objects, &client, &web, 8080) && !passes(&objects, &client, &web, 9090));
        assert!(!passes(&objects, &other, &web, 8080) && !passes(&objects, &far, &web, 8080));
        let everywhere = json!([{ "from": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } } }] }]);
        objects.plant(
            &policy("far", json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": everywhere })),
            now,
        );
        assert!(passes(&objects, &far, &web, 9090));
    }

    #[test]
    fn one_of_ciliums_denies_even_what_others_allow() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let mut objects = cluster.world();
        definitions(&mut objects, "cilium");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (web, client) = (pod("default", "web"), pod("kube-system", "client"));
        let policy = |name: &str, spec: Value| {
            json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
                    "metadata": { "name": name, "namespace": "default" }, "spec": spec })
        };
        let ingress = |from: Value| json!({ "endpointSelector": { "matchLabels": { "app": "web" } }, "ingress": [{ "fromEndpoints": [from] }] });
        objects.plant(&policy("own", ingress(json!({ "matchLabels": { "app": "client" } }))), now);
        assert!(!passes(&objects, &client, &web, 80), "it is of another namespace");
        objects.plant(
            &policy("any", ingress(json!({ "matchLabels": { "k8s:io.kubernetes.pod.namespace": "kube-system" } }))),
            now,
        );
        assert!(passes(&objects, &client, &web, 80));
        let deny = json!({ "endpointSelector": {}, "ingressDeny": [{ "fromEntities": ["cluster"], "toPorts": [{ "ports": [{ "port": "80" }] }] }] });
        objects.plant(&policy("not", deny), now);
        assert!(!passes(&objects, &client, &web, 80) && passes(&objects, &client, &web, 81));
    }
}

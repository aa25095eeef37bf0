//! What agents write of their node and of the endpoints on it: CiliumNodes, and a CiliumEndpoint for each pod that has an
//! address of its own. Endpoints are written where the ConfigMap `cilium-config` does not turn to slices.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::Operator;
use super::super::egress;
use super::super::site::Site;
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::hex;
use crate::lab::world::range::after;

pub(super) const WATCHES: &[&str] = &[
    "nodes",
    "pods",
    "ciliumnodes.cilium.io",
    "ciliumendpoints.cilium.io",
    "configmaps",
    "networkpolicies.networking.k8s.io",
    "ciliumnetworkpolicies.cilium.io",
];
const OWN: &str = WATCHES[2];
const ENDPOINTS: &str = WATCHES[3];

/// The agents' part.
#[derive(Debug)]
pub(super) struct Nodes;

impl Operator for Nodes {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, node) in site.all("nodes", "") {
            if site.get(OWN, "", &place.name).is_none() {
                let made = own(&node.value);
                site.create(&made);
            }
        }
        for (place, _) in site.all(OWN, "") {
            if site.get("nodes", "", &place.name).is_none() {
                site.delete(&place);
            }
        }
        let config = site.get("configmaps", "kube-system", "cilium-config");
        if config.is_none_or(|config| config.value["data"]["enable-cilium-endpoint-slice"] == "true") {
            return;
        }
        for (place, pod) in site.all("pods", "") {
            let pod = &pod.value;
            if pod["spec"]["hostNetwork"] == true || !pod["status"]["podIP"].is_string() {
                continue;
            }
            let wanted = status(site, pod);
            let at = Place::new(ENDPOINTS, &place.namespace, &place.name);
            match site.get(ENDPOINTS, &place.namespace, &place.name) {
                Some(there) => {
                    let mut value = there.value.clone();
                    value["status"] = wanted;
                    site.put(&at, value);
                }
                None => site.create(&json!({
                    "apiVersion": "cilium.io/v2", "kind": "CiliumEndpoint",
                    "metadata": { "name": place.name, "namespace": place.namespace, "generation": 1, "ownerReferences": [
                        { "apiVersion": "v1", "kind": "Pod", "name": place.name, "uid": pod["metadata"]["uid"] }] },
                    "status": wanted,
                })),
            }
        }
        for (place, _) in site.all(ENDPOINTS, "") {
            if site.get("pods", &place.namespace, &place.name).is_none() {
                site.delete(&place);
            }
        }
    }
}

fn own(node: &Value) -> Value {
    let name = &node["metadata"]["name"];
    let cidr = node["spec"]["podCIDR"].as_str().unwrap_or_default();
    let address = node["status"]["addresses"][0]["address"].clone();
    let router = cidr.split('/').next().and_then(|ip| ip.parse::<IpAddr>().ok()).and_then(|ip| after(ip, 1));
    json!({
        "apiVersion": "cilium.io/v2", "kind": "CiliumNode",
        "metadata": { "name": name, "generation": 1, "labels": node["metadata"]["labels"], "ownerReferences": [
            { "apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"] }] },
        "spec": {
            "addresses": [{ "ip": address, "type": "InternalIP" }, { "ip": router, "type": "CiliumInternalIP" }],
            "bootid": node["status"]["nodeInfo"]["bootID"], "encryption": {}, "health": {}, "ingress": {},
            "ipam": { "podCIDRs": [cidr], "pools": {} },
        },
        "status": { "ipam": { "operator-status": {} } },
    })
}

fn status(site: &Site<'_>, pod: &Value) -> Value {
    let metadata = &pod["metadata"];
    let (namespace, name) =
        (metadata["namespace"].as_str().unwrap_or_default(), metadata["name"].as_str().unwrap_or_default());
    let number = |of: &str, most: u64| u64::from_str_radix(&hex(&["cilium", of], 8), 16).unwrap_or(0) % most;
    let mut labels: Vec<String> = metadata["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("k8s:{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    labels.push(format!("k8s:io.cilium.k8s.policy.cluster={}", site.cluster));
    labels.push(format!("k8s:io.kubernetes.pod.namespace={namespace}"));
    labels.sort();
    let (ingress, egress) = egress::enforced(site.objects, pod);
    let state = |yes| {
        if yes {
            json!({ "enforcing": true, "state": "enabled" })
        } else {
            json!({ "enforcing": false, "state": "disabled" })
        }
    };
    let host = site.get("nodes", "", pod["spec"]["nodeName"].as_str().unwrap_or_default());
    json!({
        "id": 16 + number(&format!("{namespace}/{name}"), 4_000),
        "identity": { "id": 256 + number(&labels.join(","), 65_000), "labels": labels },
        "networking": {
            "addressing": [{ "ipv4": pod["status"]["podIP"] }],
            "node": host.map(|node| node.value["status"]["addresses"][0]["address"].clone()),
        },
        "policy": { "ingress": state(ingress), "egress": state(egress) }, "state": "ready",
    })
}

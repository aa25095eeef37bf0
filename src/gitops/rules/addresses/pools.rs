//! LoadBalancer addresses, and the pools that they have to come from.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{add, id, known};
use crate::gitops::finding::Findings;
use crate::gitops::flux::Cluster;
use crate::gitops::object::Object;
use crate::gitops::yaml::Node;

/// Annotations with LoadBalancer addresses, commas between them (Cilium, MetalLB).
const WANTED: &[&str] = &[
    "lbipam.cilium.io/ips",
    "io.cilium/lb-ipam-ips",
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
];
/// Annotations by which Services share an address.
const SHARED: &[&str] = &[
    "lbipam.cilium.io/sharing-key",
    "io.cilium/lb-ipam-sharing-key",
    "metallb.io/allow-shared-ip",
    "metallb.universe.tf/allow-shared-ip",
];
/// The ranges of an object, if it is a pool.
pub(super) fn pool_blocks(object: &Object) -> impl Iterator<Item = &Node> {
    let is = object.is("cilium.io", "CiliumLoadBalancerIPPool");
    object.node.list("spec.blocks").iter().chain(object.node.list("spec.cidrs")).filter(move |_| is)
}

/// The pools' ranges as first and last addresses; none where one is not known.
fn pools(cluster: &Cluster) -> Option<Vec<(IpAddr, IpAddr)>> {
    let mut ranges = Vec::new();
    for (_, object) in cluster.of("cilium.io", "CiliumLoadBalancerIPPool") {
        for block in pool_blocks(object) {
            let address = |key: &str| block.get(key).and_then(known).and_then(|text| text.parse::<IpAddr>().ok());
            let net = block.get("cidr").and_then(known).and_then(|text| text.parse::<IpNet>().ok());
            ranges.push(match net {
                Some(net) => (net.network(), net.broadcast()),
                None => (address("start")?, address("stop").or(address("start"))?),
            });
        }
    }
    (!ranges.is_empty() && !cluster.may_have("CiliumLoadBalancerIPPool")).then_some(ranges)
}

pub(super) fn disabled(cluster: &Cluster, findings: &mut Findings) {
    for (_, object) in cluster.of("cilium.io", "CiliumLoadBalancerIPPool") {
        if let Some(node) = object.node.at_path("spec.disabled").filter(|node| node.as_text() == Some("true")) {
            let message = format!("{} is disabled: no Service gets an address from it", object.words());
            add(findings, id::POOL_DISABLED, node.at, object, message);
        }
    }
}

/// The LoadBalancer addresses that an object asks for.
fn asked(object: &Object) -> Vec<(IpAddr, &Node)> {
    let mut nodes: Vec<&Node> = Vec::new();
    for path in ["metadata.annotations", "spec.infrastructure.annotations"] {
        let annotations = object.node.at_path(path);
        nodes.extend(WANTED.iter().filter_map(|name| annotations.and_then(|of| of.get(name))));
    }
    match object.kind() {
        "Service" => nodes.extend(object.node.at_path("spec.loadBalancerIP")),
        "Gateway" => {
            let addresses = object.node.list("spec.addresses").iter();
            nodes.extend(
                addresses
                    .filter(|one| matches!(one.text_at("type"), "" | "IPAddress"))
                    .filter_map(|one| one.get("value")),
            );
        }
        _ => return Vec::new(),
    }
    let mut asked = Vec::new();
    for node in nodes {
        let texts = known(node).unwrap_or_default().split(',').map(str::trim);
        asked.extend(texts.filter_map(|text| text.parse().ok()).map(|address| (address, node)));
    }
    asked
}

fn shared(object: &Object) -> bool {
    let annotations = object.node.at_path("metadata.annotations");
    SHARED.iter().any(|name| annotations.is_some_and(|of| of.get(name).is_some()))
}

pub(super) fn wanted(cluster: &Cluster, findings: &mut Findings) {
    let pools = pools(cluster);
    let mut seen: Vec<(IpAddr, &Object)> = Vec::new();
    for (_, object) in cluster.objects() {
        for path in ["metadata.annotations", "spec.infrastructure.annotations"] {
            for name in WANTED {
                let Some(node) = object.node.at_path(path).and_then(|of| of.get(name)) else { continue };
                for text in known(node).unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty()) {
                    if text.parse::<IpAddr>().is_err() {
                        let message = format!("{name} of {} is \"{text}\", which is no address", object.words());
                        add(findings, id::ADDRESS, node.at, object, message);
                    }
                }
            }
        }
        for (address, node) in asked(object) {
            if let Some(pools) = pools.as_ref().filter(|pools| !pools.iter().any(|(a, z)| (*a..=*z).contains(&address)))
            {
                let shown: Vec<String> = pools.iter().map(|(a, z)| format!("{a}-{z}")).collect();
                let message = format!(
                    "{} asks for {address}, which is in no pool of the cluster ({})",
                    object.words(),
                    shown.join(", ")
                );
                add(findings, id::OUTSIDE, node.at, object, message);
            }
            match seen.iter().find(|(known, other)| *known == address && other.id() != object.id()) {
                Some((_, other)) if !(shared(object) && shared(other)) => {
                    let message = format!("{} asks for {address}, and {} does, too", object.words(), other.words());
                    add(findings, id::ADDRESS_TWICE, node.at, object, message);
                }
                _ => seen.push((address, object)),
            }
        }
    }
}

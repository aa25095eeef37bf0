//! Addresses and ranges: that they are some, and that they lie where they should.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{View, id};
use crate::gitops::finding::Findings;
use crate::gitops::flux::Cluster;
use crate::gitops::object::Object;
use crate::gitops::yaml::{At, Node};

/// Annotations with LoadBalancer addresses, commas between them (Cilium, MetalLB).
const WANTED: &[&str] = &["lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips", "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];
/// Annotations by which Services share an address.
const SHARED: &[&str] = &["lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key", "metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"];
/// Where ranges are written: kind, and keys below which the texts are ranges.
const RANGES: &[(&str, &[&str])] = &[
    ("NetworkPolicy", &["cidr"]),
    ("CiliumNetworkPolicy", &["cidr", "toCIDR", "fromCIDR"]),
    ("CiliumClusterwideNetworkPolicy", &["cidr", "toCIDR", "fromCIDR"]),
    ("CiliumLoadBalancerIPPool", &["cidr"]),
];

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    for (_, object) in view.cluster.objects() {
        ranges(object, findings);
        variables(object, findings);
    }
    disabled(view.cluster, findings);
    wanted(view.cluster, findings);
    services(view.cluster, findings);
    overlaps(view, findings);
}

fn add(findings: &mut Findings, rule: &'static str, at: At, object: &Object, message: String) {
    findings.add(rule, at, &object.words(), message, &object.chain);
}

/// A text that is known, and has no variable left in it.
fn known(node: &Node) -> Option<&str> {
    node.as_text().map(str::trim).filter(|text| !node.is_unknown() && !text.contains("${"))
}

fn ranges(object: &Object, findings: &mut Findings) {
    let Some((_, keys)) = RANGES.iter().find(|(kind, _)| *kind == object.kind()) else { return };
    object.node.walk(&mut |node| {
        for (key, value) in node.entries().iter().filter(|(key, _)| keys.contains(&key.text.as_str())) {
            for one in std::iter::once(value).chain(value.items()) {
                let Some(text) = known(one) else { continue };
                if text.parse::<IpNet>().is_err() && !(text.parse::<IpAddr>().is_ok() && key.text != "cidr") {
                    let message = format!("{} of {} is \"{text}\", which is no range", key.text, object.words());
                    add(findings, id::ADDRESS, one.at, object, message);
                }
            }
        }
    });
    for block in pool_blocks(object) {
        let ends = ["start", "stop"].map(|end| block.get(end));
        for end in ends.iter().flatten() {
            if let Some(text) = known(end).filter(|text| text.parse::<IpAddr>().is_err()) {
                let message = format!("an end of a range of {} is \"{text}\", which is no address", object.words());
                add(findings, id::ADDRESS, end.at, object, message);
            }
        }
        let [start, stop] = ends.map(|end| end.and_then(known).and_then(|text| text.parse::<IpAddr>().ok()));
        if let Some((start, stop)) = start.zip(stop).filter(|(start, stop)| start > stop) {
            let message = format!("a range of {} goes from {start} to {stop}: its end is before its start", object.words());
            add(findings, id::ADDRESS, block.at, object, message);
        }
    }
}

/// Values of ConfigMaps whose names say that they are an address or a range, and which have the look of one.
fn variables(object: &Object, findings: &mut Findings) {
    if object.kind() != "ConfigMap" {
        return;
    }
    for (key, value) in object.node.get("data").map_or(&[][..], Node::entries) {
        let name = key.text.to_uppercase();
        let Some(text) = known(value) else { continue };
        let looks = text.matches('.').count() >= 2 && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '/'));
        let range = ["_CIDR", "_SUBNET", "_NETWORK"].iter().any(|end| name.ends_with(end));
        let address = ["_IP", "_ADDRESS", "_VIP"].iter().any(|end| name.ends_with(end));
        let fits = text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok();
        if looks && (range || address) && !fits {
            let what = if range { "range" } else { "address" };
            let message = format!("{} of {} is \"{text}\", which is no {what}", key.text, object.words());
            add(findings, id::ADDRESS, value.at, object, message);
        }
    }
}

fn pool_blocks(object: &Object) -> impl Iterator<Item = &Node> {
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

fn disabled(cluster: &Cluster, findings: &mut Findings) {
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
            nodes.extend(addresses.filter(|one| matches!(one.text_at("type"), "" | "IPAddress")).filter_map(|one| one.get("value")));
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

fn wanted(cluster: &Cluster, findings: &mut Findings) {
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
            if let Some(pools) = pools.as_ref().filter(|pools| !pools.iter().any(|(a, z)| (*a..=*z).contains(&address))) {
                let shown: Vec<String> = pools.iter().map(|(a, z)| format!("{a}-{z}")).collect();
                let message = format!("{} asks for {address}, which is in no pool of the cluster ({})", object.words(), shown.join(", "));
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

/// A variable of the cluster whose name says what range it is.
fn range_of<'a>(cluster: &'a Cluster, words: &'a [&'a str]) -> Vec<(&'a str, IpNet, At)> {
    let mut ranges: Vec<(&str, IpNet, At)> = Vec::new();
    for (name, (value, at)) in cluster.units.iter().flat_map(|unit| &unit.variables.values) {
        let upper = name.to_uppercase();
        let own = words.iter().any(|word| upper == *word || upper == format!("CLUSTER_{word}"));
        for net in value.iter().flat_map(|value| value.split(',')).filter_map(|text| text.trim().parse().ok()) {
            if own && !ranges.iter().any(|(_, known, _)| *known == net) {
                ranges.push((name, net, *at));
            }
        }
    }
    ranges
}

const SERVICES: &[&str] = &["SERVICE_CIDR", "SVC_CIDR", "SERVICES_CIDR", "SERVICE_SUBNET"];
const PODS: &[&str] = &["POD_CIDR", "PODS_CIDR", "POD_SUBNET"];

fn services(cluster: &Cluster, findings: &mut Findings) {
    let ranges = range_of(cluster, SERVICES);
    if ranges.is_empty() {
        return;
    }
    let outside = |node: &Node| {
        let address = known(node).and_then(|text| text.parse::<IpAddr>().ok())?;
        let same = |net: &IpNet| net.addr().is_ipv4() == address.is_ipv4();
        let of: Vec<&IpNet> = ranges.iter().map(|(_, net, _)| net).filter(|net| same(net)).collect();
        (!of.is_empty() && !of.iter().any(|net| net.contains(&address))).then_some(address)
    };
    let shown: Vec<String> = ranges.iter().map(|(name, net, _)| format!("{name} {net}")).collect();
    let shown = shown.join(", ");
    for (_, object) in cluster.objects() {
        let mut nodes: Vec<&Node> = Vec::new();
        match object.kind() {
            "Service" => nodes.extend(object.node.at_path("spec.clusterIP")),
            "HelmRelease" => nodes.extend(object.node.at_path("spec.values.service.clusterIP")),
            _ => {}
        }
        for node in nodes {
            if let Some(address) = outside(node) {
                let message = format!("the Service of {} wants {address}, which is outside of {shown}", object.words());
                add(findings, id::SERVICE_ADDRESS, node.at, object, message);
            }
        }
    }
}

/// Ranges of pods and Services: apart within a cluster, and between clusters that a ClusterMesh joins.
fn overlaps(view: &View<'_>, findings: &mut Findings) {
    let of = |cluster: &'static [&'static str], one: &'_ Cluster| -> Vec<(String, IpNet, At)> {
        range_of(one, cluster).into_iter().map(|(name, net, at)| (name.to_owned(), net, at)).collect()
    };
    let mut all: Vec<(String, String, IpNet, At)> = Vec::new();
    for cluster in view.all {
        for (name, net, at) in of(PODS, cluster).into_iter().chain(of(SERVICES, cluster)) {
            all.push((cluster.name.clone(), name, net, at));
        }
    }
    let own = all.iter().enumerate().filter(|(_, (cluster, ..))| *cluster == view.cluster.name);
    for (index, (cluster, name, net, at)) in own {
        let meets = |other: &&(String, String, IpNet, At)| {
            (other.2.contains(&net.network()) || net.contains(&other.2.network())) && (&other.0, &other.1) != (cluster, name)
        };
        // Told once, at the later of the two.
        if let Some(other) = all[..index].iter().find(meets) {
            let message = format!("{name} {net} of {cluster} overlaps with {} {} of {}", other.1, other.2, other.0);
            let chain = [view.cluster.entry.clone()];
            findings.add(id::CIDR_OVERLAP, *at, "", message, &chain);
        }
    }
}

//! The ranges of pods and Services: what lies in them, and that they don't overlap.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{View, add, id, known};
use crate::gitops::finding::Findings;
use crate::gitops::flux::Cluster;
use crate::gitops::yaml::{At, Node};

/// A variable of the cluster whose name says what range it is.
fn range_of<'a>(cluster: &'a Cluster, words: &'a [&'a str]) -> Vec<(&'a str, IpNet, At)> {
    let mut ranges: Vec<(&str, IpNet, At)> = Vec::new();
    for (name, (value, at)) in cluster.units.iter().flat_map(|unit| &unit.variables.values) {
        let bare = name.strip_prefix("CLUSTER_").or_else(|| name.strip_prefix("cluster_")).unwrap_or(name);
        let own = words.iter().any(|word| bare.eq_ignore_ascii_case(word));
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

pub(super) fn services(cluster: &Cluster, findings: &mut Findings) {
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
pub(super) fn overlaps(view: &View<'_>, findings: &mut Findings) {
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
            (other.2.contains(&net.network()) || net.contains(&other.2.network()))
                && (&other.0, &other.1) != (cluster, name)
        };
        // Told once, at the later of the two.
        if let Some(other) = all[..index].iter().find(meets) {
            let message = format!("{name} {net} of {cluster} overlaps with {} {} of {}", other.1, other.2, other.0);
            let chain = [view.cluster.entry.clone()];
            findings.add(id::CIDR_OVERLAP, *at, "", message, &chain);
        }
    }
}

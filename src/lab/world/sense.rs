//! What a topology says that has the right form and makes no sense as a network: ranges that overlap, addresses that are
//! somewhere else, machines that are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::range::Range;
use super::read::Problems;
use super::topology::{Cluster, Role, Topology, WorkloadKind};

/// The most pods that a cluster is made with: each takes some 20 KB.
const PODS: u64 = 50_000;

/// Finds all of it.
pub(super) fn judge(topology: &Topology, problems: &mut Problems<'_>) {
    if topology.clusters.is_empty() {
        problems.within("clusters", None, "there is no cluster: a platform has at least one".into());
    }
    let (hold, keepalive) = (topology.router.hold, topology.router.keepalive);
    if keepalive >= hold {
        let message = format!("keepalive is {keepalive:?}, and hold {hold:?}: every session would end before a word");
        problems.within("router", Some("keepalive"), message);
    }
    let mut ids = BTreeMap::new();
    for (name, cluster) in &topology.clusters {
        let table = format!("clusters.{name}");
        if let Some(other) = ids.insert(cluster.id, name) {
            let message = format!("cluster {name} has the id {}, which {other} has: ClusterMesh needs two", cluster.id);
            problems.within(&table, Some("id"), message);
        }
        if cluster.server.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            let message =
                format!("\"{}\" is no server: expected NAME:PORT, such as {name}.example.com:6443", cluster.server);
            problems.within(&table, Some("server"), message);
        }
        machines(name, cluster, &table, problems);
        networks(name, cluster, &table, problems);
        twice(name, cluster, problems);
    }
    ranges(topology, problems);
    stages(topology, problems);
}

/// Nodes, and what runs on them.
fn machines(name: &str, cluster: &Cluster, table: &str, problems: &mut Problems<'_>) {
    if !cluster.nodes.iter().any(|node| node.roles.contains(&Role::ControlPlane)) {
        let message = match cluster.nodes.is_empty() {
            true => format!("cluster {name} has no nodes"),
            false => format!("cluster {name} has no node with the role \"control-plane\": nothing runs its API server"),
        };
        problems.within(table, Some("nodes"), message);
    }
    let nodes = cluster.nodes.len() as u64;
    let pods =
        |kind: WorkloadKind, replicas: u32| if kind == WorkloadKind::DaemonSet { nodes } else { replicas.into() };
    let all: u64 = cluster.workloads.iter().map(|workload| pods(workload.kind, workload.replicas)).sum();
    if all > PODS {
        let message = format!("cluster {name} has {all} pods: the lab holds {PODS} a cluster");
        problems.within(&format!("{table}.workloads"), None, message);
    }
}

/// The ranges of a cluster.
fn networks(name: &str, cluster: &Cluster, table: &str, problems: &mut Problems<'_>) {
    let (pods, services) = (cluster.pod_cidr, cluster.service_cidr);
    for (key, net) in [("pod_cidr", pods), ("service_cidr", services)] {
        if net.addr() != net.network() {
            let message = format!("{key} of cluster {name} is {net}, which begins at {}", net.trunc());
            problems.within(table, Some(key), message);
        }
    }
    if !services.contains(&cluster.dns) {
        let message = format!("dns of cluster {name} is {}, outside of its service_cidr {services}", cluster.dns);
        problems.within(table, Some("dns"), message);
    }
    // A node has a /24 of it.
    let room = match pods {
        IpNet::V4(net) => 1_u64 << 24_u8.saturating_sub(net.prefix_len()).min(32),
        IpNet::V6(_) => u64::MAX,
    };
    if (cluster.nodes.len() as u64) > room || pods.prefix_len() > 24 && pods.addr().is_ipv4() {
        let message = format!(
            "pod_cidr of cluster {name} is {pods}, too small for {} nodes with a /24 each",
            cluster.nodes.len()
        );
        problems.within(table, Some("pod_cidr"), message);
    }
    for node in &cluster.nodes {
        let address = *node.address.get_ref();
        for (key, net) in [("pod_cidr", pods), ("service_cidr", services)] {
            if net.contains(&address) {
                let message =
                    format!("node {} has the address {address}, which lies in {key} {net}", node.name.get_ref());
                problems.at(&node.address, message, None);
            }
        }
        if let Some((pool, _)) = pools(cluster).find(|(_, range)| range.contains(address)) {
            let message =
                format!("node {} has the address {address}, which pool {pool} gives to Services", node.name.get_ref());
            problems.at(&node.address, message, None);
        }
    }
}

fn pools(cluster: &Cluster) -> impl Iterator<Item = (&str, &Range)> {
    cluster.pools.iter().flat_map(|(name, ranges)| ranges.iter().map(move |range| (name.as_str(), range)))
}

/// What is there twice.
fn twice(name: &str, cluster: &Cluster, problems: &mut Problems<'_>) {
    let mut seen = BTreeSet::new();
    for workload in &cluster.workloads {
        let what = format!("{:?} {}/{}", workload.kind, workload.namespace.get_ref(), workload.name.get_ref());
        if !seen.insert(what.clone()) {
            problems.at(&workload.name, format!("{what} is there twice in cluster {name}"), None);
        }
    }
    for service in &cluster.services {
        let what = format!("Service {}/{}", service.namespace.get_ref(), service.name.get_ref());
        if service.ports.is_empty() {
            problems.at(&service.name, format!("{what} has no ports"), None);
        }
        if !seen.insert(what.clone()) {
            problems.at(&service.name, format!("{what} is there twice in cluster {name}"), None);
        }
    }
    for (at, namespace) in cluster.namespaces.iter().enumerate() {
        if cluster.namespaces[..at].contains(namespace) {
            let message = format!("namespace {namespace} is there twice in cluster {name}");
            problems.within(&format!("clusters.{name}"), Some("namespaces"), message);
        }
    }
}

/// Ranges that have addresses in common: of one cluster or of two, since all are reached over one router.
fn ranges(topology: &Topology, problems: &mut Problems<'_>) {
    let of = |net: IpNet| Range { first: net.network(), last: net.broadcast() };
    let mut seen: Vec<(Range, String)> = Vec::new();
    for (name, cluster) in &topology.clusters {
        let own = format!("clusters.{name}");
        let nets = [("pod_cidr", cluster.pod_cidr), ("service_cidr", cluster.service_cidr)];
        let mut all: Vec<(String, &str, Range, String)> =
            nets.map(|(key, net)| (own.clone(), key, of(net), format!("{key} of cluster {name}"))).into();
        for (pool, range) in pools(cluster) {
            all.push((format!("{own}.pools"), pool, *range, format!("pool {pool} of cluster {name}")));
        }
        for (table, key, range, what) in all {
            // A pool may lie among the addresses of Services: the specification's own does.
            let beside = |whose: &str| {
                let pair = [what.as_str(), whose];
                pair.iter().any(|one| one.starts_with("pool")) && pair.iter().any(|one| one.starts_with("service_cidr"))
            };
            let other = seen.iter().find(|(other, whose)| overlap(other, &range) && !beside(whose));
            if let Some((other, whose)) = other {
                let message = format!("{what} ({range}) has addresses of {whose} ({other})");
                problems.within(&table, Some(key), message);
            } else if range.contains(topology.router.address) {
                let message = format!("{what} ({range}) has the router's address {}", topology.router.address);
                problems.within(&table, Some(key), message);
            }
            seen.push((range, what));
        }
    }
}

fn overlap(one: &Range, other: &Range) -> bool {
    let same = |a: IpAddr, b: IpAddr| a.is_ipv4() == b.is_ipv4();
    same(one.first, other.first) && one.first <= other.last && other.first <= one.last
}

/// Stages of the file's own.
fn stages(topology: &Topology, problems: &mut Problems<'_>) {
    for (at, stage) in topology.stages.iter().enumerate() {
        let earlier = &topology.stages[..at];
        if earlier.iter().any(|other| other.name == stage.name) || stage.name == super::stage::COMPLETE {
            let message = format!("stage \"{}\" is there twice", stage.name);
            problems.within("stages", Some(&format!("name = \"{}\"", stage.name)), message);
        }
        if let Some(before) = earlier.last().filter(|before| before.machines > stage.machines) {
            let message =
                format!("stage \"{}\" has its machines less far than \"{}\" before it", stage.name, before.name);
            problems.within("stages", Some(&format!("name = \"{}\"", stage.name)), message);
        }
    }
    if topology.stages.last().is_some_and(|last| last.machines != super::stage::Machines::Running) {
        problems.within(
            "stages",
            None,
            "the last stage has no API server: machines has to be \"running\" there".into(),
        );
    }
}

/// Where a key of a table is written; else the table; else the beginning. `key` may be more of its line.
pub(super) fn find(text: &str, table: &str, key: Option<&str>) -> usize {
    let heads = [format!("[{table}]"), format!("[[{table}]]")];
    let (mut at, mut found, mut inside) = (0, None, false);
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('[') && bare.contains(']') && !bare.contains('=') {
            let head = bare.split('#').next().unwrap_or_default().trim();
            inside = heads.iter().any(|wanted| wanted == head);
            if inside && found.is_none() {
                found = Some(at);
            }
        } else if let Some(key) = key.filter(|_| inside) {
            let rest =
                bare.trim_start_matches('"').strip_prefix(key).map(|rest| rest.trim_start_matches('"').trim_start());
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', '#'])) {
                return at + (line.len() - line.trim_start().len());
            }
        }
        at += line.len();
    }
    found.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_their_tables() {
        let text = "a = 1\n[b] # so\n  a = 2\n\"c-d\" = [\n  [1],\n]\n[[e]]\nname = \"x\"\n[[e]]\nname = \"y\"\n";
        let line = |table, key| text[..find(text, table, key)].matches('\n').count() + 1;
        assert_eq!([line("b", None), line("b", Some("a")), line("b", Some("c-d"))], [2, 3, 4]);
        assert_eq!([line("e", Some("name = \"y\"")), line("e", Some("none")), line("f", Some("a"))], [10, 7, 1]);
    }
}

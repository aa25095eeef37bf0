//! How things of a topology are called: by names that an API server would take, in versions and images that there can be.

use toml::Spanned;

use super::read::Problems;
use super::topology::{Cluster, Topology};
use crate::lab::kube::validate::names;

/// Finds what no API server would take.
pub(super) fn judge(topology: &Topology, problems: &mut Problems<'_>) {
    for (name, cluster) in &topology.clusters {
        let table = format!("clusters.{name}");
        for why in names::label(name) {
            problems.within(&table, None, format!("a cluster can't be called \"{name}\": {why}"));
        }
        if cluster.id == 0 {
            let message = format!("cluster {name} has the id 0: ClusterMesh takes 1 to 255");
            problems.within(&table, Some("id"), message);
        }
        for (key, version) in
            [("kubernetes", &cluster.kubernetes), ("talos", &cluster.talos), ("cilium", &cluster.cilium)]
        {
            if !is_version(version) {
                let message = format!("{key} of cluster {name} is \"{version}\": expected a version such as v1.34.1");
                problems.within(&table, Some(key), message);
            }
        }
        for namespace in &cluster.namespaces {
            for why in names::label(namespace) {
                problems.within(
                    &table,
                    Some("namespaces"),
                    format!("no namespace can be called \"{namespace}\": {why}"),
                );
            }
        }
        objects(cluster, &table, problems);
    }
}

fn objects(cluster: &Cluster, table: &str, problems: &mut Problems<'_>) {
    let mut named = |what: &str, name: &Spanned<String>, wrong: Vec<String>| {
        for why in wrong {
            problems.at(name, format!("no {what} can be called \"{}\": {why}", name.get_ref()), None);
        }
    };
    // A row that could not be spread has a part of a name.
    for node in cluster.nodes.iter().filter(|node| node.count.is_none()) {
        named("node", &node.name, names::subdomain(node.name.get_ref()));
    }
    for workload in &cluster.workloads {
        named("namespace", &workload.namespace, names::label(workload.namespace.get_ref()));
        named("workload", &workload.name, names::subdomain(workload.name.get_ref()));
    }
    for service in &cluster.services {
        named("namespace", &service.namespace, names::label(service.namespace.get_ref()));
        named("Service", &service.name, names::label_1035(service.name.get_ref()));
    }
    for workload in &cluster.workloads {
        let what = format!("{}/{}", workload.namespace.get_ref(), workload.name.get_ref());
        if workload.image.trim().is_empty() || workload.image.contains(char::is_whitespace) {
            problems.at(
                &workload.name,
                format!("workload {what} has the image \"{}\": expected NAME:TAG", workload.image),
                None,
            );
        }
        for (key, value) in &workload.labels {
            for why in names::label_key(key) {
                problems.at(&workload.name, format!("workload {what} has the label \"{key}\": {why}"), None);
            }
            if let Some(why) = names::label_value(value) {
                let message = format!("workload {what} has the label \"{key}\" with the value \"{value}\": {why}");
                problems.at(&workload.name, message, None);
            }
        }
    }
    for pool in cluster.pools.keys() {
        for why in names::subdomain(pool) {
            problems.within(&format!("{table}.pools"), Some(pool), format!("no pool can be called \"{pool}\": {why}"));
        }
    }
}

/// `v1.34.1`, `1.18.2`, `v1.12.0-beta.1`
fn is_version(text: &str) -> bool {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let numbers = bare.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = numbers.split('.').collect();
    (2..=3).contains(&parts.len()) && parts.iter().all(|part| part.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_no_server_would_take_is_told_with_its_line() {
        let one = include_str!("../topology/one-node.toml");
        for (from, to, said) in [
            ("kubernetes = \"v", "kubernetes = \"foo", "is \"foo"),
            ("image = \"", "image = \"a b", "has the image \"a b"),
            ("id = 1", "id = 0", "ClusterMesh takes 1 to 255"),
        ] {
            assert!(one.contains(from), "{from}");
            let errors = read::parse("x.toml", "x", &one.replacen(from, to, 1)).unwrap_err();
            let told: Vec<String> = errors.iter().map(|e| format!("{} {:?}", e.message, e.place)).collect();
            assert!(told.iter().any(|one| one.contains(said) && one.contains("line")), "{said}: {told:?}");
        }
        assert!(is_version("v1.34.1") && is_version("1.18") && is_version("v1.12.0-beta.1"));
        assert!(!is_version("foo") && !is_version("v1") && !is_version(""));
    }
}

//! A cluster of a topology as Kubernetes objects: what its API server has when the lab starts complete.

mod cilium;
mod definitions;
mod flux;
pub(in crate::lab) mod names;
mod node;
mod notation;
mod service;
mod workload;

pub(in crate::lab::world) use definitions::{operators, version};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Topology;
use super::read::COMMON;
use super::topology::Cluster;
use super::wanted::BY;

/// What objects are made of: a cluster, and when it came to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Making<'t> {
    pub(super) topology: &'t Topology,
    pub(super) name: &'t str,
    pub(super) cluster: &'t Cluster,
    /// When everything was created, in the API's form.
    pub(super) born: &'t str,
}

/// Everything that a cluster has, in an order in which it could be created: definitions and namespaces first.
///
/// A name that no cluster has gives nothing.
pub fn all(topology: &Topology, name: &str, born: Timestamp) -> Vec<Value> {
    let Some(cluster) = topology.clusters.get(name) else { return Vec::new() };
    let born = born.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let making = Making { topology, name, cluster, born: &born };
    let mut out = definitions::all(&making);
    let namespaces = COMMON.into_iter().chain(cluster.namespaces.iter().map(String::as_str));
    out.extend(namespaces.map(|namespace| making.namespace(namespace)));
    out.extend(cluster.nodes.iter().enumerate().map(|(index, node)| node::object(&making, index, node)));
    out.extend(cilium::all(&making));
    out.extend(flux::all(&making));
    out.extend(making.wanted());
    out.extend(service::all(&making));
    for workload in &cluster.workloads {
        out.extend(workload::all(&making, workload));
    }
    out
}

/// What Flux has in a cluster and what it applies there, as far as the topology writes it down: the settings, the
/// repository, Kustomizations, Cilium's objects, and those that say which Kustomization applies them.
pub(in crate::lab) fn of_flux(topology: &Topology, name: &str) -> Vec<Value> {
    let Some(cluster) = topology.clusters.get(name) else { return Vec::new() };
    let making = Making { topology, name, cluster, born: "" };
    flux::all(&making).into_iter().chain(cilium::all(&making)).chain(making.wanted()).collect()
}

impl Making<'_> {
    /// `metadata` of an object; in no namespace where that is empty.
    fn metadata(&self, kind: &str, namespace: &str, name: &str, labels: Value) -> Value {
        let uid = names::uid(&[self.name, kind, namespace, name]);
        let mut metadata = json!({ "name": name, "uid": uid, "creationTimestamp": self.born, "generation": 1 });
        if !namespace.is_empty() {
            metadata["namespace"] = namespace.into();
        }
        if labels.as_object().is_some_and(|labels| !labels.is_empty()) {
            metadata["labels"] = labels;
        }
        metadata
    }

    /// What the topology writes down as objects.
    fn wanted(&self) -> impl Iterator<Item = Value> {
        let rows =
            self.cluster.objects.iter().flat_map(|rows| super::wanted::expand(rows.get_ref()).unwrap_or_default());
        rows.map(|mut object| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (kind, own) = (text(&object["kind"]), object["metadata"].clone());
            let mut metadata =
                self.metadata(&kind, &text(&own["namespace"]), &text(&own["name"]), own["labels"].clone());
            let mut annotations = own["annotations"].as_object().cloned().unwrap_or_default();
            if let Some(Value::String(by)) = annotations.remove(BY) {
                flux::applied(&mut metadata, &by);
            }
            if !annotations.is_empty() {
                metadata["annotations"] = annotations.into();
            }
            object["metadata"] = metadata;
            object
        })
    }

    fn namespace(&self, name: &str) -> Value {
        let mut metadata = self.metadata("Namespace", "", name, json!({ "kubernetes.io/metadata.name": name }));
        if let Some(map) = metadata.as_object_mut() {
            map.remove("generation");
        }
        json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": metadata,
            "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::world::read::embedded;

    fn of(topology: &str, cluster: &str) -> Vec<Value> {
        all(&embedded(topology).unwrap(), cluster, "2026-11-01T08:00:00Z".parse().unwrap())
    }

    fn count(objects: &[Value], kind: &str) -> usize {
        objects.iter().filter(|object| object["kind"] == kind).count()
    }

    #[test]
    fn a_cluster_has_everything_that_its_topology_says() {
        let objects = of("monosense", "apps");
        let topology = embedded("monosense").unwrap();
        let apps = &topology.clusters["apps"];
        assert_eq!(count(&objects, "Node"), 3);
        assert_eq!(count(&objects, "Namespace"), apps.namespaces.len() + 4);
        assert_eq!(count(&objects, "Service"), apps.services.len() + 1, "and the API server's own");
        assert_eq!(count(&objects, "CiliumBGPNodeConfig"), 3);
        let pods: u32 = apps.workloads.iter().map(|w| workload::wanted(w, 3)).sum();
        assert_eq!(count(&objects, "Pod"), pods as usize);
        assert!(of("monosense", "nowhere").is_empty());
    }

    #[test]
    fn names_uids_and_addresses_are_there_once() {
        for cluster in ["infra", "apps"] {
            let objects = of("spec", cluster);
            let mut seen = std::collections::BTreeSet::new();
            let mut addresses = std::collections::BTreeSet::new();
            for object in &objects {
                let metadata = &object["metadata"];
                let place = format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"]);
                assert!(seen.insert(place.clone()), "{place} twice");
                assert!(seen.insert(metadata["uid"].to_string()), "the uid of {place} twice");
                for ip in [&object["status"]["podIP"], &object["spec"]["clusterIP"]] {
                    if let Some(ip) = ip.as_str().filter(|ip| *ip != "None" && object["spec"]["hostNetwork"] != true) {
                        assert!(addresses.insert(ip.to_string()), "{place}: {ip} twice");
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_topology_makes_the_same_objects() {
        assert_eq!(of("one-node", "infra"), of("one-node", "infra"));
    }

    #[test]
    fn ten_thousand_pods_are_made_in_no_time() {
        let begun = std::time::Instant::now();
        let objects = of("10000-pods", "infra");
        assert!(count(&objects, "Pod") >= 10_000);
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}

//! The stages, and which objects come with which.

use serde_json::json;

use super::*;
use crate::lab::world::{objects, read};

fn stages() -> Vec<Stage> {
    read::embedded("monosense").unwrap().stages
}

fn object(kind: &str, namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "metadata": { "namespace": namespace, "name": name } })
}

fn name_of(objects: &[Value]) -> Vec<String> {
    let stages = stages();
    of_all(&stages, objects).into_iter().map(|at| stages[at].name.clone()).collect()
}

#[test]
fn patterns_name_kinds_namespaces_and_names() {
    let fits = |pattern: &str, object: &Value| Pattern::parse(pattern).unwrap().fits(object);
    let web = object("Deployment", "shop", "web-1");
    for pattern in ["Deployment", "Deploy*", "* shop/*", "Deployment shop/web-?", "Deployment web-*"] {
        if pattern.contains('?') {
            assert!(Pattern::parse(pattern).is_err(), "one sign alone stands for others");
        } else {
            assert!(fits(pattern, &web), "{pattern}");
        }
    }
    assert!(!fits("Service shop/*", &web) && !fits("* shops/*", &web) && !fits("Deployment web", &web));
    assert!(!fits("* */*", &json!({ "kind": "Node", "metadata": { "name": "a" } })), "it is in no namespace");
    for wrong in ["", "a b c", "Pod a/b/c", "Pod /"] {
        assert!(Pattern::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_belongs_together_comes_together() {
    let mut set = object("ReplicaSet", "cert-manager", "anything");
    set["metadata"]["ownerReferences"] = json!([{ "kind": "Deployment", "name": "cert-manager" }]);
    let mut pod = object("Pod", "cert-manager", "anything-1");
    pod["metadata"]["ownerReferences"] = json!([{ "kind": "ReplicaSet", "name": "anything" }]);
    let mut slice = object("EndpointSlice", "default", "kubernetes-1");
    slice["metadata"]["labels"] = json!({ "kubernetes.io/service-name": "kubernetes" });
    let of = [
        pod,
        set,
        object("Deployment", "cert-manager", "cert-manager"),
        slice,
        object("Service", "default", "kubernetes"),
        object("ConfigMap", "shop", "prices"),
        json!({ "kind": "Namespace", "metadata": { "name": "shop" } }),
    ];
    assert_eq!(name_of(&of), ["core", "core", "core", "api", "api", "workloads", "workloads"]);
}

#[test]
fn no_object_comes_before_its_namespace_or_its_definition_and_the_last_stage_has_all() {
    for (topology, _) in read::EMBEDDED {
        let topology = read::embedded(topology).unwrap();
        for cluster in topology.clusters.keys() {
            let all = objects::all(&topology, cluster, "2026-11-01T08:00:00Z".parse().unwrap());
            let found = of_all(&topology.stages, &all);
            let at = |kind: &str, name: &str| {
                all.iter().position(|o| o["kind"] == kind && o["metadata"]["name"] == name).map(|index| found[index])
            };
            for (object, stage) in all.iter().zip(&found) {
                let words =
                    format!("{} {} {}", object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]);
                if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                    assert!(at("Namespace", namespace).is_none_or(|namespace| namespace <= *stage), "{words}");
                }
                assert!(*stage > 1, "{words}: before there is an API server");
            }
            let crds = find(&topology.stages, "crds").unwrap();
            assert!(at("Node", topology.clusters[cluster].nodes[0].name.get_ref()) < Some(crds));
            assert_eq!(at("DaemonSet", "cilium"), Some(crds + 1));
        }
    }
}

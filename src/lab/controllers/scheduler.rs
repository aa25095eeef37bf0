//! The scheduler: pods get nodes, the emptiest first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Looked;
use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;

/// Gives every pod that has none a node, or says why there is none.
pub(crate) fn look(world: &mut World, now: &str) -> Looked {
    let waiting: Vec<(Place, Value)> = world
        .store
        .list("pods", "")
        .filter(|(_, pod)| {
            pod.value["spec"]["nodeName"].is_null() && pod.value["metadata"]["deletionTimestamp"].is_null()
        })
        .map(|(place, pod)| (place.clone(), pod.value.clone()))
        .collect();
    if waiting.is_empty() {
        return Looked::default();
    }
    let nodes: Vec<Value> = world.store.list("nodes", "").map(|(_, node)| node.value.clone()).collect();
    let mut load: BTreeMap<String, usize> = BTreeMap::new();
    for (_, pod) in world.store.list("pods", "") {
        if let Some(node) = pod.value["spec"]["nodeName"].as_str() {
            *load.entry(node.to_string()).or_default() += 1;
        }
    }
    let mut changed = false;
    for (place, mut pod) in waiting {
        let fitting = nodes.iter().filter(|node| fits(node, &pod)).filter_map(|node| node["metadata"]["name"].as_str());
        match fitting.min_by_key(|name| (load.get(*name).copied().unwrap_or(0), *name)) {
            Some(node) => {
                *load.entry(node.to_string()).or_default() += 1;
                pod["spec"]["nodeName"] = node.into();
                condition(&mut pod, "True", None, now);
            }
            None => {
                let count = nodes.len();
                let message =
                    format!("0/{count} nodes are available: {count} node(s) were unschedulable or did not match.");
                if !condition(&mut pod, "False", Some(&message), now) {
                    continue;
                }
            }
        }
        world.store.put(place, pod);
        changed = true;
    }
    Looked { changed, again: None }
}

/// Whether a node takes a pod: ready, not cordoned, with the labels that the pod asks for.
fn fits(node: &Value, pod: &Value) -> bool {
    let ready = node["status"]["conditions"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"));
    let labels = &node["metadata"]["labels"];
    let wanted = pod["spec"]["nodeSelector"].as_object();
    ready
        && node["spec"]["unschedulable"] != true
        && wanted.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value))
}

/// Notes whether the pod has a node; whether that is news.
fn condition(pod: &mut Value, status: &str, message: Option<&str>, now: &str) -> bool {
    let mut all = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let same = all
        .iter()
        .any(|one| one["type"] == "PodScheduled" && one["status"] == status && one["message"].as_str() == message);
    if same {
        return false;
    }
    all.retain(|one| one["type"] != "PodScheduled");
    let mut one = json!({ "type": "PodScheduled", "status": status, "lastProbeTime": null, "lastTransitionTime": now });
    if let Some(message) = message {
        one["reason"] = "Unschedulable".into();
        one["message"] = message.into();
    }
    all.push(one);
    pod["status"]["conditions"] = all.into();
    if pod["status"]["phase"].is_null() {
        pod["status"]["phase"] = "Pending".into();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;

    #[test]
    fn pods_spread_over_the_nodes_that_take_them() {
        let clock = LabClock::real();
        let now = clock.now();
        let cluster = Cluster::new("infra", std::sync::Arc::new(clock));
        let mut world = cluster.world();
        for (name, cordoned) in [("a", false), ("b", false), ("c", true)] {
            let ready = json!([{ "type": "Ready", "status": "True" }]);
            let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": { "n": name } },
                               "spec": { "unschedulable": cordoned }, "status": { "conditions": ready } });
            world.plant(&node, now);
        }
        for name in ["one", "two", "three"] {
            let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default" },
                                  "spec": { "containers": [] } });
            if name == "three" {
                pod["spec"]["nodeSelector"] = json!({ "n": "c" });
            }
            world.plant(&pod, now);
        }
        assert!(look(&mut world, "now").changed);
        let of =
            |world: &World, name: &str| world.store.get(&Place::new("pods", "default", name)).unwrap().value.clone();
        let mut nodes =
            [of(&world, "one")["spec"]["nodeName"].to_string(), of(&world, "two")["spec"]["nodeName"].to_string()];
        nodes.sort();
        assert_eq!(nodes, ["\"a\"", "\"b\""]);
        let refused = of(&world, "three");
        assert!(refused["spec"]["nodeName"].is_null());
        assert_eq!(refused["status"]["conditions"][0]["reason"], "Unschedulable");
        assert!(!look(&mut world, "later").changed, "what is known is not told again");
    }
}

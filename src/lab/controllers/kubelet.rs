//! The kubelets: pods that have a node start and run, and end when they are deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Looked;
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;
use crate::lab::world::range::after;
use crate::lab::world::{Cause, World};

/// From a node to a running pod: the image is there already.
const START: Duration = Duration::from_millis(700);
/// What a container takes to end when it is told to.
const STOP: Duration = Duration::from_millis(200);

/// The kubelets of a cluster's nodes, with what they remember of their pods.
#[derive(Debug, Default)]
pub(crate) struct Kubelets {
    /// When a pod that is starting, or ending, was first seen so; by uid.
    seen: BTreeMap<(String, bool), Instant>,
}

impl Kubelets {
    /// Brings every pod one step on.
    pub(crate) fn look(&mut self, world: &World, objects: &mut Objects, stamp: &str) -> Looked {
        let now = world.clock.instant();
        let mut looked = Looked::default();
        let mut alive = BTreeSet::new();
        let mine: Vec<(Place, Value)> = objects
            .store
            .list("pods", "")
            .filter(|(_, pod)| moves(&pod.value))
            .map(|(place, pod)| (place.clone(), pod.value.clone()))
            .collect();
        for (place, mut pod) in mine {
            let node = pod["spec"]["nodeName"].as_str().unwrap_or_default().to_string();
            if world.has(&Cause::process(&node, "kubelet")) || world.has(&Cause::link(&node)) {
                continue;
            }
            let ending = !pod["metadata"]["deletionTimestamp"].is_null();
            let key = (pod["metadata"]["uid"].as_str().unwrap_or_default().to_string(), ending);
            let since = *self.seen.entry(key.clone()).or_insert(now);
            alive.insert(key);
            let due = since + if ending { STOP } else { START };
            if due > now {
                let wait = due - now;
                looked.again = Some(looked.again.map_or(wait, |other| other.min(wait)));
                if !ending && pod["status"]["startTime"].is_null() {
                    starting(objects, &mut pod, stamp);
                    objects.store.put(place, pod);
                    looked.changed = true;
                }
                continue;
            }
            if ending {
                if pod["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
                    objects.store.remove(&place);
                    looked.changed = true;
                }
                continue;
            }
            running(objects, &mut pod, stamp);
            objects.store.put(place, pod);
            looked.changed = true;
        }
        self.seen.retain(|key, _| alive.contains(key));
        looked
    }
}

/// Whether a kubelet has anything to do with a pod.
fn moves(pod: &Value) -> bool {
    let starts = matches!(pod["status"]["phase"].as_str(), None | Some("Pending"));
    pod["spec"]["nodeName"].is_string() && (starts || !pod["metadata"]["deletionTimestamp"].is_null())
}

fn starting(objects: &Objects, pod: &mut Value, stamp: &str) {
    let waiting = json!({ "waiting": { "reason": "ContainerCreating" } });
    pod["status"]["phase"] = "Pending".into();
    pod["status"]["startTime"] = stamp.into();
    pod["status"]["hostIP"] = host(objects, pod);
    pod["status"]["containerStatuses"] = statuses(pod, &waiting, false);
    conditions(pod, "False", stamp);
}

fn running(objects: &Objects, pod: &mut Value, stamp: &str) {
    let state = json!({ "running": { "startedAt": stamp } });
    let address = free_address(objects, pod).map(|address| address.to_string());
    if pod["status"]["startTime"].is_null() {
        pod["status"]["startTime"] = stamp.into();
    }
    pod["status"]["phase"] = "Running".into();
    pod["status"]["hostIP"] = host(objects, pod);
    let address = if pod["spec"]["hostNetwork"] == true { host(objects, pod) } else { address.into() };
    pod["status"]["podIPs"] = json!([{ "ip": address }]);
    pod["status"]["podIP"] = address;
    pod["status"]["containerStatuses"] = statuses(pod, &state, true);
    conditions(pod, "True", stamp);
}

fn node<'o>(objects: &'o Objects, pod: &Value) -> Option<&'o Value> {
    let name = pod["spec"]["nodeName"].as_str()?;
    objects.store.get(&Place::new("nodes", "", name)).map(|node| &node.value)
}

fn host(objects: &Objects, pod: &Value) -> Value {
    let addresses = node(objects, pod).and_then(|node| node["status"]["addresses"].as_array());
    let internal = addresses.and_then(|all| all.iter().find(|one| one["type"] == "InternalIP"));
    internal.map(|one| one["address"].clone()).unwrap_or_default()
}

/// The first address of the node's range that no pod has.
fn free_address(objects: &Objects, pod: &Value) -> Option<IpAddr> {
    let range: ipnet::IpNet = node(objects, pod)?["spec"]["podCIDR"].as_str()?.parse().ok()?;
    let taken: BTreeSet<IpAddr> = objects
        .store
        .list("pods", "")
        .filter_map(|(_, pod)| pod.value["status"]["podIP"].as_str()?.parse().ok())
        .collect();
    (2..250).filter_map(|place| after(range.network(), place)).find(|address| !taken.contains(address))
}

fn statuses(pod: &Value, state: &Value, ready: bool) -> Value {
    let one = |container: &Value| {
        json!({
            "name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "started": ready,
            "restartCount": 0, "state": state, "lastState": {},
        })
    };
    let containers = pod["spec"]["containers"].as_array();
    containers.map(|all| all.iter().map(one).collect::<Vec<_>>()).unwrap_or_default().into()
}

fn conditions(pod: &mut Value, ready: &str, stamp: &str) {
    let mut all = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.retain(|one| one["type"] == "PodScheduled");
    for (kind, status) in [("Initialized", "True"), ("Ready", ready), ("ContainersReady", ready)] {
        let mut one = json!({ "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": stamp });
        if status == "False" {
            one["reason"] = "ContainersNotReady".into();
        }
        all.push(one);
    }
    pod["status"]["conditions"] = all.into();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lab::clock::{LabClock, Pace};
    use crate::lab::kube::cluster::Cluster;
    use crate::lab::world::read;

    #[test]
    fn a_pod_starts_runs_and_ends() {
        let clock = LabClock::new("2026-01-01T00:00:00Z".parse().unwrap(), Pace::Still);
        let world = World::new(read::embedded("one-node").unwrap(), Arc::new(clock.clone()));
        let cluster = Cluster::new("infra", world.clock.clone());
        let mut objects = cluster.world();
        objects.plant(
            &json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "infra-01" },
                     "spec": { "podCIDR": "10.244.0.0/24" },
                     "status": { "addresses": [{ "type": "InternalIP", "address": "10.25.11.11" }] } }),
            world.clock.now(),
        );
        let place = Place::new("pods", "default", "web");
        objects.plant(
            &json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "default" },
                     "spec": { "nodeName": "infra-01", "containers": [{ "name": "web", "image": "web:1" }] } }),
            world.clock.now(),
        );
        let mut kubelets = Kubelets::default();
        let mut step = |objects: &mut Objects| {
            let looked = kubelets.look(&world, objects, "2026-01-01T00:00:00Z");
            let pod = objects.store.get(&place).map(|pod| pod.value.clone());
            (looked, pod.map(|pod| format!("{} {}", pod["status"]["phase"], pod["status"]["podIP"])))
        };
        let (looked, pod) = step(&mut objects);
        assert_eq!((looked.again, pod.as_deref()), (Some(START), Some("\"Pending\" null")));
        assert!(!step(&mut objects).0.changed, "it is starting already");
        clock.jump(START);
        assert_eq!(step(&mut objects).1.as_deref(), Some("\"Running\" \"10.244.0.2\""));
        assert_eq!(step(&mut objects).0, Looked::default(), "it runs");
        let mut pod = objects.store.get(&place).unwrap().value.clone();
        pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z".into();
        objects.store.put(place.clone(), pod);
        world.put(Cause::process("infra-01", "kubelet"));
        step(&mut objects);
        clock.jump(STOP);
        assert!(step(&mut objects).1.is_some(), "nobody ends it while the kubelet is gone");
        world.lift(&Cause::process("infra-01", "kubelet"));
        step(&mut objects);
        clock.jump(STOP);
        assert_eq!(step(&mut objects).1, None);
    }
}

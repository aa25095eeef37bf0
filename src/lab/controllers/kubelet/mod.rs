//! The kubelets: pods that have a node start, run, are probed, crash and come back, and end when they are deleted.
//!
//! Source: k8s.io/kubernetes `pkg/kubelet`.

mod cell;
mod ending;
mod image;
mod probe;
mod run;
mod start;
mod status;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::fields::{self, list};
use super::index::{Phase, Pod};
use super::manager::{Key, Who};
use super::scene::{Scene, Source};
use crate::lab::kube::store::Place;
use crate::lab::kube::verbs::endings;
use crate::lab::world::{Cause, World};
use run::Run;

const COMPONENT: &str = "kubelet";

/// The kubelets of a cluster's nodes, with what they remember of their pods.
#[derive(Debug, Default)]
pub(crate) struct Kubelets {
    /// By the pods' uids.
    runs: HashMap<String, Run>,
    /// Which pod is at a place.
    places: HashMap<Place, String>,
    /// Images that were pulled, by node.
    images: HashSet<(String, String)>,
}

/// Whether a node's kubelet does anything, and is heard.
pub(crate) fn is_alive(world: &World, node: &str) -> bool {
    !world.has(&Cause::process(node, "kubelet")) && !world.has(&Cause::link(node))
}

/// Whether a pod runs, and nothing is to come of it by itself.
pub(crate) fn is_settled(pod: &Pod) -> bool {
    let spec = &pod.stored.value["spec"];
    let probed = list(spec, "/containers")
        .iter()
        .any(|one| ["readinessProbe", "livenessProbe", "startupProbe"].iter().any(|probe| one[*probe].is_object()));
    let running = pod.phase == Phase::Running && pod.ready.is_some();
    !pod.ending && spec["activeDeadlineSeconds"].is_null() && ((running && !probed) || pod.is_over())
}

impl Kubelets {
    /// Whether a pod's kubelet has work with it.
    pub(crate) fn knows(&self, uid: &str) -> bool {
        self.runs.contains_key(uid)
    }

    /// Brings a pod one step on.
    pub(crate) fn look(&mut self, scene: &mut Scene<'_>, place: &Place) {
        let Some(pod) = scene.index.pod(place).cloned() else {
            if let Some(uid) = self.places.remove(place) {
                self.forget(scene, &uid);
            }
            return;
        };
        if pod.node.is_empty() || !is_alive(scene.world, &pod.node) {
            return;
        }
        if let Some(other) = self.places.get(place).filter(|uid| **uid != pod.uid).cloned() {
            self.forget(scene, &other);
        }
        if !self.runs.contains_key(&pod.uid) && is_settled(&pod) && !self.places.contains_key(place) {
            return;
        }
        self.places.insert(place.clone(), pod.uid.clone());
        let run = self.runs.entry(pod.uid.clone()).or_insert_with(|| Run::of(scene, &pod));
        let mut node = Node { scene, images: &mut self.images, name: &pod.node };
        let due = run.advance(&mut node, &pod);
        let finished = run.is_finished(&pod);
        status::write(scene, &pod, run);
        if finished {
            remove(scene, place);
        }
        if let Some(due) = due.filter(|due| *due > scene.now) {
            scene.at(due, Key { who: Who::Kubelet, place: place.clone() });
        }
    }

    fn forget(&mut self, scene: &mut Scene<'_>, uid: &str) {
        self.runs.remove(uid);
        scene.objects.inside.logs.forget(uid);
        scene.objects.inside.disks.forget(uid);
    }
}

/// A pod whose containers have ended, and that is to go, goes; unless somebody else still holds it.
fn remove(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    if list(&stored.value, "/metadata/finalizers").is_empty() {
        endings::remove(scene.objects, place);
    }
}

/// A node at work on a pod.
struct Node<'n, 's> {
    scene: &'n mut Scene<'s>,
    images: &'n mut HashSet<(String, String)>,
    name: &'n str,
}

impl Node<'_, '_> {
    /// Tells of something that happened to a pod, or to one of its containers.
    fn tell(&mut self, pod: &Pod, container: Option<&str>, kind: &str, reason: &str, message: &str) {
        let field = match container {
            Some(name) => {
                let init = list(&pod.stored.value, "/spec/initContainers").iter().any(|one| one["name"] == name);
                format!("spec.{}{{{name}}}", if init { "initContainers" } else { "containers" })
            }
            None => String::new(),
        };
        let source = Source { component: COMPONENT, host: self.name, field: &field };
        self.scene.event(&pod.stored.value, &source, kind, reason, message);
    }

    /// The first address of the node's range that no pod has.
    fn free_address(&self) -> Value {
        let node = self.scene.get(&Place::new("nodes", "", self.name));
        let range = node.and_then(|node| fields::text(&node.value, "/spec/podCIDR").parse::<ipnet::IpNet>().ok());
        let Some(range) = range else { return Value::Null };
        let taken: BTreeSet<_> = self.scene.index.on_node(self.name).filter_map(|pod| pod.address).collect();
        let mut all = (2..250).filter_map(|place| crate::lab::world::range::after(range.network(), place));
        let free = all.find(|address| !taken.contains(address) && self.scene.index.at(*address).is_none());
        free.map_or(Value::Null, |address| json!(address.to_string()))
    }

    fn own_address(&self) -> Value {
        let node = self.scene.get(&Place::new("nodes", "", self.name));
        let addresses = node.as_ref().map(|node| list(&node.value, "/status/addresses")).unwrap_or_default();
        addresses.iter().find(|one| one["type"] == "InternalIP").map(|one| one["address"].clone()).unwrap_or_default()
    }
}

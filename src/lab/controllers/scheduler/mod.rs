//! The scheduler: a pod gets a node that takes it, away from its like and on the emptiest, or the reasons why none does.
//!
//! Source: k8s.io/kubernetes `pkg/scheduler`.

mod filter;
mod spread;
mod volumes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::fields::{self, list, text};
use super::index::Pod;
use super::scene::Scene;
use crate::lab::kube::store::{Place, Stored};

const COMPONENT: &str = "default-scheduler";

/// Why a node does not take a pod, and whether room could be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Why {
    text: String,
    /// Whether it would help if other pods went.
    crowded: bool,
}

impl Why {
    fn never(text: impl Into<String>) -> Self {
        Self { text: text.into(), crowded: false }
    }

    fn crowded(text: impl Into<String>) -> Self {
        Self { text: text.into(), crowded: true }
    }
}

/// Gives a pod a node.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(pod) = scene.index.pod(place).cloned() else { return };
    let spec = &pod.stored.value["spec"];
    let gated = !list(spec, "/schedulingGates").is_empty();
    if !pod.node.is_empty() || pod.ending || pod.is_over() || gated {
        return;
    }
    if spec["schedulerName"].as_str().is_some_and(|name| name != COMPONENT) {
        return;
    }
    let nodes: Vec<Arc<Stored>> = scene.objects.store.list("nodes", "").map(|(_, node)| node.clone()).collect();
    let claims = match volumes::of(scene, &pod) {
        Ok(claims) => claims,
        Err(why) => return refuse(scene, &pod, nodes.len(), &[], Some(&why)),
    };
    let mut reasons: Vec<Why> = Vec::new();
    let mut fitting: Vec<&Value> = Vec::new();
    for node in &nodes {
        let node = &node.value;
        let faults = filter::faults(scene, &pod, node)
            .or_else(|| claims.fault(node))
            .or_else(|| spread::fault(scene, &pod, node, &nodes));
        match faults {
            None => fitting.push(node),
            Some(why) => reasons.extend(why),
        }
    }
    let best = fitting.into_iter().min_by_key(|node| {
        let name = fields::name(node);
        let like =
            |other: &&Arc<Pod>| other.controller.is_some() && other.controller == pod.controller && !other.ending;
        let beside = scene.index.on_node(name).filter(like).count();
        (beside, scene.index.on_node(name).count(), name.to_owned())
    });
    match best.map(|node| fields::name(node).to_owned()) {
        Some(node) => bind(scene, &pod, &node, &claims),
        None => refuse(scene, &pod, nodes.len(), &reasons, None),
    }
}

/// Binds a pod to a node; claims that waited for a first consumer wait for their volumes first.
fn bind(scene: &mut Scene<'_>, pod: &Pod, node: &str, claims: &volumes::Claims) {
    if claims.select(scene, node) {
        return;
    }
    let (own, stamp) = (node.to_owned(), scene.stamp.clone());
    scene.change(&pod.place, |pod| {
        pod["spec"]["nodeName"] = json!(own);
        scheduled(pod, "True", None, &stamp);
    });
    let (namespace, name) = (&pod.place.namespace, &pod.place.name);
    let message = format!("Successfully assigned {namespace}/{name} to {node}");
    scene.normal(&pod.stored.value, COMPONENT, "Scheduled", &message);
}

/// Says why no node takes the pod, where that is news.
fn refuse(scene: &mut Scene<'_>, pod: &Pod, nodes: usize, reasons: &[Why], before: Option<&str>) {
    let count = |pick: &dyn Fn(&Why) -> bool| reasons.iter().filter(|why| pick(why)).count();
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    for why in reasons {
        *tally.entry(why.text.clone()).or_default() += 1;
    }
    let mut parts: Vec<String> = tally.iter().map(|(text, count)| format!("{count} {text}")).collect();
    parts.sort();
    let detail = match before {
        Some(why) => why.to_owned(),
        None if nodes == 0 => "no nodes available to schedule pods".to_owned(),
        None => format!("0/{nodes} nodes are available: {}.", parts.join(", ")),
    };
    let message = match before {
        Some(why) => {
            format!(
                "0/{nodes} nodes are available: {why}. preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
            )
        }
        None if nodes == 0 => detail,
        None => {
            let (crowded, never) = (count(&|why| why.crowded), count(&|why| !why.crowded));
            let (crowded, never) = (crowded.min(nodes), never.min(nodes));
            let mut parts = Vec::new();
            if crowded > 0 {
                parts.push(format!(
                    "{} No preemption victims found for incoming pod",
                    crowded.min(nodes - never.min(nodes)).max(1)
                ));
            }
            if never > 0 {
                parts.push(format!("{never} Preemption is not helpful for scheduling"));
            }
            format!("{detail} preemption: 0/{nodes} nodes are available: {}.", parts.join(", "))
        }
    };
    let stamp = scene.stamp.clone();
    if scene.change(&pod.place, |pod| scheduled(pod, "False", Some(&message), &stamp)) {
        scene.warning(&pod.stored.value, COMPONENT, "FailedScheduling", &message);
    }
}

/// Notes whether the pod has a node.
fn scheduled(pod: &mut Value, status: &str, message: Option<&str>, now: &str) {
    let mut all = list(pod, "/status/conditions").to_vec();
    let old = all.iter().find(|one| one["type"] == "PodScheduled").cloned();
    if old.as_ref().is_some_and(|one| one["status"] == status && one["message"].as_str() == message) {
        return;
    }
    let since = old.filter(|one| one["status"] == status).map_or(json!(now), |one| one["lastTransitionTime"].clone());
    all.retain(|one| one["type"] != "PodScheduled");
    let mut one =
        json!({ "type": "PodScheduled", "status": status, "lastProbeTime": null, "lastTransitionTime": since });
    if let Some(message) = message {
        one["reason"] = "Unschedulable".into();
        one["message"] = message.into();
    }
    all.push(one);
    pod["status"]["conditions"] = all.into();
    if text(pod, "/status/phase").is_empty() {
        pod["status"]["phase"] = "Pending".into();
    }
}

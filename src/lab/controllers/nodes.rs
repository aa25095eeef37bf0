//! The life of nodes: a kubelet that is gone makes its node NotReady, its pods unready, and in the end lets them be
//! evicted; one that comes back puts all that right.
//!
//! Source: k8s.io/kubernetes `pkg/controller/nodelifecycle`, `pkg/controller/tainteviction`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fields::{self, list, text};
use super::fit;
use super::index::Pod;
use super::kubelet::is_alive;
use super::manager::{Key, Who};
use super::scene::{Scene, Source};
use crate::lab::kube::store::Place;
use crate::lab::world::Cause;

/// How long a kubelet may be silent.
pub(crate) const SILENCE: SignedDuration = SignedDuration::from_secs(40);
/// How often a kubelet tells of a node of which there is nothing new.
const HEARTBEAT: SignedDuration = SignedDuration::from_mins(5);
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// What a kubelet tells of its node when it is well.
const WELL: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// What a kubelet tells of its node now: pressure where its disk or memory is used up.
fn told(scene: &Scene<'_>, node: &str) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let has = |cause: Cause| scene.world.has(&cause);
    let (disk, memory) = (has(Cause::DiskFull { node: node.into() }), has(Cause::MemoryFull { node: node.into() }));
    WELL.into_iter()
        .map(|row| match row.0 {
            "DiskPressure" if disk => ("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
            "MemoryPressure" if memory => {
                ("MemoryPressure", "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
            }
            _ => row,
        })
        .collect()
}

/// Brings a node one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return orphans(scene, place) };
    let node = &stored.value;
    let known = scene.world.topology.nodes().any(|(_, one)| *one.name.get_ref() == place.name);
    let key = Key { who: Who::Node, place: place.clone() };
    // A node that no machine of the world stands behind is whatever somebody wrote.
    if known && is_alive(scene.world, &place.name) {
        well(scene, place, node);
        scene.at(scene.now + HEARTBEAT, key);
    } else if known {
        let since = silent_since(scene, &place.name);
        let due = since + SILENCE;
        if scene.now >= due {
            lost(scene, place, node);
        } else {
            scene.at(due, key);
        }
    }
    taints(scene, place);
    evict(scene, place);
}

/// Since when nothing is heard of a node's kubelet.
fn silent_since(scene: &Scene<'_>, node: &str) -> Timestamp {
    let causes = [Cause::process(node, "kubelet"), Cause::link(node)];
    let instant = scene.world.clock.instant();
    let since = causes.iter().filter_map(|cause| scene.world.since(cause)).min().unwrap_or(instant);
    scene.now - instant.saturating_duration_since(since)
}

fn set_condition(node: &mut Value, kind: &str, status: &str, reason: &str, message: &str, now: &str, beat: bool) {
    let Some(all) = node["status"]["conditions"].as_array_mut() else { return };
    let Some(one) = all.iter_mut().find(|one| one["type"] == kind) else {
        all.push(json!({ "type": kind, "status": status, "reason": reason, "message": message,
                         "lastHeartbeatTime": now, "lastTransitionTime": now }));
        return;
    };
    if one["status"] != status {
        one["lastTransitionTime"] = json!(now);
    }
    for (key, value) in [("status", status), ("reason", reason), ("message", message)] {
        one[key] = json!(value);
    }
    if beat {
        one["lastHeartbeatTime"] = json!(now);
    }
}

/// The kubelet tells of its node.
fn well(scene: &mut Scene<'_>, place: &Place, node: &Value) {
    let beat =
        fields::condition(node, "Ready").and_then(|one| text(one, "/lastHeartbeatTime").parse::<Timestamp>().ok());
    let was = fields::holds(node, "Ready");
    let strange = fields::condition(node, "Ready").is_some_and(|one| one["reason"] == "NodeStatusUnknown");
    // What somebody else wrote of it stands until the kubelet tells of it anew.
    let due = beat.is_none_or(|beat| scene.now.duration_since(beat) >= HEARTBEAT);
    let mut told = told(scene, &place.name);
    // A kubelet without a network is not ready, whatever else is well.
    if fields::condition(node, "Ready").is_some_and(|one| one["message"] == super::network::NO_NETWORK) {
        told.retain(|row| row.0 != "Ready");
    }
    let news =
        told.iter().any(|(kind, status, ..)| fields::condition(node, kind).is_some_and(|one| one["status"] != *status));
    if !(due || strange || news) || !node["status"]["conditions"].is_array() {
        return;
    }
    // A platform that has stood for long tells no news by its first heartbeat.
    let quiet = (was && !strange) || !told.iter().any(|row| row.0 == "Ready");
    let stamp = scene.stamp.clone();
    scene.change(place, |node| {
        for (kind, status, reason, message) in told {
            set_condition(node, kind, status, reason, message, &stamp, true);
        }
    });
    if !quiet {
        let source = Source { component: "kubelet", host: &place.name, field: "" };
        let message = format!("Node {} status is now: NodeReady", place.name);
        scene.event(node, &source, "Normal", "NodeReady", &message);
        for pod in pods(scene, place) {
            scene.at(scene.now, Key { who: Who::Kubelet, place: pod.place.clone() });
        }
    }
}

/// Nothing was heard of it for too long.
fn lost(scene: &mut Scene<'_>, place: &Place, node: &Value) {
    let was = fields::condition(node, "Ready").map(|one| text(one, "/status").to_owned());
    if was.as_deref() == Some("Unknown") {
        return;
    }
    let stamp = scene.stamp.clone();
    scene.change(place, |node| {
        for (kind, _, _, _) in WELL {
            set_condition(
                node,
                kind,
                "Unknown",
                "NodeStatusUnknown",
                "Kubelet stopped posting node status.",
                &stamp,
                false,
            );
        }
    });
    if was.as_deref() == Some("True") {
        let message = format!("Node {} status is now: NodeNotReady", place.name);
        scene.normal(node, "node-controller", "NodeNotReady", &message);
    }
    for pod in pods(scene, place) {
        let changed = scene.change(&pod.place, |pod| {
            for one in pod["status"]["conditions"].as_array_mut().into_iter().flatten() {
                if one["type"] == "Ready" && one["status"] == "True" {
                    one["status"] = json!("False");
                    one["lastTransitionTime"] = json!(stamp);
                }
            }
        });
        if changed {
            scene.warning(&pod.stored.value, "node-controller", "NodeNotReady", "Node is not ready");
        }
    }
}

fn pods(scene: &Scene<'_>, place: &Place) -> Vec<Arc<Pod>> {
    scene.index.on_node(&place.name).cloned().collect()
}

/// The taints that follow from a node's conditions, and from a cordon.
fn taints(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let node = &stored.value;
    let ready = fields::condition(node, "Ready").map(|one| text(one, "/status").to_owned());
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    match ready.as_deref() {
        Some("Unknown") => wanted.extend([(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")]),
        Some("False") => wanted.extend([(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")]),
        _ => {}
    }
    if node["spec"]["unschedulable"] == true {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    for (kind, taint) in [
        ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
        ("DiskPressure", "node.kubernetes.io/disk-pressure"),
        ("PIDPressure", "node.kubernetes.io/pid-pressure"),
        ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
    ] {
        if fields::holds(node, kind) {
            wanted.push((taint, "NoSchedule"));
        }
    }
    let own = |taint: &Value| {
        let key = text(taint, "/key");
        [UNREACHABLE, NOT_READY, UNSCHEDULABLE].contains(&key)
            || key.starts_with("node.kubernetes.io/")
                && (key.ends_with("-pressure") || key.ends_with("network-unavailable"))
    };
    let mut taints: Vec<Value> = list(node, "/spec/taints").to_vec();
    let is = |taint: &Value, (key, effect): &(&str, &str)| taint["key"] == *key && taint["effect"] == *effect;
    taints.retain(|taint| !own(taint) || wanted.iter().any(|one| is(taint, one)));
    for one in &wanted {
        if !taints.iter().any(|taint| is(taint, one)) {
            taints.push(json!({ "key": one.0, "effect": one.1, "timeAdded": scene.stamp }));
        }
    }
    scene.change(place, |node| {
        if taints.is_empty() {
            fields::unset(node, "/spec", "taints");
        } else {
            node["spec"]["taints"] = taints.into();
        }
    });
}

/// Pods that do not tolerate their node's taints go: at once, or when they have tolerated them for long enough.
fn evict(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let taints: Vec<Value> =
        list(&stored.value, "/spec/taints").iter().filter(|taint| taint["effect"] == "NoExecute").cloned().collect();
    if taints.is_empty() {
        return;
    }
    for pod in pods(scene, place).into_iter().filter(|pod| !pod.ending) {
        let tolerations = list(&pod.stored.value, "/spec/tolerations");
        let mut due: Option<Timestamp> = None;
        for taint in &taints {
            let begun = text(taint, "/timeAdded").parse().unwrap_or(scene.now);
            let mut spans =
                tolerations.iter().filter(|one| fit::covers(one, taint)).map(|one| one["tolerationSeconds"].as_i64());
            let until = match spans.next() {
                None => Some(scene.now),
                // Of several, the shortest counts; without a number it is for ever.
                Some(first) => std::iter::once(first)
                    .chain(spans)
                    .flatten()
                    .min()
                    .map(|s| begun + SignedDuration::from_secs(s.max(0))),
            };
            due = [due, until].into_iter().flatten().min();
        }
        match due {
            Some(due) if due <= scene.now => {
                let message = format!("Marking for deletion Pod {}/{}", pod.place.namespace, pod.place.name);
                scene.normal(&pod.stored.value, "taint-eviction-controller", "TaintManagerEviction", &message);
                let stamp = scene.stamp.clone();
                scene.change(&pod.place, |pod| {
                    let mut all = list(pod, "/status/conditions").to_vec();
                    all.push(json!({ "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
                                     "message": "Taint manager: deleting due to NoExecute taint",
                                     "lastProbeTime": null, "lastTransitionTime": stamp }));
                    pod["status"]["conditions"] = all.into();
                });
                scene.delete(&pod.place);
            }
            Some(due) => scene.at(due, Key { who: Who::Node, place: place.clone() }),
            None => {}
        }
    }
}

/// Pods of a node that is gone go with it.
fn orphans(scene: &mut Scene<'_>, place: &Place) {
    for pod in pods(scene, place) {
        scene.delete_by(&pod.place, None, Some(0));
    }
}

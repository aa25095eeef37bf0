//! ReplicaSets: as many pods as are wanted, and those that are least missed go first.
//!
//! Source: k8s.io/kubernetes `pkg/controller/replicaset`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::fields::{self, number};
use super::index::Pod;
use super::manager::{Key, Who};
use super::scene::Scene;
use super::template;
use crate::lab::kube::store::Place;

const COMPONENT: &str = "replicaset-controller";
/// How many pods are made or deleted in one go.
const BURST: usize = 500;

/// Brings a ReplicaSet one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let set = &stored.value;
    if claimed(scene, place, set) {
        return;
    }
    let pods: Vec<Arc<Pod>> = scene.index.controlled(fields::uid(set)).filter(|pod| pod.is_active()).cloned().collect();
    let mut failure = None;
    if !fields::is_ending(set) {
        let wanted = usize::try_from(set["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or(0);
        if pods.len() < wanted {
            failure = make(scene, set, (wanted - pods.len()).min(BURST));
        } else if pods.len() > wanted {
            let mut ranked = pods.clone();
            rank(scene, &mut ranked);
            for pod in ranked.iter().take((pods.len() - wanted).min(BURST)) {
                scene.delete(&pod.place);
                scene.normal(set, COMPONENT, "SuccessfulDelete", &format!("Deleted pod: {}", pod.place.name));
            }
        }
    }
    status(scene, place, set, &pods, failure);
}

/// A set that nothing controls may belong to a Deployment. Whether it was changed by that.
fn claimed(scene: &mut Scene<'_>, place: &Place, set: &Value) -> bool {
    if fields::controller_of(set).is_some() || fields::is_ending(set) {
        return false;
    }
    let deployments = scene.objects.store.list("deployments.apps", &place.namespace);
    let fits = |deployment: &Value| {
        let selector = crate::lab::kube::select::of_selector(&deployment["spec"]["selector"]);
        !fields::is_ending(deployment) && selector.holds(&set["metadata"]["labels"])
    };
    let owner = deployments.map(|(_, one)| &*one.value).find(|one| fits(one)).map(fields::owner_reference);
    owner.is_some_and(|owner| scene.change(place, |set| super::adopt::adopt(set, owner)))
}

/// Makes pods; what the server said when it would not.
fn make(scene: &mut Scene<'_>, set: &Value, count: usize) -> Option<String> {
    for _ in 0..count {
        match scene.create(template::pod(set, &set["spec"]["template"])) {
            Ok(pod) => {
                let message = format!("Created pod: {}", fields::name(&pod.value));
                scene.normal(set, COMPONENT, "SuccessfulCreate", &message);
            }
            Err(why) if why.contains("being terminated") => return None,
            Err(why) => {
                scene.warning(set, COMPONENT, "FailedCreate", &format!("Error creating: {why}"));
                let key = Key { who: Who::ReplicaSet, place: fields::place("replicasets.apps", set) };
                scene.at(scene.now + SignedDuration::from_secs(5), key);
                return Some(why);
            }
        }
    }
    None
}

/// The pods that are least missed come first.
fn rank(scene: &Scene<'_>, pods: &mut [Arc<Pod>]) {
    let mut beside: HashMap<&str, usize> = HashMap::new();
    let all = pods.to_vec();
    for pod in &all {
        *beside.entry(pod.node.as_str()).or_default() += 1;
    }
    let cost = |pod: &Pod| {
        let annotation = &pod.stored.value["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"];
        annotation.as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)
    };
    // Ages count in powers of two, so that pods of about the same age are alike.
    let age = |since: jiff::Timestamp| (scene.now.as_second() - since.as_second()).max(1).ilog2();
    pods.sort_by_key(|pod| {
        (
            !pod.node.is_empty(),
            pod.phase,
            pod.ready.is_some(),
            cost(pod),
            Reverse(beside.get(pod.node.as_str()).copied().unwrap_or(0)),
            pod.ready.map_or(0, age),
            Reverse(pod.restarts),
            age(pod.created),
            pod.place.name.clone(),
        )
    });
}

fn status(scene: &mut Scene<'_>, place: &Place, set: &Value, pods: &[Arc<Pod>], failure: Option<String>) {
    let labels = crate::lab::kube::select::of_selector(&set["spec"]["template"]["metadata"]["labels"]);
    let least = number(set, "/spec/minReadySeconds");
    let ready = pods.iter().filter(|pod| pod.ready.is_some());
    let available = ready.clone().filter(|pod| pod.is_available(least, scene.now)).count();
    if available < ready.clone().count() {
        let due = ready.clone().filter_map(|pod| pod.ready).map(|since| since + SignedDuration::from_secs(least));
        if let Some(due) = due.filter(|due| *due > scene.now).min() {
            scene.at(due, Key { who: Who::ReplicaSet, place: place.clone() });
        }
    }
    let mut conditions = set["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let failing = conditions.iter().any(|one| one["type"] == "ReplicaFailure");
    match failure {
        Some(why) if !failing => conditions.push(json!({
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why,
            "lastTransitionTime": scene.stamp,
        })),
        None if failing => conditions.retain(|one| one["type"] != "ReplicaFailure"),
        _ => {}
    }
    let status = json!({
        "replicas": pods.len(), "readyReplicas": ready.count(), "availableReplicas": available,
        "fullyLabeledReplicas": pods.iter().filter(|pod| labels.holds(pod.labels())).count(),
        "observedGeneration": set["metadata"]["generation"], "conditions": conditions,
    });
    scene.status(place, fields::without_zeros(status, &["replicas"]));
}

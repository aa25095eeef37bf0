//! What a Deployment tells of its sets.

use serde_json::{Value, json};

use super::{Set, bounds, progress};
use crate::lab::controllers::fields::{self, condition, number, text};
use crate::lab::controllers::scene::Scene;
use crate::lab::kube::store::Place;

/// The status that follows from the sets, without a judgement of progress.
fn of(scene: &Scene<'_>, deployment: &Value, sets: &[Set], new: Option<&Set>) -> Value {
    let sum = |path: &str| -> i64 { sets.iter().map(|set| number(&set.value, path)).sum() };
    let (total, available) = (sum("/status/replicas"), sum("/status/availableReplicas"));
    let wanted: i64 = sum("/spec/replicas");
    let mut conditions = deployment["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let (status, reason, message) = if available >= number(deployment, "/spec/replicas") - bounds(deployment).0 {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    progress::put(&mut conditions, "Available", status, reason, message, &scene.stamp);
    let mut status = json!({
        "observedGeneration": deployment["metadata"]["generation"], "replicas": total,
        "updatedReplicas": new.map_or(0, |set| number(&set.value, "/status/replicas")),
        "readyReplicas": sum("/status/readyReplicas"), "availableReplicas": available,
        "unavailableReplicas": (wanted - available).max(0), "conditions": conditions,
    });
    if let Some(count) = deployment["status"]["collisionCount"].as_i64() {
        status["collisionCount"] = json!(count);
    }
    status
}

/// Writes the status of a Deployment that is paused, scaled or about to go.
pub(super) fn write(scene: &mut Scene<'_>, place: &Place, sets: &[Set], new: Option<&Set>) {
    let Some(stored) = scene.get(place) else { return };
    let status = of(scene, &stored.value, sets, new);
    scene.status(place, fields::without_zeros(status, &[]));
}

/// Writes the status of a rollout.
pub(super) fn rollout(scene: &mut Scene<'_>, place: &Place, sets: &[Set], new: Option<&Set>) {
    let Some(stored) = scene.get(place) else { return };
    let deployment = &stored.value;
    let mut status = of(scene, deployment, sets, new);
    let name = new.map(|set| fields::name(&set.value).to_owned());
    progress::judge(scene, place, deployment, name.as_deref(), &mut status);
    failures(scene, sets, new, &mut status);
    scene.status(place, fields::without_zeros(status, &[]));
    progress::remind(scene, place);
}

/// A set that can make no pods is told of here, too.
fn failures(scene: &Scene<'_>, sets: &[Set], new: Option<&Set>, status: &mut Value) {
    let mut ordered: Vec<&Set> = new.into_iter().collect();
    ordered.extend(sets);
    let failing = ordered.into_iter().find_map(|set| condition(&set.value, "ReplicaFailure").cloned());
    let mut conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    match failing {
        Some(one) => {
            let (reason, message) = (text(&one, "/reason"), text(&one, "/message"));
            progress::put(&mut conditions, "ReplicaFailure", "True", reason, message, &scene.stamp);
        }
        None => conditions.retain(|one| one["type"] != "ReplicaFailure"),
    }
    status["conditions"] = conditions.into();
}

//! The condition `Progressing`: whether a rollout gets on, is complete, was paused, or takes too long.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::lab::controllers::fields::{self, number, text};
use crate::lab::controllers::manager::{Key, Who};
use crate::lab::controllers::scene::Scene;
use crate::lab::kube::store::Place;

/// A deadline of this is none.
const NEVER: i64 = i32::MAX as i64;

pub(super) fn deadline(deployment: &Value) -> Option<i64> {
    deployment["spec"]["progressDeadlineSeconds"].as_i64().filter(|seconds| *seconds != NEVER)
}

/// Puts a condition into a list; one of the same status keeps the time of its last transition.
pub(super) fn put(conditions: &mut Vec<Value>, kind: &str, status: &str, reason: &str, message: &str, now: &str) {
    let old = conditions.iter().find(|one| one["type"] == kind);
    if old.is_some_and(|one| one["status"] == status && one["reason"] == reason) {
        return;
    }
    let since = old.filter(|one| one["status"] == status).map_or(json!(now), |one| one["lastTransitionTime"].clone());
    conditions.retain(|one| one["type"] != kind);
    conditions.push(json!({
        "type": kind, "status": status, "lastUpdateTime": now, "lastTransitionTime": since, "reason": reason,
        "message": message,
    }));
}

fn change(scene: &mut Scene<'_>, place: &Place, status: &str, reason: &str, message: &str) -> bool {
    let stamp = scene.stamp.clone();
    scene.change(place, |deployment| {
        let mut conditions = deployment["status"]["conditions"].as_array().cloned().unwrap_or_default();
        put(&mut conditions, "Progressing", status, reason, message, &stamp);
        deployment["status"]["conditions"] = conditions.into();
    })
}

/// Notes that a rollout was paused, or goes on. Whether that was news.
pub(super) fn pausing(scene: &mut Scene<'_>, place: &Place) -> bool {
    let Some(stored) = scene.get(place) else { return false };
    let deployment = &stored.value;
    if deadline(deployment).is_none() {
        return false;
    }
    let reason = fields::condition(deployment, "Progressing").map(|one| text(one, "/reason").to_owned());
    if reason.as_deref() == Some("ProgressDeadlineExceeded") {
        return false;
    }
    let paused = deployment["spec"]["paused"] == true;
    match (paused, reason.as_deref() == Some("DeploymentPaused")) {
        (true, false) => change(scene, place, "Unknown", "DeploymentPaused", "Deployment is paused"),
        (false, true) => change(scene, place, "Unknown", "DeploymentResumed", "Deployment is resumed"),
        _ => false,
    }
}

/// The set with the present template was there.
pub(super) fn found(scene: &mut Scene<'_>, place: &Place, set: &str) {
    let Some(stored) = scene.get(place) else { return };
    if deadline(&stored.value).is_some() && fields::condition(&stored.value, "Progressing").is_none() {
        change(scene, place, "True", "FoundNewReplicaSet", &format!("Found new replica set \"{set}\""));
    }
}

/// A set was made.
pub(super) fn made(scene: &mut Scene<'_>, place: &Place, set: &str) {
    if scene.get(place).is_some_and(|stored| deadline(&stored.value).is_some()) {
        change(scene, place, "True", "NewReplicaSetCreated", &format!("Created new replica set \"{set}\""));
    }
}

/// No set could be made.
pub(super) fn failed(scene: &mut Scene<'_>, place: &Place, message: &str) {
    if scene.get(place).is_some_and(|stored| deadline(&stored.value).is_some()) {
        change(scene, place, "False", "ReplicaSetCreateError", message);
    }
}

/// Whether every pod is new and available.
pub(super) fn is_complete(deployment: &Value, status: &Value) -> bool {
    let wanted = number(deployment, "/spec/replicas");
    ["/updatedReplicas", "/replicas", "/availableReplicas"].iter().all(|path| number(status, path) == wanted)
        && number(status, "/observedGeneration") >= number(deployment, "/metadata/generation")
}

/// Brings the condition into a new status. `set` is the name of the newest set.
pub(super) fn judge(scene: &mut Scene<'_>, place: &Place, deployment: &Value, set: Option<&str>, status: &mut Value) {
    let Some(seconds) = deadline(deployment) else {
        if let Some(all) = status["conditions"].as_array_mut() {
            all.retain(|one| one["type"] != "Progressing");
        }
        return;
    };
    let now = scene.now;
    let old = fields::condition(deployment, "Progressing").cloned();
    let reason = old.as_ref().map(|one| text(one, "/reason").to_owned()).unwrap_or_default();
    if number(status, "/replicas") == number(status, "/updatedReplicas") && reason == "NewReplicaSetAvailable" {
        return;
    }
    let mut conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let who = match set {
        Some(set) => format!("ReplicaSet \"{set}\""),
        None => format!("Deployment \"{}\"", fields::name(deployment)),
    };
    let stamp = scene.stamp.clone();
    if is_complete(deployment, status) {
        let message = format!("{who} has successfully progressed.");
        put(&mut conditions, "Progressing", "True", "NewReplicaSetAvailable", &message, &stamp);
    } else if gets_on(&deployment["status"], status) {
        let since = old.filter(|one| one["status"] == "True").map(|one| one["lastTransitionTime"].clone());
        conditions.retain(|one| one["type"] != "Progressing");
        conditions.push(json!({
            "type": "Progressing", "status": "True", "lastUpdateTime": stamp,
            "lastTransitionTime": since.unwrap_or_else(|| json!(stamp)), "reason": "ReplicaSetUpdated",
            "message": format!("{who} is progressing."),
        }));
    } else if let Some(due) = due(old.as_ref(), seconds) {
        if due <= now {
            let message = format!("{who} has timed out progressing.");
            put(&mut conditions, "Progressing", "False", "ProgressDeadlineExceeded", &message, &stamp);
        } else {
            scene.at(due, Key { who: Who::Deployment, place: place.clone() });
        }
    }
    status["conditions"] = conditions.into();
}

/// Looks again when the deadline has passed, as long as a rollout is under way.
pub(super) fn remind(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let deployment = &stored.value;
    let Some(seconds) = deadline(deployment) else { return };
    if is_complete(deployment, &deployment["status"]) {
        return;
    }
    if let Some(due) = due(fields::condition(deployment, "Progressing"), seconds).filter(|due| *due > scene.now) {
        scene.at(due, Key { who: Who::Deployment, place: place.clone() });
    }
}

/// When it will have taken too long: counted from the last progress, unless it has taken too long already.
fn due(condition: Option<&Value>, seconds: i64) -> Option<Timestamp> {
    let condition = condition?;
    if matches!(text(condition, "/reason"), "NewReplicaSetAvailable" | "ProgressDeadlineExceeded" | "DeploymentPaused")
    {
        return None;
    }
    let since: Timestamp = text(condition, "/lastUpdateTime").parse().ok()?;
    // The deadline has passed once it is over, not when it is reached.
    since.checked_add(SignedDuration::from_secs(seconds + 1)).ok()
}

fn gets_on(old: &Value, new: &Value) -> bool {
    let left = |status: &Value| number(status, "/replicas") - number(status, "/updatedReplicas");
    let more = |path: &str| number(new, path) > number(old, path);
    more("/updatedReplicas") || left(new) < left(old) || more("/readyReplicas") || more("/availableReplicas")
}

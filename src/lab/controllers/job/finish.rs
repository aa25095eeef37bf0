//! How Jobs end: complete, failed, suspended, and gone when their time is over.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::COMPONENT;
use crate::lab::controllers::fields::{self, holds, list, text, time_at};
use crate::lab::controllers::index::Pod;
use crate::lab::controllers::manager::{Key, Who};
use crate::lab::controllers::scene::Scene;
use crate::lab::kube::store::Place;

pub(super) fn is_finished(job: &Value) -> bool {
    holds(job, "Complete") || holds(job, "Failed")
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastProbeTime": now, "lastTransitionTime": now })
}

/// Writes numbers beside what else the status has.
pub(super) fn write(scene: &mut Scene<'_>, place: &Place, job: &Value, numbers: &Value, made: i64) {
    let mut status = job["status"].clone();
    if !status.is_object() {
        status = json!({});
    }
    if let (Some(status), Some(numbers)) = (status.as_object_mut(), numbers.as_object()) {
        for (key, value) in numbers {
            let zero = (*value == 0 && !matches!(key.as_str(), "ready" | "terminating")) || *value == "";
            if zero {
                status.remove(key);
            } else {
                status.insert(key.clone(), value.clone());
            }
        }
        if made > 0 {
            let active = status.get("active").and_then(Value::as_i64).unwrap_or(0) + made;
            status.insert("active".into(), json!(active));
        }
    }
    scene.status(place, status);
}

fn finish(scene: &mut Scene<'_>, place: &Place, numbers: &Value, conditions: Vec<Value>, done: bool) {
    let Some(stored) = scene.get(place) else { return };
    write(scene, place, &stored.value, numbers, 0);
    let stamp = scene.stamp.clone();
    scene.change(place, |job| {
        let mut all = list(job, "/status/conditions").to_vec();
        all.extend(conditions);
        job["status"]["conditions"] = all.into();
        if done {
            job["status"]["completionTime"] = json!(stamp);
        }
    });
}

/// As many as were wanted have succeeded.
pub(super) fn complete(scene: &mut Scene<'_>, place: &Place, numbers: &Value) {
    let Some(stored) = scene.get(place) else { return };
    let stamp = scene.stamp.clone();
    let message = "Reached expected number of succeeded pods";
    let of = |kind: &str| condition(kind, "True", "CompletionsReached", message, &stamp);
    finish(scene, place, numbers, vec![of("SuccessCriteriaMet"), of("Complete")], true);
    scene.normal(&stored.value, COMPONENT, "Completed", "Job completed");
}

/// It has failed too often, or took too long.
pub(super) fn fail(scene: &mut Scene<'_>, place: &Place, reason: &str, message: &str, numbers: &Value) {
    let Some(stored) = scene.get(place) else { return };
    let stamp = scene.stamp.clone();
    let of = |kind: &str| condition(kind, "True", reason, message, &stamp);
    finish(scene, place, numbers, vec![of("FailureTarget"), of("Failed")], false);
    scene.warning(&stored.value, COMPONENT, reason, message);
}

/// It is to stand still: its pods go.
pub(super) fn suspend(scene: &mut Scene<'_>, place: &Place, job: &Value, active: &[Arc<Pod>]) {
    for pod in active {
        scene.delete(&pod.place);
    }
    if holds(job, "Suspended") {
        return;
    }
    let one = condition("Suspended", "True", "JobSuspended", "Job suspended", &scene.stamp.clone());
    scene.change(place, |job| {
        let mut all = list(job, "/status/conditions").to_vec();
        all.retain(|one| one["type"] != "Suspended");
        all.push(one);
        job["status"]["conditions"] = all.into();
        fields::unset(job, "/status", "startTime");
        fields::unset(job, "/status", "active");
    });
    scene.normal(job, COMPONENT, "Suspended", "Job suspended");
}

/// A Job that is over goes when its time to live has passed.
pub(super) fn expire(scene: &mut Scene<'_>, place: &Place, job: &Value) {
    let Some(seconds) = job["spec"]["ttlSecondsAfterFinished"].as_i64() else { return };
    let ended = list(job, "/status/conditions")
        .iter()
        .find(|one| matches!(text(one, "/type"), "Complete" | "Failed") && one["status"] == "True")
        .and_then(|one| time_at(one, "/lastTransitionTime"));
    let Some(due) = ended.map(|ended| ended + SignedDuration::from_secs(seconds)) else { return };
    if scene.now >= due {
        scene.delete_by(place, Some("Foreground"), None);
    } else {
        scene.at(due, Key { who: Who::Job, place: place.clone() });
    }
}

//! Deployments: rolled out set by set, back and forth.
//!
//! Source: k8s.io/kubernetes `pkg/controller/deployment`.

mod progress;
mod rolling;
mod scale;
mod sets;
mod status;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

use super::fields::{self, number};
use super::scene::Scene;
use crate::lab::kube::store::{Place, Stored};

pub(crate) use sets::note;

const COMPONENT: &str = "deployment-controller";

/// A ReplicaSet as it was when the look began.
type Set = Arc<Stored>;

/// Brings a Deployment one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let deployment = &stored.value;
    if fields::is_ending(deployment) {
        let sets = sets::of(scene, deployment);
        let new = sets::newest(deployment, &sets);
        status::write(scene, place, &sets, new.as_ref());
        return;
    }
    if progress::pausing(scene, place) {
        return;
    }
    let sets = sets::of(scene, deployment);
    if deployment["spec"]["paused"] == true || is_scaled(deployment, &sets) {
        let new = sets::newest(deployment, &sets).map(|set| sets::revise(scene, place, &set, &sets));
        let sets = sets::of(scene, deployment);
        scale::proportionally(scene, deployment, new.as_ref(), &sets);
        if deployment["spec"]["paused"] == true {
            sets::clean(scene, deployment, new.as_ref());
        }
        let sets = sets::of(scene, deployment);
        status::write(scene, place, &sets, new.and_then(|set| sets::again(scene, &set)).as_ref());
        return;
    }
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        recreate(scene, place, &sets);
    } else {
        rolling::step(scene, place, &sets);
    }
}

/// Old pods go before new ones come.
fn recreate(scene: &mut Scene<'_>, place: &Place, sets: &[Set]) {
    let Some(stored) = scene.get(place) else { return };
    let deployment = &stored.value;
    let new = sets::newest(deployment, sets);
    let olds: Vec<Set> = sets.iter().filter(|set| !sets::same(set, new.as_ref())).cloned().collect();
    let mut scaled = false;
    for set in olds.iter().filter(|set| number(&set.value, "/spec/replicas") > 0) {
        scaled |= scale::to(scene, deployment, set, 0);
    }
    let runs = olds.iter().any(|set| scene.index.controlled(fields::uid(&set.value)).any(|pod| !pod.is_over()));
    if scaled || runs {
        status::rollout(scene, place, sets, new.as_ref());
        return;
    }
    let Some(new) = sets::newest_or_made(scene, place, sets) else { return };
    let wanted = number(deployment, "/spec/replicas");
    scale::to(scene, deployment, &new, wanted);
    finish(scene, place, &new);
}

/// What ends each step of a rollout: old sets are forgotten once it is complete, and the status is told.
fn finish(scene: &mut Scene<'_>, place: &Place, new: &Set) {
    let Some(stored) = scene.get(place) else { return };
    if progress::is_complete(&stored.value, &stored.value["status"]) {
        sets::clean(scene, &stored.value, Some(new));
    }
    let sets = sets::of(scene, &stored.value);
    let new = sets::again(scene, new);
    status::rollout(scene, place, &sets, new.as_ref());
}

/// Whether somebody wants another number than the sets were last given.
fn is_scaled(deployment: &Value, sets: &[Set]) -> bool {
    let wanted = number(deployment, "/spec/replicas");
    sets.iter().filter(|set| number(&set.value, "/spec/replicas") > 0).any(|set| {
        let known = set.value["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"].as_str();
        known.and_then(|text| text.parse::<i64>().ok()).is_some_and(|known| known != wanted)
    })
}

/// How many pods may be missing, and how many there may be too many.
fn bounds(deployment: &Value) -> (i64, i64) {
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return (0, 0);
    }
    let wanted = number(deployment, "/spec/replicas");
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let part = |key: &str, up: bool| match &rolling[key] {
        Value::Null => fields::share(&Value::from("25%"), wanted, up),
        value => fields::share(value, wanted, up),
    };
    let (surge, missing) = (part("maxSurge", true), part("maxUnavailable", false));
    let missing = if surge == 0 && missing == 0 { 1 } else { missing };
    (missing.min(wanted), surge)
}

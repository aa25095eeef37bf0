//! A rolling update: new pods come as far as there may be more, old ones go as far as some may be missing.

use serde_json::Value;

use super::{Set, bounds, finish, scale, sets, status};
use crate::lab::controllers::fields::number;
use crate::lab::controllers::scene::Scene;
use crate::lab::kube::store::Place;

/// One step.
pub(super) fn step(scene: &mut Scene<'_>, place: &Place, before: &[Set]) {
    let Some(new) = sets::newest_or_made(scene, place, before) else { return };
    let Some(stored) = scene.get(place) else { return };
    let deployment = &stored.value;
    let all = all(scene, deployment, &new);
    if grow(scene, deployment, &new, &all) {
        status::rollout(scene, place, &all, Some(&new));
        return;
    }
    if shrink(scene, deployment, &new, &all) {
        status::rollout(scene, place, &all, Some(&new));
        return;
    }
    finish(scene, place, &new);
}

/// The Deployment's sets, with one that was made in this very step.
fn all(scene: &Scene<'_>, deployment: &Value, new: &Set) -> Vec<Set> {
    let mut all = sets::of(scene, deployment);
    if !all.iter().any(|set| sets::same(set, Some(new))) {
        all.push(new.clone());
    }
    all
}

/// How many pods a set begins with, beside those of the old ones.
pub(super) fn first(deployment: &Value, old: i64) -> i64 {
    let wanted = number(deployment, "/spec/replicas");
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return wanted;
    }
    let room = wanted + bounds(deployment).1 - old;
    room.clamp(0, wanted)
}

fn sum(sets: &[Set], path: &str) -> i64 {
    sets.iter().map(|set| number(&set.value, path)).sum()
}

/// Lets the new set grow. Whether it was scaled.
fn grow(scene: &mut Scene<'_>, deployment: &Value, new: &Set, all: &[Set]) -> bool {
    let (wanted, has) = (number(deployment, "/spec/replicas"), number(&new.value, "/spec/replicas"));
    let to = if has > wanted {
        wanted
    } else {
        let room = wanted + bounds(deployment).1 - sum(all, "/spec/replicas");
        has + room.clamp(0, wanted - has)
    };
    has != to && scale::to(scene, deployment, new, to)
}

/// Lets old sets shrink: first pods that are not available anyhow, then as many as may be missing. Whether any was scaled.
fn shrink(scene: &mut Scene<'_>, deployment: &Value, new: &Set, all: &[Set]) -> bool {
    let mut olds: Vec<Set> = all.iter().filter(|set| !sets::same(set, Some(new))).cloned().collect();
    if sum(&olds, "/spec/replicas") == 0 {
        return false;
    }
    let wanted = number(deployment, "/spec/replicas");
    let least = wanted - bounds(deployment).0;
    let missing = number(&new.value, "/spec/replicas") - number(&new.value, "/status/availableReplicas");
    let mut room = sum(all, "/spec/replicas") - least - missing;
    if room <= 0 {
        return false;
    }
    let mut scaled = false;
    for set in &mut olds {
        let has = number(&set.value, "/spec/replicas");
        let broken = (has - number(&set.value, "/status/availableReplicas")).min(room);
        if has == 0 || broken <= 0 {
            continue;
        }
        room -= broken;
        scaled |= scale::to(scene, deployment, set, has - broken);
        *set = sets::again(scene, set).unwrap_or_else(|| set.clone());
    }
    let available = sum(all, "/status/availableReplicas");
    let mut room = available - least;
    for set in &olds {
        let has = number(&set.value, "/spec/replicas");
        if room <= 0 {
            break;
        }
        let part = has.min(room);
        if part > 0 {
            room -= part;
            scaled |= scale::to(scene, deployment, set, has - part);
        }
    }
    scaled
}

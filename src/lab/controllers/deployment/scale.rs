//! Scaling a Deployment's sets: one, or all of them in proportion while a rollout is under way.

use serde_json::{Value, json};

use super::{COMPONENT, Set, bounds, sets};
use crate::lab::controllers::fields::{self, number};
use crate::lab::controllers::scene::Scene;

/// Gives a set a number of pods, and tells of it. Whether the number is another.
pub(super) fn to(scene: &mut Scene<'_>, deployment: &Value, set: &Set, replicas: i64) -> bool {
    let was = number(&set.value, "/spec/replicas");
    scene.change(&sets::place(set), |set| {
        set["spec"]["replicas"] = json!(replicas);
        sets::note(set, deployment);
    });
    if was == replicas {
        return false;
    }
    let way = if was < replicas { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {} from {was} to {replicas}", fields::name(&set.value));
    scene.normal(deployment, COMPONENT, "ScalingReplicaSet", &message);
    true
}

/// Spreads another number of pods over the sets. While a rollout is under way, each keeps its share.
pub(super) fn proportionally(scene: &mut Scene<'_>, deployment: &Value, new: Option<&Set>, all: &[Set]) {
    let wanted = number(deployment, "/spec/replicas");
    let mut active: Vec<Set> = all.iter().filter(|set| number(&set.value, "/spec/replicas") > 0).cloned().collect();
    // With one set that has pods, or none but the newest, all are that one's.
    let alone = match active.as_slice() {
        [] => new.cloned().or_else(|| all.last().cloned()),
        [one] => Some(one.clone()),
        _ => None,
    };
    if let Some(set) = alone {
        to(scene, deployment, &set, wanted);
        return;
    }
    if let Some(new) = new.filter(|set| saturated(deployment, &set.value)) {
        for set in active.iter().filter(|set| !sets::same(set, Some(new))) {
            to(scene, deployment, set, 0);
        }
        return;
    }
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return;
    }
    let sum: i64 = active.iter().map(|set| number(&set.value, "/spec/replicas")).sum();
    let allowed = if wanted > 0 { wanted + bounds(deployment).1 } else { 0 };
    let mut left = allowed - sum;
    let up = left > 0;
    // The largest first; of equals, the newest when it grows and the oldest when it shrinks.
    if up {
        active.reverse();
    }
    active.sort_by_key(|set| std::cmp::Reverse(number(&set.value, "/spec/replicas")));
    let mut plan: Vec<(Set, i64)> = Vec::new();
    for set in &active {
        let own = number(&set.value, "/spec/replicas");
        let before = sets::most(&set.value).filter(|most| *most > 0).unwrap_or(wanted.max(1));
        let share = (own * allowed + before / 2) / before - own;
        let share = if up { share.clamp(0, left.max(0)) } else { share.clamp(left.min(0), 0) };
        left -= share;
        plan.push((set.clone(), own + share));
    }
    if let Some(first) = plan.first_mut() {
        first.1 = (first.1 + left).max(0);
    }
    for (set, replicas) in plan {
        to(scene, deployment, &set, replicas);
    }
}

/// Whether a set has all pods that its Deployment wants, and they are available.
fn saturated(deployment: &Value, set: &Value) -> bool {
    let wanted = number(deployment, "/spec/replicas");
    let known = set["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"].as_str();
    number(set, "/spec/replicas") == wanted
        && known.and_then(|text| text.parse::<i64>().ok()) == Some(wanted)
        && number(set, "/status/availableReplicas") == wanted
}

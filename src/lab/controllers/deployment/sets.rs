//! The ReplicaSets of a Deployment: which one is new, how it is made, what revision it is, and which are forgotten.

use serde_json::{Value, json};

use super::{COMPONENT, Set, bounds};
use crate::lab::controllers::fields::{self, number, owner_reference, text};
use crate::lab::controllers::scene::Scene;
use crate::lab::controllers::template;
use crate::lab::kube::store::Place;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations of a Deployment that its sets do not get.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MOST,
    "deprecated.deployment.rollback.to",
];

/// The sets that a Deployment controls, by age.
pub(super) fn of(scene: &Scene<'_>, deployment: &Value) -> Vec<Set> {
    let uid = fields::uid(deployment);
    let places = scene.index.owned(uid).filter(|place| place.resource == "replicasets.apps");
    let mut sets: Vec<Set> = places.filter_map(|place| scene.get(place)).collect();
    sets.retain(|set| fields::controller_of(&set.value).is_some_and(|owner| owner["uid"] == uid));
    sets.sort_by_key(|set| {
        (text(&set.value, "/metadata/creationTimestamp").to_owned(), fields::name(&set.value).to_owned())
    });
    sets
}

/// A set as it is now.
pub(super) fn again(scene: &Scene<'_>, set: &Set) -> Option<Set> {
    scene.get(&place(set))
}

pub(super) fn place(set: &Set) -> Place {
    fields::place("replicasets.apps", &set.value)
}

pub(super) fn same(set: &Set, other: Option<&Set>) -> bool {
    other.is_some_and(|other| fields::uid(&set.value) == fields::uid(&other.value))
}

/// The set that has the Deployment's template.
pub(super) fn newest(deployment: &Value, sets: &[Set]) -> Option<Set> {
    let wanted = template::bare(&deployment["spec"]["template"]);
    sets.iter().find(|set| template::bare(&set.value["spec"]["template"]) == wanted).cloned()
}

pub(super) fn revision(object: &Value) -> i64 {
    object["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Gives the set with the present template the highest revision, and the Deployment the same.
pub(super) fn revise(scene: &mut Scene<'_>, deployment: &Place, set: &Set, all: &[Set]) -> Set {
    let others = all.iter().filter(|other| !same(other, Some(set)));
    let next = others.map(|other| revision(&other.value)).max().unwrap_or(0) + 1;
    let Some(owner) = scene.get(deployment) else { return set.clone() };
    let least = owner.value["spec"]["minReadySeconds"].clone();
    scene.change(&place(set), |set| {
        inherit(set, &owner.value);
        let was = revision(set);
        if was < next {
            if was > 0 {
                let history = text(set, "/metadata/annotations/deployment.kubernetes.io~1revision-history");
                let history = if history.is_empty() { was.to_string() } else { format!("{history},{was}") };
                fields::set(set, "metadata/annotations", HISTORY, history);
            }
            set["metadata"]["annotations"][REVISION] = json!(next.to_string());
        }
        if set["spec"]["minReadySeconds"] != least {
            set["spec"]["minReadySeconds"] = least;
        }
    });
    let set = again(scene, set).unwrap_or_else(|| set.clone());
    tell(scene, deployment, &set);
    set
}

/// The Deployment has the revision of its newest set.
fn tell(scene: &mut Scene<'_>, deployment: &Place, set: &Set) {
    let own = revision(&set.value).to_string();
    scene.change(deployment, |deployment| {
        if deployment["metadata"]["annotations"][REVISION] != own.as_str() {
            deployment["metadata"]["annotations"][REVISION] = json!(own);
        }
    });
}

/// A set has the annotations of its Deployment.
fn inherit(set: &mut Value, deployment: &Value) {
    for (key, value) in deployment["metadata"]["annotations"].as_object().into_iter().flatten() {
        if !OWN.contains(&key.as_str()) && set["metadata"]["annotations"][key] != *value {
            set["metadata"]["annotations"][key] = value.clone();
        }
    }
}

/// Notes at a set how many pods its Deployment wants.
pub(crate) fn note(set: &mut Value, deployment: &Value) {
    let wanted = number(deployment, "/spec/replicas");
    set["metadata"]["annotations"][DESIRED] = json!(wanted.to_string());
    set["metadata"]["annotations"][MOST] = json!((wanted + bounds(deployment).1).to_string());
}

/// How many pods there could be when the set was last scaled.
pub(super) fn most(set: &Value) -> Option<i64> {
    set["metadata"]["annotations"][MOST].as_str()?.parse().ok()
}

/// The set with the present template; one is made where there is none.
pub(super) fn newest_or_made(scene: &mut Scene<'_>, at: &Place, sets: &[Set]) -> Option<Set> {
    let stored = scene.get(at)?;
    if let Some(set) = newest(&stored.value, sets) {
        let set = revise(scene, at, &set, sets);
        let name = fields::name(&set.value).to_owned();
        super::progress::found(scene, at, &name);
        return Some(set);
    }
    let deployment = &stored.value;
    let hash = template::hash(&deployment["spec"]["template"], number(deployment, "/status/collisionCount"));
    let name = format!("{}-{hash}", fields::name(deployment));
    let mut own = template::bare(&deployment["spec"]["template"]);
    fields::set(&mut own, "metadata/labels", "pod-template-hash", hash.as_str());
    let mut selector = deployment["spec"]["selector"].clone();
    fields::set(&mut selector, "matchLabels", "pod-template-hash", hash.as_str());
    let old: i64 = sets.iter().map(|set| number(&set.value, "/spec/replicas")).sum();
    let replicas = super::rolling::first(deployment, old);
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": fields::namespace(deployment), "labels": own["metadata"]["labels"],
            "annotations": {}, "ownerReferences": [owner_reference(deployment)],
        },
        "spec": { "replicas": replicas, "selector": selector, "template": own },
    });
    if number(deployment, "/spec/minReadySeconds") > 0 {
        set["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"].clone();
    }
    inherit(&mut set, deployment);
    note(&mut set, deployment);
    let next = sets.iter().map(|set| revision(&set.value)).max().unwrap_or(0) + 1;
    set["metadata"]["annotations"][REVISION] = json!(next.to_string());
    match scene.create(set) {
        Ok(set) => {
            if replicas > 0 {
                let message = format!("Scaled up replica set {name} from 0 to {replicas}");
                scene.normal(deployment, COMPONENT, "ScalingReplicaSet", &message);
            }
            tell(scene, at, &set);
            super::progress::made(scene, at, &name);
            Some(set)
        }
        Err(why) if why.contains("already exists") => {
            // Another template has the same hash: the next one is tried.
            let count = number(deployment, "/status/collisionCount") + 1;
            scene.change(at, |deployment| deployment["status"]["collisionCount"] = json!(count));
            None
        }
        Err(why) if why.contains("being terminated") => None,
        Err(why) => {
            let message = format!("Failed to create new replica set {name:?}: {why}");
            scene.warning(deployment, COMPONENT, "FailedCreate", &message);
            super::progress::failed(scene, at, &message);
            None
        }
    }
}

/// Forgets old sets without pods, but for as many as the history keeps.
pub(super) fn clean(scene: &mut Scene<'_>, deployment: &Value, new: Option<&Set>) {
    let limit = deployment["spec"]["revisionHistoryLimit"].as_i64().unwrap_or(10);
    let mut olds: Vec<Set> = of(scene, deployment);
    olds.retain(|set| !same(set, new) && !fields::is_ending(&set.value));
    let surplus = i64::try_from(olds.len()).unwrap_or(0) - limit;
    if surplus <= 0 {
        return;
    }
    olds.sort_by_key(|set| revision(&set.value));
    for set in olds.iter().take(usize::try_from(surplus).unwrap_or(0)) {
        let idle = number(&set.value, "/status/replicas") == 0
            && number(&set.value, "/spec/replicas") == 0
            && number(&set.value, "/metadata/generation") <= number(&set.value, "/status/observedGeneration");
        if idle {
            scene.delete(&place(set));
        }
    }
}

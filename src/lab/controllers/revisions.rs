//! ControllerRevisions: the templates that a DaemonSet or StatefulSet has had, of which its pods name one.
//!
//! Source: k8s.io/kubernetes `pkg/controller/history`.

use serde_json::{Value, json};

use super::fields::{self, number, owner_reference, text};
use super::scene::Scene;
use super::template;
use crate::lab::kube::store::Place;

const RESOURCE: &str = "controllerrevisions.apps";

/// The label by which a pod names its revision.
pub(super) const LABEL: &str = "controller-revision-hash";

/// What a revision keeps of a set.
fn data(set: &Value) -> Value {
    let mut template = set["spec"]["template"].clone();
    template["$patch"] = json!("replace");
    json!({ "spec": { "template": template } })
}

/// The revisions that a set controls, the oldest first.
pub(super) fn of(scene: &Scene<'_>, set: &Value) -> Vec<Value> {
    let places = scene.index.owned(fields::uid(set)).filter(|place| place.resource == RESOURCE);
    let mut all: Vec<Value> = places.filter_map(|place| scene.get(place)).map(|one| one.value.clone()).collect();
    all.sort_by_key(|one| (one["revision"].as_i64(), fields::name(one).to_owned()));
    all
}

/// A revision as pods name it: a DaemonSet's pods by the hash alone, a StatefulSet's by the revision's name.
pub(super) fn label<'r>(set: &Value, revision: &'r Value) -> &'r str {
    if set["kind"] == "StatefulSet" {
        return fields::name(revision);
    }
    text(revision, "/metadata/labels/controller-revision-hash")
}

/// The revision of the present template, which is made where there is none, and is the newest where it is not.
pub(super) fn present(scene: &mut Scene<'_>, set: &Value) -> Option<Value> {
    let all = of(scene, set);
    let wanted = data(set);
    let next = all.last().map_or(0, |one| number(one, "/revision")) + 1;
    if let Some(found) = all.iter().find(|one| one["data"] == wanted) {
        if number(found, "/revision") + 1 == next {
            return Some(found.clone());
        }
        let place = fields::place(RESOURCE, found);
        scene.change(&place, |revision| revision["revision"] = json!(next));
        return scene.get(&place).map(|one| one.value.clone());
    }
    (0..8).find_map(|collisions| {
        let hash = template::hash(&wanted, number(set, "/status/collisionCount") + collisions);
        let mut labels = set["spec"]["template"]["metadata"]["labels"].clone();
        labels[LABEL] = json!(hash);
        let revision = json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision",
            "metadata": {
                "name": format!("{}-{hash}", fields::name(set)), "namespace": fields::namespace(set), "labels": labels,
                "annotations": set["metadata"]["annotations"], "ownerReferences": [owner_reference(set)],
            },
            "data": wanted, "revision": next,
        });
        scene.create(revision).ok().map(|one| one.value.clone())
    })
}

/// Forgets revisions that no pod names, but for as many as the history keeps.
pub(super) fn clean(scene: &mut Scene<'_>, set: &Value, keep: &[&str]) {
    let limit = usize::try_from(set["spec"]["revisionHistoryLimit"].as_i64().unwrap_or(10)).unwrap_or(0);
    let all = of(scene, set);
    let used: Vec<String> = scene.index.controlled(fields::uid(set)).map(|pod| pod.label(LABEL).to_owned()).collect();
    let idle: Vec<Place> = all
        .iter()
        .filter(|one| !used.iter().any(|label| label == self::label(set, one)) && !keep.contains(&fields::name(one)))
        .map(|one| fields::place(RESOURCE, one))
        .collect();
    for place in idle.iter().take(idle.len().saturating_sub(limit)) {
        scene.delete(place);
    }
}

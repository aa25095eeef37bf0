//! Pods that nothing controls find the set whose selector takes them; those whose labels no longer fit are let go.
//!
//! Source: k8s.io/kubernetes `pkg/controller/controller_ref_manager.go`.

use serde_json::Value;

use super::fields;
use super::scene::Scene;
use crate::lab::kube::select;
use crate::lab::kube::store::Place;

/// The kinds that adopt pods.
const SETS: [&str; 4] = ["replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch"];

/// Looks at a pod.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(pod) = scene.index.pod(place).cloned() else { return };
    if pod.ending {
        return;
    }
    if let Some(owner) = fields::controller_of(&pod.stored.value) {
        let Some(key) = super::route::key_of(owner, &place.namespace) else { return };
        let Some(set) = scene.get(&key.place) else { return };
        let own = fields::uid(&set.value) == owner["uid"] && !fields::is_ending(&set.value);
        if own && !select::of_selector(&set.value["spec"]["selector"]).holds(pod.labels()) {
            let uid = fields::uid(&set.value).to_owned();
            scene.change(place, |pod| release(pod, &uid));
        }
        return;
    }
    if pod.is_over() {
        return;
    }
    let found = SETS.iter().find_map(|resource| {
        let sets = scene.objects.store.list(resource, &place.namespace);
        let mut fits = sets.filter(|(at, set)| {
            let named =
                *resource != "statefulsets.apps" || super::statefulset::ordinal(&at.name, &place.name).is_some();
            !fields::is_ending(&set.value)
                && named
                && select::of_selector(&set.value["spec"]["selector"]).holds(pod.labels())
        });
        fits.next().map(|(_, set)| fields::owner_reference(&set.value))
    });
    if let Some(owner) = found {
        scene.change(place, |pod| adopt(pod, owner));
    }
}

/// Gives an object an owner that controls it.
pub(super) fn adopt(object: &mut Value, owner: Value) {
    match object["metadata"]["ownerReferences"].as_array_mut() {
        Some(owners) => owners.push(owner),
        None => object["metadata"]["ownerReferences"] = Value::Array(vec![owner]),
    }
}

/// Takes an owner away from an object.
pub(super) fn release(object: &mut Value, uid: &str) {
    if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
        owners.retain(|owner| owner["uid"] != uid);
        if owners.is_empty() {
            fields::unset(object, "/metadata", "ownerReferences");
        }
    }
}

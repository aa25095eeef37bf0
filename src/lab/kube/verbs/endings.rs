//! How objects end: when the last thing that holds them has let go, and what goes along.

use serde_json::Value;

use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;

/// Whether an object that is to be deleted is held by nothing any more.
pub(crate) fn is_over(object: &Value) -> bool {
    let metadata = &object["metadata"];
    metadata["deletionTimestamp"].is_string()
        && metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && object["spec"]["finalizers"].as_array().is_none_or(Vec::is_empty)
}

/// Takes an object out, and what goes with it.
pub(crate) fn remove(world: &mut World, place: &Place) {
    let Some(last) = world.store.remove(place) else { return };
    if place.resource == "customresourcedefinitions.apiextensions.k8s.io" {
        world.register(&last.value, false);
    }
    if !place.namespace.is_empty() {
        close(world, &place.namespace);
    }
}

/// Empties a namespace that is to go; it goes once nothing is in it.
pub(super) fn empty(world: &mut World, namespace: &str, now: &str) {
    let places: Vec<Place> = world.store.in_namespace(namespace).cloned().collect();
    for place in places {
        let Some(object) = world.store.get(&place).map(|o| o.value.clone()) else { continue };
        if object["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty()) {
            let mut object = object;
            if object["metadata"]["deletionTimestamp"].is_null() {
                object["metadata"]["deletionTimestamp"] = Value::String(now.to_owned());
                object["metadata"]["deletionGracePeriodSeconds"] = Value::from(0);
                world.store.put(place.clone(), object);
            }
            unprotect(world, &place);
        } else {
            remove(world, &place);
        }
    }
    close(world, namespace);
}

/// A namespace that is to go, and is empty, goes.
fn close(world: &mut World, namespace: &str) {
    let place = Place::new("namespaces", "", namespace);
    let ending = world.store.get(&place).is_some_and(|n| n.value["metadata"]["deletionTimestamp"].is_string());
    if ending && world.store.in_namespace(namespace).next().is_none() {
        world.store.remove(&place);
    }
}

/// Volumes and claims are protected while they are used: the finalizer goes once nobody uses them.
pub(crate) fn unprotect(world: &mut World, place: &Place) {
    let Some(object) = world.store.get(place).map(|o| o.value.clone()) else { return };
    let used = match place.resource.as_str() {
        "persistentvolumeclaims" => world.store.list("pods", &place.namespace).any(|(_, pod)| {
            let ended = matches!(pod.value["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
            let volumes = pod.value["spec"]["volumes"].as_array().into_iter().flatten();
            !ended && volumes.into_iter().any(|v| v["persistentVolumeClaim"]["claimName"] == place.name.as_str())
        }),
        "persistentvolumes" => object["status"]["phase"] == "Bound",
        _ => return,
    };
    if used {
        return;
    }
    let mut object = object;
    if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|f| f != "kubernetes.io/pvc-protection" && f != "kubernetes.io/pv-protection");
    }
    if is_over(&object) {
        remove(world, place);
    }
}

/// The objects of a kind that is no longer defined.
pub(super) fn instances(world: &mut World, resource: &str) {
    let places: Vec<Place> = world.store.list(resource, "").map(|(p, _)| p.clone()).collect();
    for place in places {
        remove(world, &place);
    }
}

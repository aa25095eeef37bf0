//! How objects end: when the last thing that holds them has let go, and what goes along.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::lab::kube::cluster::{World, time};
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
        } else if place.resource == "pods" && runs(&object) {
            // Its kubelet gives it the time that it has for its end.
            end(world, &place, object, now);
        } else {
            remove(world, &place);
        }
    }
    close(world, namespace);
    remains(world, namespace, now);
}

/// Whether a pod runs somewhere.
fn runs(pod: &Value) -> bool {
    let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty()) && !ended
}

fn end(world: &mut World, place: &Place, mut pod: Value, now: &str) {
    if pod["metadata"]["deletionTimestamp"].is_string() {
        return;
    }
    let grace = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30).max(0);
    let now: jiff::Timestamp = now.parse().unwrap_or_default();
    let over = now.checked_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(now);
    if grace == 0 {
        return remove(world, place);
    }
    pod["metadata"]["deletionTimestamp"] = Value::String(time(over));
    pod["metadata"]["deletionGracePeriodSeconds"] = Value::from(grace);
    world.store.put(place.clone(), pod);
}

/// What the namespace's controller says of one that can't go yet. Source: kubernetes
/// `pkg/controller/namespace/deletion/status_condition_utils.go`.
fn remains(world: &mut World, namespace: &str, now: &str) {
    let place = Place::new("namespaces", "", namespace);
    let Some(mut object) = world.store.get(&place).map(|o| o.value.copy()) else { return };
    if object["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let (mut left, mut held) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    for place in world.store.in_namespace(namespace) {
        *left.entry(place.resource.clone()).or_default() += 1;
        let finalizers = world.store.get(place).map(|o| o.value["metadata"]["finalizers"].clone()).unwrap_or_default();
        for finalizer in finalizers.as_array().into_iter().flatten().filter_map(Value::as_str) {
            *held.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    let told = |all: &BTreeMap<String, usize>, how: &dyn Fn(&str, usize) -> String| {
        all.iter().map(|(name, count)| how(name, *count)).collect::<Vec<_>>().join(", ")
    };
    let of = |resource: &str| if resource.contains('.') { resource.to_owned() } else { format!("{resource}.") };
    let resources = told(&left, &|name, count| format!("{} has {count} resource instances", of(name)));
    let finalizers = told(&held, &|name, count| format!("{name} in {count} resource instances"));
    let yes = |held: bool| if held { "True" } else { "False" };
    let rows = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered".into(),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".into(),
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".into(),
        ),
        (
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            format!("Some resources are remaining: {resources}"),
        ),
        (
            "NamespaceFinalizersRemaining",
            yes(!held.is_empty()),
            if held.is_empty() { "ContentHasNoFinalizers" } else { "SomeFinalizersRemain" },
            if held.is_empty() {
                "All content-preserving finalizers finished".into()
            } else {
                format!("Some content in the namespace has finalizers remaining: {finalizers}")
            },
        ),
    ];
    let conditions: Vec<Value> = rows
        .into_iter()
        .map(|(kind, status, reason, message): (&str, &str, &str, String)| {
            json!({ "type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message })
        })
        .collect();
    object["status"]["conditions"] = conditions.into();
    world.store.put(place, object);
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

//! What of an object is somebody's wish, what is its status, and what every server makes by itself.

use serde_json::{Value, json};

use crate::lab::kube::store::Place;

/// What a server fills in, and refuses or ignores from others.
const GIVEN: [&str; 9] = [
    "uid",
    "resourceVersion",
    "managedFields",
    "creationTimestamp",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    // Owners are known by uids, which are others there; nobody would be there to let go.
    "ownerReferences",
];

const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Whether every cluster makes an object for itself, or it is gone in a moment.
pub(super) fn made_by_itself(place: &Place, object: &Value) -> bool {
    let bootstrapped = object["metadata"]["labels"]["kubernetes.io/bootstrapping"].is_string();
    let name = place.name.as_str();
    bootstrapped
        || match place.resource.as_str() {
            "namespaces" => NAMESPACES.contains(&name),
            "serviceaccounts" => name == "default",
            "configmaps" => name == "kube-root-ca.crt",
            "services" | "endpoints" => place.namespace == "default" && name == "kubernetes",
            "endpointslices.discovery.k8s.io" => place.namespace == "default" && name.starts_with("kubernetes"),
            "priorityclasses.scheduling.k8s.io" => name.starts_with("system-"),
            "events" | "events.events.k8s.io" | "leases.coordination.k8s.io" | "componentstatuses" => true,
            "apiservices.apiregistration.k8s.io" => true,
            resource => resource.ends_with(".flowcontrol.apiserver.k8s.io"),
        }
}

/// An object as it is asked for, and its status.
pub(super) fn parts(object: &Value) -> (Value, Option<Value>) {
    let mut wish = object.clone();
    let status = wish.as_object_mut().and_then(|fields| fields.remove("status"));
    if let Some(metadata) = wish["metadata"].as_object_mut() {
        metadata.retain(|key, _| !GIVEN.contains(&key.as_str()));
        metadata.remove("finalizers");
    }
    match wish["kind"].as_str() {
        Some("Service") => service(&mut wish),
        Some("CustomResourceDefinition") => definition(&mut wish),
        // Its finalizer is the server's.
        Some("Namespace") => {
            wish.as_object_mut().map(|fields| fields.remove("spec"));
        }
        _ => {}
    }
    let mut status = status.filter(|status| status.as_object().is_some_and(|fields| !fields.is_empty()));
    if let (Some(status), Some(generation)) = (&mut status, object["metadata"]["generation"].as_i64()) {
        counted_anew(status, generation);
    }
    (wish, status)
}

/// A server that makes an object gives it generation 1: what was said of the last one is said of that, and what was said of
/// an earlier one is said of none.
fn counted_anew(status: &mut Value, generation: i64) {
    match status {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match value.as_i64() {
                    Some(seen) if key == "observedGeneration" => *value = i64::from(seen >= generation).into(),
                    _ => counted_anew(value, generation),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| counted_anew(item, generation)),
        _ => {}
    }
}

/// Its address inside the cluster lies in another range there; a headless one has none anywhere.
fn service(service: &mut Value) {
    let headless = service["spec"]["clusterIP"] == "None";
    if let Some(spec) = service["spec"].as_object_mut().filter(|_| !headless) {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
}

/// Groups under `k8s.io` want to be told who approved them.
fn definition(definition: &mut Value) {
    let group = definition["spec"]["group"].as_str().unwrap_or_default();
    let guarded = group == "k8s.io" || group.ends_with(".k8s.io") || group.ends_with(".kubernetes.io");
    let key = "api-approved.kubernetes.io";
    if guarded && definition["metadata"]["annotations"][key].is_null() {
        if !definition["metadata"]["annotations"].is_object() {
            definition["metadata"]["annotations"] = json!({});
        }
        definition["metadata"]["annotations"][key] = "unapproved, from a simulated cluster".into();
    }
}

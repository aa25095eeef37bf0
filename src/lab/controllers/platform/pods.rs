//! Pods that operators make themselves, without a controller of Kubernetes' own between.

use serde_json::{Value, json};

use super::site::Site;
use crate::lab::kube::store::Place;
use crate::lab::world::objects;

/// The pods of a namespace that a label marks, and that are not on their way out.
pub(super) fn of(site: &Site<'_>, namespace: &str, label: &str, value: &str) -> Vec<(Place, Value)> {
    let own = |pod: &Value| pod["metadata"]["labels"][label] == value && pod["metadata"]["deletionTimestamp"].is_null();
    let all = site.objects.store.list("pods", namespace).filter(|(_, pod)| own(&pod.value));
    all.map(|(place, pod)| (place.clone(), pod.value.clone())).collect()
}

/// Makes a pod anew that there was once: as the topology has it, or else like one of its kind.
pub(super) fn again(site: &mut Site<'_>, namespace: &str, name: &str, like: Option<&Value>) {
    if site.get("pods", namespace, name).is_some() {
        return;
    }
    let named = |pod: &Value| {
        pod["kind"] == "Pod" && pod["metadata"]["name"] == name && pod["metadata"]["namespace"] == namespace
    };
    let known = objects::all(&site.world.topology, site.cluster, site.now).into_iter().find(named);
    let Some(mut pod) = known.or_else(|| like.cloned()) else { return };
    let old = pod["metadata"].clone();
    pod["metadata"] = json!({
        "name": name, "namespace": namespace, "labels": old["labels"], "ownerReferences": old["ownerReferences"],
    });
    if let Some(spec) = pod["spec"].as_object_mut() {
        spec.remove("nodeName");
    }
    pod["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" });
    site.create(&pod);
}

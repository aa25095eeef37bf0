//! An object without what differs from one look to the next: versions, times, names and addresses that are drawn by lot.

use serde_json::{Map, Value, json};

/// Kinds that only tell what happened, who holds what for a moment, or once more what pods tell, under their names.
const FLEETING: [&str; 5] =
    ["events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses", "ciliumendpoints.cilium.io"];

/// Fields whose values are versions, numbers of changes, or drawn by lot.
const DRAWN: [&str; 14] = [
    "resourceVersion",
    "uid",
    "generation",
    "observedGeneration",
    "managedFields",
    "restartCount",
    "podIP",
    "podIPs",
    "hostIP",
    "hostIPs",
    "containerID",
    "pod-template-hash",
    "deployment.kubernetes.io/revision",
    "ownerReferences",
];

/// Whether nothing follows from an object, and nobody would miss it.
pub(super) fn fleeting(resource: &str, object: &Value) -> bool {
    let old = resource == "replicasets.apps" && object["spec"]["replicas"] == 0;
    FLEETING.contains(&resource) || old
}

/// The name of an object, or its owner's where it was drawn by lot.
pub(super) fn name(object: &Value) -> String {
    let own = object["metadata"]["name"].as_str().unwrap_or_default();
    match object["metadata"]["ownerReferences"][0]["name"].as_str() {
        Some(owner) if object["metadata"]["generateName"].is_string() || own.starts_with(owner) => {
            // A ReplicaSet's name ends in its template's hash; of a pod's owner that goes too.
            let hash = object["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or_default();
            format!("{}*", owner.trim_end_matches(hash).trim_end_matches('-'))
        }
        _ => own.to_owned(),
    }
}

/// What stays of an object.
pub(super) fn plain(resource: &str, object: &Value) -> Value {
    match resource {
        "pods" => pod(object),
        "endpointslices.discovery.k8s.io" | "endpoints" => endpoints(object),
        _ => kept(object),
    }
}

fn pod(pod: &Value) -> Value {
    let container = |one: &Value| {
        let state = one["state"].as_object().and_then(|state| state.keys().next().cloned());
        json!([one["name"], one["image"], one["ready"], state, one["state"]["waiting"]["reason"]])
    };
    let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let ready = pod["status"]["conditions"].as_array().into_iter().flatten().find(|one| one["type"] == "Ready");
    json!({
        "phase": pod["status"]["phase"], "ready": ready.map(|one| &one["status"]), "reason": pod["status"]["reason"],
        "containers": statuses.map(container).collect::<Vec<_>>(), "labels": kept(&pod["metadata"]["labels"]),
        "scheduled": pod["spec"]["nodeName"].is_string(), "ends": pod["metadata"]["deletionTimestamp"].is_string(),
    })
}

/// How many are ready, and how many are not.
fn endpoints(slice: &Value) -> Value {
    let all: Vec<&Value> = slice["endpoints"].as_array().into_iter().flatten().collect();
    let ready = all.iter().filter(|one| one["conditions"]["ready"] == true).count();
    let addresses = |key: &str| {
        let subsets = slice["subsets"].as_array().into_iter().flatten();
        subsets.filter_map(|subset| subset[key].as_array()).map(Vec::len).sum::<usize>()
    };
    json!([ready, all.len() - ready, addresses("addresses"), addresses("notReadyAddresses"), slice["ports"]])
}

fn kept(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let stays = |key: &str| !DRAWN.contains(&key) && !key.ends_with("Timestamp") && !key.ends_with("Time");
            let all: Map<String, Value> = fields
                .iter()
                .filter(|(key, _)| stays(key))
                .map(|(key, value)| (key.clone(), field(key, value)))
                .collect();
            Value::Object(all)
        }
        Value::Array(items) => Value::Array(items.iter().map(kept).collect()),
        Value::String(text) => Value::String(undated(text)),
        other => other.clone(),
    }
}

/// A field; conditions in the order of their types, since the one that changed last comes last.
fn field(key: &str, value: &Value) -> Value {
    let mut value = kept(value);
    if let (true, Some(conditions)) = (key == "conditions", value.as_array_mut()) {
        conditions.sort_by_cached_key(|condition| condition["type"].as_str().map(str::to_owned));
    }
    value
}

/// A text with its times taken out.
fn undated(text: &str) -> String {
    if text.parse::<jiff::Timestamp>().is_ok() { "(a time)".into() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_lot_is_left_out_and_the_rest_stays() {
        let node = |version: &str, ready: &str| {
            json!({ "metadata": { "name": "n", "resourceVersion": version, "creationTimestamp": version },
                    "status": { "conditions": [{ "type": "Ready", "status": ready, "lastHeartbeatTime": version }] } })
        };
        assert_eq!(plain("nodes", &node("1", "True")), plain("nodes", &node("2", "True")));
        assert_ne!(plain("nodes", &node("1", "True")), plain("nodes", &node("1", "False")));
        let pod = |name: &str, hash: &str| {
            json!({ "metadata": { "name": name, "generateName": format!("web-{hash}-"),
                    "labels": { "pod-template-hash": hash },
                    "ownerReferences": [{ "name": format!("web-{hash}") }] } })
        };
        assert_eq!(name(&pod("web-abc-1", "abc")), name(&pod("web-def-2", "def")));
        assert_eq!(name(&pod("web-abc-1", "abc")), "web*");
    }
}

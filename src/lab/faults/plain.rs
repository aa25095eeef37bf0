//! An object without what differs from one look to the next: versions, times, names and addresses that are drawn by lot.

use serde_json::{Map, Value, json};

/// Kinds that only tell what happened, who holds what for a moment, or once more what pods tell, under their names.
const FLEETING: [&str; 5] =
    ["events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses", "ciliumendpoints.cilium.io"];

/// Fields whose values are versions, numbers of changes, or drawn by lot.
const DRAWN: [&str; 18] = [
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
    "pod-template-generation",
    "controller-revision-hash",
    "deprecated.daemonset.template.generation",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "ownerReferences",
];

/// Kinds whose objects tell of one deed each, done for another object: they stay when it is long over.
const DEEDS: [&str; 5] = [
    "backups.postgresql.cnpg.io",
    "certificaterequests.cert-manager.io",
    "orders.acme.cert-manager.io",
    "challenges.acme.cert-manager.io",
    "controllerrevisions.apps",
];

/// What operators write into a status of what was, and not of what is.
const HISTORY: [&str; 14] = [
    "history",
    "artifact",
    "failures",
    "installFailures",
    "upgradeFailures",
    "revision",
    "syncedResourceVersion",
    "timelineID",
    "firstRecoverabilityPoint",
    "topicId",
    "currentPrimaryTimestamp",
    "targetPrimaryTimestamp",
    "inventory",
    "previousHealth",
];

/// Whether nothing follows from an object, and nobody would miss it.
pub(super) fn fleeting(resource: &str, object: &Value) -> bool {
    let old = resource == "replicasets.apps" && object["spec"]["replicas"] == 0;
    FLEETING.contains(&resource) || DEEDS.contains(&resource) || old
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
        "secrets" if object["metadata"]["annotations"]["cert-manager.io/certificate-name"].is_string() => {
            issued(object)
        }
        "replicasets.apps" => {
            let mut set = kept(object);
            set["metadata"]["name"] = name(object).into();
            set
        }
        // The message names a ReplicaSet, whose name was drawn by lot.
        "deployments.apps" => present(object),
        _ if of_operator(object) => present(object),
        _ => kept(object),
    }
}

/// What cert-manager issued, without the keys that it drew for it.
fn issued(secret: &Value) -> Value {
    let mut secret = kept(secret);
    let values = secret["data"].as_object_mut().into_iter().flat_map(Map::values_mut);
    values.for_each(|value| *value = (value != "").into());
    secret
}

/// Whether an object is of a kind that a definition made.
fn of_operator(object: &Value) -> bool {
    let group =
        object["apiVersion"].as_str().and_then(|version| version.split_once('/')).map_or("", |(group, _)| group);
    group.contains('.') && !group.ends_with(".k8s.io")
}

/// An operator's object without what its status says of the past; of conditions the message goes with it, since it tells
/// what was done last.
fn present(object: &Value) -> Value {
    let mut object = kept(object);
    if let Some(status) = object["status"].as_object_mut() {
        let past =
            |key: &str| ["last", "latest", "next"].iter().any(|word| key.starts_with(word)) || HISTORY.contains(&key);
        status.retain(|key, _| !past(key));
        if let Some(ceph) = status.get_mut("ceph").and_then(Value::as_object_mut) {
            ceph.retain(|key, _| !past(key));
        }
        for condition in status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(condition) = condition.as_object_mut().filter(|one| one["status"] == "True") {
                condition.retain(|key, _| key != "message" && key != "reason");
            }
        }
    }
    object
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
                .filter(|(key, value)| stays(key) && !empty(value))
                .map(|(key, value)| (key.clone(), field(key, value)))
                .collect();
            Value::Object(all)
        }
        Value::Array(items) => Value::Array(items.iter().map(kept).collect()),
        Value::String(text) => Value::String(undated(text)),
        other => other.clone(),
    }
}

/// Whether a field says no more than one that is left out.
fn empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
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
        let release = |version: u32, reason: &str, status: &str| {
            json!({ "apiVersion": "helm.toolkit.fluxcd.io/v2", "spec": { "timeout": "1s" }, "status": {
                "history": [{ "version": version }], "lastAttemptedRevisionDigest": version.to_string(),
                "conditions": [{ "type": "Ready", "status": status, "reason": reason }] } })
        };
        let seen = |release: Value| plain("helmreleases.helm.toolkit.fluxcd.io", &release);
        assert_eq!(seen(release(1, "InstallSucceeded", "True")), seen(release(3, "UpgradeSucceeded", "True")));
        assert_ne!(seen(release(1, "Failed", "True")), seen(release(1, "Failed", "False")));
        let pod = |name: &str, hash: &str| {
            json!({ "metadata": { "name": name, "generateName": format!("web-{hash}-"),
                    "labels": { "pod-template-hash": hash },
                    "ownerReferences": [{ "name": format!("web-{hash}") }] } })
        };
        assert_eq!(name(&pod("web-abc-1", "abc")), name(&pod("web-def-2", "def")));
        assert_eq!(name(&pod("web-abc-1", "abc")), "web*");
    }
}

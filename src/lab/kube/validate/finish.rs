//! What the server sets itself when an object is made or changed: addresses, statuses, tolerations, finalizers.
//!
//! It happens after ownership of fields is noted, so nobody owns it. Source: k8s.io/kubernetes `pkg/registry/*/strategy.go`
//! and the admission plug-ins that are on by default.

use serde_json::{Map, Value, json};

use super::services;
use crate::lab::kube::cluster::World;
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::refusal::Answer;

/// Finishes an object that is to be made.
pub(crate) fn create(world: &mut World, kind: &Kind, object: &mut Value, now: &str) -> Answer<()> {
    let uid = object["metadata"]["uid"].clone();
    let name = object["metadata"]["name"].clone();
    match kind.resource().as_str() {
        "namespaces" => {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        "secrets" => secret(object),
        "services" => services::create(world, object)?,
        "pods" => pod(object),
        "persistentvolumeclaims" => protect(object, "kubernetes.io/pvc-protection"),
        "persistentvolumes" => protect(object, "kubernetes.io/pv-protection"),
        "statefulsets.apps" => claims(object),
        "jobs.batch" => job(object, &uid, &name),
        "customresourcedefinitions.apiextensions.k8s.io" => definition(object),
        "certificatesigningrequests.certificates.k8s.io" => object["spec"]["username"] = json!("kubernetes-admin"),
        _ => {}
    }
    status(kind, object);
    if kind.generation {
        object["metadata"]["generation"] = json!(1);
    }
    let _ = now;
    Ok(())
}

/// Finishes an object that is changed.
pub(crate) fn update(world: &mut World, kind: &Kind, old: &Value, object: &mut Value) -> Answer<()> {
    match kind.resource().as_str() {
        "services" => services::update(world, old, object)?,
        "secrets" => secret(object),
        "namespaces" if object["spec"].is_null() => object["spec"] = old["spec"].clone(),
        "statefulsets.apps" => claims(object),
        "customresourcedefinitions.apiextensions.k8s.io" => definition(object),
        _ => {}
    }
    status(kind, object);
    Ok(())
}

/// The statuses that are there from the beginning: what Go writes even when it is empty.
fn status(kind: &Kind, object: &mut Value) {
    let empty = match kind.resource().as_str() {
        "services" | "ingresses.networking.k8s.io" => json!({"loadBalancer": {}}),
        "persistentvolumeclaims" | "persistentvolumes" => json!({"phase": "Pending"}),
        "deployments.apps" | "jobs.batch" | "cronjobs.batch" | "nodes" | "resourcequotas" => {
            json!({})
        }
        "replicasets.apps" | "replicationcontrollers" => json!({"replicas": 0}),
        "statefulsets.apps" => json!({"replicas": 0, "availableReplicas": 0}),
        "daemonsets.apps" => json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0,
            "numberReady": 0}),
        "poddisruptionbudgets.policy" => json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0,
            "expectedPods": 0}),
        "horizontalpodautoscalers.autoscaling" => json!({"currentMetrics": null, "desiredReplicas": 0}),
        _ => return,
    };
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    let (Some(status), Value::Object(empty)) = (object["status"].as_object_mut(), empty) else { return };
    for (key, value) in empty {
        status.entry(key).or_insert(value);
    }
}

fn protect(object: &mut Value, finalizer: &str) {
    let finalizers = &mut object["metadata"]["finalizers"];
    match finalizers.as_array_mut() {
        Some(list) if list.iter().any(|f| f == finalizer) => {}
        Some(list) => list.push(json!(finalizer)),
        None => *finalizers = json!([finalizer]),
    }
}

/// `stringData` is written only; it becomes data.
pub(crate) fn secret(object: &mut Value) {
    use base64::Engine as _;
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|o| o.remove("stringData")) else { return };
    for (key, text) in texts {
        let text = base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
        object["data"][key] = json!(text);
    }
}

fn pod(object: &mut Value) {
    let quality = quality(&object["spec"]);
    object["status"]["phase"] = json!("Pending");
    object["status"]["qosClass"] = json!(quality);
    if let Some(spec) = object["spec"].as_object_mut() {
        admitted(spec);
    }
}

/// What admission adds to a pod: its account, its priority, and how long it stays on a node that is not well.
pub(crate) fn admitted(spec: &mut Map<String, Value>) {
    let account = spec.get("serviceAccountName").cloned().unwrap_or_else(|| json!("default"));
    spec.insert("serviceAccount".to_owned(), account.clone());
    spec.insert("serviceAccountName".to_owned(), account);
    spec.entry("priority").or_insert(json!(0));
    spec.entry("preemptionPolicy").or_insert(json!("PreemptLowerPriority"));
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let Some(list) = tolerations.as_array_mut() else { break };
        let covered = list
            .iter()
            .any(|t| (t["key"] == key || t["key"].is_null()) && (t["effect"] == "NoExecute" || t["effect"].is_null()));
        if !covered {
            list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
        }
    }
}

/// Guaranteed, Burstable or BestEffort.
fn quality(spec: &Value) -> &'static str {
    let containers: Vec<&Value> = spec["containers"].as_array().into_iter().flatten().collect();
    let nothing = Map::new();
    let part = |c: &Value, key: &str| c["resources"][key].as_object().unwrap_or(&nothing).clone();
    if containers.iter().all(|c| part(c, "limits").is_empty() && part(c, "requests").is_empty()) {
        return "BestEffort";
    }
    let guaranteed = containers.iter().all(|c| {
        let (limits, requests) = (part(c, "limits"), part(c, "requests"));
        ["cpu", "memory"].iter().all(|r| limits.get(*r).is_some() && limits.get(*r) == requests.get(*r))
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

fn claims(object: &mut Value) {
    for claim in object["spec"]["volumeClaimTemplates"].as_array_mut().into_iter().flatten() {
        claim["status"] = json!({"phase": "Pending"});
    }
}

fn job(object: &mut Value, uid: &Value, name: &Value) {
    if object["spec"]["manualSelector"] == true {
        return;
    }
    for labels in ["/metadata", "/spec/template/metadata"] {
        if let Some((parent, last)) = labels.rsplit_once('/')
            && let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut)
        {
            parent.entry(last).or_insert_with(|| json!({}));
        }
        let Some(metadata) = object.pointer_mut(labels) else { continue };
        for prefix in ["", "batch.kubernetes.io/"] {
            metadata["labels"][format!("{prefix}controller-uid")] = uid.clone();
            metadata["labels"][format!("{prefix}job-name")] = name.clone();
        }
    }
    object["spec"]["selector"]["matchLabels"] = json!({"batch.kubernetes.io/controller-uid": uid});
}

/// A definition lists the versions that are stored.
fn definition(object: &mut Value) {
    let versions: Vec<Value> = object["spec"]["versions"].as_array().into_iter().flatten().cloned().collect();
    let stored = versions.iter().filter(|v| v["storage"] == true).map(|v| v["name"].clone());
    let mut known: Vec<Value> = object["status"]["storedVersions"].as_array().cloned().unwrap_or_default();
    for version in stored {
        if !known.contains(&version) {
            known.push(version);
        }
    }
    object["status"]["storedVersions"] = Value::Array(known);
    if object["status"]["acceptedNames"].is_null() {
        object["status"]["acceptedNames"] = json!({"plural": "", "kind": ""});
        object["status"]["conditions"] = Value::Null;
    }
}

//! What is given by default: by the definition that a value has, or by a registered kind's schema.
//!
//! Source: k8s.io/kubernetes `pkg/apis/*/v1/defaults.go`.

use serde_json::{Map, Value, json};

use crate::lab::kube::kinds::{Kind, Schema};

/// Gives an object its defaults.
pub(crate) fn apply(kind: &Kind, object: &mut Value) {
    walk(kind.schema(), object);
}

fn walk(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, below) in &schema.properties {
                let Some(default) = &below.default else { continue };
                if object.get(key).is_none_or(|v| v.is_null() && !below.nullable) {
                    object.insert(key.clone(), default.clone());
                }
            }
            if !schema.name.is_empty() {
                definition(&schema.name, object);
            }
            for (key, value) in object.iter_mut() {
                if let Some(below) = schema.field(key) {
                    walk(below, value);
                }
            }
        }
        Value::Array(list) => {
            if let Some(item) = &schema.items {
                list.iter_mut().for_each(|value| walk(item, value));
            }
        }
        _ => {}
    }
}

/// Sets what is not set.
fn set(object: &mut Map<String, Value>, defaults: Value) {
    if let Value::Object(defaults) = defaults {
        for (key, value) in defaults {
            object.entry(key).or_insert(value);
        }
    }
}

/// The defaults of one definition.
fn definition(name: &str, o: &mut Map<String, Value>) {
    let is = |o: &Map<String, Value>, key: &str, value: &str| o.get(key).is_some_and(|v| v == value);
    match name {
        "core.v1.Pod" => {
            if let Some(spec) = o.get_mut("spec").and_then(Value::as_object_mut) {
                set(spec, json!({"enableServiceLinks": true}));
                for list in ["initContainers", "containers"] {
                    let containers = spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
                    containers.filter_map(Value::as_object_mut).for_each(requests);
                }
            }
            fields(o, "status", json!({"phase": "Pending"}));
        }
        "core.v1.PodTemplateSpec" => set(o, json!({"metadata": {}, "spec": {}})),
        "core.v1.ContainerStatus" => set(o, json!({"state": {}, "lastState": {}})),
        "core.v1.PodSpec" => pod_spec(o),
        "core.v1.Container" | "core.v1.EphemeralContainer" => container(o),
        "core.v1.ContainerPort" | "networking.v1.NetworkPolicyPort" | "core.v1.EndpointPort" => {
            set(o, json!({"protocol": "TCP"}));
        }
        "discovery.v1.EndpointPort" => set(o, json!({"name": "", "protocol": "TCP"})),
        "core.v1.Probe" => {
            set(o, json!({"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}));
        }
        "core.v1.HTTPGetAction" => set(o, json!({"path": "/", "scheme": "HTTP"})),
        "core.v1.GRPCAction" => set(o, json!({"service": ""})),
        "core.v1.ObjectFieldSelector" => set(o, json!({"apiVersion": "v1"})),
        "core.v1.SecretVolumeSource"
        | "core.v1.ConfigMapVolumeSource"
        | "core.v1.DownwardAPIVolumeSource"
        | "core.v1.ProjectedVolumeSource" => set(o, json!({"defaultMode": 420})),
        "core.v1.ServiceAccountTokenProjection" => set(o, json!({"expirationSeconds": 3600})),
        "core.v1.HostPathVolumeSource" => set(o, json!({"type": ""})),
        "core.v1.Secret" => set(o, json!({"type": "Opaque"})),
        "core.v1.Namespace" => {
            let name = o.get("metadata").map_or(Value::Null, |m| m["name"].clone());
            if let Some(metadata) = o.get_mut("metadata").and_then(Value::as_object_mut)
                && name.is_string()
            {
                fields(metadata, "labels", json!({"kubernetes.io/metadata.name": name}));
            }
            fields(o, "status", json!({"phase": "Active"}));
        }
        "core.v1.ServiceSpec" => service(o),
        "core.v1.ServicePort" => {
            let port = o.get("port").cloned().unwrap_or(Value::Null);
            // A target of zero is none.
            if o.get("targetPort").is_some_and(|t| *t == 0 || *t == "") {
                o.remove("targetPort");
            }
            set(o, json!({"protocol": "TCP", "targetPort": port}));
        }
        "core.v1.PersistentVolumeClaim" => fields(o, "status", json!({"phase": "Pending"})),
        "core.v1.PersistentVolumeClaimSpec" => set(o, json!({"volumeMode": "Filesystem"})),
        "core.v1.PersistentVolume" => fields(o, "status", json!({"phase": "Pending"})),
        "core.v1.PersistentVolumeSpec" => {
            set(o, json!({"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}));
        }
        "core.v1.ReplicationController" => replication_controller(o),
        "apps.v1.DeploymentSpec" => {
            set(o, json!({"replicas": 1, "strategy": {}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}));
        }
        "apps.v1.DeploymentStrategy" => {
            set(o, json!({"type": "RollingUpdate"}));
            if is(o, "type", "RollingUpdate") {
                fields(o, "rollingUpdate", json!({"maxUnavailable": "25%", "maxSurge": "25%"}));
            }
        }
        "apps.v1.ReplicaSetSpec" => set(o, json!({"replicas": 1})),
        "apps.v1.StatefulSetSpec" => {
            set(
                o,
                json!({"replicas": 1, "podManagementPolicy": "OrderedReady", "updateStrategy": {},
                    "revisionHistoryLimit": 10}),
            );
            fields(o, "persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Retain", "whenScaled": "Retain"}));
            for claim in o.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(claim) = claim.as_object_mut() {
                    set(claim, json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1"}));
                }
            }
        }
        "apps.v1.StatefulSetUpdateStrategy" => {
            set(o, json!({"type": "RollingUpdate"}));
            if is(o, "type", "RollingUpdate") {
                fields(o, "rollingUpdate", json!({"partition": 0}));
            }
        }
        "apps.v1.DaemonSet" => {
            if let Some(metadata) = o.get_mut("metadata").and_then(Value::as_object_mut) {
                fields(metadata, "annotations", json!({"deprecated.daemonset.template.generation": "1"}));
            }
        }
        "apps.v1.DaemonSetSpec" => set(o, json!({"updateStrategy": {}, "revisionHistoryLimit": 10})),
        "apps.v1.DaemonSetUpdateStrategy" => {
            set(o, json!({"type": "RollingUpdate"}));
            if is(o, "type", "RollingUpdate") {
                fields(o, "rollingUpdate", json!({"maxUnavailable": 1, "maxSurge": 0}));
            }
        }
        "batch.v1.JobSpec" => {
            if !o.contains_key("completions") && !o.contains_key("parallelism") {
                set(o, json!({"completions": 1}));
            }
            set(
                o,
                json!({"parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": false,
                    "podReplacementPolicy": "TerminatingOrFailed"}),
            );
        }
        "batch.v1.CronJobSpec" => set(
            o,
            json!({"concurrencyPolicy": "Allow", "suspend": false, "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 1}),
        ),
        "networking.v1.NetworkPolicySpec" => {
            let types = if o.contains_key("egress") { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
            set(o, json!({"policyTypes": types}));
        }
        "storage.v1.StorageClass" => {
            set(o, json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}));
        }
        "rbac.v1.RoleRef" => set(o, json!({"apiGroup": "rbac.authorization.k8s.io"})),
        "rbac.v1.Subject" if (is(o, "kind", "User") || is(o, "kind", "Group")) => {
            set(o, json!({"apiGroup": "rbac.authorization.k8s.io"}));
        }
        "autoscaling.v2.HorizontalPodAutoscalerSpec" => set(o, json!({"minReplicas": 1})),
        "scheduling.v1.PriorityClass" => set(o, json!({"preemptionPolicy": "PreemptLowerPriority"})),
        "apiregistration.v1.ServiceReference" | "admissionregistration.v1.ServiceReference" => {
            set(o, json!({"port": 443}));
        }
        "admissionregistration.v1.MutatingWebhook" | "admissionregistration.v1.ValidatingWebhook" => {
            set(
                o,
                json!({"failurePolicy": "Fail", "matchPolicy": "Equivalent", "namespaceSelector": {},
                    "objectSelector": {}, "timeoutSeconds": 10}),
            );
            if name.ends_with("MutatingWebhook") {
                set(o, json!({"reinvocationPolicy": "Never"}));
            }
        }
        "admissionregistration.v1.RuleWithOperations" => set(o, json!({"scope": "*"})),
        "apiextensions.v1.CustomResourceDefinitionSpec" => {
            fields(o, "conversion", json!({"strategy": "None"}));
            if let Some(names) = o.get_mut("names").and_then(Value::as_object_mut)
                && let Some(kind) = names.get("kind").and_then(Value::as_str).map(str::to_owned)
            {
                set(names, json!({"singular": kind.to_lowercase(), "listKind": format!("{kind}List")}));
            }
        }
        _ => {}
    }
}

/// Sets what is not set in a part of an object, which is made where it is missing.
fn fields(object: &mut Map<String, Value>, key: &str, defaults: Value) {
    let part = object.entry(key.to_owned()).or_insert_with(|| json!({}));
    if let Some(part) = part.as_object_mut() {
        set(part, defaults);
    }
}

fn pod_spec(o: &mut Map<String, Value>) {
    set(
        o,
        json!({"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "securityContext": {}, "schedulerName": "default-scheduler"}),
    );
    if let Some(account) = o.get("serviceAccountName").or_else(|| o.get("serviceAccount")).cloned() {
        set(o, json!({"serviceAccountName": account, "serviceAccount": account}));
    }
    if o.get("hostNetwork").is_some_and(|h| h == true) {
        for container in o.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
            for port in container["ports"].as_array_mut().into_iter().flatten() {
                let number = port["containerPort"].clone();
                if let Some(port) = port.as_object_mut() {
                    set(port, json!({"hostPort": number}));
                }
            }
        }
    }
}

fn container(o: &mut Map<String, Value>) {
    let image = o.get("image").and_then(Value::as_str).unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let latest = !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    let policy = if latest { "Always" } else { "IfNotPresent" };
    set(
        o,
        json!({"resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "imagePullPolicy": policy}),
    );
}

/// What a pod's containers are limited to, they ask for; templates are left as they are.
fn requests(o: &mut Map<String, Value>) {
    if let Some(limits) = o.get("resources").and_then(|r| r["limits"].as_object()).cloned()
        && let Some(resources) = o.get_mut("resources").and_then(Value::as_object_mut)
    {
        fields(resources, "requests", Value::Object(limits));
    }
}

fn service(o: &mut Map<String, Value>) {
    set(o, json!({"sessionAffinity": "None", "type": "ClusterIP"}));
    let kind = o.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if o.get("sessionAffinity").is_some_and(|a| a == "ClientIP") {
        set(o, json!({"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}));
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        set(o, json!({"externalTrafficPolicy": "Cluster"}));
    }
    if kind == "LoadBalancer" {
        set(o, json!({"allocateLoadBalancerNodePorts": true}));
    }
    if kind != "ExternalName" {
        set(o, json!({"internalTrafficPolicy": "Cluster"}));
    }
}

fn replication_controller(o: &mut Map<String, Value>) {
    let labels = o.get("spec").map_or(Value::Null, |s| s["template"]["metadata"]["labels"].clone());
    if let Some(spec) = o.get_mut("spec").and_then(Value::as_object_mut) {
        set(spec, json!({"replicas": 1}));
        if labels.is_object() {
            set(spec, json!({"selector": labels}));
        }
    }
    if labels.is_object() {
        fields(o, "metadata", json!({"labels": labels}));
    }
}

//! What may not change once it is there.

use serde_json::{Value, json};

use super::{metadata, pods};
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::refusal::Fault;

const IMMUTABLE: &str = "field is immutable";

/// Everything that changed and may not.
pub(crate) fn faults(kind: &Kind, old: &Value, new: &Value) -> Vec<Fault> {
    let mut faults = metadata::unchanged(old, new);
    if kind.custom.is_some() {
        return faults;
    }
    let changed = |pointer: &str| old.pointer(pointer) != new.pointer(pointer);
    let at = |pointer: &str| new.pointer(pointer).cloned().unwrap_or(Value::Null);
    match kind.resource().as_str() {
        "configmaps" | "secrets" => {
            if old["immutable"] == true {
                let why = "field is immutable when `immutable` is set";
                if new["immutable"] != true {
                    faults.push(Fault::forbidden("immutable", why));
                }
                for part in ["data", "binaryData"].iter().filter(|p| old[**p] != new[**p]) {
                    faults.push(Fault::forbidden(*part, why));
                }
            }
            if changed("/type") {
                faults.push(Fault::invalid("type", &at("/type"), IMMUTABLE));
            }
        }
        "services" => {
            let had = old["spec"]["clusterIP"].as_str().is_some_and(|ip| !ip.is_empty());
            if had && changed("/spec/clusterIP") && new["spec"]["type"] != "ExternalName" {
                let value = at("/spec/clusterIPs");
                if value.is_null() {
                    faults.push(Fault::invalid("spec.clusterIPs[0]", &value, "primary clusterIP can not be unset"));
                } else {
                    faults.push(Fault::invalid("spec.clusterIPs[0]", &value, "may not change once set"));
                }
            }
        }
        "pods" => faults.extend(pods::unchanged(old, new)),
        "deployments.apps" | "daemonsets.apps" | "replicasets.apps" | "jobs.batch" => {
            if changed("/spec/selector") {
                faults.push(Fault::invalid("spec.selector", &at("/spec/selector"), IMMUTABLE));
            }
            if kind.plural == "jobs" && changed("/spec/template") && new["spec"]["suspend"] != true {
                faults.push(Fault::invalid("spec.template", &at("/spec/template"), IMMUTABLE));
            }
        }
        "statefulsets.apps" => {
            let plain = |object: &Value| {
                let mut spec = object["spec"].clone();
                for key in [
                    "replicas",
                    "ordinals",
                    "template",
                    "updateStrategy",
                    "revisionHistoryLimit",
                    "persistentVolumeClaimRetentionPolicy",
                    "minReadySeconds",
                ] {
                    spec[key] = Value::Null;
                }
                // A list that is not there may be said to be none.
                if let Some(fields) = spec.as_object_mut() {
                    fields.retain(|_, value| !value.is_null());
                }
                spec
            };
            if plain(old) != plain(new) {
                let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                           'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                           'minReadySeconds' are forbidden";
                faults.push(Fault::forbidden("spec", why));
            }
        }
        "persistentvolumeclaims" => {
            let plain = |object: &Value| {
                let mut spec = object["spec"].clone();
                for key in ["resources", "volumeAttributesClassName"] {
                    spec[key] = Value::Null;
                }
                if old["spec"]["volumeName"].is_null() {
                    spec["volumeName"] = Value::Null;
                }
                spec
            };
            if plain(old) != plain(new) {
                let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                           bound claims";
                faults.push(Fault::forbidden("spec", why));
            }
        }
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io"
            if changed("/roleRef") =>
        {
            faults.push(Fault::invalid("roleRef", &at("/roleRef"), "cannot change roleRef"));
        }
        "storageclasses.storage.k8s.io" => {
            for key in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
                if old[key] != new[key] {
                    faults.push(Fault::forbidden(key, format!("updates to {key} are forbidden.")));
                }
            }
        }
        "customresourcedefinitions.apiextensions.k8s.io" => {
            for path in ["/spec/group", "/spec/names/plural", "/spec/names/kind", "/spec/scope"] {
                if changed(path) {
                    faults.push(Fault::invalid(path[1..].replace('/', "."), &at(path), IMMUTABLE));
                }
            }
        }
        _ => {}
    }
    faults
}

/// Built-in kinds whose update has to say which version it changes.
const VERSIONED: [&str; 5] = [
    "leases.coordination.k8s.io",
    "poddisruptionbudgets.policy",
    "customresourcedefinitions.apiextensions.k8s.io",
    "apiservices.apiregistration.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
];

/// Whether an update has to say which version it changes; registered kinds always want to know.
pub(crate) fn needs_version(kind: &Kind) -> bool {
    kind.custom.is_some() || VERSIONED.contains(&kind.resource().as_str())
}

/// The fault of an update that does not.
pub(crate) fn without_version() -> Fault {
    Fault::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update")
}

//! The rules of built-in kinds: what is required, known, and fits together.
//!
//! Source: k8s.io/kubernetes `pkg/apis/*/validation`.

use serde_json::{Value, json};

use super::{definition, metadata, names, pods, services, structural};
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::refusal::{Fault, Why};
use crate::lab::kube::select;

/// Everything that is wrong with an object.
pub(crate) fn object(kind: &Kind, object: &Value) -> Vec<Fault> {
    let mut faults = metadata::rules(kind, object);
    if kind.custom.is_some() {
        faults.extend(structural::rules(kind.schema(), object));
        return faults;
    }
    let spec = &object["spec"];
    match kind.resource().as_str() {
        "configmaps" => {
            faults.extend(keys(object, &["data", "binaryData"]));
            faults.extend(length(object, "[]"));
        }
        "secrets" => {
            faults.extend(keys(object, &["data"]));
            faults.extend(length(object, "data"));
        }
        "services" => faults.extend(services::rules(object)),
        "pods" => faults.extend(pods::spec(spec, "spec")),
        "podtemplates" => faults.extend(pods::template(&object["template"], "template")),
        "deployments.apps" | "daemonsets.apps" | "replicasets.apps" => workload(spec, &mut faults),
        "statefulsets.apps" => workload(&claimed(spec), &mut faults),
        "replicationcontrollers" => {
            if spec["selector"].as_object().is_none_or(serde_json::Map::is_empty) {
                faults.push(Fault::required("spec.selector"));
            }
            if spec["template"].is_null() {
                faults.push(Fault::required("spec.template"));
            } else {
                faults.extend(pods::template(&spec["template"], "spec.template"));
            }
        }
        "jobs.batch" => job(spec, "spec", &mut faults),
        "cronjobs.batch" => {
            let schedule = spec["schedule"].as_str().unwrap_or_default();
            if schedule.is_empty() {
                faults.push(Fault::required("spec.schedule"));
            } else if !schedule.starts_with('@') && schedule.split_whitespace().count() != 5 {
                let found = schedule.split_whitespace().count();
                let why = format!("expected exactly 5 fields, found {found}: [{schedule}]");
                faults.push(Fault::invalid("spec.schedule", &spec["schedule"], why));
            }
            job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", &mut faults);
        }
        "persistentvolumeclaims" => {
            if spec["accessModes"].as_array().is_none_or(Vec::is_empty) {
                faults.push(Fault::required("spec.accessModes").detail("at least 1 access mode is required"));
            }
            if spec["resources"]["requests"]["storage"].is_null() {
                faults.push(Fault::required("spec.resources[storage]"));
            }
        }
        "ingresses.networking.k8s.io" => ingress(spec, &mut faults),
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            let role = &object["roleRef"];
            if !matches!(role["kind"].as_str(), Some("Role" | "ClusterRole")) {
                faults.push(Fault::unsupported(
                    "roleRef.kind",
                    &json!(role["kind"].as_str().unwrap_or_default()),
                    &["Role", "ClusterRole"],
                ));
            }
            if role["name"].as_str().unwrap_or_default().is_empty() {
                faults.push(Fault::required("roleRef.name"));
            }
        }
        "storageclasses.storage.k8s.io" if object["provisioner"].as_str().unwrap_or_default().is_empty() => {
            faults.push(Fault::required("provisioner"));
        }
        "customresourcedefinitions.apiextensions.k8s.io" => faults.extend(definition::rules(object)),
        _ => {}
    }
    faults
}

fn keys(object: &Value, parts: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for part in parts {
        for key in object[*part].as_object().into_iter().flatten().map(|(key, _)| key) {
            if let Some(why) = names::config_key(key) {
                faults.push(Fault::invalid(format!("{part}[{key}]"), &json!(key), why));
            }
        }
    }
    faults
}

/// The bytes that a ConfigMap or a Secret may hold (`MaxSecretSize`), however they are written.
const MOST: usize = 1 << 20;

fn length(object: &Value, field: &str) -> Option<Fault> {
    let texts = |part: &str| object[part].as_object().into_iter().flatten().filter_map(|(_, v)| v.as_str());
    let encoded = |text: &str| text.trim_end_matches('=').len() * 3 / 4;
    let plain = object["kind"] == "ConfigMap";
    let data: usize = texts("data").map(|text| if plain { text.len() } else { encoded(text) }).sum();
    let all = data + texts("binaryData").map(encoded).sum::<usize>();
    let detail = format!("may not be more than {MOST} bytes");
    (all > MOST).then(|| Fault { why: Why::TooLong, field: field.to_owned(), value: None, detail })
}

/// A StatefulSet's spec with the volumes that its claims will be.
fn claimed(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let claims: Vec<Value> = spec["volumeClaimTemplates"].as_array().cloned().unwrap_or_default();
    let volumes = claims.iter().map(|claim| json!({ "name": claim["metadata"]["name"], "emptyDir": {} }));
    let volumes: Vec<Value> = volumes.collect();
    match spec["template"]["spec"]["volumes"].as_array_mut() {
        Some(all) => {
            all.retain(|own| !volumes.iter().any(|volume| volume["name"] == own["name"]));
            all.extend(volumes);
        }
        None if volumes.is_empty() => {}
        None => spec["template"]["spec"]["volumes"] = volumes.into(),
    }
    spec
}

fn workload(spec: &Value, faults: &mut Vec<Fault>) {
    let selector = &spec["selector"];
    let none = !selector.is_object() || selector.as_object().is_some_and(serde_json::Map::is_empty);
    if !selector.is_object() {
        faults.push(Fault::required("spec.selector"));
    } else if none {
        let why = "empty selector is invalid for deployment";
        faults.push(Fault::invalid("spec.selector", selector, why));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    if none || !select::of_selector(selector).holds(labels) {
        let why = "`selector` does not match template `labels`";
        faults.push(Fault::invalid("spec.template.metadata.labels", labels, why));
    }
    faults.extend(pods::template(&spec["template"], "spec.template"));
    if let Some(n) = spec["replicas"].as_i64().filter(|n| *n < 0) {
        faults.push(Fault::invalid("spec.replicas", &json!(n), "must be greater than or equal to 0"));
    }
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if matches!(policy.as_str(), Some("Never" | "OnFailure")) {
        faults.push(Fault::unsupported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
}

fn job(spec: &Value, path: &str, faults: &mut Vec<Fault>) {
    faults.extend(pods::template(&spec["template"], &format!("{path}.template")));
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if *policy == "Always" {
        let field = format!("{path}.template.spec.restartPolicy");
        let detail = "valid values: \"OnFailure\", \"Never\"".to_owned();
        faults.push(Fault { why: Why::Required, field, value: None, detail });
    }
}

fn ingress(spec: &Value, faults: &mut Vec<Fault>) {
    if spec["rules"].is_null() && spec["defaultBackend"].is_null() {
        let why = "either `defaultBackend` or `rules` must be specified";
        faults.push(Fault::invalid("spec", &json!([]), why));
    }
    for (at, rule) in spec["rules"].as_array().into_iter().flatten().enumerate() {
        for (n, path) in rule["http"]["paths"].as_array().into_iter().flatten().enumerate() {
            let field = format!("spec.rules[{at}].http.paths[{n}]");
            if path["pathType"].is_null() {
                faults.push(Fault::required(format!("{field}.pathType")).detail("pathType must be specified"));
            }
            if path["backend"]["service"]["name"].is_null() && path["backend"]["resource"].is_null() {
                faults.push(
                    Fault::required(format!("{field}.backend")).detail("resource or service backend is required"),
                );
            }
        }
    }
}

/// What is asked for may not be more than the limit.
pub(super) fn amounts(resources: &Value, path: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (key, wanted) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][key];
        if let (Some(wanted_n), Some(limit_n)) = (number(wanted), number(limit))
            && wanted_n > limit_n
        {
            let limit = limit.as_str().unwrap_or_default();
            let why = format!("must be less than or equal to {key} limit of {limit}");
            faults.push(Fault::invalid(format!("{path}.requests"), wanted, why));
        }
    }
    faults
}

fn number(amount: &Value) -> Option<f64> {
    let text = amount.as_str()?;
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-')).unwrap_or(text.len());
    let scale = match &text[end..] {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    text[..end].parse::<f64>().ok().map(|n| n * scale)
}

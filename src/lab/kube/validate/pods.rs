//! The rules of pods and of the templates of pods.
//!
//! Source: k8s.io/kubernetes `pkg/apis/core/validation`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{metadata, names};
use crate::lab::kube::refusal::Fault;

/// What is wrong with a template, which lies at `path`.
pub(super) fn template(template: &Value, path: &str) -> Vec<Fault> {
    let mut faults = metadata::labels(&template["metadata"]["labels"], &format!("{path}.metadata.labels"));
    faults.extend(spec(&template["spec"], &format!("{path}.spec")));
    faults
}

/// What is wrong with a pod's spec.
pub(super) fn spec(spec: &Value, path: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut volumes = BTreeSet::new();
    for (at, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}.volumes[{at}]");
        faults.extend(named(volume, &path, &mut volumes));
        if volume.as_object().is_some_and(|v| v.len() < 2) {
            faults.push(Fault::required(path).detail("must specify a volume type"));
        }
    }
    let mut seen = BTreeSet::new();
    let containers: Vec<&Value> = spec["containers"].as_array().into_iter().flatten().collect();
    if containers.is_empty() {
        faults.push(Fault::required(format!("{path}.containers")));
    }
    for (at, one) in containers.iter().enumerate() {
        faults.extend(container(one, &format!("{path}.containers[{at}]"), &mut seen, &volumes));
    }
    for (at, one) in spec["initContainers"].as_array().into_iter().flatten().enumerate() {
        faults.extend(container(one, &format!("{path}.initContainers[{at}]"), &mut seen, &volumes));
    }
    one_of(spec, path, "restartPolicy", &["Always", "Never", "OnFailure"], &mut faults);
    one_of(spec, path, "dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"], &mut faults);
    if let Some(name) = spec["serviceAccountName"].as_str() {
        let wrong = names::subdomain(name).into_iter();
        faults.extend(wrong.map(|w| Fault::invalid(format!("{path}.serviceAccountName"), &json!(name), w)));
    }
    faults.extend(metadata::labels(&spec["nodeSelector"], &format!("{path}.nodeSelector")));
    faults
}

fn one_of(value: &Value, path: &str, key: &str, known: &[&str], faults: &mut Vec<Fault>) {
    let there = &value[key];
    if there.as_str().is_some_and(|t| !known.contains(&t)) {
        faults.push(Fault::unsupported(format!("{path}.{key}"), there, known));
    }
}

/// A name that has to be there, to be a label, and to be there once.
fn named(value: &Value, path: &str, seen: &mut BTreeSet<String>) -> Vec<Fault> {
    let field = format!("{path}.name");
    let name = value["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        return vec![Fault::required(field)];
    }
    let wrong = names::label(name);
    if !wrong.is_empty() {
        return wrong.into_iter().map(|why| Fault::invalid(field.clone(), &json!(name), why)).collect();
    }
    if !seen.insert(name.to_owned()) {
        return vec![Fault::duplicate(field, &json!(name))];
    }
    Vec::new()
}

fn container(value: &Value, path: &str, seen: &mut BTreeSet<String>, volumes: &BTreeSet<String>) -> Vec<Fault> {
    let mut faults = named(value, path, seen);
    let image = value["image"].as_str().unwrap_or_default();
    if image.is_empty() {
        faults.push(Fault::required(format!("{path}.image")));
    } else if image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        faults.push(Fault::invalid(format!("{path}.image"), &json!(image), why));
    }
    for (at, port) in value["ports"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}.ports[{at}]");
        match port["containerPort"].as_i64() {
            None | Some(0) => faults.push(Fault::required(format!("{path}.containerPort"))),
            Some(n) if !(1..=65_535).contains(&n) => {
                let why = "must be between 1 and 65535, inclusive";
                faults.push(Fault::invalid(format!("{path}.containerPort"), &json!(n), why));
            }
            Some(_) => {}
        }
        one_of(port, &path, "protocol", &["SCTP", "TCP", "UDP"], &mut faults);
    }
    for (at, variable) in value["env"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}.env[{at}]");
        if variable["name"].as_str().unwrap_or_default().is_empty() {
            faults.push(Fault::required(format!("{path}.name")));
        }
        if variable["value"].as_str().is_some_and(|v| !v.is_empty()) && variable["valueFrom"].is_object() {
            let why = "may not be specified when `value` is not empty";
            faults.push(Fault::invalid(format!("{path}.valueFrom"), &json!(""), why));
        }
    }
    let mut paths = BTreeSet::new();
    for (at, mount) in value["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let path = format!("{path}.volumeMounts[{at}]");
        let name = mount["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            faults.push(Fault::required(format!("{path}.name")));
        } else if !volumes.contains(name) {
            let mut fault = Fault::invalid(format!("{path}.name"), &json!(name), "");
            fault.why = crate::lab::kube::refusal::Why::NotFound;
            faults.push(fault);
        }
        let place = mount["mountPath"].as_str().unwrap_or_default();
        if place.is_empty() {
            faults.push(Fault::required(format!("{path}.mountPath")));
        } else if !paths.insert(place.to_owned()) {
            faults.push(Fault::invalid(format!("{path}.mountPath"), &json!(place), "must be unique"));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let there = &value[probe];
        let ways = ["exec", "httpGet", "tcpSocket", "grpc"].iter().filter(|w| there[**w].is_object()).count();
        if there.is_object() && ways == 0 {
            faults.push(Fault::required(format!("{path}.{probe}")).detail("must specify a handler type"));
        }
    }
    one_of(value, path, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], &mut faults);
    one_of(value, path, "terminationMessagePolicy", &["FallbackToLogsOnError", "File"], &mut faults);
    faults.extend(super::rules::amounts(&value["resources"], &format!("{path}.resources")));
    faults
}

/// The fields of a running pod's spec that may change.
const MAY_CHANGE: &str = "pod updates may not change fields other than \
                          `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                          `spec.tolerations` (only additions to existing tolerations),\
                          `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// What changed in a pod and may not.
pub(super) fn unchanged(old: &Value, new: &Value) -> Vec<Fault> {
    let plain = |spec: &Value| {
        let mut spec = spec.clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        for key in ["activeDeadlineSeconds", "tolerations", "ephemeralContainers", "schedulingGates"] {
            spec[key] = Value::Null;
        }
        if old["spec"]["nodeName"].is_null() {
            spec["nodeName"] = Value::Null;
        }
        spec
    };
    if plain(&old["spec"]) == plain(&new["spec"]) { Vec::new() } else { vec![Fault::forbidden("spec", MAY_CHANGE)] }
}

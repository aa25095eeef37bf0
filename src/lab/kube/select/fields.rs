//! Field selectors: which fields a kind can be selected by, and how they are written.
//!
//! Source: k8s.io/apimachinery `pkg/fields/selector.go`; the fields are those of each kind's conversion.

use serde_json::Value;

use crate::lab::kube::kinds::Kind;

/// Requirements, all of which have to hold: a field, whether it has to be equal, and the value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, bool, String)>);

/// Kinds that can be selected by more than name and namespace.
const MORE: &[(&str, &[&str])] = &[
    (
        "pods",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
    ),
    ("nodes", &["spec.unschedulable"]),
    ("replicationcontrollers", &["status.replicas"]),
    (
        "events",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    ("namespaces", &["status.phase"]),
    ("secrets", &["type"]),
    ("services", &["spec.clusterIP", "spec.type"]),
    ("jobs.batch", &["status.successful"]),
    ("certificatesigningrequests.certificates.k8s.io", &["spec.signerName"]),
];

impl Fields {
    /// Parses a selector for a kind; the error is what the server answers.
    pub(crate) fn parse(text: &str, kind: &Kind) -> Result<Self, String> {
        let mut tests = Vec::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (key, equal, value) = if let Some((key, value)) = part.split_once("!=") {
                (key, false, value)
            } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (key, true, value)
            } else {
                return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
            };
            known(key, kind)?;
            tests.push((key.to_owned(), equal, value.to_owned()));
        }
        Ok(Self(tests))
    }

    pub(crate) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn holds(&self, object: &Value) -> bool {
        self.0.iter().all(|(key, equal, value)| (text(object, key) == *value) == *equal)
    }
}

fn known(key: &str, kind: &Kind) -> Result<(), String> {
    if matches!(key, "metadata.name" | "metadata.namespace") {
        return Ok(());
    }
    let resource = kind.resource();
    match MORE.iter().find(|(name, _)| *name == resource) {
        Some((_, fields)) if fields.contains(&key) => Ok(()),
        Some(_) => Err(format!("field label not supported: {key}")),
        None if kind.custom.is_some() => Err(format!("field label not supported: {key}")),
        None => Err(format!("{key:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")),
    }
}

fn text(object: &Value, key: &str) -> String {
    if key == "source" {
        return object["source"]["component"].as_str().unwrap_or_default().to_owned();
    }
    let value = key.split('.').fold(object, |value, part| &value[part]);
    match value {
        Value::String(text) => text.clone(),
        Value::Null if matches!(key, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        Value::Null if key == "status.successful" => "0".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

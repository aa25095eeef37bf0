//! The rules of `metadata`, which every object has to keep.
//!
//! Source: k8s.io/apimachinery `pkg/api/validation/objectmeta.go`.

use serde_json::{Value, json};

use super::names;
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::refusal::{Fault, Why};

/// Finalizers without a domain that Kubernetes knows.
const STANDARD: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// What is wrong with a new or changed object's metadata.
pub(crate) fn rules(kind: &Kind, object: &Value) -> Vec<Fault> {
    let metadata = &object["metadata"];
    let mut faults = Vec::new();
    let name = metadata["name"].as_str().unwrap_or_default();
    if let Some(base) = metadata["generateName"].as_str().filter(|b| !b.is_empty()) {
        // The end of a prefix may be a dash.
        for why in form(kind, &format!("{}a", base.trim_end_matches('-'))) {
            faults.push(Fault::invalid("metadata.generateName", &json!(base), why));
        }
    }
    if name.is_empty() {
        faults.push(Fault::required("metadata.name").detail("name or generateName is required"));
    } else {
        for why in form(kind, name) {
            faults.push(Fault::invalid("metadata.name", &json!(name), why));
        }
    }
    faults.extend(labels(&metadata["labels"], "metadata.labels"));
    faults.extend(annotations(&metadata["annotations"], "metadata.annotations"));
    for (at, owner) in metadata["ownerReferences"].as_array().into_iter().flatten().enumerate() {
        let path = format!("metadata.ownerReferences[{at}]");
        for key in ["apiVersion", "kind", "name", "uid"] {
            if owner[key].as_str().unwrap_or_default().is_empty() {
                let why = format!("{} must not be empty", if key == "apiVersion" { "version" } else { key });
                faults.push(Fault::invalid(format!("{path}.{key}"), &json!(""), why));
            }
        }
    }
    for (at, finalizer) in metadata["finalizers"].as_array().into_iter().flatten().enumerate() {
        let text = finalizer.as_str().unwrap_or_default();
        let path = format!("metadata.finalizers[{at}]");
        let wrong = names::label_key(text);
        if !wrong.is_empty() {
            faults.extend(wrong.into_iter().map(|why| Fault::invalid("metadata.finalizers", finalizer, why)));
        // Registered kinds may have finalizers of any name; Flux' has no group.
        } else if kind.custom.is_none() && !text.contains('/') && !STANDARD.contains(&text) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            faults.push(Fault::invalid(path, finalizer, why));
        }
    }
    faults
}

fn form(kind: &Kind, name: &str) -> Vec<String> {
    match kind.resource().as_str() {
        "namespaces" => names::label(name),
        "services" => names::label_1035(name),
        resource if resource.ends_with(".rbac.authorization.k8s.io") => names::segment(name),
        _ => names::subdomain(name),
    }
}

/// What is wrong with labels.
pub(crate) fn labels(labels: &Value, path: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        faults.extend(names::label_key(key).into_iter().map(|why| Fault::invalid(path, &json!(key), why)));
        if let Some(why) = names::label_value(value.as_str().unwrap_or_default()) {
            faults.push(Fault::invalid(path, value, why));
        }
    }
    faults
}

fn annotations(annotations: &Value, path: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut size = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        let lower = key.to_lowercase();
        faults.extend(names::label_key(&lower).into_iter().map(|why| Fault::invalid(path, &json!(key), why)));
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > 256 * 1024 {
        let detail = "may not be more than 262144 bytes".to_owned();
        faults.push(Fault { why: Why::TooLong, field: path.to_owned(), value: None, detail });
    }
    faults
}

/// The object's uid, where another is given. What else the server gives, it gives again.
pub(crate) fn fixed(old: &Value, new: &Value) -> Vec<Fault> {
    let (was, is) = (&old["metadata"], &new["metadata"]);
    let other = is["uid"].as_str().is_some_and(|given| !given.is_empty()) && is["uid"] != was["uid"];
    other.then(|| Fault::invalid("metadata.uid", &is["uid"], "field is immutable")).into_iter().collect()
}

/// What may not change in metadata.
pub(crate) fn unchanged(old: &Value, new: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (was, is) = (&old["metadata"], &new["metadata"]);
    if was["deletionTimestamp"].is_string() {
        let had: Vec<&Value> = was["finalizers"].as_array().into_iter().flatten().collect();
        let added = is["finalizers"].as_array().into_iter().flatten().filter(|f| !had.contains(f));
        let added: Vec<&Value> = added.collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(ToString::to_string).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            faults.push(Fault::forbidden("metadata.finalizers", why));
        }
    }
    faults
}

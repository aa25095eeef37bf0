//! A container's variables: its own, those from ConfigMaps and Secrets, and what every container has.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::Value;

use super::words::{hostname, list, text};
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;

/// The variables of a container.
///
/// # Errors
/// What is missing, as a kubelet says it: `configmap "settings" not found`.
pub(crate) fn of(objects: &Objects, pod: &Value, container: &Value) -> Result<BTreeMap<String, String>, String> {
    let namespace = text(pod, "/metadata/namespace");
    let mut all = BTreeMap::from([
        ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
        ("HOSTNAME".to_owned(), hostname(pod)),
        ("HOME".to_owned(), "/root".to_owned()),
        ("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()),
    ]);
    if let Some(api) = objects.store.get(&Place::new("services", "default", "kubernetes")) {
        all.insert("KUBERNETES_SERVICE_HOST".into(), text(&api.value, "/spec/clusterIP").to_owned());
    }
    for from in list(container, "/envFrom") {
        for (source, resource) in [("configMapRef", "configmaps"), ("secretRef", "secrets")] {
            let Some(name) = from[source]["name"].as_str() else { continue };
            match objects.store.get(&Place::new(resource, namespace, name)) {
                Some(object) => {
                    let prefix = text(from, "/prefix");
                    for (key, value) in object.value["data"].as_object().into_iter().flatten() {
                        all.insert(format!("{prefix}{key}"), decoded(value, resource));
                    }
                }
                None if from[source]["optional"] == true => {}
                None => return Err(missing(resource, namespace, name)),
            }
        }
    }
    for variable in list(container, "/env") {
        let name = text(variable, "/name").to_owned();
        let from = &variable["valueFrom"];
        if let Some(value) = variable["value"].as_str() {
            let value = substituted(value, &all);
            all.insert(name, value);
        } else if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
            all.insert(name, field(pod, path));
        } else if let Some(resource) = from["resourceFieldRef"]["resource"].as_str() {
            let (part, key) = resource.split_once('.').unwrap_or(("limits", resource));
            all.insert(name, text(&container["resources"][part], &format!("/{key}")).to_owned());
        } else {
            for (source, resource) in [("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")] {
                let Some(object) = from[source]["name"].as_str() else { continue };
                let key = text(&from[source], "/key");
                let optional = from[source]["optional"] == true;
                let found = objects.store.get(&Place::new(resource, namespace, object));
                match found.map(|found| &found.value["data"][key]) {
                    Some(value) if value.is_string() => {
                        all.insert(name.clone(), decoded(value, resource));
                    }
                    _ if optional => {}
                    Some(_) => {
                        let kind = if resource == "secrets" { "Secret" } else { "ConfigMap" };
                        return Err(format!("couldn't find key {key} in {kind} {namespace}/{object}"));
                    }
                    None => return Err(missing(resource, namespace, object)),
                }
            }
        }
    }
    Ok(all)
}

fn missing(resource: &str, _namespace: &str, name: &str) -> String {
    format!("{} \"{name}\" not found", resource.trim_end_matches('s'))
}

fn decoded(value: &Value, resource: &str) -> String {
    let text = value.as_str().unwrap_or_default();
    if resource != "secrets" {
        return text.to_owned();
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `$(NAME)` is the variable that was set before.
pub(crate) fn substituted(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        out.push_str(before);
        match after.split_once(')') {
            Some((name, behind)) if variables.contains_key(name) => {
                out.push_str(&variables[name]);
                rest = behind;
            }
            _ => {
                out.push_str("$(");
                rest = after;
            }
        }
    }
    out + rest
}

/// A field of a pod, as the downward API gives it.
pub(crate) fn field(pod: &Value, path: &str) -> String {
    let key = |part: &str| path.strip_prefix(part).and_then(|rest| rest.strip_suffix("']")).map(str::to_owned);
    if let Some(label) = key("metadata.labels['") {
        return pod["metadata"]["labels"][label].as_str().unwrap_or_default().to_owned();
    }
    if let Some(annotation) = key("metadata.annotations['") {
        return pod["metadata"]["annotations"][annotation].as_str().unwrap_or_default().to_owned();
    }
    match path {
        "metadata.labels" | "metadata.annotations" => {
            let map = pod["metadata"][&path[9..]].as_object();
            map.into_iter().flatten().map(|(key, value)| format!("{key}={value}\n")).collect()
        }
        "spec.serviceAccountName" => text(pod, "/spec/serviceAccountName").to_owned(),
        path => text(pod, &format!("/{}", path.replace('.', "/"))).to_owned(),
    }
}

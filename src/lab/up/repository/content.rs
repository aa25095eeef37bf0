//! What lies in the folders of the lab's repository: the objects that the topology says Flux applies, as somebody's
//! changes left them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Folder, file_of, normal};
use crate::lab::world::cause::Change;
use crate::lab::world::topology::Topology;
use crate::lab::world::{Cause, objects, wanted};

/// The objects at the paths of a cluster's Kustomizations: path, Kustomization, objects by file.
pub(super) fn applied(topology: &Topology, name: &str, causes: &[Cause]) -> Vec<(String, String, Folder)> {
    let Some(flux) = topology.clusters.get(name).and_then(|cluster| cluster.flux.as_ref()) else { return Vec::new() };
    let entry = format!("kubernetes/clusters/{name}");
    let mut all: BTreeMap<String, (String, Folder)> = BTreeMap::new();
    all.insert(entry.clone(), (format!("cluster-{name}"), Folder::new()));
    let mut by: BTreeMap<&str, String> = BTreeMap::new();
    for one in &flux.kustomizations {
        let path = normal(&one.path);
        by.insert(&one.name, path.clone());
        all.entry(path).or_insert_with(|| (one.name.clone(), Folder::new()));
    }
    let mut put = |path: &str, object: Value| {
        if let Some((_, folder)) = all.get_mut(path) {
            folder.insert(file_of(&object), object);
        }
    };
    let there = objects::of_flux(topology, name);
    for object in there.iter().cloned() {
        let owner = object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"].as_str().map(String::from);
        let home = match owner {
            Some(owner) => by.get(owner.as_str()).cloned(),
            None => (object["metadata"]["namespace"] == "flux-system").then(|| entry.clone()),
        };
        if let Some((home, object)) = home.zip(changed(name, object, causes)) {
            put(&home, object);
        }
    }
    for one in &flux.kustomizations {
        let home = normal(&one.path);
        for what in &one.applies {
            let smallest = named(what);
            let same = |object: &&Value| {
                let place = |of: &Value| {
                    (of["kind"].clone(), of["metadata"]["namespace"].clone(), of["metadata"]["name"].clone())
                };
                place(object) == place(&smallest)
            };
            let object = there.iter().find(same).cloned().unwrap_or(smallest);
            changed(name, object, causes).into_iter().for_each(|object| put(&home, object));
        }
        // What a chart is told: the variables that the folder is known to use.
        if !one.uses.is_empty() || all_empty(&home, &by, flux) {
            let data: BTreeMap<String, String> =
                one.uses.iter().map(|key| (key.to_lowercase().replace('_', "."), format!("${{{key}}}"))).collect();
            put(
                &home,
                json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "data": data,
                    "metadata": { "name": format!("{}-values", one.name), "namespace": "flux-system" },
                }),
            );
        }
    }
    for cause in causes {
        let Cause::Changed { cluster, change: Change::Create(text), .. } = cause else { continue };
        if let Some(object) = serde_json::from_str::<Value>(text).ok().filter(|_| cluster == name) {
            put(&entry, clean(object));
        }
    }
    all.into_iter().map(|(path, (of, objects))| (path, of, objects)).collect()
}

/// Whether nothing but a ConfigMap of values would be in a folder, so that there has to be one; true says too much, which
/// does no harm.
fn all_empty(path: &str, by: &BTreeMap<&str, String>, flux: &wanted::Flux) -> bool {
    let owner = by.iter().find(|(_, home)| *home == path).map(|(name, _)| *name);
    !flux.kustomizations.iter().any(|one| one.by.as_deref() == owner && owner.is_some())
}

/// An object as somebody's change left it; none where it was deleted.
fn changed(cluster: &str, mut object: Value, causes: &[Cause]) -> Option<Value> {
    for cause in causes {
        let Cause::Changed { cluster: of, object: named, change } = cause else { continue };
        let same = of == cluster
            && object["kind"] == named.kind
            && object["metadata"]["name"] == named.name
            && object["metadata"]["namespace"].as_str().unwrap_or_default() == named.namespace;
        match change {
            Change::Delete if same => return None,
            Change::Merge(patch) if same => merge(&mut object, &serde_json::from_str(patch).unwrap_or_default()),
            _ => {}
        }
    }
    Some(clean(object))
}

/// A JSON merge patch (RFC 7386).
fn merge(into: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, change) in changes {
        match into.as_object_mut() {
            Some(map) if change.is_null() => {
                map.remove(key);
            }
            _ => merge(&mut into[key], change),
        }
    }
}

/// Without what only a server writes.
fn clean(mut object: Value) -> Value {
    let metadata =
        ["uid", "creationTimestamp", "generation", "resourceVersion", "finalizers", "labels", "managedFields"];
    if let Some(map) = object["metadata"].as_object_mut() {
        metadata.iter().for_each(|field| drop(map.remove(*field)));
        map.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
    }
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    object
}

/// `Kind namespace/name` as the smallest manifest of it.
pub(super) fn named(what: &str) -> Value {
    let (kind, place) = what.split_once(' ').unwrap_or(("ConfigMap", what));
    let (namespace, name) = place.split_once('/').unwrap_or(("", place));
    let version = match kind {
        "Deployment" | "DaemonSet" | "StatefulSet" => "apps/v1".to_owned(),
        "CronJob" | "Job" => "batch/v1".into(),
        _ => wanted::version(kind).unwrap_or_else(|| "v1".into()),
    };
    let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    match kind {
        "Deployment" | "DaemonSet" | "StatefulSet" => {
            let labels = json!({ "app.kubernetes.io/name": name });
            object["spec"] = json!({
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": name, "image": format!("ghcr.io/monosense/{name}:1.0.0") }] } },
            });
        }
        "HelmRelease" => {
            object["spec"] = json!({ "interval": "1h", "chart": { "spec": {
                "chart": name, "sourceRef": { "kind": "GitRepository", "name": "flux-system", "namespace": "flux-system" },
            } } });
        }
        _ => {}
    }
    object
}

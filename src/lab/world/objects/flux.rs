//! Flux's objects: the repository, the settings, and the Kustomizations of a topology.

use serde_json::{Value, json};

use super::Making;
use crate::lab::world::topology::Kustomization;

/// Where all of it is.
const NAMESPACE: &str = "flux-system";

pub(super) fn all(making: &Making<'_>) -> Vec<Value> {
    let Some(flux) = &making.cluster.flux else { return Vec::new() };
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": flux.settings,
        "metadata": super::node::without_generation(making.metadata("ConfigMap", NAMESPACE, "cluster-settings", json!({}))),
    });
    let repository = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": making.metadata("GitRepository", NAMESPACE, NAMESPACE, json!({})),
        "spec": {
            "interval": "1m0s", "ref": { "branch": flux.branch }, "timeout": "60s", "url": flux.url,
        },
    });
    [settings, repository].into_iter().chain(flux.kustomizations.iter().map(|one| object(making, one))).collect()
}

fn object(making: &Making<'_>, one: &Kustomization) -> Value {
    let mut spec = json!({
        "force": false, "interval": "10m0s", "path": one.path, "prune": true, "retryInterval": "1m0s",
        "sourceRef": { "kind": "GitRepository", "name": NAMESPACE }, "timeout": "5m0s",
        "postBuild": { "substituteFrom": [{ "kind": "ConfigMap", "name": "cluster-settings", "optional": false }] },
    });
    if one.wait {
        spec["wait"] = true.into();
    }
    if !one.needs.is_empty() {
        spec["dependsOn"] = one.needs.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>().into();
    }
    if !one.checks.is_empty() {
        spec["healthChecks"] = one.checks.iter().filter_map(|text| check(text)).collect::<Vec<_>>().into();
    }
    let mut metadata = making.metadata("Kustomization", NAMESPACE, &one.name, json!({}));
    metadata["finalizers"] = json!(["finalizers.fluxcd.io"]);
    if let Some(by) = &one.by {
        applied(&mut metadata, by);
    }
    json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata, "spec": spec })
}

/// The labels by which Flux knows again what it has applied.
pub(super) fn applied(metadata: &mut Value, by: &str) {
    metadata["labels"]["kustomize.toolkit.fluxcd.io/name"] = by.into();
    metadata["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = NAMESPACE.into();
}

/// `Deployment namespace/name` as a reference.
fn check(text: &str) -> Option<Value> {
    let (kind, place) = text.split_once(' ')?;
    let (namespace, name) = place.split_once('/')?;
    let version = match kind {
        "Deployment" | "DaemonSet" | "StatefulSet" => "apps/v1".to_owned(),
        _ => super::version(kind)?.0,
    };
    let mut check = json!({ "apiVersion": version, "kind": kind, "name": name });
    // What is of the whole cluster is in none.
    if !namespace.is_empty() {
        check["namespace"] = namespace.into();
    }
    Some(check)
}

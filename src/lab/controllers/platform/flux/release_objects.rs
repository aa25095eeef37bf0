//! What a HelmRelease runs, makes, waits for, and takes along.

use serde_json::{Value, json};

use super::super::site::{Site, is};
use super::observed;
use super::release::{DEPENDENCY, RESOURCE, Stop};
use super::release_history::target;
use crate::lab::kube::store::Place;
use crate::lab::world::objects;

/// What a release runs.
pub(super) fn workloads(site: &Site<'_>, object: &Value) -> Vec<Value> {
    let (namespace, name) = target(object);
    let own = |one: &Value| {
        let labels = &one["metadata"]["labels"];
        labels["app.kubernetes.io/managed-by"] == "Helm" && labels["app.kubernetes.io/instance"] == name.as_str()
    };
    let kinds = ["deployments.apps", "statefulsets.apps", "daemonsets.apps"];
    let all = kinds.iter().flat_map(|kind| site.all(kind, &namespace));
    all.filter(|(_, stored)| own(&stored.value)).map(|(_, stored)| stored.value.clone()).collect()
}

/// Makes what a release runs and is missing, as the topology has it.
pub(super) fn make(site: &mut Site<'_>, object: &Value) {
    let (namespace, name) = target(object);
    let Some(cluster) = site.topology() else { return };
    let mine = |one: &&crate::lab::world::topology::Workload| {
        one.release.as_deref() == Some(&name) && *one.namespace.get_ref() == namespace
    };
    let there = workloads(site, object).len();
    if cluster.workloads.iter().filter(mine).count() <= there {
        return;
    }
    for one in objects::all(&site.world.topology, site.cluster, site.now) {
        let own = one["metadata"]["labels"]["app.kubernetes.io/instance"] == name.as_str()
            && one["metadata"]["namespace"] == namespace.as_str();
        if own && matches!(one["kind"].as_str(), Some("Deployment" | "StatefulSet" | "DaemonSet")) {
            let mut one = one;
            one["status"] = json!({});
            site.create(&one);
        }
    }
}

pub(super) fn dependencies(site: &Site<'_>, object: &Value) -> Result<(), Stop> {
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let wrong = |why: String| Err(("DependencyNotReady", why, DEPENDENCY));
    for one in object["spec"]["dependsOn"].as_array().into_iter().flatten() {
        let (name, namespace) = (one["name"].as_str().unwrap_or_default(), one["namespace"].as_str().unwrap_or(own));
        match site.get(RESOURCE, namespace, name) {
            None => {
                return wrong(format!(
                    "unable to get '{namespace}/{name}' dependency: helmreleases.helm.toolkit.fluxcd.io \"{name}\" not found"
                ));
            }
            Some(other) if !observed(&other.value) || !is(&other.value, "Ready") => {
                return wrong(format!("dependency '{namespace}/{name}' is not ready"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// A release that is deleted takes along what it ran.
pub(super) fn uninstall(site: &mut Site<'_>, place: &Place, mut object: Value) {
    if object["spec"]["suspend"] != true {
        for one in workloads(site, &object) {
            let text = |key: &str| one["metadata"][key].as_str().unwrap_or_default().to_owned();
            let resource = format!("{}s.apps", one["kind"].as_str().unwrap_or_default().to_lowercase());
            site.delete(&Place::new(&resource, &text("namespace"), &text("name")));
        }
    }
    if let Some(all) = object["metadata"]["finalizers"].as_array_mut() {
        all.retain(|one| one != "finalizers.fluxcd.io");
    }
    if object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
        site.objects.store.remove(place);
        site.changed = true;
    } else {
        site.put(place, object);
    }
}

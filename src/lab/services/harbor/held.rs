//! What kubelets can pull from Harbor: told to the clusters' nodes after each change, so that a pull need ask nobody.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Site, at};
use crate::lab::pods::images::{Held, Kept};

const ROUTES: &str = "httproutes.gateway.networking.k8s.io";

/// Tells all clusters what Harbor has now. `host` is the name that it was just called by.
pub(super) fn tell(site: &Site<'_>, host: &str) {
    let mut hosts = hosts(site);
    hosts.insert(host.to_owned());
    let held = {
        let state = site.services.state();
        let kept = |name: &String| {
            let project = name.split('/').next().unwrap_or_default();
            state.harbor.projects.get(project).is_some_and(|project| project.public)
        };
        let repositories = state.images.repositories.iter().map(|(name, repository)| {
            let names = repository.tags.keys().chain(repository.manifests.keys()).cloned().collect();
            (name.clone(), Kept { public: kept(name), names })
        });
        Held { hosts, repositories: repositories.collect() }
    };
    for cluster in site.services.clusters.values() {
        cluster.world().inside.images.hold(held.clone());
    }
}

/// The names by which routes lead to Harbor.
fn hosts(site: &Site<'_>) -> BTreeSet<String> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let routes: Vec<(String, Value)> = {
        let world = site.cluster.world();
        world.store.list(ROUTES, "").map(|(at, route)| (at.namespace.clone(), route.value["spec"].clone())).collect()
    };
    let leads = |namespace: &str, spec: &Value| {
        let rules = spec["rules"].as_array().into_iter().flatten();
        rules.flat_map(|rule| rule["backendRefs"].as_array().into_iter().flatten()).any(|backend| {
            let (Some(name), Some(port)) = (backend["name"].as_str(), backend["port"].as_u64()) else { return false };
            let namespace = backend["namespace"].as_str().unwrap_or(namespace);
            at::service(site.services, &site.cluster.name, namespace, name, &port.to_string())
                .is_ok_and(|found| found.program.fault == "harbor")
        })
    };
    routes
        .iter()
        .filter(|(namespace, spec)| leads(namespace, spec))
        .flat_map(|(_, spec)| texts(&spec["hostnames"]))
        .collect()
}

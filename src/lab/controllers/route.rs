//! Who has to look at what after a change.

use std::sync::Arc;

use serde_json::Value;

use super::fields::{self, list, text};
use super::index::{Index, Pod};
use super::manager::{Key, Who};
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::select;
use crate::lab::kube::store::{Place, Stored};

/// A change, with what the index made of it.
#[derive(Debug)]
pub(super) struct Changed<'c> {
    pub(super) place: &'c Place,
    pub(super) before: Option<&'c Arc<Stored>>,
    pub(super) after: Option<&'c Arc<Stored>>,
    pub(super) pods: (Option<Arc<Pod>>, Option<Arc<Pod>>),
}

/// Whom it concerns, key by key.
pub(super) fn concerns(change: &Changed<'_>, objects: &Objects, index: &Index, tell: &mut impl FnMut(Key)) {
    let place = change.place;
    let mut own = |who: Who| tell(Key { who, place: place.clone() });
    match place.resource.as_str() {
        "pods" => own(Who::Kubelet),
        "deployments.apps" => own(Who::Deployment),
        "replicasets.apps" => own(Who::ReplicaSet),
        "daemonsets.apps" => own(Who::DaemonSet),
        "statefulsets.apps" => own(Who::StatefulSet),
        "jobs.batch" => own(Who::Job),
        "cronjobs.batch" => own(Who::CronJob),
        "services" => own(Who::Endpoints),
        "poddisruptionbudgets.policy" => own(Who::Budget),
        "nodes" => own(Who::Node),
        "persistentvolumeclaims" => own(Who::Claim),
        "persistentvolumes" => own(Who::Volume),
        // Events, leases and the like concern nobody, and come often.
        "events" | "leases.coordination.k8s.io" => return,
        _ => {}
    }
    garbage(change, objects, index, tell);
    match place.resource.as_str() {
        "pods" => pod(change, objects, index, tell),
        "replicasets.apps" | "jobs.batch" => {
            for object in [change.before, change.after].into_iter().flatten() {
                if let Some(key) = fields::controller_of(&object.value).and_then(|o| key_of(o, &place.namespace)) {
                    tell(key);
                }
            }
            orphans(change, index, tell);
        }
        "daemonsets.apps" | "statefulsets.apps" => orphans(change, index, tell),
        "deployments.apps" if change.before.is_none() => adopted(objects, &place.namespace, tell),
        "nodes" => node(change, objects, index, tell),
        "persistentvolumeclaims" | "persistentvolumes" | "storageclasses.storage.k8s.io" => {
            pending(index, tell);
            if place.resource != "persistentvolumeclaims" {
                for (claim, stored) in objects.store.list("persistentvolumeclaims", "") {
                    if text(&stored.value, "/status/phase") != "Bound" || change.after.is_none() {
                        tell(Key { who: Who::Claim, place: claim.clone() });
                    }
                }
            }
        }
        "configmaps" | "secrets" if change.before.is_none() => waiting(place, objects, index, tell),
        _ => {}
    }
}

/// What an owner reference leads to, where it is a controller of ours.
pub(super) fn key_of(owner: &Value, namespace: &str) -> Option<Key> {
    let (who, resource) = match owner["kind"].as_str()? {
        "ReplicaSet" => (Who::ReplicaSet, "replicasets.apps"),
        "Deployment" => (Who::Deployment, "deployments.apps"),
        "DaemonSet" => (Who::DaemonSet, "daemonsets.apps"),
        "StatefulSet" => (Who::StatefulSet, "statefulsets.apps"),
        "Job" => (Who::Job, "jobs.batch"),
        "CronJob" => (Who::CronJob, "cronjobs.batch"),
        _ => return None,
    };
    Some(Key { who, place: Place::new(resource, namespace, owner["name"].as_str()?) })
}

/// Objects whose owners came or went, and owners that wait for what they own.
fn garbage(change: &Changed<'_>, objects: &Objects, index: &Index, tell: &mut impl FnMut(Key)) {
    let mut look = |place: &Place| tell(Key { who: Who::Garbage, place: place.clone() });
    let owners = |object: &Arc<Stored>| object.value["metadata"]["ownerReferences"].clone();
    match (change.before, change.after) {
        (before, Some(after)) => {
            let news = before.is_none_or(|before| owners(before) != owners(after));
            if news && after.value["metadata"]["ownerReferences"].is_array() {
                look(change.place);
            }
            if fields::is_ending(&after.value) && !list(&after.value, "/metadata/finalizers").is_empty() {
                look(change.place);
            }
        }
        (Some(before), None) => {
            index.owned(fields::uid(&before.value)).for_each(&mut look);
            for owner in list(&before.value, "/metadata/ownerReferences") {
                if let Some(kind) = objects.kinds.of(owner) {
                    let namespace = if kind.namespaced { change.place.namespace.as_str() } else { "" };
                    look(&Place::new(&kind.resource(), namespace, owner["name"].as_str().unwrap_or_default()));
                }
            }
        }
        (None, None) => {}
    }
}

fn pod(change: &Changed<'_>, objects: &Objects, index: &Index, tell: &mut impl FnMut(Key)) {
    let (was, is) = (&change.pods.0, &change.pods.1);
    let namespace = change.place.namespace.as_str();
    for pod in [was, is].into_iter().flatten() {
        let owner = fields::controller_of(&pod.stored.value);
        if let Some(key) = owner.and_then(|owner| key_of(owner, namespace)) {
            tell(key);
        }
    }
    let labels = |pod: &Option<Arc<Pod>>| pod.as_ref().map(|pod| pod.labels().clone());
    let relabelled = labels(was) != labels(is);
    if let Some(is) = is {
        if is.controller.is_none() || (relabelled && was.is_some()) {
            tell(Key { who: Who::Adopt, place: change.place.clone() });
        }
        if is.node.is_empty() && !is.ending {
            tell(Key { who: Who::Schedule, place: change.place.clone() });
        }
    }
    let facts = |pod: &Option<Arc<Pod>>| {
        pod.as_ref().map(|pod| (pod.ready, pod.ending, pod.phase, pod.node.clone(), pod.address, pod.uid.clone()))
    };
    if relabelled || facts(was) != facts(is) {
        let fits = |selector: &Value| {
            let selector = select::of_selector(selector);
            [was, is].into_iter().flatten().any(|pod| selector.holds(pod.labels()))
        };
        for (place, service) in objects.store.list("services", namespace) {
            let selector = &service.value["spec"]["selector"];
            if selector.as_object().is_some_and(|map| !map.is_empty()) && fits(selector) {
                tell(Key { who: Who::Endpoints, place: place.clone() });
            }
        }
        for (place, budget) in objects.store.list("poddisruptionbudgets.policy", namespace) {
            if fits(&budget.value["spec"]["selector"]) {
                tell(Key { who: Who::Budget, place: place.clone() });
            }
        }
    }
    let node = |pod: &Option<Arc<Pod>>| pod.as_ref().map(|pod| pod.node.clone());
    if was.is_none() || is.is_none() || node(was) != node(is) || facts(was).map(|f| f.2) != facts(is).map(|f| f.2) {
        for claim in claims(is.as_ref().or(was.as_ref())) {
            tell(Key { who: Who::Claim, place: claim });
        }
    }
    // What a pod leaves free may be what another one waits for.
    let freed = was.as_ref().is_some_and(|was| !was.node.is_empty() && !was.is_over())
        && is.as_ref().is_none_or(|is| is.is_over());
    if freed {
        pending(index, tell);
    }
}

/// The claims that a pod's volumes name.
pub(super) fn claims(pod: Option<&Arc<Pod>>) -> Vec<Place> {
    let Some(pod) = pod else { return Vec::new() };
    let volumes = list(&pod.stored.value, "/spec/volumes").iter();
    let names = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
    names.map(|name| Place::new("persistentvolumeclaims", &pod.place.namespace, name)).collect()
}

/// Pods without a node are tried once more.
pub(super) fn pending(index: &Index, tell: &mut impl FnMut(Key)) {
    for place in &index.pending {
        tell(Key { who: Who::Schedule, place: place.clone() });
    }
}

/// Pods that nothing controls, for a set that is new.
fn orphans(change: &Changed<'_>, index: &Index, tell: &mut impl FnMut(Key)) {
    if change.before.is_some() || change.after.is_none() {
        return;
    }
    for place in index.orphans.iter().filter(|place| place.namespace == change.place.namespace) {
        tell(Key { who: Who::Adopt, place: place.clone() });
    }
}

/// ReplicaSets that nothing controls, for a Deployment that is new.
fn adopted(objects: &Objects, namespace: &str, tell: &mut impl FnMut(Key)) {
    for (place, set) in objects.store.list("replicasets.apps", namespace) {
        if fields::controller_of(&set.value).is_none() {
            tell(Key { who: Who::ReplicaSet, place: place.clone() });
        }
    }
}

fn node(change: &Changed<'_>, objects: &Objects, index: &Index, tell: &mut impl FnMut(Key)) {
    let parts = |stored: &Arc<Stored>| {
        let node = &stored.value;
        let ready = fields::condition(node, "Ready").map(|one| one["status"].clone());
        (node["metadata"]["labels"].clone(), node["spec"].clone(), ready, node["status"]["allocatable"].clone())
    };
    // A heartbeat moves nobody.
    if change.before.map(parts) == change.after.map(parts) {
        return;
    }
    for (place, _) in objects.store.list("daemonsets.apps", "") {
        tell(Key { who: Who::DaemonSet, place: place.clone() });
    }
    pending(index, tell);
}

/// Pods of a namespace that have not started: what they waited for may be there now.
fn waiting(place: &Place, objects: &Objects, index: &Index, tell: &mut impl FnMut(Key)) {
    for (pod, _) in objects.store.list("pods", &place.namespace) {
        if index.pod(pod).is_some_and(|pod| pod.phase == super::index::Phase::Pending && !pod.node.is_empty()) {
            tell(Key { who: Who::Kubelet, place: pod.clone() });
        }
    }
}

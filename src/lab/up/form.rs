//! In which form objects come: as they stood for long, as they are when they have just been made, and while they wait.

use serde_json::{Value, json};

use crate::lab::controllers::network::{NO_NETWORK, NOT_READY};
use crate::lab::pods::words;
use crate::lab::world::stage::{self, Stage};

/// The objects that a cluster has at a stage, out of all that it comes to have, as they stand there for long.
pub(super) fn standing(stages: &[Stage], objects: Vec<Value>, at: usize, now: &str) -> Vec<Value> {
    if at + 1 >= stages.len() {
        return objects;
    }
    let found = stage::of_all(stages, &objects);
    let network = |(object, stage): (&Value, &usize)| *stage <= at && is_network(object);
    let connected = objects.iter().zip(&found).any(network);
    let mut out = Vec::new();
    for (mut object, stage) in objects.into_iter().zip(found) {
        if stage > at {
            if !waits(stages, &object, at) {
                continue;
            }
            waiting(&mut object, now);
        } else if object["kind"] == "Node" && !connected {
            unconnected(&mut object, now);
        }
        out.push(object);
    }
    out
}

/// What comes with a stage, in the order in which it is made; what came before and has waited for it is among it.
pub(super) fn coming(stages: &[Stage], objects: &[Value], at: usize) -> Vec<Value> {
    let found = stage::of_all(stages, objects);
    let comes = |(object, stage): (&Value, usize)| {
        (stage == at || (stage > at && waits(stages, object, at))).then(|| object.clone())
    };
    objects.iter().zip(found).filter_map(comes).collect()
}

/// Whether an object is there before its own stage.
fn waits(stages: &[Stage], object: &Value, at: usize) -> bool {
    stages.iter().take(at + 1).any(|stage| stage.waiting.iter().any(|pattern| pattern.fits(object)))
}

/// The DaemonSet that makes a node's network.
fn is_network(object: &Value) -> bool {
    object["kind"] == "DaemonSet" && object["spec"]["template"]["metadata"]["labels"]["k8s-app"] == "cilium"
}

/// The images of an object's containers, and of those of its template.
pub(super) fn images(object: &Value) -> Vec<&str> {
    let templates = ["", "/spec/template", "/spec/jobTemplate/spec/template"];
    let pods = templates.into_iter().filter_map(|path| object.pointer(path));
    pods.flat_map(words::containers).filter_map(|container| container["image"].as_str()).collect()
}

/// Whether controllers make such an object out of another, so that it need not come by itself.
pub(super) fn derived(object: &Value) -> bool {
    let owner = object["metadata"]["ownerReferences"][0]["kind"].as_str();
    object["kind"] == "EndpointSlice"
        || matches!(owner, Some("Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "CronJob" | "Job"))
}

/// An object as it is when it has just been made: what its status says is still to come.
pub(super) fn fresh(object: &mut Value, now: &str) {
    match object["kind"].as_str() {
        Some("Node") => unconnected(object, now),
        // What is so from the beginning, or what nobody works out.
        Some("Namespace" | "CustomResourceDefinition") => {}
        Some("Service") => object["status"] = json!({ "loadBalancer": {} }),
        _ => {
            if let Some(object) = object.as_object_mut() {
                object.remove("status");
            }
        }
    }
}

/// A node that has registered, and has no network yet.
fn unconnected(node: &mut Value, now: &str) {
    let conditions = node["status"]["conditions"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let kept = conditions.into_iter().filter(|one| one["type"] != "NetworkUnavailable").map(|mut one| {
        one["lastHeartbeatTime"] = now.into();
        if one["type"] == "Ready" {
            one["status"] = "False".into();
            one["reason"] = "KubeletNotReady".into();
            one["message"] = NO_NETWORK.into();
            one["lastTransitionTime"] = now.into();
        }
        one
    });
    node["status"]["conditions"] = kept.collect::<Vec<_>>().into();
    node["spec"]["taints"] = json!([{ "key": NOT_READY, "effect": "NoSchedule" }]);
}

/// An object that is there, and whose turn has not come.
pub(super) fn waiting(object: &mut Value, now: &str) {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(1);
    object["status"] = json!({ "conditions": [{
        "type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "Reconciliation in progress",
        "lastTransitionTime": now, "observedGeneration": generation,
    }] });
}

/// Whether an object waits for a later stage than this.
pub(super) fn too_early(stages: &[Stage], object: &Value, at: usize) -> bool {
    waits(stages, object, at)
        && stage::of_all(stages, std::slice::from_ref(object)).first().is_some_and(|own| *own > at)
}

/// Whether an object says that its turn has not come.
pub(super) fn is_waiting(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "Unknown"))
}

/// Whether a workload runs as it should, by its own status. Other objects have nothing to run.
pub(super) fn runs(object: &Value) -> bool {
    let (spec, status) = (&object["spec"], &object["status"]);
    let wanted = spec["replicas"].as_u64().unwrap_or(1);
    match object["kind"].as_str() {
        Some("Deployment" | "StatefulSet") => status["readyReplicas"].as_u64().unwrap_or(0) >= wanted,
        Some("DaemonSet") => {
            let wanted = status["desiredNumberScheduled"].as_u64().unwrap_or(0);
            wanted > 0 && status["numberReady"].as_u64().unwrap_or(0) >= wanted
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::world::{objects, read};

    const NOW: &str = "2026-11-01T08:00:00Z";

    fn at(stage: &str) -> Vec<Value> {
        let topology = read::embedded("monosense").unwrap();
        let all = objects::all(&topology, "infra", NOW.parse().unwrap());
        standing(&topology.stages, all, stage::find(&topology.stages, stage).unwrap(), NOW)
    }

    fn ready(objects: &[Value]) -> Vec<String> {
        let of = |node: &Value| {
            let conditions = node["status"]["conditions"].as_array().unwrap();
            let ready = conditions.iter().find(|one| one["type"] == "Ready").unwrap();
            format!("{} {}", ready["status"].as_str().unwrap(), ready["reason"].as_str().unwrap())
        };
        objects.iter().filter(|object| object["kind"] == "Node").map(of).collect()
    }

    fn has(objects: &[Value], kind: &str, name: &str) -> bool {
        objects.iter().any(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    #[test]
    fn each_stage_has_more_than_the_one_before_it() {
        assert!(at("bare").is_empty() && at("configured").is_empty());
        let api = at("api");
        assert_eq!(ready(&api), ["False KubeletNotReady"; 3]);
        assert!(!has(&api, "CustomResourceDefinition", "ciliumbgppeerconfigs.cilium.io"));
        let crds = at("crds");
        assert!(has(&crds, "CustomResourceDefinition", "ciliumbgppeerconfigs.cilium.io"));
        assert!(has(&crds, "Namespace", "observability") && !has(&crds, "DaemonSet", "cilium"));
        let core = at("core");
        assert_eq!(ready(&core), ["True KubeletReady"; 3]);
        assert!(has(&core, "DaemonSet", "cilium") && has(&core, "Deployment", "source-controller"));
        assert!(!has(&core, "CiliumLoadBalancerIPPool", "infra-pool"));
        assert!(has(&at("infrastructure"), "CiliumLoadBalancerIPPool", "infra-pool"));
        let counts: Vec<usize> = ["api", "crds", "core", "infrastructure", "workloads"].map(|s| at(s).len()).into();
        assert!(counts.is_sorted(), "{counts:?}");
    }

    #[test]
    fn what_has_just_been_made_says_nothing_of_how_it_is() {
        let mut all = at(stage::COMPLETE);
        all.iter_mut().for_each(|object| fresh(object, NOW));
        let cilium = all.iter().find(|object| object["kind"] == "DaemonSet").unwrap();
        assert!(cilium["status"].is_null() && !runs(cilium));
        assert_eq!(ready(&all), ["False KubeletNotReady"; 3]);
        assert!(all.iter().filter(|object| object["kind"] == "Pod").all(derived));
    }

    #[test]
    fn what_waits_is_there_and_not_ready() {
        let mut topology = read::embedded("one-node").unwrap();
        let object =
            json!({ "apiVersion": "v1", "kind": "Kustomization", "metadata": { "name": "apps", "namespace": "x" } });
        let flux = stage::find(&topology.stages, "flux").unwrap();
        let there = |at: usize, stages: &[Stage]| standing(stages, vec![object.clone()], at, NOW);
        assert!(there(flux - 1, &topology.stages).is_empty());
        assert_eq!(there(flux, &topology.stages)[0]["status"]["conditions"][0]["status"], "Unknown");
        topology.stages.truncate(flux + 1);
        assert!(there(flux, &topology.stages)[0]["status"].is_null(), "at the last stage nothing waits");
    }
}

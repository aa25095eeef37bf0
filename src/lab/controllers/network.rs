//! The nodes' networks: a kubelet is not ready before something on its node has made one, which is Cilium's agent. What
//! it has made stays when it goes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Looked;
use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;

/// What a kubelet says as long as nothing made a network: its condition's message, as containerd gives it.
pub(crate) const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false \
                                     reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not \
                                     initialized";

/// The taint of a node that is not ready.
pub(crate) const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Has the nodes become ready whose agent runs.
pub(crate) fn look(world: &mut World, now: &str) -> Looked {
    let waiting: Vec<(Place, Value)> = world
        .store
        .list("nodes", "")
        .filter(|(_, node)| unconnected(&node.value))
        .map(|(place, node)| (place.clone(), node.value.clone()))
        .collect();
    if waiting.is_empty() {
        return Looked::default();
    }
    let agents: BTreeSet<String> = world
        .store
        .list("pods", "kube-system")
        .filter(|(_, pod)| pod.value["metadata"]["labels"]["k8s-app"] == "cilium" && is(&pod.value, "Ready", "True"))
        .filter_map(|(_, pod)| pod.value["spec"]["nodeName"].as_str().map(str::to_owned))
        .collect();
    let mut changed = false;
    for (place, mut node) in waiting.into_iter().filter(|(place, _)| agents.contains(&place.name)) {
        connect(&mut node, now);
        world.store.put(place, node);
        changed = true;
    }
    Looked { changed, again: None }
}

/// Whether a node waits for its network.
fn unconnected(node: &Value) -> bool {
    conditions(node).iter().any(|one| one["type"] == "Ready" && one["message"] == NO_NETWORK)
}

fn conditions(object: &Value) -> &[Value] {
    object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is(object: &Value, condition: &str, status: &str) -> bool {
    conditions(object).iter().any(|one| one["type"] == condition && one["status"] == status)
}

fn connect(node: &mut Value, now: &str) {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({ "type": kind, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": now, "lastTransitionTime": now })
    };
    let mut all = conditions(node).to_vec();
    all.retain(|one| one["type"] != "Ready" && one["type"] != "NetworkUnavailable");
    all.insert(0, condition("NetworkUnavailable", "False", "CiliumIsUp", "Cilium is running on this node"));
    all.push(condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"));
    node["status"]["conditions"] = all.into();
    if let Some(taints) = node["spec"]["taints"].as_array_mut() {
        taints.retain(|taint| taint["key"] != NOT_READY);
        if taints.is_empty()
            && let Some(spec) = node["spec"].as_object_mut()
        {
            spec.remove("taints");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;

    #[test]
    fn a_node_is_ready_once_its_agent_runs_and_stays_so() {
        let clock = LabClock::real();
        let cluster = Cluster::new("infra", Arc::new(clock.clone()));
        let mut world = cluster.world();
        for name in ["a", "b"] {
            let status = json!({ "conditions": [{ "type": "Ready", "status": "False", "message": NO_NETWORK }] });
            let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name }, "status": status,
                               "spec": { "taints": [{ "key": NOT_READY, "effect": "NoSchedule" }] } });
            world.plant(&node, clock.now());
        }
        let ready = |world: &World, name: &str| {
            let node = &world.store.get(&Place::new("nodes", "", name)).unwrap().value;
            (is(node, "Ready", "True"), node["spec"]["taints"].is_null())
        };
        assert!(!look(&mut world, "now").changed, "there is no agent");
        let pod = json!({ "apiVersion": "v1", "kind": "Pod",
                          "metadata": { "name": "cilium-x", "namespace": "kube-system", "labels": { "k8s-app": "cilium" } },
                          "spec": { "nodeName": "a" }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        world.plant(&pod, clock.now());
        assert!(look(&mut world, "now").changed);
        assert_eq!((ready(&world, "a"), ready(&world, "b")), ((true, true), (false, false)));
        world.store.remove(&Place::new("pods", "kube-system", "cilium-x"));
        assert!(!look(&mut world, "later").changed, "what the agent made stays");
    }
}

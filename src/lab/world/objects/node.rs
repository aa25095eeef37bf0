//! Nodes, ready as Talos leaves them.

use serde_json::{Value, json};

use super::Making;
use crate::lab::world::topology::{Node, Role};

pub(super) fn object(making: &Making<'_>, index: usize, node: &Node) -> Value {
    let name = node.name.get_ref();
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    });
    if node.roles.contains(&Role::ControlPlane) {
        labels["node-role.kubernetes.io/control-plane"] = "".into();
    }
    let capacity = json!({ "cpu": "8", "ephemeral-storage": "487652Mi", "memory": "32731244Ki", "pods": "150" });
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": making.born, "lastTransitionTime": making.born,
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": without_generation(making.metadata("Node", "", name, labels)),
        "spec": { "podCIDR": pod_cidr(making, index), "podCIDRs": [pod_cidr(making, index)] },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": node.address.get_ref().to_string() },
                { "type": "Hostname", "address": name },
            ],
            "capacity": capacity, "allocatable": capacity,
            "conditions": [
                condition("NetworkUnavailable", "False", "CiliumIsUp", "Cilium is running on this node"),
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux",
                "bootID": super::names::uid(&[name, "boot"]),
                "machineID": super::names::uid(&[name, "machine"]).replace('-', ""),
                "systemUUID": super::names::uid(&[name, "system"]),
                "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.12.48-talos",
                "kubeProxyVersion": "", "kubeletVersion": making.cluster.kubernetes,
                "osImage": format!("Talos ({})", making.cluster.talos),
            },
        },
    })
}

/// A node has 256 addresses for its pods, in the order of the nodes.
fn pod_cidr(making: &Making<'_>, index: usize) -> String {
    format!("{}/24", super::workload::pod_address(making, index, 0))
}

pub(super) fn without_generation(mut metadata: Value) -> Value {
    if let Some(map) = metadata.as_object_mut() {
        map.remove("generation");
    }
    metadata
}

//! Workloads with their pods, all running.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::Making;
use super::names::{suffix, uid};
use crate::lab::world::range::after;
use crate::lab::world::topology::{Workload, WorkloadKind};

/// A pod of a workload.
#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) node: String,
    /// Its own, or its node's where it is on the host's network.
    pub(super) address: IpAddr,
}

/// How many pods a workload has on so many nodes.
pub(super) fn wanted(workload: &Workload, nodes: usize) -> u32 {
    match workload.kind {
        WorkloadKind::DaemonSet => u32::try_from(nodes).unwrap_or(u32::MAX),
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::Pods => workload.replicas,
    }
}

/// Where a node's pods' addresses begin, and the one at a place after.
pub(super) fn pod_address(making: &Making<'_>, node: usize, place: u32) -> IpAddr {
    let network = making.cluster.pod_cidr.network();
    let from = u32::try_from(node).unwrap_or(0).saturating_mul(256).saturating_add(place);
    after(network, from).unwrap_or(network)
}

/// What makes the network runs on the host's, and on nodes that are not ready for want of it.
fn on_host(workload: &Workload) -> bool {
    let name = workload.name.get_ref();
    (workload.kind == WorkloadKind::DaemonSet && name.starts_with("cilium")) || name == "cilium-operator"
}

/// The place of the node that a workload's first pod is on. Rook ties each of Ceph's daemons to a node of its own: `a`, `b`,
/// `c` of the monitors and `0`, `1`, `2` of the OSDs are on the first, the second, the third.
fn first_node(workload: &Workload) -> usize {
    let id = workload.labels.get("ceph_daemon_id").map_or("", String::as_str);
    match (id.parse::<usize>(), id.as_bytes()) {
        (Ok(number), _) => number,
        (Err(_), [letter @ b'a'..=b'z']) => usize::from(letter - b'a'),
        _ => 0,
    }
}

pub(super) fn pods(making: &Making<'_>, workload: &Workload) -> Vec<Pod> {
    let nodes = &making.cluster.nodes;
    // What the workloads before it take of each node's addresses.
    let before: u32 = making
        .cluster
        .workloads
        .iter()
        .take_while(|other| !std::ptr::eq(*other, workload))
        .filter(|other| !on_host(other))
        .map(|other| wanted(other, nodes.len()).div_ceil(u32::try_from(nodes.len()).unwrap_or(1).max(1)))
        .sum();
    let owner = [making.name, workload.namespace.get_ref(), workload.name.get_ref()];
    // Of 10,000 names with five random letters, some are the same.
    let mut taken = BTreeSet::new();
    let mut unique = |number: u32| {
        (0..)
            .map(|again: u32| match again {
                0 => suffix(&[owner[0], owner[1], owner[2], &number.to_string()], 5),
                _ => suffix(&[owner[0], owner[1], owner[2], &number.to_string(), &again.to_string()], 5),
            })
            .find(|own| taken.insert(own.clone()))
            .unwrap_or_default()
    };
    (0..wanted(workload, nodes.len()))
        .map(|number| {
            let place = (first_node(workload) + number as usize) % nodes.len();
            let node = &nodes[place];
            let nth = number / u32::try_from(nodes.len()).unwrap_or(1).max(1);
            let own = unique(number);
            let name = match workload.kind {
                WorkloadKind::Deployment => format!("{}-{own}", set_name(making, workload)),
                WorkloadKind::DaemonSet => format!("{}-{own}", owner[2]),
                WorkloadKind::StatefulSet | WorkloadKind::Pods => format!("{}-{}", owner[2], workload.first + number),
            };
            let address =
                if on_host(workload) { *node.address.get_ref() } else { pod_address(making, place, 10 + before + nth) };
            Pod { name, node: node.name.get_ref().clone(), address }
        })
        .collect()
}

/// The ReplicaSet of a Deployment.
fn set_name(making: &Making<'_>, workload: &Workload) -> String {
    let name = workload.name.get_ref();
    format!("{name}-{}", template_hash(making, workload))
}

fn template_hash(making: &Making<'_>, workload: &Workload) -> String {
    suffix(&[making.name, workload.namespace.get_ref(), workload.name.get_ref(), &workload.image], 10)
}

pub(super) fn all(making: &Making<'_>, workload: &Workload) -> Vec<Value> {
    let (namespace, name) = (workload.namespace.get_ref(), workload.name.get_ref());
    let count = wanted(workload, making.cluster.nodes.len());
    let selector = json!({ "app.kubernetes.io/name": name });
    let mut labels = selector.clone();
    for (key, value) in &workload.labels {
        labels[key] = value.as_str().into();
    }
    if let Some(release) = &workload.release {
        labels["app.kubernetes.io/managed-by"] = "Helm".into();
        labels["app.kubernetes.io/instance"] = release.as_str().into();
    }
    let container = container(workload);
    let template = json!({
        "metadata": { "labels": labels },
        "spec": spec(workload, &container, None),
    });
    let (kind, owner_kind, owner_name) = match workload.kind {
        WorkloadKind::Deployment => ("Deployment", "ReplicaSet", set_name(making, workload)),
        WorkloadKind::DaemonSet => ("DaemonSet", "DaemonSet", name.clone()),
        WorkloadKind::StatefulSet => ("StatefulSet", "StatefulSet", name.clone()),
        WorkloadKind::Pods => ("", "", String::new()),
    };
    let top = |kind: &str, name: &str, labels: &Value, spec: Value, status: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": making.metadata(kind, namespace, name, labels.clone()),
            "spec": spec, "status": status,
        })
    };
    if workload.kind == WorkloadKind::Pods {
        return owned(making, workload, &labels, &container);
    }
    let mut out = vec![top(
        kind,
        name,
        &labels,
        match workload.kind {
            WorkloadKind::DaemonSet => json!({ "selector": { "matchLabels": selector }, "template": template }),
            WorkloadKind::StatefulSet => json!({
                "replicas": count, "selector": { "matchLabels": selector }, "serviceName": name, "template": template,
            }),
            WorkloadKind::Deployment | WorkloadKind::Pods => {
                json!({ "replicas": count, "selector": { "matchLabels": selector }, "template": template })
            }
        },
        status(making, workload, count),
    )];
    if workload.kind == WorkloadKind::Deployment {
        let hash = template_hash(making, workload);
        labels["pod-template-hash"] = hash.as_str().into();
        let mut set = top(
            "ReplicaSet",
            &owner_name,
            &labels,
            json!({
                "replicas": count,
                "selector": { "matchLabels": { "app.kubernetes.io/name": name, "pod-template-hash": hash } },
                "template": { "metadata": { "labels": labels }, "spec": template["spec"] },
            }),
            json!({ "replicas": count, "readyReplicas": count, "availableReplicas": count,
                    "fullyLabeledReplicas": count, "observedGeneration": 1 }),
        );
        set["metadata"]["ownerReferences"] = owner(making, namespace, "Deployment", name);
        set["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": "1" });
        out[0]["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": "1" });
        out.push(set);
    }
    let owners = owner(making, namespace, owner_kind, &owner_name);
    out.extend(
        pods(making, workload).iter().map(|pod| one(making, workload, pod, labels.clone(), &owners, &container)),
    );
    out
}

fn one(making: &Making<'_>, workload: &Workload, pod: &Pod, labels: Value, owners: &Value, container: &Value) -> Value {
    let mut metadata =
        super::node::without_generation(making.metadata("Pod", workload.namespace.get_ref(), &pod.name, labels));
    metadata["ownerReferences"] = owners.clone();
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": spec(workload, container, Some(&pod.node)), "status": running(making, workload, pod),
    })
}

/// Pods of an operator's object, `owner` being `Kind name`.
fn owned(making: &Making<'_>, workload: &Workload, labels: &Value, container: &Value) -> Vec<Value> {
    let namespace = workload.namespace.get_ref();
    let owner = workload.owner.as_deref().unwrap_or_default();
    let (kind, name) = owner.split_once(' ').unwrap_or((owner, workload.name.get_ref()));
    let version = super::version(kind).map(|(version, _)| version).unwrap_or_default();
    let owners = json!([{
        "apiVersion": version, "kind": kind, "name": name, "uid": uid(&[making.name, kind, namespace, name]),
        "controller": true, "blockOwnerDeletion": true,
    }]);
    let own = |pod: &Pod| one(making, workload, pod, labels.clone(), &owners, container);
    pods(making, workload).iter().map(own).collect()
}

fn owner(making: &Making<'_>, namespace: &str, kind: &str, name: &str) -> Value {
    json!([{
        "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid(&[making.name, kind, namespace, name]),
        "controller": true, "blockOwnerDeletion": true,
    }])
}

fn container_name(workload: &Workload) -> &str {
    workload.container.as_deref().unwrap_or_else(|| workload.name.get_ref())
}

fn container(workload: &Workload) -> Value {
    let ports: Vec<Value> =
        workload.ports.iter().map(|port| json!({ "containerPort": port, "protocol": "TCP" })).collect();
    let mut container = json!({
        "name": container_name(workload), "image": workload.image, "imagePullPolicy": "IfNotPresent", "ports": ports,
        "resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    });
    if !workload.args.is_empty() {
        container["args"] = json!(workload.args);
    }
    container
}

fn spec(workload: &Workload, container: &Value, node: Option<&str>) -> Value {
    let mut spec = json!({
        "containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
        "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
    });
    if on_host(workload) {
        spec["hostNetwork"] = true.into();
        spec["tolerations"] = json!([{ "operator": "Exists" }]);
    }
    if let Some(node) = node {
        spec["nodeName"] = node.into();
    }
    spec
}

fn status(making: &Making<'_>, workload: &Workload, count: u32) -> Value {
    if workload.kind == WorkloadKind::DaemonSet {
        return json!({
            "currentNumberScheduled": count, "desiredNumberScheduled": count, "numberAvailable": count,
            "numberReady": count, "numberMisscheduled": 0, "updatedNumberScheduled": count, "observedGeneration": 1,
        });
    }
    let mut status = json!({
        "replicas": count, "readyReplicas": count, "availableReplicas": count, "updatedReplicas": count,
        "observedGeneration": 1,
    });
    if workload.kind == WorkloadKind::Deployment {
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({ "type": kind, "status": "True", "reason": reason, "message": message,
                    "lastTransitionTime": making.born, "lastUpdateTime": making.born })
        };
        let message = format!("ReplicaSet \"{}\" has successfully progressed.", set_name(making, workload));
        status["conditions"] = json!([
            condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
            condition("Progressing", "NewReplicaSetAvailable", &message),
        ]);
    }
    status
}

fn running(making: &Making<'_>, workload: &Workload, pod: &Pod) -> Value {
    let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": making.born });
    let host = making.cluster.nodes.iter().find(|node| *node.name.get_ref() == pod.node);
    let address = pod.address.to_string();
    json!({
        "phase": "Running", "qosClass": "BestEffort", "startTime": making.born,
        "hostIP": host.map(|node| node.address.get_ref().to_string()),
        "podIP": address, "podIPs": [{ "ip": address }],
        "conditions": [condition("Initialized"), condition("Ready"), condition("ContainersReady"), condition("PodScheduled")],
        "containerStatuses": [{
            "name": container_name(workload), "image": workload.image,
            "imageID": format!("{}@sha256:{}", workload.image, "0".repeat(64)),
            "containerID": format!("containerd://{}", uid(&[&pod.name, "container"]).replace('-', "")),
            "ready": true, "started": true, "restartCount": 0,
            "state": { "running": { "startedAt": making.born } }, "lastState": {},
        }],
    })
}

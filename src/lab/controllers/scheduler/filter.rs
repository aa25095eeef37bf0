//! What a node alone decides: cordons, taints, labels, ports, and what it has to give.

use serde_json::Value;

use super::Why;
use crate::lab::controllers::amounts;
use crate::lab::controllers::fields::{list, name, text};
use crate::lab::controllers::fit;
use crate::lab::controllers::index::Pod;
use crate::lab::controllers::scene::Scene;

/// Why a node does not take a pod, by the first filter that says so; none where it does.
pub(super) fn faults(scene: &Scene<'_>, pod: &Pod, node: &Value) -> Option<Vec<Why>> {
    let spec = &pod.stored.value["spec"];
    let tolerations = list(spec, "/tolerations");
    let cordon = serde_json::json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" });
    if node["spec"]["unschedulable"] == true && !fit::tolerates(tolerations, &cordon) {
        return Some(vec![Why::never("node(s) were unschedulable")]);
    }
    if let Some(taint) = fit::untolerated(node, tolerations, &["NoSchedule", "NoExecute"]) {
        let text = format!("node(s) had untolerated taint {{{}: {}}}", text(taint, "/key"), text(taint, "/value"));
        return Some(vec![Why::never(text)]);
    }
    if !fit::selected(node, spec) {
        return Some(vec![Why::never("node(s) didn't match Pod's node affinity/selector")]);
    }
    let beside: Vec<_> = scene.index.on_node(name(node)).collect();
    let wanted = host_ports(spec);
    if !wanted.is_empty()
        && beside.iter().any(|other| host_ports(&other.stored.value["spec"]).iter().any(|p| wanted.contains(p)))
    {
        return Some(vec![Why::crowded("node(s) didn't have free ports for the requested pod ports")]);
    }
    let room = amounts::allocatable(node);
    let mut short = Vec::new();
    let most = room.get("pods").copied().unwrap_or(110_000);
    if (i128::try_from(beside.len()).unwrap_or(0) + 1) * 1000 > most {
        short.push(Why::crowded("Too many pods"));
    }
    for (resource, wanted) in pod.requests.iter().filter(|(_, wanted)| **wanted > 0) {
        let used: i128 = beside.iter().filter_map(|other| other.requests.get(resource)).sum();
        let all = room.get(resource).copied().unwrap_or(0);
        if used + wanted > all {
            let text = format!("Insufficient {resource}");
            short.push(if *wanted > all { Why::never(text) } else { Why::crowded(text) });
        }
    }
    (!short.is_empty()).then_some(short)
}

/// The ports of the node itself that a pod takes, with their protocols.
fn host_ports(spec: &Value) -> Vec<(i64, String)> {
    let ports = list(spec, "/containers").iter().flat_map(|container| list(container, "/ports"));
    let host = spec["hostNetwork"] == true;
    ports
        .filter_map(|port| {
            let own = port["hostPort"].as_i64().or_else(|| port["containerPort"].as_i64().filter(|_| host))?;
            Some((own, port["protocol"].as_str().unwrap_or("TCP").to_owned()))
        })
        .filter(|(port, _)| *port > 0)
        .collect()
}

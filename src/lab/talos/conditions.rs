//! The conditions of the health check, in the words of Talos 1.11: `Ok(true)` holds, `Ok(false)` does not apply here, an
//! error says what stands against it.

use std::collections::BTreeSet;

use tonic::Status;

use super::view::{Kubernetes, Pod};
use super::{Machine, Power, etcd};

/// The least memory of a control plane node, in KiB.
const LEAST_MEMORY: u64 = 2 << 20;

/// What has to be on each control plane node.
const CONTROL_PLANE: [&str; 3] = ["kube-apiserver", "kube-scheduler", "kube-controller-manager"];

/// The addresses of the nodes that are looked at.
pub(super) struct Nodes {
    control_plane: Vec<String>,
    workers: Vec<String>,
}

impl Nodes {
    /// Those that were named, else all that there are.
    pub(super) fn of(machines: &[Machine], control_plane: &[String], workers: &[String]) -> Self {
        if !control_plane.is_empty() || !workers.is_empty() {
            return Self { control_plane: control_plane.into(), workers: workers.into() };
        }
        let kind = |wanted: bool| {
            let of_kind = machines.iter().filter(move |machine| machine.control_plane == wanted);
            of_kind.map(|machine| machine.address.clone()).collect()
        };
        Self { control_plane: kind(true), workers: kind(false) }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.control_plane.iter().chain(&self.workers).map(String::as_str)
    }
}

type Look = Result<bool, String>;

/// Looks at one condition.
pub(super) fn look(condition: &str, nodes: &Nodes, machines: &[Machine], kubernetes: &dyn Kubernetes) -> Look {
    match condition {
        "etcd to be healthy" => service("etcd", nodes, machines),
        "etcd members to be consistent across nodes" => consistent(nodes, machines),
        "etcd members to be control plane nodes" => of_control_plane(nodes, machines),
        "apid to be ready" => apid(nodes, machines),
        "all nodes memory sizes" => memory(nodes, machines),
        "kubelet to be healthy" => service("kubelet", nodes, machines),
        "all nodes to finish boot sequence" => booted(nodes, machines),
        "all k8s nodes to report" => reported(nodes, machines, kubernetes),
        "all control plane static pods to be running" => static_pods(nodes, machines, kubernetes),
        "all control plane components to be ready" => components(machines, kubernetes),
        "all k8s nodes to report ready" => each_node(machines, kubernetes, "ready", |node| node.ready),
        "kube-proxy to report ready" => pods_ready("kube-proxy", machines, kubernetes),
        "coredns to report ready" => pods_ready("kube-dns", machines, kubernetes),
        "all k8s nodes to report schedulable" => {
            each_node(machines, kubernetes, "schedulable", |node| node.schedulable)
        }
        // Disks and diagnostics: the lab's machines have room, and nothing to complain of.
        _ => Ok(true),
    }
}

/// The machine at an address, if it answers.
fn reach<'a>(address: &str, machines: &'a [Machine]) -> Result<&'a Machine, String> {
    let machine = machines.iter().find(|machine| machine.is(address));
    machine.filter(|machine| machine.answers()).ok_or_else(|| {
        let on = machine.is_some_and(|machine| machine.power == Power::On);
        let why = if on { "connection refused" } else { "no route to host" };
        let why = format!("dial tcp {address}:50000: connect: {why}");
        format!(
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: {why}\""
        )
    })
}

fn rpc(status: &Status) -> String {
    format!("rpc error: code = {:?} desc = {}", status.code(), status.message())
}

/// Several errors as one text.
fn errors(all: &[String]) -> Look {
    match all {
        [] => Ok(true),
        [one] => Err(format!("1 error occurred:\n\t* {one}\n\n")),
        more => {
            let lines: String = more.iter().map(|one| format!("\t* {one}\n")).collect();
            Err(format!("{} errors occurred:\n{lines}\n", more.len()))
        }
    }
}

fn service(id: &str, nodes: &Nodes, machines: &[Machine]) -> Look {
    let mut wrong = Vec::new();
    for node in &nodes.control_plane {
        let machine = reach(node, machines)
            .map_err(|e| format!("error getting service info for service \"{id}\" from node \"{node}\": {e}"))?;
        match machine.service(id) {
            None => wrong.push(format!("{node}: no events recorded yet for service \"{id}\"")),
            Some(service) if service.state != "Running" => wrong.push(format!(
                "{node}: service \"{id}\" not in expected state \"Running\": current state [{}] {}",
                service.state, service.event
            )),
            Some(service) if service.healthy != Some(true) => {
                wrong.push(format!("{node}: service is not healthy: {id}"));
            }
            Some(_) => {}
        }
    }
    errors(&wrong)
}

fn consistent(nodes: &Nodes, machines: &[Machine]) -> Look {
    let mut first: Option<BTreeSet<(String, u64, bool)>> = None;
    for node in &nodes.control_plane {
        let failed = |e: String| format!("error getting etcd member list from node \"{node}\": {e}");
        let own = etcd::own(reach(node, machines).map_err(failed)?).map_err(|e| failed(rpc(&e)))?;
        if own.leader == 0 {
            return Err(failed(rpc(&Status::unavailable("etcdserver: no leader"))));
        }
        let members = etcd::known(own, machines).into_iter().map(|(m, e)| (m.hostname.clone(), e.id, e.learner));
        let members: BTreeSet<_> = members.collect();
        let Some(expected) = &first else {
            first = Some(members);
            continue;
        };
        let names = |members: &BTreeSet<(String, u64, bool)>| {
            members.iter().map(|member| member.0.clone()).collect::<Vec<_>>().join(" ")
        };
        if members.len() != expected.len() {
            return Err(format!("{node}: expected to have [{}] members, got [{}]", names(expected), names(&members)));
        }
        if let Some(odd) = members.difference(expected).next() {
            return Err(format!("{node}: found unexpected etcd member {}", odd.0));
        }
    }
    Ok(true)
}

fn of_control_plane(nodes: &Nodes, machines: &[Machine]) -> Look {
    let members: Vec<&str> = machines.iter().filter(|m| m.etcd.is_some()).map(|m| m.address.as_str()).collect();
    if members.iter().all(|member| nodes.control_plane.iter().any(|node| node == member)) {
        return Ok(true);
    }
    Err(format!("etcd member ips {members:?} are not subset of control plane node ips {:?}", nodes.control_plane))
}

fn apid(nodes: &Nodes, machines: &[Machine]) -> Look {
    let failed = |node| reach(node, machines).err().map(|e| format!("error getting version from node \"{node}\": {e}"));
    let failed: Vec<String> = nodes.all().filter_map(failed).collect();
    if failed.is_empty() { Ok(true) } else { Err(failed.join("\n")) }
}

fn memory(nodes: &Nodes, machines: &[Machine]) -> Look {
    let of = |node: &&String| machines.iter().find(|machine| machine.is(node)).map(|machine| machine.memory.total);
    let small = nodes.control_plane.iter().filter(|node| of(node).is_some_and(|total| total < LEAST_MEMORY));
    let said = small.map(|node| {
        let actual = of(&node).unwrap_or_default() >> 10;
        let least = LEAST_MEMORY >> 10;
        format!("node \"{node}\" does not meet memory requirements: expected at least {least} MiB, actual {actual} MiB")
    });
    errors(&said.collect::<Vec<_>>())
}

fn booted(nodes: &Nodes, machines: &[Machine]) -> Look {
    let mut waiting: Vec<String> = Vec::new();
    for node in nodes.all() {
        let machine = reach(node, machines)?;
        if machine.stage != "running" {
            waiting.push(format!("{}: [{node}]", machine.stage));
        }
    }
    if waiting.is_empty() { Ok(true) } else { Err(format!("nodes are not running: {}", waiting.join(", "))) }
}

fn reported(nodes: &Nodes, machines: &[Machine], kubernetes: &dyn Kubernetes) -> Look {
    let there: Vec<String> = kubernetes.nodes(machines)?.into_iter().map(|node| node.address).collect();
    match nodes.all().find(|node| !there.iter().any(|address| address == node)) {
        Some(node) => Err(format!("can't find expected node with IPs [\"{node}\"]")),
        None => Ok(true),
    }
}

fn static_pods(nodes: &Nodes, machines: &[Machine], kubernetes: &dyn Kubernetes) -> Look {
    for address in &nodes.control_plane {
        let name = machines.iter().find(|machine| machine.is(address)).map_or("", |machine| &machine.hostname);
        let mut missing = Vec::new();
        for app in CONTROL_PLANE {
            let pods = kubernetes.pods(app, machines)?.unwrap_or_default();
            if !pods.iter().any(|pod| pod.node == name) {
                missing.push(format!("kube-system/{app}"));
            }
        }
        if !missing.is_empty() {
            missing.sort();
            return Err(format!("missing static pods on node {address}: [{}]", missing.join(" ")));
        }
    }
    Ok(true)
}

fn components(machines: &[Machine], kubernetes: &dyn Kubernetes) -> Look {
    let wanted = kubernetes.nodes(machines)?.into_iter().filter(|node| node.control_plane).count();
    for app in CONTROL_PLANE {
        let pods = kubernetes.pods(app, machines)?.unwrap_or_default();
        if pods.len() != wanted {
            return Err(format!("expected number of pods for {app} to be {wanted}, got {}", pods.len()));
        }
        let unready = not_ready(&pods);
        if !unready.is_empty() {
            return Err(format!("some pods are not ready for {app}: [{unready}]"));
        }
    }
    Ok(true)
}

fn pods_ready(app: &str, machines: &[Machine], kubernetes: &dyn Kubernetes) -> Look {
    let Some(pods) = kubernetes.pods(app, machines)? else { return Ok(false) };
    if pods.is_empty() {
        return Err(format!("no pods found for namespace \"kube-system\" and label selector \"k8s-app={app}\""));
    }
    let unready = not_ready(&pods);
    if unready.is_empty() { Ok(true) } else { Err(format!("some pods are not ready: [{unready}]")) }
}

fn not_ready(pods: &[Pod]) -> String {
    pods.iter().filter(|pod| !pod.ready).map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn each_node(
    machines: &[Machine],
    kubernetes: &dyn Kubernetes,
    word: &str,
    so: impl Fn(&super::view::Node) -> bool,
) -> Look {
    let others: Vec<String> =
        kubernetes.nodes(machines)?.into_iter().filter(|node| !so(node)).map(|node| node.name).collect();
    if others.is_empty() { Ok(true) } else { Err(format!("some nodes are not {word}: [{}]", others.join(" "))) }
}

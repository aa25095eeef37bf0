//! Machines: nodes, their services, etcd, disks and clocks.

use serde_json::json;

use crate::lab::faults::fault::{Broken, Fault};
use crate::lab::faults::ground::{Ground, Machine};
use crate::lab::world::Cause;

/// The same of several nodes.
fn several(nodes: &[Machine<'_>], cause: impl Fn(&str) -> Cause) -> Broken {
    let told: Vec<String> = nodes.iter().map(|node| format!("{} ({})", node.name, node.address)).collect();
    let mut broken = Broken::new(format!("Nodes {}", told.join(", ")), &[], Vec::new());
    for node in nodes {
        broken.names.extend([node.name.to_owned(), node.address.to_string()]);
        broken.causes.push(cause(node.name));
    }
    broken
}

/// As many nodes as take the majority away.
fn majority<'g>(ground: &Ground<'g>) -> Result<Vec<Machine<'g>>, String> {
    let mut nodes = ground.control_plane()?;
    let keep = nodes.len().saturating_sub(1) / 2;
    if keep == 0 {
        return Err("the first cluster has too few control plane nodes".into());
    }
    Ok(nodes.split_off(keep))
}

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "node-cordoned",
        about: "a node was cordoned for maintenance, and forgotten",
        risk: "—",
        effect: "no pod comes to the node, and it advertises no address",
        wrong: |ground| {
            let machine = ground.node(0)?;
            let node = ground.named("nodes", machine.name)?;
            let mut broken = node.broken(vec![node.merged(&json!({ "spec": { "unschedulable": true } }))]);
            // The router knows it by its address.
            broken.names.push(machine.address.to_string());
            Ok(broken)
        },
    },
    Fault {
        name: "kubelet-stopped",
        about: "the kubelet of a node is gone",
        risk: "R1",
        effect: "the node becomes NotReady, its pods are not started, stopped or looked after",
        wrong: |ground| {
            let node = ground.node(1)?;
            Ok(node.broken(vec![Cause::process(node.name, "kubelet")]))
        },
    },
    Fault {
        name: "machine-api-stopped",
        about: "apid of a node is gone",
        risk: "R1",
        effect: "the node's machine API refuses connections; all else runs",
        wrong: |ground| {
            let node = ground.node(0)?;
            Ok(node.broken(vec![Cause::process(node.name, "apid")]))
        },
    },
    Fault {
        name: "machine-hangs",
        about: "a node's kernel hangs: connections stand, and nothing is ever said",
        risk: "R1",
        effect: "calls to the node's machine API wait until their own deadline",
        wrong: |ground| {
            let node = ground.node(2)?;
            Ok(node.broken(vec![Cause::silent(&format!("talos/{}", node.name))]))
        },
    },
    Fault {
        name: "trustd-stopped",
        about: "trustd of a node is gone",
        risk: "R1",
        effect: "the service has failed; no new node could join by this one",
        wrong: |ground| {
            let node = ground.node(1)?;
            Ok(node.broken(vec![Cause::process(node.name, "trustd")]))
        },
    },
    Fault {
        name: "etcd-stopped",
        about: "etcd of a node is gone",
        risk: "R1",
        effect: "the service has failed; the other members elect a leader and go on",
        wrong: |ground| {
            let node = ground.node(0)?;
            Ok(node.broken(vec![Cause::process(node.name, "etcd")]))
        },
    },
    Fault {
        name: "etcd-quorum-lost",
        about: "etcd is gone on so many nodes that no majority is left",
        risk: "R1",
        effect: "no member knows a leader; the API server answers that its etcd does not",
        wrong: |ground| Ok(several(&majority(ground)?, |node| Cause::process(node, "etcd"))),
    },
    Fault {
        name: "etcd-no-leader",
        about: "etcd of a node runs, and knows no leader",
        risk: "R1",
        effect: "its status says so, and it serves no member list; the other members are well",
        wrong: |ground| {
            let node = ground.node(2)?;
            Ok(node.broken(vec![Cause::NoLeader { node: node.name.into() }]))
        },
    },
    Fault {
        name: "etcd-one-member",
        about: "etcd has one member, which counts itself as healthy",
        risk: "R1",
        effect: "the member list is one long: the next failure is the last",
        wrong: |ground| {
            let mut nodes = ground.control_plane()?;
            let others = nodes.split_off(1.min(nodes.len()));
            if others.is_empty() {
                return Err("etcd has one member only".into());
            }
            Ok(several(&others, |node| Cause::NotAMember { node: node.into() }))
        },
    },
    Fault {
        name: "etcd-no-space",
        about: "etcd's database has reached its quota",
        risk: "R1",
        effect: "the alarm NOSPACE is raised; the API server reads, and writes nothing",
        wrong: |ground| {
            let node = ground.node(0)?;
            Ok(node.broken(vec![Cause::NoSpace { node: node.name.into() }]))
        },
    },
    Fault {
        name: "disk-full",
        about: "the disk of a node is full",
        risk: "R5",
        effect: "the node has DiskPressure, and takes no pods; its kernel and containerd say no space left",
        wrong: |ground| {
            let node = ground.node(1)?;
            Ok(node.broken(vec![Cause::DiskFull { node: node.name.into() }]))
        },
    },
    Fault {
        name: "disk-slow",
        about: "the disk of a node takes a hundred times as long",
        risk: "R10",
        effect: "etcd of the node warns of slow syncs, its log falls behind, the load grows",
        wrong: |ground| {
            let node = ground.node(1)?;
            Ok(node.broken(vec![Cause::DiskSlow { node: node.name.into() }]))
        },
    },
    Fault {
        name: "memory-full",
        about: "the memory of a node is used up",
        risk: "R10",
        effect: "the node has MemoryPressure, and takes no pods; its kernel kills processes",
        wrong: |ground| {
            let node = ground.node(2)?;
            Ok(node.broken(vec![Cause::MemoryFull { node: node.name.into() }]))
        },
    },
    Fault {
        name: "clock-skewed",
        about: "the clock of a node is five minutes ahead",
        risk: "R1",
        effect: "etcd of the node warns of the drift; what the node dates lies in the future",
        wrong: |ground| {
            let node = ground.node(2)?;
            Ok(node.broken(vec![Cause::Clock { node: node.name.into(), seconds: 300 }]))
        },
    },
    Fault {
        name: "node-tainted",
        about: "a taint that nothing tolerates was left on all nodes",
        risk: "R1",
        effect: "new pods find no node, and stay Pending",
        wrong: |ground| {
            let cluster = ground.cluster()?;
            let patch = json!({ "spec": { "taints": [
                { "key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule" },
            ] } });
            let nodes = ground.all(cluster, "nodes");
            let mut broken = Broken::new(format!("Nodes of {cluster}"), &["uninitialized"], Vec::new());
            for node in &nodes {
                broken.causes.push(node.merged(&patch));
                broken.names.push(node.name().to_owned());
            }
            Ok(broken)
        },
    },
];

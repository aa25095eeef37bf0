//! What the health check asks the API server, as the lab's Kubernetes knows it.

use std::fmt;

use super::Machine;

/// A node of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its internal address.
    pub address: String,
    /// Whether it carries the label of the control plane.
    pub control_plane: bool,
    /// Its condition Ready.
    pub ready: bool,
    /// Whether pods may come.
    pub schedulable: bool,
}

/// A pod of kube-system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The name of its node.
    pub node: String,
    /// Its condition Ready.
    pub ready: bool,
}

/// What the API server answers; an error where it does not.
pub trait Kubernetes: fmt::Debug + Send + Sync {
    /// The nodes.
    ///
    /// # Errors
    /// Why the API server can't be asked.
    fn nodes(&self, machines: &[Machine]) -> Result<Vec<Node>, String>;

    /// The pods of kube-system with this label `k8s-app`; none where nobody wants such pods.
    ///
    /// # Errors
    /// Why the API server can't be asked.
    fn pods(&self, app: &str, machines: &[Machine]) -> Result<Option<Vec<Pod>>, String>;
}

/// A Kubernetes that follows from the machines alone: each node is Ready while its kubelet runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachinesAlone;

impl Kubernetes for MachinesAlone {
    fn nodes(&self, machines: &[Machine]) -> Result<Vec<Node>, String> {
        let node = |machine: &Machine| Node {
            name: machine.hostname.clone(),
            address: machine.address.clone(),
            control_plane: machine.control_plane,
            ready: runs(machine, "kubelet"),
            schedulable: true,
        };
        Ok(machines.iter().map(node).collect())
    }

    fn pods(&self, app: &str, machines: &[Machine]) -> Result<Option<Vec<Pod>>, String> {
        let on: Vec<&Machine> = match app {
            "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" => {
                machines.iter().filter(|machine| machine.control_plane).collect()
            }
            "kube-dns" => machines.iter().take(2).collect(),
            // Cilium takes its place.
            _ => return Ok(None),
        };
        let pod = |machine: &Machine| Pod {
            name: format!("{app}-{}", machine.hostname),
            node: machine.hostname.clone(),
            ready: runs(machine, "kubelet"),
        };
        Ok(Some(on.into_iter().map(pod).collect()))
    }
}

fn runs(machine: &Machine, service: &str) -> bool {
    machine.power == super::Power::On && machine.service(service).is_some_and(|service| service.state == "Running")
}

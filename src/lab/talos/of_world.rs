//! A cluster's machines as the lab's world has them: its topology, its causes, and what its API server knows.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::ailments;
use super::causes::elect;
use super::view::{Node, Pod};
use super::{Causes, Kubernetes, Machine, MachinesAlone, State, Talos, unbuilt};
use crate::lab::kube::cluster::Cluster;
use crate::lab::router::advertise::Objects;
use crate::lab::world::World;
use crate::lab::world::stage::Machines;
use crate::lab::world::topology::Role;

/// The machines of one of the world's clusters. `kubeconfig` is what they give to an admin.
pub fn machines(world: &Arc<World>, cluster: &Arc<Cluster>, kubeconfig: &str) -> Arc<Talos> {
    let now = world.clock.now();
    let topology = world.topology.clusters.get(&cluster.name);
    let nodes = topology.map(|cluster| cluster.nodes.as_slice()).unwrap_or_default();
    let machine = |(number, node): (u64, &crate::lab::world::topology::Node)| {
        let control_plane = node.roles.contains(&Role::ControlPlane);
        let mut machine =
            Machine::healthy(node.name.get_ref(), &node.address.get_ref().to_string(), control_plane, number, now);
        if let Some(topology) = topology {
            machine.version.clone_from(&topology.talos);
        }
        machine
    };
    let state = State { machines: (1..).zip(nodes).map(machine).collect(), kubeconfig: Some(kubeconfig.into()) };
    let kubernetes = Arc::new(Api { cluster: cluster.clone(), world: world.clone() });
    Talos::new(&cluster.name, state, kubernetes, world.clock.clone())
        .under(Arc::new(OfWorld { world: world.clone(), cluster: cluster.name.clone() }))
}

/// The world's causes, as machines show them.
struct OfWorld {
    world: Arc<World>,
    cluster: String,
}

impl fmt::Debug for OfWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.world.fmt(f)
    }
}

impl Causes for OfWorld {
    fn apply(&self, machines: &mut [Machine], now: Timestamp) {
        let built = self.world.stand(&self.cluster).map_or(Machines::Running, |stand| stand.machines);
        machines.iter_mut().for_each(|machine| unbuilt::show(machine, built, now));
        for (cause, _) in self.world.causes() {
            ailments::apply(machines, &cause, now);
        }
        elect(machines);
    }
}

/// What the API server knows. Static pods are no objects of the lab's: they follow from the machines.
#[derive(Debug)]
struct Api {
    cluster: Arc<Cluster>,
    world: Arc<World>,
}

impl Api {
    /// Refuses as the dialler does where no API server runs.
    fn there(&self) -> Result<(), String> {
        if self.world.api_runs(&self.cluster.name) {
            return Ok(());
        }
        let server = self.world.topology.clusters.get(&self.cluster.name).map_or("", |cluster| &cluster.server);
        Err(format!("Get \"https://{server}/api/v1/nodes\": dial tcp {server}: connect: connection refused"))
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn ready(object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.clone().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

impl Kubernetes for Api {
    fn nodes(&self, _machines: &[Machine]) -> Result<Vec<Node>, String> {
        self.there()?;
        let node = |object: Value| {
            let addresses = object.pointer("/status/addresses").and_then(Value::as_array).into_iter().flatten();
            let internal = addresses.clone().find(|address| address["type"] == "InternalIP");
            let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
            Node {
                name: text(&object, "/metadata/name").into(),
                address: internal.map(|address| text(address, "/address").to_string()).unwrap_or_default(),
                control_plane: labels.is_some_and(|all| all.contains_key("node-role.kubernetes.io/control-plane")),
                ready: ready(&object),
                schedulable: object.pointer("/spec/unschedulable").and_then(Value::as_bool) != Some(true),
            }
        };
        Ok(self.cluster.list("nodes").into_iter().map(node).collect())
    }

    fn pods(&self, app: &str, machines: &[Machine]) -> Result<Option<Vec<Pod>>, String> {
        self.there()?;
        let of_app = |object: &Value| {
            text(object, "/metadata/namespace") == "kube-system" && text(object, "/metadata/labels/k8s-app") == app
        };
        let pod = |object: &Value| Pod {
            name: text(object, "/metadata/name").into(),
            node: text(object, "/spec/nodeName").into(),
            ready: ready(object),
        };
        let mut pods: Vec<Pod> = Vec::new();
        self.cluster.each("pods", &mut |object| pods.extend(of_app(object).then(|| pod(object))));
        let wanted = ["deployments.apps", "daemonsets.apps"].iter().any(|kind| {
            self.cluster.list(kind).iter().any(|object| {
                text(object, "/metadata/namespace") == "kube-system"
                    && text(object, "/spec/template/metadata/labels/k8s-app") == app
            })
        });
        match app {
            "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" if pods.is_empty() => {
                MachinesAlone.pods(app, machines)
            }
            _ if pods.is_empty() && !wanted => Ok(None),
            _ => Ok(Some(pods)),
        }
    }
}

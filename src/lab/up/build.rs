//! Builds a cluster up from stage to stage, as far as the world wants it: machines start, etcd and the API server come
//! up, nodes register, objects are made, and the controllers do the rest. What stands against one of them stands against
//! the stage.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::form;
use crate::lab::kube::cluster::{Cluster, time};
use crate::lab::kube::store::Place;
use crate::lab::world::stage::Machines;
use crate::lab::world::{World, objects};

/// From a bootstrapped etcd to an API server that answers.
const API: Duration = Duration::from_secs(20);
/// Between the API server's answer and the first kubelet's registration, and between two of them.
const REGISTERS: Duration = Duration::from_secs(2);

/// Builds whatever is wanted, until the lab ends.
pub(super) async fn run(world: Arc<World>, cluster: Arc<Cluster>, end: CancellationToken) {
    let work = async {
        let mut changes = world.subscribe();
        loop {
            changes.mark_unchanged();
            let stand = world.stand(&cluster.name);
            match stand {
                Ok(stand) if stand.wanted > stand.reached => {
                    build(&world, &cluster, stand.reached + 1).await;
                    world.set(&cluster.name, |stand| stand.reached += 1);
                }
                _ => {
                    if changes.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    tokio::select! {
        () = end.cancelled() => {}
        () = work => {}
    }
}

/// The way to one stage; ends when it is reached.
async fn build(world: &World, cluster: &Arc<Cluster>, to: usize) {
    let Some(stage) = world.topology.stages.get(to) else { return };
    let began = world.clock.instant();
    let until = |span: Duration| span.saturating_sub(world.clock.instant().saturating_duration_since(began));
    let before = world.stand(&cluster.name).map_or(Machines::Running, |stand| stand.machines);
    if stage.machines == Machines::Running && before < Machines::Running {
        world.clock.sleep(API.min(stage.takes)).await;
    } else if stage.machines != before {
        world.clock.sleep(stage.takes).await;
    }
    world.set(&cluster.name, |stand| stand.machines = stage.machines);
    if stage.machines != Machines::Running {
        return;
    }
    let now = world.clock.now();
    let all = objects::all(&world.topology, &cluster.name, now);
    let coming = form::coming(&world.topology.stages, &all, to);
    make(world, cluster, &coming).await;
    let mut changes = cluster.listen();
    while !coming.iter().all(|object| runs(cluster, object)) {
        // It stands where its last change left it, for as long as that is so.
        if changes.changed().await.is_err() {
            return;
        }
    }
    world.clock.sleep(until(stage.takes)).await;
    finish(world, cluster, &coming);
}

/// Makes objects, as far as they are not there and controllers do not.
async fn make(world: &World, cluster: &Arc<Cluster>, coming: &[Value]) {
    let missing = |object: &&Value| !form::derived(object) && there(cluster, object).is_none();
    let (nodes, others): (Vec<&Value>, Vec<&Value>) =
        coming.iter().filter(missing).partition(|object| object["kind"] == "Node");
    plant(world, cluster, &others);
    for node in nodes {
        world.clock.sleep(REGISTERS).await;
        plant(world, cluster, &[node]);
    }
}

fn plant(world: &World, cluster: &Arc<Cluster>, objects: &[&Value]) {
    let now = world.clock.now();
    let (stages, reached) = (&world.topology.stages, world.stand(&cluster.name).map_or(0, |stand| stand.reached));
    let mut there = cluster.world();
    for object in objects {
        let mut object = (*object).clone();
        form::fresh(&mut object, &time(now));
        if form::too_early(stages, &object, reached + 1) {
            form::waiting(&mut object, &time(now));
        }
        there.plant(&object, now);
        if object["kind"] == "CustomResourceDefinition" {
            there.register(&object, true);
        }
    }
    let revision = there.store.revision();
    drop(there);
    cluster.ring(revision);
}

/// Where an object is, and as what.
fn there(cluster: &Cluster, object: &Value) -> Option<(Place, Value)> {
    let world = cluster.world();
    let kind = world.kinds.of(object)?;
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    let place = Place::new(&kind.resource(), text("namespace"), text("name"));
    let value = world.store.get(&place)?.value.clone();
    Some((place, value))
}

/// Whether what was made runs. What somebody has deleted since does not hold the stage up.
fn runs(cluster: &Cluster, object: &Value) -> bool {
    let workload = matches!(object["kind"].as_str(), Some("Deployment" | "StatefulSet" | "DaemonSet"));
    !workload || there(cluster, object).is_none_or(|(_, value)| form::runs(&value))
}

/// What runs has worked off what it was made for: objects whose status nobody has written get the one that they stand
/// there with, and those that waited for this stage are ready.
fn finish(world: &World, cluster: &Arc<Cluster>, coming: &[Value]) {
    let stages = &world.topology.stages;
    let reached = world.stand(&cluster.name).map_or(0, |stand| stand.reached) + 1;
    for object in coming.iter().filter(|object| !object["status"].is_null() && !form::derived(object)) {
        let given = matches!(object["kind"].as_str(), Some("Node" | "Namespace" | "Service"));
        if given || form::too_early(stages, object, reached) {
            continue;
        }
        let Some((place, mut value)) = there(cluster, object) else { continue };
        if value["status"].is_null() || form::is_waiting(&value) {
            value["status"] = object["status"].clone();
            cluster.world().store.put(place, value);
        }
    }
    let revision = cluster.world().store.revision();
    cluster.ring(revision);
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;

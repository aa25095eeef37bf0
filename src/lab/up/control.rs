//! The controllers of a cluster, started.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::lab::controllers::manager::Manager;
use crate::lab::controllers::platform::Operators;
use crate::lab::controllers::{namespaces, network, pools, run};
use crate::lab::kube::cluster::{Cluster, time};
use crate::lab::kube::server::Access;
use crate::lab::world::{Cause, World};

/// Starts all of them; they end with the lab.
pub(super) fn start(world: &Arc<World>, cluster: &Arc<Cluster>, access: &Access, end: &CancellationToken) {
    let own = world.clone();
    cluster
        .ask_kubelets(Box::new(move |node| !own.has(&Cause::process(node, "kubelet")) && !own.has(&Cause::link(node))));
    let (clock, authority) = (cluster.clock.clone(), access.authority.clone());
    tokio::spawn(run(cluster.clone(), end.clone(), move |objects| namespaces::look(objects, &authority, clock.now())));
    let clock = cluster.clock.clone();
    tokio::spawn(run(cluster.clone(), end.clone(), move |objects| pools::look(objects, &time(clock.now()))));
    let (own, mut manager) = (world.clone(), Manager::default());
    tokio::spawn(run(cluster.clone(), end.clone(), move |objects| manager.look(&own, objects)));
    let clock = cluster.clock.clone();
    tokio::spawn(run(cluster.clone(), end.clone(), move |objects| network::look(objects, &time(clock.now()))));
    // A kubelet that comes back is no change of an object: those who wait for one are told.
    let (world, cluster, end) = (world.clone(), cluster.clone(), end.clone());
    tokio::spawn(async move {
        let mut changes = world.subscribe();
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            cluster.nudge();
        }
    });
}

/// Starts a cluster's operators.
pub(super) fn operate(world: &Arc<World>, cluster: &Arc<Cluster>, mut operators: Operators, end: &CancellationToken) {
    let world = world.clone();
    tokio::spawn(run(cluster.clone(), end.clone(), move |objects| operators.look(&world, objects)));
}

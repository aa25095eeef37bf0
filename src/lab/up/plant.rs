//! A cluster with what its topology says that it has.

use std::sync::Arc;

use jiff::SignedDuration;

use super::form;
use crate::lab::controllers::platform::Operators;
use crate::lab::kube::cluster::{Cluster, time};
use crate::lab::router::advertise::Objects;
use crate::lab::world::{World, objects};

/// How long the platform has stood when the lab is opened.
const STOOD: SignedDuration = SignedDuration::from_hours(80);

/// Makes a cluster of the topology at the stage that it stands at, healthy, with its operators at rest.
pub(crate) fn cluster(world: &Arc<World>, name: &str) -> (Arc<Cluster>, Operators) {
    let cluster = Cluster::new(name, world.clock.clone());
    cluster.lie_in(world);
    let now = world.clock.now();
    let born = now.checked_sub(STOOD).unwrap_or(now);
    let mut there = cluster.world();
    if let Some(ipnet::IpNet::V4(services)) = world.topology.clusters.get(name).map(|c| c.service_cidr) {
        let [first, second, ..] = services.network().octets();
        there.services = format!("{first}.{second}");
    }
    let reached = world.stand(name).map_or(0, |stand| stand.reached);
    let all = objects::all(&world.topology, name, born);
    // The registries have what is still to come, too.
    all.iter().flat_map(form::images).for_each(|image| there.inside.images.push(image));
    for object in form::standing(&world.topology.stages, all, reached, &time(born)) {
        if object["kind"] == "CustomResourceDefinition" {
            there.register(&object, true);
        }
        there.take(object, born);
    }
    let mut operators = Operators::new(world, name);
    operators.settle(world, &mut there, born);
    crate::lab::controllers::rest::settle(world, &mut there, born, now);
    // What the cluster's own controllers noted on pods, operators have to see.
    operators.rest(world, &mut there);
    let revision = there.store.revision();
    // Nobody watches from before the beginning.
    there.store.compact(revision);
    drop(there);
    cluster.ring(revision);
    (cluster, operators)
}

impl Objects for Cluster {
    fn list(&self, resource: &str) -> Vec<serde_json::Value> {
        self.world().store.list(resource, "").map(|(_, stored)| stored.value.clone()).collect()
    }

    fn each(&self, resource: &str, look: &mut dyn FnMut(&serde_json::Value)) {
        self.world().store.list(resource, "").for_each(|(_, stored)| look(&stored.value));
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.listen()
    }
}

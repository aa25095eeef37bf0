//! A cluster with what its topology says that it has.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::lab::kube::cluster::Cluster;
use crate::lab::router::advertise::Objects;
use crate::lab::world::{World, objects};

/// How long the platform has stood when the lab is opened.
const STOOD: SignedDuration = SignedDuration::from_hours(80);

/// Makes a cluster of the topology, complete and healthy.
pub(super) fn cluster(world: &Arc<World>, name: &str) -> Arc<Cluster> {
    let cluster = Cluster::new(name, world.clock.clone());
    cluster.lie_in(world);
    let now = world.clock.now();
    let born = now.checked_sub(STOOD).unwrap_or(now);
    let mut there = cluster.world();
    if let Some(ipnet::IpNet::V4(services)) = world.topology.clusters.get(name).map(|c| c.service_cidr) {
        let [first, second, ..] = services.network().octets();
        there.services = format!("{first}.{second}");
    }
    for object in objects::all(&world.topology, name, born) {
        there.plant(&object, born);
        if object["kind"] == "CustomResourceDefinition" {
            there.register(&object, true);
        }
    }
    crate::lab::controllers::rest::settle(&mut there, born, now);
    let revision = there.store.revision();
    drop(there);
    cluster.ring(revision);
    cluster
}

impl Objects for Cluster {
    fn list(&self, resource: &str) -> Vec<serde_json::Value> {
        self.world().store.list(resource, "").map(|(_, stored)| stored.value.clone()).collect()
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.listen()
    }
}

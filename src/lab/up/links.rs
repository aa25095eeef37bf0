//! Who has which address: the nodes and the router.

use std::net::IpAddr;
use std::sync::Arc;

use crate::lab::kube::server::Access;
use crate::lab::net::{Network, Way};
use crate::lab::world::topology::Role;
use crate::lab::world::{Cause, World};

/// The nodes and the router, with their names; and cables that are pulled.
pub(super) fn machines(network: &Network, world: &Arc<World>, accesses: &[Access]) {
    let topology = &world.topology;
    network.name(&topology.router.name, topology.router.address);
    for (name, cluster) in &topology.clusters {
        let api = accesses.iter().find(|access| access.cluster == *name);
        let api = api.and_then(|access| access.url.trim_start_matches("https://").parse().ok());
        for node in &cluster.nodes {
            let address = *node.address.get_ref();
            network.machine(address);
            network.name(node.name.get_ref(), address);
            if let Some(at) = api.filter(|_| node.roles.contains(&Role::ControlPlane)) {
                network.listen(address, 6443, Way::Listener(at));
            }
        }
        let (host, _) = cluster.server.split_once(':').unwrap_or((&cluster.server, ""));
        if let Some(node) = cluster.nodes.iter().find(|node| node.roles.contains(&Role::ControlPlane)) {
            network.name(host, *node.address.get_ref());
        }
    }
    let world = world.clone();
    network.ask(Arc::new(move |address, port| faulty(&world, address, port)));
}

/// What a cause in the world makes of an address.
fn faulty(world: &World, address: IpAddr, port: u16) -> Option<Way> {
    let node = world.topology.nodes().find(|(_, node)| *node.address.get_ref() == address);
    if node.is_some_and(|(_, node)| world.has(&Cause::link(node.name.get_ref()))) {
        return Some(Way::Silent);
    }
    let router = address == world.topology.router.address && port == 22;
    (router && world.has(&Cause::closed("router"))).then_some(Way::Refused)
}

//! The machine API of each cluster's nodes: a listener for each of the control plane, and the talosconfig.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::server::{Access, kubeconfig};
use crate::lab::net::{Network, Way};
use crate::lab::talos::{Authority, Role, Serving, Talos, of_world, pki, serve};
use crate::lab::world::World;

/// The port of the machine API.
const PORT: u16 = 50000;

/// The machines of all clusters.
#[derive(Debug)]
pub(super) struct Machines {
    /// By cluster.
    pub(super) clusters: BTreeMap<String, Arc<Talos>>,
    /// With a context for each cluster, of its name.
    pub(super) talosconfig: String,
    /// They run until they are dropped.
    _serving: Vec<Serving>,
}

/// Opens them. Clients reach them on loopback, and as `node:50000` through the world's network.
pub(super) async fn open(
    world: &Arc<World>,
    clusters: &BTreeMap<String, Arc<Cluster>>,
    accesses: &[Access],
    network: &Network,
) -> Result<Machines> {
    let (mut all, mut contexts, mut serving) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, cluster) in clusters {
        let own: Vec<Access> = accesses.iter().filter(|access| access.cluster == *name).cloned().collect();
        let talos = of_world::machines(world, cluster, &kubeconfig(&own));
        let authority = Authority::new()?;
        let machines = talos.state().machines.clone();
        let (mut endpoints, mut nodes) = (Vec::new(), Vec::new());
        for machine in machines.iter().filter(|machine| machine.control_plane) {
            let (listener, at) = super::listen("the machine API").await?;
            let tls = authority.server(&[&machine.hostname, &machine.address, "127.0.0.1"])?;
            let failed = |e| Error::new(Kind::Io, "the machine API can't be served").because(e);
            serving.push(serve(talos.clone(), &machine.hostname, listener, tls).map_err(failed)?);
            if let Ok(address) = machine.address.parse::<IpAddr>() {
                network.listen(address, PORT, Way::Listener(at));
            }
            endpoints.push(at.to_string());
            nodes.push(machine.address.clone());
        }
        contexts.push((name.as_str(), authority.context(Role::Admin, &endpoints, &nodes, world.clock.now())?));
        all.insert(name.clone(), talos);
    }
    Ok(Machines { clusters: all, talosconfig: pki::talosconfig(&contexts), _serving: serving })
}

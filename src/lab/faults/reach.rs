//! Addresses at which a cause has somebody say nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lab::kube::cluster::Cluster;
use crate::lab::net::{Network, Way};
use crate::lab::router::advertise::Objects as _;
use crate::lab::world::{Cause, World};

/// Adds to the network what [`Cause::Silent`] makes of the addresses of Services: `clustermesh/infra` is the mesh's API
/// server of a cluster.
pub(crate) fn links(network: &Network, world: &Arc<World>, clusters: &BTreeMap<String, Arc<Cluster>>) {
    let (world, clusters) = (world.clone(), clusters.clone());
    network.ask(Arc::new(move |address, _| {
        for (cause, _) in world.causes() {
            let Cause::Silent { listener } = &cause else { continue };
            let Some(cluster) = listener.strip_prefix("clustermesh/").and_then(|name| clusters.get(name)) else {
                continue;
            };
            let (wanted, own) = (address.to_string(), cluster.list("services"));
            let mesh = own.iter().filter(|service| service["metadata"]["name"] == "clustermesh-apiserver");
            let mut addresses =
                mesh.filter_map(|service| service["status"]["loadBalancer"]["ingress"].as_array()).flatten();
            if addresses.any(|one| one["ip"] == wanted.as_str()) {
                return Some(Way::Silent);
            }
        }
        None
    }));
}

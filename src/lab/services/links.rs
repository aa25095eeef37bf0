//! Where the world's addresses and names lead, as far as services are behind them.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::serve::{self, Door};
use super::{Services, at, gateway, outside};
use crate::lab::net::{Network, Way};

/// The annotation by which ExternalDNS names a Service.
const HOSTNAME: &str = "external-dns.alpha.kubernetes.io/hostname";

/// Makes the network know LoadBalancer addresses, what is outside, and the names of both.
pub fn connect(services: &Arc<Services>, network: &Network) {
    let own = services.clone();
    network.ask(Arc::new(move |address, port| {
        Some(match door(&own, address, port)? {
            Some(door) => Way::Handler(serve::handler(&own, door)),
            None => Way::Refused,
        })
    }));
    let own = services.clone();
    network.ask_names(Arc::new(move |name| resolve(&own, name)));
}

/// What is at an address: none where nobody has it, an inner none where its owner has nothing at the port.
pub(crate) fn door(services: &Services, address: IpAddr, port: u16) -> Option<Option<Door>> {
    if let Some(outside) = outside::at(address) {
        let listens = outside.ports.contains(&port) && !outside.down(&services.world);
        return Some(listens.then_some(Door::Outside(outside)));
    }
    let wanted = address.to_string();
    let has = |service: &Value| {
        let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
        ingress.is_some_and(|all| all.iter().any(|one| one["ip"] == wanted.as_str()))
    };
    services.clusters.values().find_map(|cluster| {
        let (service, behind) = {
            let world = cluster.world();
            let mut all = world.store.list("services", "").map(|(_, service)| &*service.value);
            let service = all.find(|service| has(service))?.clone();
            let behind = at::behind(&world, &service);
            (service, behind)
        };
        let ports = service["spec"]["ports"].as_array();
        let Some(found) = ports.and_then(|all| all.iter().find(|one| one["port"] == port)) else { return Some(None) };
        if let Some(entrance) = gateway::of_service(cluster, &service, port) {
            // Envoy runs in pods of its own; a Service without a selector leads to it all the same.
            let runs = service["spec"]["selector"].is_null() || !behind.is_empty();
            return Some(runs.then_some(Door::Gateway(entrance)));
        }
        let listener = behind.into_iter().next().and_then(|pod| {
            let target = at::target(found, &pod)?;
            at::of_pod(services, cluster, pod, target)
        });
        Some(listener.map(Door::Pod))
    })
}

/// The address of a name, as the platform's DNS and the Internet's have it.
pub(crate) fn resolve(services: &Services, name: &str) -> Option<IpAddr> {
    let name = name.trim_end_matches('.').to_lowercase();
    if let Ok(address) = name.parse() {
        return Some(address);
    }
    let fits = |pattern: &str| match pattern.strip_prefix('*') {
        Some(rest) => name.len() > rest.len() && name.ends_with(rest),
        None => pattern.eq_ignore_ascii_case(&name),
    };
    let of_cluster = |cluster: &Arc<crate::lab::kube::cluster::Cluster>| {
        let world = cluster.world();
        let gateway = gateway::hosts(&world).into_iter().find(|(_, names)| names.iter().any(|one| fits(one)));
        if let Some((address, _)) = gateway {
            return address.parse().ok();
        }
        let services = world.store.list("services", "").map(|(_, service)| &*service.value);
        let mut named = services.filter(|service| {
            let names = service["metadata"]["annotations"][HOSTNAME].as_str().unwrap_or_default();
            names.split(',').any(|one| !one.is_empty() && fits(one.trim()))
        });
        named.next()?["status"]["loadBalancer"]["ingress"][0]["ip"].as_str()?.parse().ok()
    };
    outside::named(services, &name).or_else(|| services.clusters.values().find_map(of_cluster))
}

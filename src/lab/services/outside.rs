//! What lies outside of the clusters: the services of others, by their real names, at addresses that are kept for
//! documentation (RFC 5737) and so are nobody's.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::ServerConfig;

use super::{Asked, Reply, Services, acme, cloudflare, faults, github, onepassword, upstream};
use crate::lab::world::World;

/// The network that they are in.
pub const NETWORK: &str = "203.0.113.0/24";

/// A service outside.
pub struct Outside {
    /// What faults know it by.
    pub(super) fault: &'static str,
    /// Its names.
    pub(super) hosts: &'static [&'static str],
    /// The last number of its address.
    place: u8,
    /// Where it listens; 443 with TLS.
    pub(super) ports: &'static [u16],
    tls: bool,
    pub(super) answer: fn(&Services, &Asked) -> Reply,
}

/// All of them.
static ALL: [Outside; 5] = [
    Outside {
        fault: "cloudflare",
        hosts: &["api.cloudflare.com"],
        place: 10,
        ports: &[443],
        tls: true,
        answer: cloudflare::answer,
    },
    Outside {
        fault: "github",
        hosts: &["api.github.com", "github.com"],
        place: 11,
        ports: &[443],
        tls: true,
        answer: github::answer,
    },
    Outside {
        fault: "onepassword",
        hosts: &["connect.monosense.io", "opconnect.monosense.io", "onepassword-connect.monosense.io"],
        place: 12,
        ports: &[80, 8080],
        tls: false,
        answer: onepassword::answer,
    },
    Outside {
        fault: "letsencrypt",
        hosts: &["acme-v02.api.letsencrypt.org", "acme-staging-v02.api.letsencrypt.org"],
        place: 13,
        ports: &[443],
        tls: true,
        answer: acme::answer,
    },
    Outside {
        fault: "registries",
        hosts: &["registry-1.docker.io", "docker.io", "ghcr.io", "quay.io", "registry.k8s.io"],
        place: 14,
        ports: &[443],
        tls: true,
        answer: upstream::answer,
    },
];

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Outside {
    /// Its address.
    pub(crate) fn address(&self) -> IpAddr {
        Ipv4Addr::new(203, 0, 113, self.place).into()
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls
    }

    /// The name that it is known by, by which ways to it are shut.
    pub(crate) fn names(&self) -> &'static [&'static str] {
        self.hosts
    }

    /// Whether it takes connections at a port.
    pub(crate) fn listens(&self, world: &World, port: u16) -> bool {
        self.ports.contains(&port) && !self.down(world)
    }

    /// Whether a cause has ended it.
    pub(super) fn down(&self, world: &World) -> bool {
        faults::down(world, self.fault)
    }

    /// What it shows, where it speaks TLS.
    pub(super) fn certificate(&self, services: &Services) -> Option<Arc<ServerConfig>> {
        let names: Vec<String> = self.hosts.iter().map(|host| (*host).to_string()).collect();
        let now = services.now();
        let from = now - jiff::SignedDuration::from_hours(24 * 30);
        self.tls.then(|| services.authority.server(&names, from, from + super::tls::QUARTER).ok()).flatten()
    }
}

/// The one that faults know by a name.
pub(crate) fn of_fault(name: &str) -> Option<&'static Outside> {
    ALL.iter().find(|outside| outside.fault == name)
}

/// The one that has a name.
pub(crate) fn of_host(name: &str) -> Option<&'static Outside> {
    ALL.iter().find(|outside| outside.hosts.contains(&name))
}

/// The names of all of them.
pub(crate) fn hosts() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|outside| outside.hosts.iter().copied())
}

/// The one that has an address.
pub(super) fn at(address: IpAddr) -> Option<&'static Outside> {
    ALL.iter().find(|outside| outside.address() == address)
}

/// The address of a name.
pub(super) fn named(services: &Services, name: &str) -> Option<IpAddr> {
    let own = of_host(name);
    // 1Password Connect is wherever the stores say that it is, unless that is within a cluster.
    let connect = || {
        let wanted = onepassword::hosts(services).iter().any(|host| host == name);
        of_fault("onepassword").filter(|_| wanted && !name.ends_with(".svc") && !name.ends_with(".cluster.local"))
    };
    own.or_else(connect).map(Outside::address)
}

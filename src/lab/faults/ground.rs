//! The platform as a fault looks at it: nothing is named by heart, everything is found by what it does.

use std::net::IpAddr;

use serde_json::Value;

use super::fault::{Broken, Target};
use crate::lab::world::topology::{self, Role};
use crate::lab::world::{Cause, Topology};

/// The objects of a kind that a cluster has: cluster, `services` or `kustomizations.kustomize.toolkit.fluxcd.io`.
pub type List<'g> = dyn Fn(&str, &str) -> Vec<Value> + 'g;

/// The platform that a fault is to break.
pub struct Ground<'g> {
    topology: &'g Topology,
    list: &'g List<'g>,
}

impl std::fmt::Debug for Ground<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ground").field(&self.topology.name).finish()
    }
}

/// A node that a fault is about.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'g> {
    /// Its name.
    pub name: &'g str,
    /// Its address.
    pub address: IpAddr,
}

impl Machine<'_> {
    /// It is what is broken.
    pub fn broken(&self, causes: Vec<Cause>) -> Broken {
        let address = self.address.to_string();
        Broken::new(format!("Node {} ({address})", self.name), &[self.name, &address], causes)
    }
}

impl<'g> Ground<'g> {
    /// A topology, and what its clusters have.
    pub fn new(topology: &'g Topology, list: &'g List<'g>) -> Self {
        Self { topology, list }
    }

    /// The topology.
    pub fn topology(&self) -> &'g Topology {
        self.topology
    }

    /// The clusters, in the order of their numbers.
    fn clusters(&self) -> Vec<(&'g str, &'g topology::Cluster)> {
        let mut all: Vec<(&str, &topology::Cluster)> =
            self.topology.clusters.iter().map(|(name, cluster)| (name.as_str(), cluster)).collect();
        all.sort_by_key(|(_, cluster)| cluster.id);
        all
    }

    /// The first cluster.
    ///
    /// # Errors
    /// There is none.
    pub fn cluster(&self) -> Result<&'g str, String> {
        self.clusters().first().map(|(name, _)| *name).ok_or_else(|| "the topology has no cluster".into())
    }

    /// The first cluster, as the topology has it.
    ///
    /// # Errors
    /// There is none.
    pub fn first(&self) -> Result<&'g topology::Cluster, String> {
        self.clusters().first().map(|(_, cluster)| *cluster).ok_or_else(|| "the topology has no cluster".into())
    }

    /// The second cluster.
    ///
    /// # Errors
    /// There is only one.
    pub fn other(&self) -> Result<(&'g str, &'g topology::Cluster), String> {
        self.clusters().get(1).copied().ok_or_else(|| "the topology has one cluster only".into())
    }

    /// A control plane node of the first cluster, by its place from 0; the last where there are fewer.
    ///
    /// # Errors
    /// There is none.
    pub fn node(&self, place: usize) -> Result<Machine<'g>, String> {
        let nodes = self.control_plane()?;
        let node = nodes.get(place.min(nodes.len().saturating_sub(1)));
        node.copied().ok_or_else(|| "the first cluster has no control plane node".into())
    }

    /// The control plane nodes of the first cluster.
    ///
    /// # Errors
    /// There is no cluster.
    pub fn control_plane(&self) -> Result<Vec<Machine<'g>>, String> {
        let nodes = self.first()?.nodes.iter().filter(|node| node.roles.contains(&Role::ControlPlane));
        Ok(nodes.map(|node| Machine { name: node.name.get_ref(), address: *node.address.get_ref() }).collect())
    }

    /// The first object of a kind, in the first cluster that has one.
    ///
    /// # Errors
    /// No cluster has one.
    pub fn object(&self, resource: &str) -> Result<Target, String> {
        self.find(resource, |_| true)
    }

    /// The object of a kind that is of this name, in the first cluster that has it.
    ///
    /// # Errors
    /// No cluster has it.
    pub fn named(&self, resource: &str, name: &str) -> Result<Target, String> {
        self.find(resource, |object| object["metadata"]["name"] == name)
            .map_err(|_| format!("the topology has no {} {name}", short(resource)))
    }

    /// The first object of a kind that is meant, in the first cluster that has one.
    ///
    /// # Errors
    /// No cluster has one.
    pub fn find(&self, resource: &str, meant: impl Fn(&Value) -> bool) -> Result<Target, String> {
        let found = self.clusters().into_iter().find_map(|(cluster, _)| {
            let value = (self.list)(cluster, resource).into_iter().find(|object| meant(object))?;
            Some(Target { cluster: cluster.into(), value })
        });
        found.ok_or_else(|| format!("the topology has no {} that could be broken so", short(resource)))
    }

    /// All of a kind in a cluster.
    pub fn all(&self, cluster: &str, resource: &str) -> Vec<Target> {
        let target = |value| Target { cluster: cluster.into(), value };
        (self.list)(cluster, resource).into_iter().map(target).collect()
    }

    /// The registration of a kind, in the first cluster that has it: `externalsecrets.external-secrets.io`.
    ///
    /// # Errors
    /// No cluster has it.
    pub fn definition(&self, name: &str) -> Result<Target, String> {
        self.named("customresourcedefinitions.apiextensions.k8s.io", name)
    }

    /// A Service of type LoadBalancer with an address, by a part of its name.
    ///
    /// # Errors
    /// There is none.
    pub fn balanced(&self, part: &str) -> Result<(Target, String), String> {
        let address = |object: &Value| object["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().map(String::from);
        let found = self.find("services", |object| {
            object["metadata"]["name"].as_str().is_some_and(|name| name.contains(part)) && address(object).is_some()
        })?;
        let ip = address(&found.value).unwrap_or_default();
        Ok((found, ip))
    }
}

/// `kustomizations`, of `kustomizations.kustomize.toolkit.fluxcd.io`.
fn short(resource: &str) -> &str {
    resource.split('.').next().unwrap_or(resource)
}

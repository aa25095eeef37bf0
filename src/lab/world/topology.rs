//! What a topology file says, as it says it: the router and the clusters with their nodes, pools, workloads and Services.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;

use super::range::Range;
use super::stage::Stage;
pub use super::wanted::{Flux, Kustomization};

/// A platform as data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// One line for people.
    pub about: String,
    /// The upstream router.
    pub router: Router,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// The profile with the settings of the platform that it is made after; what it says itself counts more.
    pub profile: Option<String>,
    /// What playbooks' settings have to be for this platform, as `[settings]` of `pb.toml` has them.
    #[serde(default)]
    pub settings: toml::Table,
    /// How its clusters are built; without them, those of [`super::stage::TEXT`].
    #[serde(default)]
    pub stages: Vec<Stage>,
}

/// The upstream router.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// Its host name, by which `pb.toml` knows it.
    pub name: String,
    /// Where its SSH server listens, and what its BGP sessions come from.
    pub address: IpAddr,
    /// The AS that it is in.
    pub asn: u32,
    /// A session without a word ends after this.
    #[serde(default = "nine", deserialize_with = "duration")]
    pub hold: Duration,
    /// How often it says that it is there.
    #[serde(default = "three", deserialize_with = "duration")]
    pub keepalive: Duration,
    /// How long it waits before it tries a neighbour again.
    #[serde(default = "two", deserialize_with = "duration")]
    pub connect_retry: Duration,
    /// How long it keeps routes of a neighbour that said it would restart.
    #[serde(default = "two_minutes", deserialize_with = "duration")]
    pub graceful_restart: Duration,
    /// Paths of equal worth that are used side by side.
    #[serde(default = "four")]
    pub max_paths: usize,
    /// Who may log in, with the lab's key.
    #[serde(default = "netops")]
    pub user: String,
}

/// A Kubernetes cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The API server's name and port, as other machines know it.
    pub server: String,
    /// `v1.34.1`
    pub kubernetes: String,
    /// `v1.11.2`
    pub talos: String,
    /// `1.18.2`
    pub cilium: String,
    /// Its number in Cilium's ClusterMesh.
    pub id: u8,
    /// The AS of its speakers.
    pub asn: u32,
    /// Where pods' addresses come from.
    pub pod_cidr: IpNet,
    /// Where Services' addresses come from.
    pub service_cidr: IpNet,
    /// CoreDNS' Service.
    pub dns: IpAddr,
    /// What playbooks' settings have to be for this cluster.
    #[serde(default)]
    pub settings: toml::Table,
    /// Pools of LoadBalancer addresses by name.
    #[serde(default)]
    pub pools: BTreeMap<String, Vec<Range>>,
    /// The namespaces, besides those that every cluster has.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// The machines; [`super::read`] spreads rows with a count.
    pub nodes: Vec<Node>,
    /// What runs.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// Services.
    #[serde(default)]
    pub services: Vec<Service>,
    /// The operators whose kinds it has: `cilium`, `flux` …
    #[serde(default = "cilium")]
    pub operators: Vec<Spanned<String>>,
    /// What Flux applies, and from where.
    #[serde(default)]
    pub flux: Option<Flux>,
    /// Objects of operators as they are wanted, see [`super::wanted`]; their status follows.
    #[serde(default)]
    pub objects: Vec<Spanned<toml::Table>>,
}

/// A machine, or a row of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name; in a row of many, what stands before their numbers.
    pub name: Spanned<String>,
    /// Its address; in a row, the first one's.
    pub address: Spanned<IpAddr>,
    /// How many; each has the next address, and a number of three digits or more after the name.
    #[serde(default)]
    pub count: Option<u32>,
    /// `control-plane`, `worker`
    #[serde(default = "control_plane")]
    pub roles: Vec<Role>,
}

/// What a machine does in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It runs etcd and the API server.
    ControlPlane,
    /// It runs pods alone.
    Worker,
}

/// Something that runs pods.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What kind of controller.
    pub kind: WorkloadKind,
    /// Where.
    pub namespace: Spanned<String>,
    /// Its name, and the value of its pods' label `app.kubernetes.io/name`.
    pub name: Spanned<String>,
    /// How many pods; a DaemonSet has one a node.
    #[serde(default = "one")]
    pub replicas: u32,
    /// The image of its one container.
    pub image: String,
    /// Further labels of its pods.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What its container listens at.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// What its container's program is told.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its container's name, where it is not the workload's.
    #[serde(default)]
    pub container: Option<String>,
    /// For `Pods`: the object that they belong to, `Cluster shared-postgres`.
    #[serde(default)]
    pub owner: Option<String>,
    /// The number of the first pod that has one in its name.
    #[serde(default)]
    pub first: u32,
    /// The HelmRelease in the same namespace that it came with.
    #[serde(default)]
    pub release: Option<String>,
}

/// The kinds of [`Workload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum WorkloadKind {
    /// A number of pods that are alike.
    Deployment,
    /// One a node.
    DaemonSet,
    /// A number of pods with names of their own.
    StatefulSet,
    /// The same, of an operator of their own: see [`Workload::owner`].
    Pods,
}

/// A Service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Where.
    pub namespace: Spanned<String>,
    /// Its name.
    pub name: Spanned<String>,
    /// `ClusterIP`, `LoadBalancer`
    #[serde(default, rename = "type")]
    pub kind: ServiceKind,
    /// The LoadBalancer address; without it, the first free one of a pool.
    #[serde(default)]
    pub address: Option<Spanned<IpAddr>>,
    /// Its ports.
    pub ports: Vec<u16>,
    /// The workload in the same namespace that its pods belong to; without it, nobody answers.
    #[serde(default)]
    pub workload: Option<Spanned<String>>,
    /// Whether only nodes with one of its pods take its traffic, and advertise it.
    #[serde(default)]
    pub local: bool,
    /// Further labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The kinds of [`Service`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum ServiceKind {
    /// Reached inside the cluster.
    #[default]
    ClusterIP,
    /// Reached from outside.
    LoadBalancer,
}

impl Topology {
    /// Every node with its cluster's name.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.clusters.iter().flat_map(|(name, cluster)| cluster.nodes.iter().map(move |node| (name.as_str(), node)))
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    crate::config::units::duration(&text)
        .ok_or_else(|| D::Error::custom(format!("\"{text}\" is no duration: expected one such as 9s or 2m")))
}

const fn one() -> u32 {
    1
}
const fn four() -> usize {
    4
}
const fn two() -> Duration {
    Duration::from_secs(2)
}
const fn three() -> Duration {
    Duration::from_secs(3)
}
const fn nine() -> Duration {
    Duration::from_secs(9)
}
const fn two_minutes() -> Duration {
    Duration::from_secs(120)
}
fn netops() -> String {
    "netops".into()
}
fn control_plane() -> Vec<Role> {
    vec![Role::ControlPlane]
}
fn cilium() -> Vec<Spanned<String>> {
    vec![Spanned::new(0..0, "cilium".into())]
}

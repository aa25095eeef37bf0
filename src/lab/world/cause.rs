//! What can be wrong with the world: each cause one small thing with a name, of which the controllers work out the rest.

use std::fmt;
use std::net::IpAddr;

pub use super::wrong::{Change, Object, Wrong};

/// The name that a node's BGP speaker has among its processes; it lives in Cilium's agent.
pub const BGP: &str = "cilium-agent";

/// One thing that is wrong. Nodes are named by their names, which are unique in a topology.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A process on a node is gone without a word, as if killed: `cilium-agent`, `kubelet`, `etcd`, `apid` …
    Process {
        /// The node.
        node: String,
        /// The process.
        process: String,
    },
    /// A node's cable is pulled: it runs, and nothing reaches it.
    Link {
        /// The node.
        node: String,
    },
    /// A node's speaker says that it belongs to another AS.
    Asn {
        /// The node.
        node: String,
        /// What it says.
        asn: u32,
    },
    /// The router does not take a neighbour's session: `neighbor X shutdown`.
    NeighbourShut {
        /// The neighbour's address.
        neighbour: IpAddr,
    },
    /// A listener that takes connections and then says nothing.
    Silent {
        /// Its name: `router`, `api/infra` …
        listener: String,
    },
    /// A listener that nothing listens at.
    Closed {
        /// Its name.
        listener: String,
    },
    /// The router shows a host key that nobody knows.
    HostKey,
    /// What lies in the Git repository at a path is wrong.
    Manifests {
        /// The folder, as a Kustomization's `spec.path` has it.
        path: String,
        /// In what way.
        flaw: Flaw,
    },
    /// The vault lost an item.
    Item {
        /// Its name.
        item: String,
    },
    /// A Helm chart's hooks or manifests fail when it is installed or upgraded.
    Chart {
        /// Its HelmRelease, `namespace/name`.
        release: String,
    },
    /// A disk of Ceph is gone, by the number of its OSD.
    Osd {
        /// The cluster.
        cluster: String,
        /// The number.
        osd: u32,
    },
    /// The router takes logins, and never ends a command.
    Stuck,
    /// An object of a cluster was changed, made or deleted by somebody who should not have.
    Changed {
        /// The cluster.
        cluster: String,
        /// The object.
        object: Object,
        /// What was done.
        change: Change,
    },
    /// A service, of HTTP mostly, is not as it should be.
    Service {
        /// Its name: `vmselect`, `vminsert`, `vlogs`, `alertmanager`, `grafana`, `schema-registry`, `harbor`, `gitlab`,
        /// `keycloak`, `cloudflare`, `onepassword`, `minio`, `github` …
        service: String,
        /// What is wrong.
        wrong: Wrong,
    },
    /// A cluster's API server is not as it should be.
    Api {
        /// The cluster.
        cluster: String,
        /// What is wrong.
        wrong: Wrong,
    },
    /// A cluster's pods reach nothing under a host's name: `ghcr.io`, `github.com`, `api.cloudflare.com`; or nothing
    /// outside at all, `*`.
    Egress {
        /// The cluster.
        cluster: String,
        /// The host.
        host: String,
    },
    /// An image is in no registry: its name as pods have it, or its beginning.
    Image {
        /// `quay.io/cilium/cilium`
        image: String,
    },
    /// The nodes' containerd is told a registry mirror that it can't use: nothing is pulled.
    Mirror {
        /// The cluster.
        cluster: String,
    },
    /// Kubelets tell their pods a DNS server at an address where there is none.
    Resolver {
        /// The cluster.
        cluster: String,
        /// What pods are told.
        address: IpAddr,
    },
    /// Nothing passes between the pods of two nodes, or of two clusters, in either direction.
    Cut {
        /// A node's or a cluster's name.
        from: String,
        /// Another's.
        to: String,
    },
    /// A node's member of etcd knows no leader.
    NoLeader {
        /// The node.
        node: String,
    },
    /// A node's member of etcd was removed from the cluster: the others don't know it any more.
    NotAMember {
        /// The node.
        node: String,
    },
    /// etcd's database of a node has reached its quota: the alarm NOSPACE, and no writes.
    NoSpace {
        /// The node.
        node: String,
    },
    /// A node's disk is full.
    DiskFull {
        /// The node.
        node: String,
    },
    /// A node's disk takes so much longer.
    DiskSlow {
        /// The node.
        node: String,
    },
    /// A node's memory is used up.
    MemoryFull {
        /// The node.
        node: String,
    },
    /// A node's clock is wrong by so many seconds.
    Clock {
        /// The node.
        node: String,
        /// Ahead, or behind where below zero.
        seconds: i64,
    },
}

/// What can be wrong with manifests in the Git repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Flaw {
    /// The folder is gone.
    Gone,
    /// A file or component that the folder's kustomization names is not there.
    Missing(String),
    /// An object is in it twice, `Kind namespace/name`.
    Twice(String),
    /// The kustomization has nothing in it.
    Empty,
    /// Somebody changed the folder's kustomization in their checkout, and did not commit it.
    Uncommitted,
    /// An object has a field that its kind does not know.
    Field {
        /// `Kind/namespace/name`.
        object: String,
        /// `.spec.colour`.
        field: String,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => write!(f, "is not there"),
            Self::Missing(what) => write!(f, "names {what}, which is not there"),
            Self::Twice(what) => write!(f, "has {what} twice"),
            Self::Empty => write!(f, "has an empty kustomization"),
            Self::Uncommitted => write!(f, "has a change that is not committed"),
            Self::Field { object, field } => write!(f, "has {object} with the unknown field {field}"),
        }
    }
}

impl Cause {
    /// A process that is gone.
    pub fn process(node: &str, process: &str) -> Self {
        Self::Process { node: node.into(), process: process.into() }
    }

    /// A cable that is pulled.
    pub fn link(node: &str) -> Self {
        Self::Link { node: node.into() }
    }

    /// A listener that says nothing.
    pub fn silent(listener: &str) -> Self {
        Self::Silent { listener: listener.into() }
    }

    /// A service that is not as it should be.
    pub fn service(service: &str, wrong: Wrong) -> Self {
        Self::Service { service: service.into(), wrong }
    }

    /// An API server that is not as it should be.
    pub fn api(cluster: &str, wrong: Wrong) -> Self {
        Self::Api { cluster: cluster.into(), wrong }
    }

    /// A host that a cluster's pods don't reach; `*` for all that is outside.
    pub fn egress(cluster: &str, host: &str) -> Self {
        Self::Egress { cluster: cluster.into(), host: host.into() }
    }

    /// A listener that is gone.
    pub fn closed(listener: &str) -> Self {
        Self::Closed { listener: listener.into() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { node, process } => write!(f, "{process} of node {node} is gone"),
            Self::Link { node } => write!(f, "node {node} is cut off"),
            Self::Asn { node, asn } => write!(f, "node {node} speaks BGP as AS {asn}"),
            Self::NeighbourShut { neighbour } => write!(f, "the router has neighbour {neighbour} shut down"),
            Self::Silent { listener } => write!(f, "{listener} takes connections and says nothing"),
            Self::Closed { listener } => write!(f, "nothing listens as {listener}"),
            Self::HostKey => write!(f, "the router has another host key"),
            Self::Manifests { path, flaw } => write!(f, "{path} of the Git repository {flaw}"),
            Self::Item { item } => write!(f, "the vault has no item {item}"),
            Self::Chart { release } => write!(f, "the chart of HelmRelease {release} fails"),
            Self::Osd { cluster, osd } => write!(f, "osd.{osd} of cluster {cluster} is gone"),
            Self::Stuck => write!(f, "the router ends no command"),
            Self::Changed { cluster, object, change } => {
                let done = match change {
                    Change::Merge(_) => "has another spec",
                    Change::Status(_) => "has another status",
                    Change::Create(_) => "is there",
                    Change::Delete => "is gone",
                };
                write!(f, "{object} of {cluster} {done}")
            }
            Self::Service { service, wrong } => write!(f, "{service} {wrong}"),
            Self::Api { cluster, wrong } => write!(f, "the API server of {cluster} {wrong}"),
            Self::Egress { cluster, host } if host == "*" => write!(f, "pods of {cluster} reach nothing outside"),
            Self::Egress { cluster, host } => write!(f, "pods of {cluster} don't reach {host}"),
            Self::Image { image } => write!(f, "the image {image} is in no registry"),
            Self::Mirror { cluster } => write!(f, "the nodes of {cluster} have a registry mirror that can't be used"),
            Self::Resolver { cluster, address } => write!(f, "pods of {cluster} ask {address} for names"),
            Self::Cut { from, to } => write!(f, "nothing passes between {from} and {to}"),
            Self::NoLeader { node } => write!(f, "etcd of node {node} knows no leader"),
            Self::NotAMember { node } => write!(f, "etcd of node {node} is no member any more"),
            Self::NoSpace { node } => write!(f, "etcd of node {node} has no space"),
            Self::DiskFull { node } => write!(f, "the disk of node {node} is full"),
            Self::DiskSlow { node } => write!(f, "the disk of node {node} is slow"),
            Self::MemoryFull { node } => write!(f, "the memory of node {node} is used up"),
            Self::Clock { node, seconds } => write!(f, "the clock of node {node} is wrong by {seconds} s"),
        }
    }
}

//! What can be wrong with the world: each cause one small thing with a name, of which the controllers work out the rest.

use std::fmt;
use std::net::IpAddr;

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
        }
    }
}

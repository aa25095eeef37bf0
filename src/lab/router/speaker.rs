//! What a node's BGP speaker does: the router's only source.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// A speaker at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The node's address, which the router knows it by.
    pub address: IpAddr,
    /// The node's name.
    pub host: String,
    /// The AS that it says it is in.
    pub asn: u32,
    /// Whether it speaks.
    pub voice: Voice,
    /// What it advertises, each with itself as the next hop.
    pub prefixes: BTreeSet<IpNet>,
}

/// How a speaker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// It keeps its session.
    Speaks,
    /// Nothing comes from it, not even a good-bye: killed, or cut off. The router notices after the hold time.
    Silent,
    /// It closed its session properly. The router notices at once.
    Stopped,
}

//! The upstream router: BGP sessions with every node, the table that they make, and a command line that shows it.
//!
//! Nothing here sleeps or connects. [`Router`] is told what the nodes' speakers say and when; what that means after the
//! hold time is worked out when somebody asks.

pub mod advertise;
pub mod cli;
pub mod fixed;
pub mod json;
pub mod live;
pub mod peer;
pub mod rib;
pub mod show;
pub mod since;
pub mod speaker;

#[cfg(test)]
mod real;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use jiff::Timestamp;

pub use peer::{Neighbour, Peer};
pub use rib::Rib;
pub use speaker::{Speaker, Voice};

use crate::lab::world::topology;

/// The router at the moment that it was last told something.
#[derive(Debug, Clone)]
pub struct Router {
    /// What its topology says.
    pub config: topology::Router,
    /// Its neighbours by address.
    pub peers: Vec<Peer>,
    /// Their paths.
    pub rib: Rib,
    started: Instant,
}

/// The router as somebody sees it: at a reading of the clock, and at a time of day.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'r> {
    /// The router, with everything that has happened by then.
    pub router: &'r Router,
    /// The reading.
    pub now: Instant,
    /// The time of day.
    pub wall: Timestamp,
}

impl Router {
    /// A router that has just started, with neighbours that have said nothing yet.
    pub fn new(config: topology::Router, neighbours: Vec<Neighbour>, now: Instant) -> Self {
        let mut peers: Vec<Peer> = neighbours.into_iter().map(|neighbour| Peer::new(neighbour, now)).collect();
        peers.sort_by_key(|peer| peer.neighbour.address);
        Self { rib: Rib::new(config.max_paths), config, peers, started: now }
    }

    /// When it started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What every speaker does from now on. Neighbours that are not among them have no speaker: silence.
    pub fn hear(&mut self, now: Instant, speakers: &[Speaker]) {
        self.run(now);
        for index in 0..self.peers.len() {
            let address = self.peers[index].neighbour.address;
            self.peers[index].hear(now, speakers.iter().find(|speaker| speaker.address == address));
        }
        self.run(now);
        for index in 0..self.peers.len() {
            self.tell_rib(index, now);
        }
    }

    /// Which neighbours are shut down from now on.
    pub fn shut(&mut self, now: Instant, neighbours: &BTreeSet<IpAddr>) {
        self.run(now);
        for index in 0..self.peers.len() {
            let shut = neighbours.contains(&self.peers[index].neighbour.address);
            self.peers[index].shut(now, shut);
            self.tell_rib(index, now);
        }
    }

    /// Lets everything happen that is due by now, in the order of its times.
    pub fn run(&mut self, now: Instant) {
        loop {
            let config = &self.config;
            let due = self.peers.iter().enumerate().filter_map(|(index, peer)| Some((peer.due(config)?, index)));
            let Some((at, index)) = due.min().filter(|(at, _)| *at <= now) else { break };
            self.peers[index].step(at);
            self.tell_rib(index, at);
        }
    }

    /// When something happens next by itself, if nothing is heard before.
    pub fn next(&self) -> Option<Instant> {
        self.peers.iter().filter_map(|peer| peer.due(&self.config)).min()
    }

    /// How it looks now; run it first.
    pub fn seen(&self, now: Instant, wall: Timestamp) -> Seen<'_> {
        Seen { router: self, now, wall }
    }

    fn tell_rib(&mut self, index: usize, at: Instant) {
        let peer = &self.peers[index];
        let none = BTreeSet::new();
        let prefixes = if peer.is_established() { peer.prefixes() } else { &none };
        self.rib.set(&peer.neighbour, prefixes, at);
    }
}

#[cfg(test)]
mod tests;

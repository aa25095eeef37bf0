//! The router's table: paths by prefix, which of them is best, and which are used beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::Neighbour;

/// A way to a prefix, through the neighbour that told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The neighbour, which is the next hop too.
    pub from: IpAddr,
    /// Its AS, the whole of the path.
    pub asn: u32,
    /// When it came.
    pub arrived: Instant,
}

/// How long FRR waits for more before it judges what came: the hold of its work queue (`bgp_process_queue_init`).
const HOLD: Duration = Duration::from_millis(50);

/// A prefix with its paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The newest first, as the router keeps them.
    pub paths: Vec<Path>,
    /// The table's version when this entry last changed.
    pub version: u64,
    /// The best path's neighbour, and when it became that.
    chosen: Option<(IpAddr, Instant)>,
    /// Why the best path is it, in the router's words.
    pub reason: &'static str,
}

impl Entry {
    fn new() -> Self {
        Self { paths: Vec::new(), version: 0, chosen: None, reason: "" }
    }

    /// The best path's place.
    pub fn best(&self) -> usize {
        self.chosen.and_then(|(from, _)| self.paths.iter().position(|path| path.from == from)).unwrap_or(0)
    }

    /// Chooses the best path. All come over one hop from outside: what was best before stays so, so that routes
    /// flap less; of those that are judged together, the lowest router id wins, which is the address here.
    fn choose(&mut self, now: Instant) {
        let stands = |(from, since): &(IpAddr, Instant)| {
            *since + HOLD <= now && self.paths.iter().any(|path| path.from == *from)
        };
        let older = self.chosen.filter(stands);
        let lowest = || self.paths.iter().map(|path| path.from).min().map(|from| (from, now));
        self.chosen = older.or_else(lowest);
        self.reason = match () {
            () if self.paths.len() < 2 => "First path received",
            () if older.is_some() => "Older Path",
            () => "Router ID",
        };
    }

    /// Whether a path is used, as the best one or beside it: it has to have the same AS path.
    pub fn is_used(&self, index: usize, most: usize) -> bool {
        let best = self.best();
        let before = |other: usize| other != index && index != best && (other == best || other > index);
        let alike = |path: &Path| path.asn == self.paths[best].asn;
        let older = self.paths.iter().enumerate().filter(|(other, path)| before(*other) && alike(path)).count();
        alike(&self.paths[index]) && older < most
    }

    /// Whether a path is one of several that are used.
    pub fn is_multipath(&self, index: usize, most: usize) -> bool {
        let used = (0..self.paths.len()).filter(|other| self.is_used(*other, most)).count();
        used > 1 && self.is_used(index, most)
    }
}

/// All prefixes.
#[derive(Debug, Clone, Default)]
pub struct Rib {
    /// Counts every change.
    pub version: u64,
    /// How many paths may be used side by side.
    pub max_paths: usize,
    /// In the order that the router shows them.
    pub entries: BTreeMap<IpNet, Entry>,
}

impl Rib {
    pub(super) fn new(max_paths: usize) -> Self {
        Self { max_paths, ..Self::default() }
    }

    /// How many paths there are.
    pub fn paths(&self) -> usize {
        self.entries.values().map(|entry| entry.paths.len()).sum()
    }

    /// The prefixes that came from a neighbour.
    pub fn from(&self, neighbour: IpAddr) -> impl Iterator<Item = (&IpNet, &Entry)> {
        self.entries.iter().filter(move |(_, entry)| entry.paths.iter().any(|path| path.from == neighbour))
    }

    /// The longest prefix that an address lies in.
    pub fn lookup(&self, address: IpAddr) -> Option<(&IpNet, &Entry)> {
        let covering = self.entries.iter().filter(|(prefix, _)| prefix.contains(&address));
        covering.max_by_key(|(prefix, _)| prefix.prefix_len())
    }

    /// Makes a neighbour's prefixes these.
    pub(super) fn set(&mut self, neighbour: &Neighbour, prefixes: &BTreeSet<IpNet>, at: Instant) {
        let from = neighbour.address;
        let gone: Vec<IpNet> = self.from(from).map(|(prefix, _)| *prefix).filter(|p| !prefixes.contains(p)).collect();
        for prefix in gone {
            self.version += 1;
            if let Some(entry) = self.entries.get_mut(&prefix) {
                entry.paths.retain(|path| path.from != from);
                entry.version = self.version;
                entry.choose(at);
                if entry.paths.is_empty() {
                    self.entries.remove(&prefix);
                }
            }
        }
        for prefix in prefixes {
            let entry = self.entries.entry(*prefix).or_insert_with(Entry::new);
            if !entry.paths.iter().any(|path| path.from == from) {
                self.version += 1;
                entry.version = self.version;
                entry.paths.insert(0, Path { from, asn: neighbour.asn, arrived: at });
                entry.choose(at);
            }
        }
    }
}

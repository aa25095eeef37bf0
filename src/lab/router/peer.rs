//! One neighbour of the router: its session as RFC 4271 has it, as far as a table shows it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::{Speaker, Voice};
use crate::lab::world::topology;

/// A neighbour as the router's configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// The AS that it has to be in.
    pub asn: u32,
    /// Its description: the node's name.
    pub name: String,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// The neighbour said good-bye.
    Closed,
    /// Nothing was heard for the hold time.
    HoldTimer,
    /// It said another AS than it was configured with.
    BadAs,
    /// The router's operator shut it down.
    Shut,
}

/// A neighbour and its session.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The configuration.
    pub neighbour: Neighbour,
    /// The host name that it told, once it was heard.
    pub host: Option<String>,
    /// How often a session was established.
    pub established: u64,
    /// How often one was lost.
    pub dropped: u64,
    /// The last end of a session, or of an attempt.
    pub reset: Option<(Instant, Reset)>,
    /// `neighbor X shutdown`
    pub is_shut: bool,
    up: bool,
    /// Since when it is up, or not.
    since: Instant,
    voice: Voice,
    /// Since when it behaves so.
    heard: Instant,
    asn: u32,
    prefixes: BTreeSet<IpNet>,
    /// What former sessions took in all.
    spoken: Duration,
    /// UPDATE messages that came.
    updates: u64,
}

impl Peer {
    pub(super) fn new(neighbour: Neighbour, now: Instant) -> Self {
        Self {
            asn: neighbour.asn,
            neighbour,
            host: None,
            established: 0,
            dropped: 0,
            reset: None,
            is_shut: false,
            up: false,
            since: now,
            voice: Voice::Silent,
            heard: now,
            prefixes: BTreeSet::new(),
            spoken: Duration::ZERO,
            updates: 0,
        }
    }

    /// Whether there is a session.
    pub fn is_established(&self) -> bool {
        self.up
    }

    /// Since when there is one, or none.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether there ever was one.
    pub fn was_up(&self) -> bool {
        self.established > 0
    }

    /// What it advertised last.
    pub fn prefixes(&self) -> &BTreeSet<IpNet> {
        &self.prefixes
    }

    /// UPDATE messages that it sent.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The state's name in FRR's words. A router that lost a session rests for a moment before it tries again.
    pub fn state(&self, now: Instant) -> &'static str {
        const REST: Duration = Duration::from_secs(2);
        if self.up {
            "Established"
        } else if self.is_shut || now.saturating_duration_since(self.since) < REST && self.was_up() {
            "Idle"
        } else {
            "Active"
        }
    }

    /// How long it has spoken in all.
    pub fn spoken(&self, now: Instant) -> Duration {
        self.spoken + if self.up { now.saturating_duration_since(self.since) } else { Duration::ZERO }
    }

    /// When its last word came: keepalives come at their interval, while it speaks.
    pub fn last_read(&self, now: Instant, keepalive: Duration) -> Instant {
        let until = match (self.up, self.voice) {
            (true, Voice::Speaks) => now,
            _ => self.heard.max(if self.up { self.since } else { self.heard }),
        };
        let spoken = until.saturating_duration_since(self.since);
        if self.up && !keepalive.is_zero() {
            let beats = (spoken.as_secs_f64() / keepalive.as_secs_f64()).floor();
            self.since + keepalive.mul_f64(beats)
        } else {
            until.min(now)
        }
    }

    pub(super) fn hear(&mut self, now: Instant, speaker: Option<&Speaker>) {
        let voice = speaker.map_or(Voice::Silent, |speaker| speaker.voice);
        if let Some(speaker) = speaker.filter(|speaker| speaker.voice == Voice::Speaks) {
            if self.prefixes != speaker.prefixes {
                self.prefixes.clone_from(&speaker.prefixes);
                self.updates += 1;
            }
            if self.asn != speaker.asn {
                // Another AS is another speaker: the session of the one before is closed.
                (self.asn, self.heard) = (speaker.asn, now);
            }
            self.host = Some(speaker.host.clone());
        }
        if self.voice != voice {
            (self.voice, self.heard) = (voice, now);
        }
    }

    pub(super) fn shut(&mut self, now: Instant, shut: bool) {
        if self.is_shut != shut {
            self.is_shut = shut;
            if self.up {
                self.down(now, Reset::Shut);
            }
            self.since = now;
        }
    }

    /// When its state changes next, if nothing else is heard.
    pub(super) fn due(&self, timers: &topology::Router) -> Option<Instant> {
        let right = self.asn == self.neighbour.asn;
        match (self.up, self.voice) {
            _ if self.is_shut => None,
            (true, Voice::Silent) => Some(self.heard + timers.hold),
            (true, Voice::Stopped) => Some(self.heard),
            (true, Voice::Speaks) => (!right).then_some(self.heard),
            (false, Voice::Speaks) if right => Some(self.heard.max(self.since) + timers.connect_retry),
            (false, Voice::Speaks) => {
                let refused = matches!(self.reset, Some((at, Reset::BadAs)) if at >= self.heard);
                (!refused).then_some(self.heard)
            }
            (false, _) => None,
        }
    }

    /// What was due happens.
    pub(super) fn step(&mut self, at: Instant) {
        let right = self.asn == self.neighbour.asn;
        match (self.up, self.voice) {
            (true, Voice::Silent) => self.down(at, Reset::HoldTimer),
            (true, Voice::Stopped) => self.down(at, Reset::Closed),
            (true, Voice::Speaks) => self.down(at, Reset::BadAs),
            (false, _) if right => {
                (self.up, self.since) = (true, at);
                self.established += 1;
                self.updates += 1;
            }
            (false, _) => self.reset = Some((at, Reset::BadAs)),
        }
    }

    fn down(&mut self, at: Instant, why: Reset) {
        self.spoken += at.saturating_duration_since(self.since);
        (self.up, self.since) = (false, at);
        self.dropped += 1;
        self.reset = Some((at, why));
    }
}

impl Reset {
    /// In FRR's words: as `show ip bgp neighbors` and its JSON have it, and the code of the latter.
    pub fn told(self) -> (&'static str, &'static str, i64) {
        match self {
            Self::Closed => ("Notification received (Cease/Peer De-configured)", "BGP Notification received", 13),
            Self::HoldTimer => ("Notification sent (Hold Timer Expired)", "BGP Notification send", 12),
            Self::BadAs => ("Notification sent (OPEN Message Error/Bad Peer AS)", "BGP Notification send", 12),
            Self::Shut => ("Admin. shutdown", "Admin. shutdown", 7),
        }
    }

    /// The notification: code and subcode (RFC 4271, 4.5), and its text; none for the operator's own doing.
    pub fn notification(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Closed => Some(("0603", "Cease/Peer De-configured")),
            Self::HoldTimer => Some(("0400", "Hold Timer Expired")),
            Self::BadAs => Some(("0202", "OPEN Message Error/Bad Peer AS")),
            Self::Shut => None,
        }
    }
}

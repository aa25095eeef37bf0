//! `show ip bgp summary`: a line a neighbour.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::super::json::{Json, map};
use super::super::since::{millis, uptime};
use super::super::{Peer, Seen};

/// Which neighbours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// `established`
    Established,
    /// `failed`
    Failed,
    /// `neighbor ADDRESS`
    Of(IpAddr),
    /// `remote-as NUMBER`
    As(u32),
}

impl Which {
    fn takes(self, peer: &Peer) -> bool {
        match self {
            Self::All => true,
            Self::Established => peer.is_established(),
            Self::Failed => !peer.is_established(),
            Self::Of(address) => peer.neighbour.address == address,
            Self::As(number) => peer.neighbour.asn == number,
        }
    }
}

/// Memory that a neighbour takes in FRR 8.4 on 64 bits.
const PEER_BYTES: usize = 741_464;
/// The same of an inner or outer node of the table.
const NODE_BYTES: usize = 192;

/// In text. Where the family was not named, its heading comes first; `terse` leaves the table's figures out.
pub fn text(seen: Seen<'_>, which: Which, heading: bool, terse: bool) -> String {
    let router = seen.router;
    let mut out = String::new();
    if heading {
        out.push_str("\nIPv4 Unicast Summary (VRF default):\n");
    }
    let shown: Vec<&Peer> = router.peers.iter().filter(|peer| which.takes(peer)).collect();
    if shown.is_empty() && matches!(which, Which::Established | Which::Failed) {
        let word = if which == Which::Failed { "failed" } else { "established" };
        let _ = writeln!(out, "% No {word} BGP neighbors found");
        return out;
    }
    let peers = router.peers.len();
    let (address, asn) = (router.config.address, router.config.asn);
    let _ = writeln!(out, "BGP router identifier {address}, local AS number {asn} vrf-id 0");
    if !terse {
        let _ = writeln!(
            out,
            "BGP table version {}\nRIB entries {}, using {} bytes of memory\nPeers {peers}, using {} KiB of memory",
            router.rib.version,
            nodes(seen),
            nodes(seen) * NODE_BYTES,
            (peers * PEER_BYTES + 512) / 1024,
        );
    }
    out.push('\n');
    if shown.is_empty() {
        out.push_str("% No matching neighbor\n");
        return out;
    }
    if which == Which::Failed {
        out.push_str("Neighbor        EstdCnt DropCnt ResetTime Reason\n");
    } else {
        out.push_str(
            "Neighbor        V         AS   MsgRcvd   MsgSent   TblVer  InQ OutQ  Up/Down State/PfxRcd   PfxSnt Desc\n",
        );
    }
    for peer in &shown {
        let line = if which == Which::Failed { failed_line(seen, peer) } else { line(seen, peer) };
        let _ = writeln!(out, "{line}");
    }
    out.push('\n');
    if which != Which::All {
        let _ = writeln!(out, "Displayed neighbors {}", shown.len());
    }
    let _ = writeln!(out, "Total number of neighbors {peers}");
    out
}

fn line(seen: Seen<'_>, peer: &Peer) -> String {
    let (received, sent) = messages(seen, peer);
    let state = if peer.is_established() {
        accepted(seen, peer).to_string()
    } else if peer.is_shut {
        "Idle (Admin)".into()
    } else {
        peer.state(seen.now).into()
    };
    format!(
        "{:<16}4 {:>10} {received:>9} {sent:>9} {:>8} {:>4} {:>4} {:>8} {state:>12} {:>8} {}",
        peer.neighbour.address,
        peer.neighbour.asn,
        0,
        0,
        0,
        up_or_down(seen, peer),
        sent_prefixes(seen, peer),
        peer.neighbour.name,
    )
}

fn failed_line(seen: Seen<'_>, peer: &Peer) -> String {
    let why = peer.reset.map_or("Waiting for peer OPEN", |(_, reset)| reset.told().0);
    let since = peer.reset.map_or_else(|| "never".into(), |(at, _)| uptime(seen.ago(at)));
    format!("{:<16}{:>7} {:>7} {since:>9} {why}", peer.neighbour.address, peer.established, peer.dropped)
}

/// In JSON. Where the family was not named, its name is the key to all.
pub fn json(seen: Seen<'_>, which: Which, heading: bool) -> String {
    let inner = inner(seen, which).pretty();
    if heading { format!("{{\n\"ipv4Unicast\":{inner}\n}}\n") } else { format!("{inner}\n") }
}

fn inner(seen: Seen<'_>, which: Which) -> Json {
    let router = seen.router;
    let total = router.peers.len();
    let failed = router.peers.iter().filter(|peer| !peer.is_established()).count();
    let shown: Vec<&Peer> = router.peers.iter().filter(|peer| which.takes(peer)).collect();
    if shown.is_empty() {
        let count = if which == Which::Failed { "failedPeersCount" } else { "establishedPeersCount" };
        return map([(count, 0_i64.into()), ("dynamicPeers", 0_i64.into()), ("totalPeers", total.into())]);
    }
    let peers = shown.iter().map(|peer| {
        let inner = if which == Which::Failed { failed_json(seen, peer) } else { peer_json(seen, peer) };
        (peer.neighbour.address.to_string(), inner)
    });
    let all = map([
        ("routerId", router.config.address.to_string().into()),
        ("as", router.config.asn.into()),
        ("vrfId", 0_i64.into()),
        ("vrfName", "default".into()),
        ("tableVersion", router.rib.version.into()),
        ("ribCount", nodes(seen).into()),
        ("ribMemory", (nodes(seen) * NODE_BYTES).into()),
        ("peerCount", total.into()),
        ("peerMemory", (total * PEER_BYTES).into()),
        ("peers", Json::Map(peers.collect())),
        ("failedPeers", failed.into()),
        ("displayedPeers", if matches!(which, Which::All | Which::Failed) { total } else { shown.len() }.into()),
        ("totalPeers", total.into()),
        ("dynamicPeers", 0_i64.into()),
    ]);
    if which == Which::Failed { all } else { all.and([("bestPath", map([("multiPathRelax", "false".into())]))]) }
}

fn peer_json(seen: Seen<'_>, peer: &Peer) -> Json {
    let (received, sent) = messages(seen, peer);
    let state = if peer.is_shut { "Idle (Admin)" } else { peer.state(seen.now) };
    host(peer)
        .and([
            ("remoteAs", peer.neighbour.asn.into()),
            ("localAs", seen.router.config.asn.into()),
            ("version", 4_i64.into()),
            ("msgRcvd", received.into()),
            ("msgSent", sent.into()),
            ("tableVersion", 0_i64.into()),
            ("outq", 0_i64.into()),
            ("inq", 0_i64.into()),
        ])
        .with_uptime(seen, peer)
        .and([
            ("pfxRcd", accepted(seen, peer).into()),
            ("pfxSnt", sent_prefixes(seen, peer).into()),
            ("state", state.into()),
            ("peerState", if peer.is_shut { "Admin" } else { "OK" }.into()),
            ("connectionsEstablished", peer.established.into()),
            ("connectionsDropped", peer.dropped.into()),
            ("desc", peer.neighbour.name.as_str().into()),
            ("idType", "ipv4".into()),
        ])
}

fn failed_json(seen: Seen<'_>, peer: &Peer) -> Json {
    let counts = [("connectionsEstablished", peer.established.into()), ("connectionsDropped", peer.dropped.into())];
    host(peer).and(counts).with_uptime(seen, peer).with_reset(peer).and([("idType", "ipv4".into())])
}

fn host(peer: &Peer) -> Json {
    map([]).and_some("hostname", peer.host.as_deref().map(Json::from))
}

impl Json {
    /// Adds a pair where there is a value.
    pub fn and_some(self, key: &str, value: Option<Json>) -> Self {
        match value {
            Some(value) => self.and([(key, value)]),
            None => self,
        }
    }

    /// Adds why there is no session any more.
    pub(super) fn with_reset(self, peer: &Peer) -> Self {
        let Some((_, reset)) = peer.reset else {
            return self.and([("lastResetDueTo", "Waiting for peer OPEN".into()), ("lastResetCode", 31_i64.into())]);
        };
        let noted = match reset.notification() {
            Some((code, reason)) => self.and([
                ("lastErrorCodeSubcode", code.into()),
                ("lastNotificationReason", reason.into()),
                ("lastNotificationHardReset", false.into()),
            ]),
            None => self,
        };
        let (_, due_to, code) = reset.told();
        noted.and([("lastResetDueTo", due_to.into()), ("lastResetCode", code.into())])
    }

    fn with_uptime(self, seen: Seen<'_>, peer: &Peer) -> Self {
        if !peer.was_up() {
            return self.and([("peerUptime", "never".into()), ("peerUptimeMsec", 0_i64.into())]);
        }
        let up = seen.ago(peer.since());
        self.and([
            ("peerUptime", uptime(up).into()),
            ("peerUptimeMsec", millis(up).into()),
            ("peerUptimeEstablishedEpoch", seen.epoch(peer.since()).into()),
        ])
    }
}

fn up_or_down(seen: Seen<'_>, peer: &Peer) -> String {
    if peer.was_up() { uptime(seen.ago(peer.since())) } else { "never".into() }
}

/// Prefixes that a neighbour's session brought.
pub fn accepted(seen: Seen<'_>, peer: &Peer) -> usize {
    seen.router.rib.from(peer.neighbour.address).count()
}

/// Prefixes that it is told of: all that there are, its own too.
pub fn sent_prefixes(seen: Seen<'_>, peer: &Peer) -> usize {
    if peer.is_established() { seen.router.rib.entries.len() } else { 0 }
}

/// Keepalives, each way.
pub fn keepalives(seen: Seen<'_>, peer: &Peer) -> u64 {
    let every = seen.router.config.keepalive.as_secs().max(1);
    peer.spoken(seen.now).as_secs() / every + peer.established
}

/// UPDATE messages that were sent.
pub fn updates_sent(seen: Seen<'_>, peer: &Peer) -> u64 {
    if peer.was_up() { seen.router.rib.version + 1 } else { 0 }
}

/// Messages received and sent.
pub fn messages(seen: Seen<'_>, peer: &Peer) -> (u64, u64) {
    let both = peer.established + keepalives(seen, peer);
    (both + peer.updates() + peer.dropped, both + updates_sent(seen, peer))
}

/// Nodes of the tree that the table is.
fn nodes(seen: Seen<'_>) -> usize {
    (2 * seen.router.rib.entries.len()).saturating_sub(1)
}

//! `show ip bgp PREFIX`: one prefix with its paths in detail.

use std::fmt::Write as _;

use ipnet::IpNet;

use super::super::json::{Json, map};
use super::super::rib::{Entry, Path};
use super::super::{Peer, Seen};

/// In text. With `only_best`, only the path that won.
pub fn text(seen: Seen<'_>, found: Option<(&IpNet, &Entry)>, only_best: bool) -> String {
    let Some((prefix, entry)) = found else { return "% Network not in table\n".into() };
    let mut out = format!(
        "BGP routing table entry for {prefix}, version {}\nPaths: ({} available, best #{}, table default)\n",
        entry.version,
        entry.paths.len(),
        entry.best() + 1
    );
    let told: Vec<String> = listeners(seen).map(|peer| peer.neighbour.address.to_string()).collect();
    let _ = writeln!(out, "  Advertised to non peer-group peers:\n  {}", told.join(" "));
    for (place, path) in wanted(entry, only_best) {
        let many = entry.is_multipath(place, seen.router.rib.max_paths);
        let best = if place == entry.best() { format!(", best ({})", entry.reason) } else { String::new() };
        let _ = writeln!(
            out,
            "  {}\n    {from} from {from} ({from})\n      Origin incomplete, valid, external{}{best}\n      Last update: {}",
            path.asn,
            if many { ", multipath" } else { "" },
            seen.date(path.arrived),
            from = path.from,
        );
    }
    out
}

/// In JSON.
pub fn json(seen: Seen<'_>, found: Option<(&IpNet, &Entry)>, only_best: bool) -> String {
    let Some((prefix, entry)) = found else { return "{\n}\n".into() };
    let told = listeners(seen).map(|peer| {
        let host = map([]).and_some("hostname", peer.host.as_deref().map(Json::from));
        (peer.neighbour.address.to_string(), host)
    });
    let paths = wanted(entry, only_best).map(|(place, path)| path_json(seen, entry, place, path));
    let all = map([
        ("prefix", prefix.to_string().into()),
        ("version", entry.version.into()),
        ("advertisedTo", Json::Map(told.collect())),
        ("paths", Json::List(paths.collect())),
    ]);
    format!("{}\n", all.pretty())
}

fn path_json(seen: Seen<'_>, entry: &Entry, place: usize, path: &Path) -> Json {
    let host = seen.host(path.from);
    let segment = map([("type", "as-sequence".into()), ("list", Json::List(vec![path.asn.into()]))]);
    let many = entry.is_multipath(place, seen.router.rib.max_paths).then(|| Json::from(true));
    let best =
        (place == entry.best()).then(|| map([("overall", true.into()), ("selectionReason", entry.reason.into())]));
    let hop = map([("ip", path.from.to_string().into())]).and_some("hostname", host.map(Json::from)).and([
        ("afi", "ipv4".into()),
        ("metric", 0_i64.into()),
        ("accessible", true.into()),
        ("used", true.into()),
    ]);
    let peer = map([("peerId", path.from.to_string().into()), ("routerId", path.from.to_string().into())])
        .and_some("hostname", host.map(Json::from))
        .and([("type", "external".into())]);
    map([
        (
            "aspath",
            map([
                ("string", path.asn.to_string().into()),
                ("segments", Json::List(vec![segment])),
                ("length", 1_i64.into()),
            ]),
        ),
        ("origin", "incomplete".into()),
        ("valid", true.into()),
        ("version", entry.version.into()),
    ])
    .and_some("multipath", many)
    .and_some("bestpath", best)
    .and([
        (
            "lastUpdate",
            map([
                ("epoch", seen.epoch(path.arrived).into()),
                ("string", format!("{}\n", seen.date(path.arrived)).into()),
            ]),
        ),
        ("nexthops", Json::List(vec![hop])),
        ("peer", peer),
    ])
}

fn wanted(entry: &Entry, only_best: bool) -> impl Iterator<Item = (usize, &Path)> {
    entry.paths.iter().enumerate().filter(move |(place, _)| !only_best || *place == entry.best())
}

/// Who is told of what is in the table.
fn listeners(seen: Seen<'_>) -> impl Iterator<Item = &Peer> {
    seen.router.peers.iter().filter(|peer| peer.is_established())
}

impl<'r> Seen<'r> {
    /// The host name that a neighbour told.
    pub(super) fn host(&self, neighbour: std::net::IpAddr) -> Option<&'r str> {
        self.router.peers.iter().find(|peer| peer.neighbour.address == neighbour)?.host.as_deref()
    }
}

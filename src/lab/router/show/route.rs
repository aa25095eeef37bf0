//! `show ip route`: what the routing table took over from BGP.

use std::fmt::Write as _;

use ipnet::IpNet;

use super::super::Seen;
use super::super::json::{Json, map};
use super::super::rib::{Entry, Path};
use super::super::since::uptime;

/// What the letters in front of a route mean.
const LEGEND: &str = "\
Codes: K - kernel route, C - connected, S - static, R - RIP,
       O - OSPF, I - IS-IS, B - BGP, E - EIGRP, N - NHRP,
       T - Table, v - VNC, V - VNC-Direct, A - Babel, F - PBR,
       f - OpenFabric,
       > - selected route, * - FIB route, q - queued, r - rejected, b - backup
       t - trapped, o - offload failure

";

/// The interface towards the nodes.
const INTERFACE: &str = "eth1";

fn used<'r>(seen: &Seen<'r>, entry: &'r Entry) -> Vec<&'r Path> {
    let most = seen.router.rib.max_paths;
    let mut paths: Vec<&Path> =
        entry.paths.iter().enumerate().filter(|(place, _)| entry.is_used(*place, most)).map(|(_, path)| path).collect();
    paths.sort_by_key(|path| path.from);
    paths
}

/// In text; of BGP alone.
pub fn text(seen: Seen<'_>) -> String {
    let mut out = String::new();
    for (prefix, entry) in &seen.router.rib.entries {
        let mut lead = format!("B>* {prefix} [20/0] ");
        let Some(newest) = newest(entry) else { continue };
        let age = uptime(seen.ago(newest));
        for path in used(&seen, entry) {
            let _ = writeln!(out, "{lead}via {}, {INTERFACE}, weight 1, {age}", path.from);
            lead = format!("  *{}", " ".repeat(lead.len() - 3));
        }
    }
    if out.is_empty() { out } else { format!("{LEGEND}{out}") }
}

/// In JSON; of BGP alone.
pub fn json(seen: Seen<'_>) -> String {
    let entries = seen.router.rib.entries.iter();
    let routes = entries.filter_map(|(prefix, entry)| Some((prefix.to_string(), route(seen, prefix, entry)?)));
    format!("{}\n", Json::Map(routes.collect()).pretty())
}

fn route(seen: Seen<'_>, prefix: &IpNet, entry: &Entry) -> Option<Json> {
    let hops = used(&seen, entry);
    let count = hops.len();
    let hops = hops.iter().map(|path| {
        map([
            ("flags", 3_i64.into()),
            ("fib", true.into()),
            ("ip", path.from.to_string().into()),
            ("afi", "ipv4".into()),
            ("interfaceIndex", 3_i64.into()),
            ("interfaceName", INTERFACE.into()),
            ("active", true.into()),
            ("weight", 1_i64.into()),
        ])
    });
    let route = map([
        ("prefix", prefix.to_string().into()),
        ("prefixLen", u32::from(prefix.prefix_len()).into()),
        ("protocol", "bgp".into()),
        ("vrfId", 0_i64.into()),
        ("vrfName", "default".into()),
        ("selected", true.into()),
        ("destSelected", true.into()),
        ("distance", 20_i64.into()),
        ("metric", 0_i64.into()),
        ("installed", true.into()),
        ("table", 254_i64.into()),
        ("internalStatus", 16_i64.into()),
        ("internalFlags", 8_i64.into()),
        ("internalNextHopNum", count.into()),
        ("internalNextHopActiveNum", count.into()),
        ("uptime", uptime(seen.ago(newest(entry)?)).into()),
        ("nexthops", Json::List(hops.collect())),
    ]);
    Some(Json::List(vec![route]))
}

/// When the newest of the paths came: since then the route is as it is.
fn newest(entry: &Entry) -> Option<std::time::Instant> {
    entry.paths.iter().map(|path| path.arrived).max()
}

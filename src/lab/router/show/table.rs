//! `show ip bgp`: every path, or those of one neighbour.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use regex::Regex;

use super::super::Seen;
use super::super::json::{Json, map};
use super::super::rib::{Entry, Path};

/// What the signs in front of a path mean.
const LEGEND: &str = "\
Status codes:  s suppressed, d damped, h history, * valid, > best, = multipath,
               i internal, r RIB-failure, S Stale, R Removed
Nexthop codes: @NNN nexthop's vrf id, < announce-nh-self
Origin codes:  i - IGP, e - EGP, ? - incomplete
RPKI validation codes: V valid, I invalid, N Not found

   Network          Next Hop            Metric LocPrf Weight Path
";

/// Prefixes with those of their paths that are wanted, by their places.
type Rows<'r> = Vec<(&'r IpNet, &'r Entry, Vec<usize>)>;

/// Which paths are wanted.
#[derive(Debug)]
pub enum Wanted {
    /// All of them.
    All,
    /// Those that came from a neighbour.
    From(IpAddr),
    /// Those to a prefix, and to all that lies within it.
    Within(IpNet),
    /// Those whose AS path matches.
    Along(Regex),
}

impl Wanted {
    /// An AS path's pattern: regular, and `_` is a border between numbers. None where it is none.
    pub fn along(pattern: &str) -> Option<Self> {
        Regex::new(&pattern.replace('_', "(?:^|[,{}() ]|$)")).ok().map(Self::Along)
    }

    fn takes(&self, prefix: &IpNet, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::From(from) => path.from == *from,
            Self::Within(net) => net.contains(prefix),
            Self::Along(pattern) => pattern.is_match(&path.asn.to_string()),
        }
    }
}

fn rows<'r>(seen: &Seen<'r>, wanted: &Wanted) -> Rows<'r> {
    let entries = seen.router.rib.entries.iter();
    let rows = entries.map(|(prefix, entry)| {
        let paths = entry.paths.iter().enumerate();
        let places = paths.filter(|(_, path)| wanted.takes(prefix, path)).map(|(place, _)| place);
        (prefix, entry, places.collect::<Vec<_>>())
    });
    rows.filter(|(_, _, places)| !places.is_empty()).collect()
}

/// In text: all paths, or those that are wanted.
pub fn text(seen: Seen<'_>, wanted: &Wanted) -> String {
    let rows = rows(&seen, wanted);
    if rows.is_empty() {
        // A choice that leaves none is passed over in silence.
        let none = matches!(wanted, Wanted::All).then_some("No BGP prefixes displayed, 0 exist\n");
        return none.unwrap_or_default().into();
    }
    let rib = &seen.router.rib;
    let mut out = head(seen);
    for (prefix, entry, places) in &rows {
        for (nth, place) in places.iter().enumerate() {
            let path = &entry.paths[*place];
            let sign = match () {
                () if *place == entry.best() => '>',
                () if entry.is_multipath(*place, rib.max_paths) => '=',
                () => ' ',
            };
            let network = if nth == 0 { prefix.to_string() } else { String::new() };
            let _ = writeln!(out, "*{sign} {network:<17}{:<16}{:>24} {} ?", path.from.to_string(), 0, path.asn);
        }
    }
    let _ = writeln!(out, "\nDisplayed  {} routes and {} total paths", rows.len(), rib.paths());
    out
}

/// In text: what a neighbour is told.
pub fn advertised(seen: Seen<'_>) -> String {
    let rib = &seen.router.rib;
    if rib.entries.is_empty() {
        return String::new();
    }
    let mut out = head(seen);
    for (prefix, entry) in &rib.entries {
        let asn = entry.paths[entry.best()].asn;
        let _ = writeln!(out, "*> {:<17}{:<16}{:>24} {asn} ?", prefix.to_string(), "0.0.0.0", 0);
    }
    let _ = writeln!(out, "\nTotal number of prefixes {}", rib.entries.len());
    out
}

fn head(seen: Seen<'_>) -> String {
    let router = seen.router;
    format!(
        "BGP table version is {}, local router ID is {}, vrf id 0\nDefault local pref 100, local AS {}\n{LEGEND}",
        router.rib.version, router.config.address, router.config.asn
    )
}

/// In JSON: all paths, or those that are wanted; a prefix a line, as the router streams it.
pub fn json(seen: Seen<'_>, wanted: &Wanted) -> String {
    let lines = rows(&seen, wanted).into_iter().map(|(prefix, entry, places)| {
        let paths = places.iter().map(|place| path(seen, prefix, entry, *place)).collect();
        format!("\"{prefix}\": {}", Json::List(paths).plain())
    });
    frame(seen, seen.router.rib.version, &lines.collect::<Vec<_>>().join("\n,"))
}

/// In JSON: the table of a family that has none.
pub fn empty_json(seen: Seen<'_>) -> String {
    frame(seen, 0, "")
}

fn frame(seen: Seen<'_>, version: u64, routes: &str) -> String {
    let router = seen.router;
    let routes = if routes.is_empty() { String::new() } else { format!("{routes}\n") };
    format!(
        "{{\n \"vrfId\": 0,\n \"vrfName\": \"default\",\n \"tableVersion\": {version},\n \"routerId\": \"{}\",\n \
         \"defaultLocPrf\": 100,\n \"localAS\": {},\n \"routes\": {{ {routes} }}  }} \n",
        router.config.address, router.config.asn
    )
}

fn path(seen: Seen<'_>, prefix: &IpNet, entry: &Entry, place: usize) -> Json {
    let (rib, path) = (&seen.router.rib, &entry.paths[place]);
    let best = place == entry.best();
    let judged = match () {
        () if best => {
            map([("valid", true.into()), ("bestpath", true.into()), ("selectionReason", entry.reason.into())])
        }
        () if entry.is_multipath(place, rib.max_paths) => map([("valid", true.into()), ("multipath", true.into())]),
        () => map([("valid", true.into())]),
    };
    let hop = map([("ip", path.from.to_string().into())])
        .and_some("hostname", seen.host(path.from).map(Json::from))
        .and([("afi", "ipv4".into()), ("used", true.into())]);
    judged.and([
        ("pathFrom", "external".into()),
        ("prefix", prefix.addr().to_string().into()),
        ("prefixLen", u32::from(prefix.prefix_len()).into()),
        ("network", prefix.to_string().into()),
        ("version", entry.version.into()),
        ("weight", 0_i64.into()),
        ("peerId", path.from.to_string().into()),
        ("path", path.asn.to_string().into()),
        ("origin", "incomplete".into()),
        ("nexthops", Json::List(vec![hop])),
    ])
}

/// In JSON: what a neighbour is told.
pub fn advertised_json(seen: Seen<'_>) -> String {
    let router = seen.router;
    let codes = |pairs: &[(&str, &str)]| {
        Json::Map(pairs.iter().map(|(name, sign)| ((*name).to_string(), (*sign).into())).collect())
    };
    let status = codes(&[
        ("suppressed", "s"),
        ("damped", "d"),
        ("history", "h"),
        ("valid", "*"),
        ("best", ">"),
        ("multipath", "="),
        ("internal", "i"),
        ("ribFailure", "r"),
        ("stale", "S"),
        ("removed", "R"),
    ]);
    let routes = router.rib.entries.iter().map(|(prefix, entry)| {
        let route = map([
            ("addrPrefix", prefix.addr().to_string().into()),
            ("prefixLen", u32::from(prefix.prefix_len()).into()),
            ("network", prefix.to_string().into()),
            ("nextHop", "0.0.0.0".into()),
            ("weight", 0_i64.into()),
            ("path", entry.paths[entry.best()].asn.to_string().into()),
            ("bgpOriginCode", "?".into()),
            ("appliedStatusSymbols", map([("*", true.into()), (">", true.into())])),
        ]);
        (prefix.to_string(), route)
    });
    let all = map([
        ("bgpTableVersion", router.rib.version.into()),
        ("bgpLocalRouterId", router.config.address.to_string().into()),
        ("defaultLocPrf", 100_i64.into()),
        ("localAS", router.config.asn.into()),
        ("bgpStatusCodes", status),
        ("bgpOriginCodes", codes(&[("igp", "i"), ("egp", "e"), ("incomplete", "?")])),
        ("advertisedRoutes", Json::Map(routes.collect())),
        ("totalPrefixCounter", router.rib.entries.len().into()),
        ("filteredPrefixCounter", 0_i64.into()),
    ]);
    format!("{}\n", all.pretty())
}

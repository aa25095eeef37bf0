//! Neighbours and routes, as scripts see them whatever the router.

use std::time::Duration;

use rhai::{Dynamic, Map};
use serde_json::{Value, json};

use super::reader::asn;
use crate::host::object::List;

/// A neighbour, as far as the command tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Neighbour {
    pub(super) address: String,
    pub(super) asn: i64,
    /// `Established`, `Active`, `Idle (Admin)` …
    pub(super) state: String,
    pub(super) uptime: Option<Duration>,
    pub(super) received: Option<i64>,
    pub(super) sent: Option<i64>,
    pub(super) description: Option<String>,
    pub(super) router_id: Option<String>,
    pub(super) hold_time: Option<Duration>,
    pub(super) last_reset: Option<String>,
}

impl Neighbour {
    pub(super) fn to_map(&self) -> Map {
        let span = |d: Option<Duration>| d.map_or(Dynamic::UNIT, Dynamic::from);
        let text = |t: &Option<String>| t.clone().map_or(Dynamic::UNIT, Into::into);
        let number = |n: Option<i64>| n.map_or(Dynamic::UNIT, Into::into);
        let rows: [(&str, Dynamic); 11] = [
            ("address", self.address.clone().into()),
            ("asn", self.asn.into()),
            ("state", self.state.clone().into()),
            ("established", (self.state == "Established").into()),
            ("uptime", span(self.uptime)),
            ("received", number(self.received)),
            ("sent", number(self.sent)),
            ("description", text(&self.description)),
            ("router_id", text(&self.router_id)),
            ("hold_time", span(self.hold_time)),
            ("last_reset", text(&self.last_reset)),
        ];
        rows.into_iter().map(|(key, value)| (key.into(), value)).collect()
    }
}

/// What a router says of itself and its neighbours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) router_id: String,
    pub(super) asn: i64,
    pub(super) neighbours: Vec<Neighbour>,
}

impl Summary {
    pub(super) fn to_map(&self, host: &str, family: &str) -> Map {
        let neighbours = list_of(&self.neighbours, host);
        let rows: [(&str, Dynamic); 5] = [
            ("host", host.into()),
            ("family", family.into()),
            ("router_id", self.router_id.clone().into()),
            ("asn", self.asn.into()),
            ("neighbours", Dynamic::from(neighbours)),
        ];
        rows.into_iter().map(|(key, value)| (key.into(), value)).collect()
    }
}

/// Neighbours as a list.
pub(super) fn list_of(neighbours: &[Neighbour], host: &str) -> List {
    List::new(neighbours.iter().map(|n| n.to_map().into()).collect(), &format!("BGP neighbours of {host}"))
}

/// A path to a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) prefix: String,
    pub(super) next_hop: String,
    /// The neighbour it came from, where the router says so.
    pub(super) peer: Option<String>,
    /// The path as it is written, without the origin code: `64512 {65001,65002}`.
    pub(super) path: String,
    /// `igp`, `egp`, `incomplete`
    pub(super) origin: String,
    pub(super) valid: bool,
    pub(super) best: bool,
    pub(super) multipath: bool,
    pub(super) metric: Option<i64>,
    pub(super) local_pref: Option<i64>,
    pub(super) weight: Option<i64>,
}

impl Route {
    /// The AS numbers on the way, nearest first, those of sets and confederations among them.
    pub(super) fn as_path(&self) -> Vec<i64> {
        self.path.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(asn).collect()
    }

    /// Who announced the prefix first; none for the router's own and where a set stands last.
    pub(super) fn origin_as(&self) -> Option<i64> {
        asn(self.path.split_whitespace().next_back()?)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "prefix": self.prefix, "next_hop": self.next_hop, "neighbour": self.peer, "as_path": self.as_path(),
            "origin_as": self.origin_as(), "path": self.path, "origin": self.origin, "valid": self.valid,
            "best": self.best, "multipath": self.multipath, "metric": self.metric, "local_pref": self.local_pref,
            "weight": self.weight,
        })
    }
}

/// `igp`, `egp` or `incomplete` for the code at the end of a path.
pub(super) fn origin(code: &str) -> Option<&'static str> {
    match code {
        "i" | "IGP" => Some("igp"),
        "e" | "EGP" => Some("egp"),
        "?" | "incomplete" => Some("incomplete"),
        _ => None,
    }
}

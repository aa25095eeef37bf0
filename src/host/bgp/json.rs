//! The JSON of FRRouting (`… json`) and Arista EOS (`… | json`).
//!
//! FRR: bgpd's `bgp_vty.c` and `bgp_route.c`; recorded from 8.4. EOS: the models behind eAPI, as published outputs show them.

use std::time::Duration;

use serde_json::{Map, Value};

use super::model::{Neighbour, Route, Summary, origin};
use super::reader::{Dialect, Reader, asn};
use crate::error::Result;

type Fields = Map<String, Value>;

/// A value that must be there.
fn need<'v>(reader: &Reader<'_>, of: &'v Fields, key: &str) -> Result<&'v Value> {
    of.get(key).ok_or_else(|| reader.unreadable(format!("\"{key}\" is missing")))
}

fn fields<'v>(reader: &Reader<'_>, value: &'v Value, what: &str) -> Result<&'v Fields> {
    value.as_object().ok_or_else(|| reader.unreadable(format!("{what} is no JSON object")))
}

fn text(of: &Fields, key: &str) -> Option<String> {
    of.get(key)?.as_str().filter(|t| !t.is_empty()).map(Into::into)
}

fn number(of: &Fields, key: &str) -> Option<i64> {
    of.get(key)?.as_i64()
}

fn yes(of: &Fields, key: &str) -> bool {
    of.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// An AS number: FRR writes a number, EOS a string.
fn as_number(reader: &Reader<'_>, of: &Fields, key: &str) -> Result<i64> {
    let value = need(reader, of, key)?;
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(asn))
        .ok_or_else(|| reader.unreadable(format!("\"{key}\" is no AS number: {value}")))
}

/// EOS: everything of the default VRF.
fn vrf<'v>(reader: &Reader<'_>, value: &'v Value) -> Result<&'v Fields> {
    for key in ["errors", "warnings"] {
        if let Some(said) = value.get(key) {
            return Err(reader.unreadable(format!("the router says {said}")));
        }
    }
    value
        .pointer("/vrfs/default")
        .and_then(Value::as_object)
        .ok_or_else(|| reader.unreadable("there is no VRF \"default\" in it"))
}

/// FRR wraps the family around some answers and not around others.
fn family<'v>(reader: &Reader<'_>, value: &'v Value) -> Result<&'v Fields> {
    let key = format!("{}Unicast", reader.family);
    fields(reader, value.get(&key).unwrap_or(value), "the answer")
}

pub(super) fn summary(reader: &Reader<'_>) -> Result<Summary> {
    let value = reader.to_json()?;
    let (all, eos) = match reader.dialect {
        Dialect::Eos => (vrf(reader, &value)?, true),
        _ => (family(reader, &value)?, false),
    };
    let peers = fields(reader, need(reader, all, "peers")?, "\"peers\"")?;
    let mut neighbours = Vec::new();
    for (address, peer) in peers {
        let peer = fields(reader, peer, address)?;
        let state = need(reader, peer, if eos { "peerState" } else { "state" })?;
        neighbours.push(Neighbour {
            address: address.clone(),
            asn: as_number(reader, peer, if eos { "asn" } else { "remoteAs" })?,
            state: state
                .as_str()
                .ok_or_else(|| reader.unreadable(format!("the state of {address} is {state}")))?
                .into(),
            uptime: number(peer, "peerUptimeMsec").and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
            received: number(peer, if eos { "prefixReceived" } else { "pfxRcd" }),
            sent: number(peer, if eos { "prefixAdvertised" } else { "pfxSnt" }),
            description: text(peer, if eos { "description" } else { "desc" }),
            ..Neighbour::default()
        });
    }
    if let Some(total) = number(all, "totalPeers") {
        reader.agree("neighbours", u64::try_from(total).ok(), neighbours.len())?;
    }
    let router_id = text(all, "routerId").ok_or_else(|| reader.unreadable("\"routerId\" is missing"))?;
    Ok(Summary { router_id, asn: as_number(reader, all, if eos { "asn" } else { "as" })?, neighbours })
}

pub(super) fn neighbours(reader: &Reader<'_>) -> Result<Vec<Neighbour>> {
    let value = reader.to_json()?;
    if reader.dialect == Dialect::Eos {
        let peers = need(reader, vrf(reader, &value)?, "peerList")?;
        let peers = peers.as_array().ok_or_else(|| reader.unreadable("\"peerList\" is no list"))?;
        return peers.iter().map(|peer| eos_neighbour(reader, fields(reader, peer, "a neighbour")?)).collect();
    }
    let all = fields(reader, &value, "the answer")?;
    // Beside the neighbours stand keys such as "vrfName" and "bgpNoSuchNeighbor".
    let mut found = Vec::new();
    for (address, peer) in all.iter().filter(|(_, v)| v.is_object()) {
        let peer = fields(reader, peer, address)?;
        let state =
            text(peer, "bgpState").ok_or_else(|| reader.unreadable(format!("{address} has no \"bgpState\"")))?;
        let of_family = peer.get("addressFamilyInfo").and_then(|f| f.get(format!("{}Unicast", reader.family)));
        let count = |key: &str| of_family.and_then(|f| f.get(key)).and_then(Value::as_i64);
        let span = |key: &str| number(peer, key).and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        found.push(Neighbour {
            address: address.clone(),
            asn: as_number(reader, peer, "remoteAs")?,
            state,
            uptime: span("bgpTimerUpMsec"),
            received: count("acceptedPrefixCounter"),
            sent: count("sentPrefixCounter"),
            description: text(peer, "nbrDesc"),
            router_id: text(peer, "remoteRouterId"),
            hold_time: span("bgpTimerHoldTimeMsecs"),
            last_reset: text(peer, "lastResetDueTo"),
        });
    }
    if found.is_empty() {
        return Err(reader.unreadable("it names no neighbour"));
    }
    Ok(found)
}

fn eos_neighbour(reader: &Reader<'_>, peer: &Fields) -> Result<Neighbour> {
    let missing = |key: &str| reader.unreadable(format!("a neighbour has no \"{key}\""));
    Ok(Neighbour {
        address: text(peer, "peerAddress").ok_or_else(|| missing("peerAddress"))?,
        asn: as_number(reader, peer, "asn")?,
        state: text(peer, "state").ok_or_else(|| missing("state"))?,
        uptime: number(peer, "establishedTime").and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs),
        received: number(peer, "prefixesReceived"),
        sent: number(peer, "prefixesSent"),
        description: text(peer, "description"),
        router_id: text(peer, "routerId"),
        hold_time: number(peer, "holdTime").and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs),
        last_reset: text(peer, "lastResetReason"),
    })
}

pub(super) fn routes(reader: &Reader<'_>) -> Result<Vec<Route>> {
    let value = reader.to_json()?;
    let eos = reader.dialect == Dialect::Eos;
    let all = if eos { vrf(reader, &value)? } else { family(reader, &value)? };
    let table = fields(reader, need(reader, all, if eos { "bgpRouteEntries" } else { "routes" })?, "the table")?;
    let mut rows = Vec::new();
    for (prefix, entry) in table {
        let paths = if eos { entry.get("bgpRoutePaths").unwrap_or(&Value::Null) } else { entry };
        let paths = paths
            .as_array()
            .filter(|p| !p.is_empty())
            .ok_or_else(|| reader.unreadable(format!("{prefix} has no paths")))?;
        if let Some(total) = entry.get("totalPaths").and_then(Value::as_u64) {
            reader.agree(&format!("paths to {prefix}"), Some(total), paths.len())?;
        }
        for path in paths {
            let path = fields(reader, path, prefix)?;
            rows.push(if eos { eos_route(reader, prefix, path)? } else { frr_route(reader, prefix, path)? });
        }
    }
    let total = |key: &str| all.get(key).and_then(Value::as_u64);
    if let Some(n) = total("totalRoutes") {
        reader.agree("routes", Some(n), table.len())?;
    }
    if let Some(n) = total("totalPaths") {
        reader.agree("paths", Some(n), rows.len())?;
    }
    Ok(rows)
}

fn frr_route(reader: &Reader<'_>, prefix: &str, path: &Fields) -> Result<Route> {
    let hops = path.get("nexthops").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // A path over IPv6 has a global and a link-local next hop; the global one names the neighbour.
    let hop = hops.iter().find(|h| h["scope"] != "link-local" && h["ip"].is_string()).or_else(|| hops.first());
    let hop =
        hop.and_then(|h| h["ip"].as_str()).ok_or_else(|| reader.unreadable(format!("{prefix} has no next hop")))?;
    let code = text(path, "origin").unwrap_or_default();
    Ok(Route {
        prefix: prefix.into(),
        next_hop: hop.into(),
        peer: text(path, "peerId").filter(|p| p != "(unspec)"),
        path: text(path, "path").or_else(|| text(path, "aspath")).unwrap_or_default(),
        origin: origin(&code).ok_or_else(|| reader.unreadable(format!("{prefix} has the origin \"{code}\"")))?.into(),
        valid: yes(path, "valid"),
        best: yes(path, "bestpath"),
        multipath: yes(path, "multipath"),
        metric: number(path, "metric").or_else(|| number(path, "med")),
        local_pref: number(path, "locPrf").or_else(|| number(path, "localpref")),
        weight: number(path, "weight"),
    })
}

fn eos_route(reader: &Reader<'_>, prefix: &str, path: &Fields) -> Result<Route> {
    let missing = |key: &str| reader.unreadable(format!("a path to {prefix} has no \"{key}\""));
    let kind = path.get("routeType").and_then(Value::as_object).ok_or_else(|| missing("routeType"))?;
    let written = path.get("asPathEntry").and_then(|e| e["asPath"].as_str()).ok_or_else(|| missing("asPath"))?;
    let (as_path, code) = written.trim().rsplit_once(' ').unwrap_or(("", written.trim()));
    Ok(Route {
        prefix: prefix.into(),
        next_hop: path.get("nextHop").and_then(Value::as_str).ok_or_else(|| missing("nextHop"))?.into(),
        peer: path.get("peerEntry").and_then(|p| p["peerAddr"].as_str()).map(Into::into),
        path: as_path.trim().into(),
        origin: origin(code)
            .ok_or_else(|| reader.unreadable(format!("{prefix} has the AS path \"{written}\"")))?
            .into(),
        valid: yes(kind, "valid"),
        best: yes(kind, "active"),
        multipath: yes(kind, "ecmp"),
        metric: number(path, "med"),
        local_pref: number(path, "localPreference"),
        weight: number(path, "weight"),
    })
}

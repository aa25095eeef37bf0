//! Cloudflare's DNS, version 4 of its API: the zone with the records that ExternalDNS keeps, and those that somebody made.
//!
//! Source: developers.cloudflare.com/api, "Zones", "DNS Records", "Verify Token".

use std::net::IpAddr;

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Asked, Reply, Services, gateway, ready, vault};
use crate::lab::world::Wrong;

/// The platform's zone.
pub(crate) const ZONE: &str = "monosense.io";

/// What somebody made.
#[derive(Debug, Default)]
pub(crate) struct Records {
    own: Vec<Value>,
    /// What ExternalDNS had written when it last could.
    written: Vec<Value>,
}

/// The token that the platform has.
pub(crate) fn token() -> String {
    vault::value("cloudflare", "api-token")
}

fn id(of: &str) -> String {
    Sha256::digest(of.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn success(result: &Value) -> Reply {
    let mut body = json!({ "result": result, "success": true, "errors": [], "messages": [] });
    if let Some(all) = result.as_array() {
        body["result_info"] =
            json!({ "page": 1, "per_page": 100, "count": all.len(), "total_count": all.len(), "total_pages": 1 });
    }
    Reply::json(200, &body)
}

fn refused(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "result": null, "success": false, "errors": [{ "code": code, "message": message }], "messages": [] }),
    )
}

pub(super) fn answer(services: &Services, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let ["client", "v4", rest @ ..] = parts.as_slice() else {
        return refused(404, 7003, "Could not route to the requested path");
    };
    match asked.bearer() {
        None => return refused(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"),
        Some(own) if own != token() => {
            return if rest == ["user", "tokens", "verify"] {
                refused(401, 1000, "Invalid API Token")
            } else {
                refused(403, 9109, "Invalid access token")
            };
        }
        Some(_) => {}
    }
    let zone = id(ZONE);
    match (&asked.method, rest) {
        (&Method::GET, ["user", "tokens", "verify"]) => {
            let body = json!({ "result": { "id": id("token"), "status": "active" }, "success": true, "errors": [], "messages": [{ "code": 10000, "message": "This API Token is valid and active", "type": null }] });
            Reply::json(200, &body)
        }
        (&Method::GET, ["zones"]) => {
            let wanted = asked.value("name");
            let one = json!({ "id": zone, "name": ZONE, "status": "active", "paused": false, "type": "full", "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"] });
            success(&if wanted.is_none_or(|name| name == ZONE) { json!([one]) } else { json!([]) })
        }
        (&Method::GET, ["zones", own]) if *own == zone => {
            success(&json!({ "id": zone, "name": ZONE, "status": "active" }))
        }
        (method, ["zones", own, "dns_records", rest @ ..]) if *own == zone => records(services, asked, method, rest),
        (_, ["zones", ..]) => {
            refused(404, 7003, "Could not route to /client/v4/zones, perhaps your object identifier is invalid?")
        }
        _ => refused(404, 7000, "No route for that URI"),
    }
}

fn records(services: &Services, asked: &Asked, method: &Method, path: &[&str]) -> Reply {
    let mut all = kept(services);
    let mut state = services.state();
    all.extend(state.records.own.iter().cloned());
    match (method, path) {
        (&Method::GET, []) => {
            let fits = |one: &Value| {
                ["name", "type", "content"].iter().all(|key| {
                    asked
                        .value(key)
                        .is_none_or(|wanted| one[*key].as_str().is_some_and(|own| own.eq_ignore_ascii_case(&wanted)))
                }) && asked
                    .value("name.contains")
                    .is_none_or(|part| one["name"].as_str().is_some_and(|own| own.contains(&part)))
            };
            success(&all.into_iter().filter(fits).collect())
        }
        (&Method::GET, [wanted]) => all.iter().find(|one| one["id"] == *wanted).map_or_else(unknown, success),
        (&Method::POST, []) => {
            let body = asked.json().unwrap_or_default();
            let text = |key: &str| body[key].as_str().unwrap_or_default().to_string();
            let (name, kind, content) = (text("name"), text("type"), text("content"));
            if name.is_empty() || kind.is_empty() || content.is_empty() {
                return refused(400, 9005, "DNS record type, name and content are required.");
            }
            if (kind == "A") != content.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()) && kind == "A" {
                return refused(400, 9005, "Content for A record must be a valid IPv4 address.");
            }
            let full = if name == "@" {
                ZONE.into()
            } else if name.ends_with(ZONE) {
                name
            } else {
                format!("{name}.{ZONE}")
            };
            let made = record(&full, &kind, &content);
            if all.iter().any(|one| one["id"] == made["id"]) {
                return refused(400, 81058, "An identical record already exists.");
            }
            state.records.own.push(made.clone());
            success(&made)
        }
        (&Method::DELETE, [wanted]) => {
            let before = state.records.own.len() + state.records.written.len();
            state.records.own.retain(|one| one["id"] != *wanted);
            state.records.written.retain(|one| one["id"] != *wanted);
            let gone = state.records.own.len() + state.records.written.len() < before;
            if gone { success(&json!({ "id": wanted })) } else { unknown() }
        }
        (&Method::PUT | &Method::PATCH, [wanted]) => {
            let body = asked.json().unwrap_or_default();
            let Some(one) = state.records.own.iter_mut().find(|one| one["id"] == *wanted) else { return unknown() };
            for key in ["content", "ttl", "proxied", "comment"] {
                if !body[key].is_null() {
                    one[key] = body[key].clone();
                }
            }
            success(one)
        }
        _ => refused(405, 10405, "Method not allowed for this authentication scheme"),
    }
}

fn unknown() -> Reply {
    refused(404, 81044, "Record does not exist.")
}

fn record(name: &str, kind: &str, content: &str) -> Value {
    json!({
        "id": id(&format!("{name} {kind} {content}")), "zone_id": id(ZONE), "zone_name": ZONE, "name": name, "type": kind,
        "content": content, "ttl": 1, "proxied": false, "proxiable": kind == "A" || kind == "CNAME", "locked": false,
    })
}

/// What ExternalDNS keeps: while one runs, what the clusters' objects say; after, what it had written.
fn kept(services: &Services) -> Vec<Value> {
    let mut wanted = Vec::new();
    let mut running = false;
    for (name, cluster) in &services.clusters {
        let world = cluster.world();
        let mut pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
        let runs = pods.any(|pod| {
            let image = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
            super::programs::bare(image) == "external-dns" && ready(pod)
        });
        let wrong = services.world.service("cloudflare");
        if !runs || !services.world.reaches(name, "api.cloudflare.com") || wrong.contains(&Wrong::Down) {
            continue;
        }
        running = true;
        for (address, hosts) in gateway::hosts(&world) {
            for host in hosts.iter().filter(|host| host.ends_with(ZONE)) {
                wanted.push(record(host, "A", &address));
                wanted.push(owner(host, name, "httproute"));
            }
        }
        for (place, service) in world.store.list("services", "") {
            let names = service.value["metadata"]["annotations"]["external-dns.alpha.kubernetes.io/hostname"].as_str();
            let address = service.value["status"]["loadBalancer"]["ingress"][0]["ip"].as_str();
            if let (Some(names), Some(address)) = (names, address) {
                for host in names.split(',').map(str::trim) {
                    wanted.push(record(host, "A", address));
                    wanted.push(owner(host, name, &format!("service/{}/{}", place.namespace, place.name)));
                }
            }
        }
    }
    let mut state = services.state();
    if running {
        wanted.sort_by_key(|one| one["name"].to_string());
        wanted.dedup_by(|a, b| a["id"] == b["id"]);
        state.records.written = wanted;
    }
    state.records.written.clone()
}

/// The record beside, by which ExternalDNS knows its own.
fn owner(host: &str, cluster: &str, resource: &str) -> Value {
    record(
        &format!("k8s.a-{host}"),
        "TXT",
        &format!("\"heritage=external-dns,external-dns/owner={cluster},external-dns/resource={resource}\""),
    )
}

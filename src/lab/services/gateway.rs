//! Gateways: from an address and a host's name by HTTPRoutes to a Service, as Cilium's Envoy does it.
//!
//! Source: Gateway API 1.3, `HTTPRoute`; the answers are Envoy's.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use serde_json::Value;

use super::at::{self, Listener, Unserved};
use super::{Asked, Reply, Services, tls};
use crate::lab::kube::cluster::{Cluster, World};
use crate::lab::kube::store::Place;

/// The kinds' resources.
const GATEWAYS: &str = "gateways.gateway.networking.k8s.io";
const ROUTES: &str = "httproutes.gateway.networking.k8s.io";
const CERTIFICATES: &str = "certificates.cert-manager.io";

/// A listener of a Gateway.
#[derive(Debug, Clone)]
pub struct Entrance {
    /// The cluster.
    pub(crate) cluster: Arc<Cluster>,
    /// The Gateway's namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// The port.
    pub(crate) port: u16,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
}

/// What leads to a Gateway's Service.
const PREFIX: &str = "cilium-gateway-";

/// The listener behind a port of a Service that Cilium made for a Gateway. None where the Service is none, or the
/// Gateway has no such listener.
pub(crate) fn of_service(cluster: &Arc<Cluster>, service: &Value, port: u16) -> Option<Entrance> {
    let text = |value: &Value| value.as_str().map(String::from);
    let namespace = text(&service["metadata"]["namespace"])?;
    let labels = &service["metadata"]["labels"];
    let owner = text(&labels["io.cilium.gateway/owning-gateway"]);
    let name = owner.or_else(|| Some(text(&service["metadata"]["name"])?.strip_prefix(PREFIX)?.to_string()))?;
    let gateway = cluster.world().store.get(&Place::new(GATEWAYS, &namespace, &name))?.value.clone();
    let listeners = gateway["spec"]["listeners"].as_array()?;
    let listener = listeners.iter().find(|listener| listener["port"] == port)?;
    let tls = listener["protocol"] == "HTTPS";
    Some(Entrance { cluster: cluster.clone(), namespace, name, port, tls })
}

/// The addresses that Gateways have, each with the hosts whose HTTPRoutes hang on it.
pub(crate) fn hosts(world: &World) -> Vec<(String, Vec<String>)> {
    let gateways = world.store.list(GATEWAYS, "");
    gateways
        .filter_map(|(place, gateway)| {
            let address = gateway.value["status"]["addresses"][0]["value"].as_str()?;
            let routes = world.store.list(ROUTES, "").map(|(_, route)| &*route.value);
            let routes = routes.filter(|route| hangs(route, &place.namespace, &place.name).next().is_some());
            let names = routes.filter_map(|route| route["spec"]["hostnames"].as_array()).flatten();
            Some((address.to_string(), names.filter_map(|name| name.as_str().map(String::from)).collect()))
        })
        .collect()
}

/// The references by which a route hangs on a Gateway.
fn hangs<'r>(route: &'r Value, namespace: &'r str, name: &'r str) -> impl Iterator<Item = &'r Value> {
    let own = route["metadata"]["namespace"].as_str().unwrap_or_default();
    let parents = route["spec"]["parentRefs"].as_array().map(Vec::as_slice).unwrap_or_default();
    parents
        .iter()
        .filter(move |parent| parent["name"] == name && parent["namespace"].as_str().unwrap_or(own) == namespace)
}

/// Whether a controller refused a route for a Gateway. One that no controller has looked at is not served either.
fn accepted(route: &Value, name: &str) -> bool {
    let parents = route["status"]["parents"].as_array();
    let mut own = parents.into_iter().flatten().filter(|parent| parent["parentRef"]["name"] == name);
    own.any(|parent| {
        let conditions = parent["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Accepted" && one["status"] == "True"))
    })
}

/// Where a request leads: a listener of a pod, and the path where a filter rewrites it.
///
/// # Errors
/// What Envoy answers: 404 where no route matches, 503 where nobody is behind it, 500 where a reference is broken.
pub(crate) fn route(
    services: &Services,
    entrance: &Entrance,
    asked: &Asked,
) -> Result<(Listener, Option<String>), Reply> {
    let (found, redirect) = {
        let world = entrance.cluster.world();
        let gateway = world.store.get(&Place::new(GATEWAYS, &entrance.namespace, &entrance.name));
        let gateway = gateway.ok_or_else(missing)?;
        let section = section(&gateway.value, entrance.port);
        let best = best(&world, entrance, section.as_deref(), asked).ok_or_else(missing)?;
        (best.clone(), redirect(&best.rule, asked))
    };
    if let Some(redirect) = redirect {
        return Err(redirect);
    }
    let backend = &found.rule["backendRefs"][0];
    let (Some(name), Some(port)) = (backend["name"].as_str(), backend["port"].as_u64()) else {
        return Err(Reply::empty(500).with("server", "envoy"));
    };
    let namespace = backend["namespace"].as_str().unwrap_or(&found.namespace);
    match at::service(services, &entrance.cluster.name, namespace, name, &port.to_string()) {
        Ok(listener) => Ok((listener, rewritten(&found.rule, &found.prefix, asked))),
        Err(Unserved::NoService | Unserved::NoPort) => Err(Reply::empty(500).with("server", "envoy")),
        Err(Unserved::NoPod) => Err(Reply::text(503, "no healthy upstream").with("server", "envoy")),
        Err(Unserved::NoListener) => Err(reset()),
    }
}

/// Nothing listens where a route leads.
pub(super) fn reset() -> Reply {
    let text = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, \
                transport failure reason: delayed connect error: Connection refused";
    Reply::text(503, text).with("server", "envoy")
}

fn missing() -> Reply {
    Reply::empty(404).with("server", "envoy")
}

/// The name of the listener at a port.
fn section(gateway: &Value, port: u16) -> Option<String> {
    let listeners = gateway["spec"]["listeners"].as_array()?;
    listeners.iter().find(|listener| listener["port"] == port)?["name"].as_str().map(String::from)
}

/// A rule that matches, and of which namespace.
#[derive(Debug, Clone)]
struct Match {
    rule: Value,
    namespace: String,
    prefix: String,
    /// The longer host, then the exact path, then the longer path count.
    weight: (usize, bool, usize),
}

fn best(world: &World, entrance: &Entrance, section: Option<&str>, asked: &Asked) -> Option<Match> {
    let mut best: Option<Match> = None;
    for (place, route) in world.store.list(ROUTES, "") {
        let route = &route.value;
        let hangs = hangs(route, &entrance.namespace, &entrance.name)
            .any(|parent| parent["sectionName"].as_str().is_none_or(|own| section == Some(own)));
        if !hangs || !accepted(route, &entrance.name) {
            continue;
        }
        let hostnames = route["spec"]["hostnames"].as_array().map(Vec::as_slice).unwrap_or_default();
        let host = match hostnames {
            [] => Some(0),
            all => all.iter().filter_map(Value::as_str).filter_map(|one| fits(one, &asked.host)).max(),
        };
        let Some(host) = host else { continue };
        for rule in route["spec"]["rules"].as_array().into_iter().flatten() {
            let Some((exact, prefix)) = path(rule, asked) else { continue };
            let weight = (host, exact, prefix.len());
            if best.as_ref().is_none_or(|known| weight > known.weight) {
                best = Some(Match { rule: rule.clone(), namespace: place.namespace.clone(), prefix, weight });
            }
        }
    }
    best
}

/// How much of a host a route's host name fixes; none where it is another.
fn fits(pattern: &str, host: &str) -> Option<usize> {
    match pattern.strip_prefix('*') {
        Some(rest) => (host.len() > rest.len() && host.ends_with(rest)).then_some(rest.len()),
        None => pattern.eq_ignore_ascii_case(host).then_some(pattern.len() + 1),
    }
}

/// The best of a rule's matches: whether it is exact, and the path that it says.
fn path(rule: &Value, asked: &Asked) -> Option<(bool, String)> {
    let matches = rule["matches"].as_array().map(Vec::as_slice).unwrap_or_default();
    if matches.is_empty() {
        return Some((false, "/".into()));
    }
    let one = |one: &Value| {
        let headers = one["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let method = one["method"].as_str().is_none_or(|method| method == asked.method.as_str());
        let has = |header: &Value| {
            let (name, value) = (header["name"].as_str().unwrap_or_default(), header["value"].as_str());
            value == Some(asked.header(&name.to_lowercase()))
        };
        if !method || !headers.iter().all(has) {
            return None;
        }
        let (kind, value) = (one["path"]["type"].as_str(), one["path"]["value"].as_str().unwrap_or("/"));
        let within = || {
            let bare = value.trim_end_matches('/');
            asked.path.strip_prefix(bare).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match kind {
            Some("Exact") => (asked.path == value).then(|| (true, value.to_string())),
            Some("RegularExpression") => {
                let found = regex::Regex::new(&format!("^(?:{value})$")).is_ok_and(|regex| regex.is_match(&asked.path));
                found.then(|| (false, value.to_string()))
            }
            _ => within().then(|| (false, value.to_string())),
        }
    };
    matches.iter().filter_map(one).max_by_key(|(exact, value)| (*exact, value.len()))
}

fn filter<'r>(rule: &'r Value, kind: &str) -> Option<&'r Value> {
    rule["filters"].as_array()?.iter().find(|filter| filter["type"] == kind)
}

fn redirect(rule: &Value, asked: &Asked) -> Option<Reply> {
    let to = &filter(rule, "RequestRedirect")?["requestRedirect"];
    let scheme = to["scheme"].as_str().unwrap_or(if asked.secure { "https" } else { "http" });
    let host = to["hostname"].as_str().unwrap_or(&asked.host);
    let port = to["port"].as_u64().filter(|port| !matches!((scheme, port), ("http", 80) | ("https", 443)));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let status = to["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(302);
    let query = if asked.query.is_empty() { String::new() } else { format!("?{}", asked.query) };
    let location = format!("{scheme}://{host}{port}{}{query}", asked.path);
    Some(Reply::empty(status).with("location", location).with("server", "envoy"))
}

fn rewritten(rule: &Value, prefix: &str, asked: &Asked) -> Option<String> {
    let path = &filter(rule, "URLRewrite")?["urlRewrite"]["path"];
    if let Some(whole) = path["replaceFullPath"].as_str() {
        return Some(whole.into());
    }
    let with = path["replacePrefixMatch"].as_str()?.trim_end_matches('/');
    let rest = asked.path.strip_prefix(prefix.trim_end_matches('/'))?;
    let whole = format!("{with}{rest}");
    Some(if whole.starts_with('/') { whole } else { format!("/{whole}") })
}

/// What a Gateway's listener shows: the certificate that its Secret holds. None where there is no such Secret.
///
/// The certificate is made anew from what cert-manager's Certificate of that Secret says: its names, and how long it holds.
pub(super) fn certificate(services: &Services, entrance: &Entrance) -> Option<Arc<ServerConfig>> {
    let Shown { names, from, until, .. } = shown(services, entrance)?;
    services.authority.server(&names, from, until).ok()
}

/// What a certificate says that a Gateway shows.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) names: Vec<String>,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// Whether whoever signed it is one that everybody knows.
    pub(crate) known: bool,
}

/// What a Gateway's listener shows; none where its Secret is not there.
pub(crate) fn shown(services: &Services, entrance: &Entrance) -> Option<Shown> {
    let world = entrance.cluster.world();
    let gateway = world.store.get(&Place::new(GATEWAYS, &entrance.namespace, &entrance.name))?;
    let listeners = gateway.value["spec"]["listeners"].as_array()?;
    let listener = listeners.iter().find(|listener| listener["port"] == entrance.port)?;
    let reference = &listener["tls"]["certificateRefs"][0];
    let secret = reference["name"].as_str()?;
    let namespace = reference["namespace"].as_str().unwrap_or(&entrance.namespace);
    world.store.get(&Place::new("secrets", namespace, secret))?;
    Some(said(&world, namespace, secret, services.now()))
}

/// The directory whose certificates every machine trusts.
const KNOWN: &str = "https://acme-v02.api.letsencrypt.org/";

/// Whether a Certificate's issuer is one that everybody knows.
fn known(world: &World, certificate: &Value) -> bool {
    let reference = &certificate["spec"]["issuerRef"];
    let own = certificate["metadata"]["namespace"].as_str().unwrap_or_default();
    let (kind, namespace) = match reference["kind"].as_str() {
        Some("ClusterIssuer") => ("clusterissuers.cert-manager.io", ""),
        _ => ("issuers.cert-manager.io", own),
    };
    let issuer = world.store.get(&Place::new(kind, namespace, reference["name"].as_str().unwrap_or_default()));
    issuer.is_some_and(|issuer| issuer.value["spec"]["acme"]["server"].as_str().is_some_and(|at| at.starts_with(KNOWN)))
}

/// Names, beginning and end of what is in a Secret, by the Certificate that it is made for, in whatever namespace: a
/// Secret may be a copy of another.
fn said(world: &World, namespace: &str, secret: &str, now: Timestamp) -> Shown {
    let all = || world.store.list(CERTIFICATES, "").map(|(_, one)| &*one.value);
    let mut own = all().filter(|one| one["spec"]["secretName"] == secret);
    let there = all().find(|one| one["spec"]["secretName"] == secret && one["metadata"]["namespace"] == namespace);
    let found = there.or_else(|| own.next());
    let names = found.and_then(|one| one["spec"]["dnsNames"].as_array());
    let names: Option<Vec<String>> =
        names.map(|all| all.iter().filter_map(|one| one.as_str().map(String::from)).collect());
    let time = |key: &str| found.and_then(|one| one["status"][key].as_str()?.parse::<Timestamp>().ok());
    let from = time("notBefore").unwrap_or(now - SignedDuration::from_hours(24));
    Shown {
        names: names.unwrap_or_else(|| vec!["*.monosense.io".into()]),
        from,
        until: time("notAfter").unwrap_or(from + tls::QUARTER),
        known: found.is_some_and(|one| known(world, one)),
    }
}

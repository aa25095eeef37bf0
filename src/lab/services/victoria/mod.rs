//! VictoriaMetrics, the cluster version: insert, storage, select, and the agents, the alerts and the proxy beside them.
//!
//! Source: docs.victoriametrics.com, "Cluster version", "URL format", "Prometheus querying API usage", "vmagent", "vmalert".

mod alerts;
mod import;
mod querying;

use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use alerts::alerts;
pub(crate) use import::Imported;

use super::series::{Scope, condition, seconds, targets};
use super::{Asked, Reply, Services, Site, metrics, programs, ready};
use crate::lab::kube::cluster::Cluster;
use crate::lab::world::{Cause, Wrong};

/// Whether a cluster's series come to the storage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Flow {
    /// Nothing was ever collected.
    Never,
    /// They come.
    Running,
    /// Nothing has come since this time, in seconds of the epoch.
    Stopped(f64),
}

/// How a cluster's series come to the storage: by its agent, and the insert of whichever cluster has one.
pub(crate) fn flow(services: &Services, cluster: &Arc<Cluster>) -> Flow {
    let agent = part(services, cluster, &["vmagent", "vmsingle"]);
    let home = |one: &&Arc<Cluster>| part(services, one, &["vminsert", "vmsingle"]) != Flow::Never;
    let Some(home) = services.clusters.values().find(home) else { return Flow::Never };
    let insert = part(services, home, &["vminsert", "vmsingle"]);
    let mut way = Flow::Running;
    if home.name != cluster.name {
        let cuts = [(&home.name, &cluster.name), (&cluster.name, &home.name)];
        for (from, to) in cuts {
            if let Some(at) = since(services, &Cause::Cut { from: from.clone(), to: to.clone() }) {
                way = Flow::Stopped(at);
            }
        }
    }
    [agent, insert, way].into_iter().fold(Flow::Running, |flow, part| match (flow, part) {
        (Flow::Never, _) | (_, Flow::Never) => Flow::Never,
        (Flow::Stopped(a), Flow::Stopped(b)) => Flow::Stopped(a.min(b)),
        (Flow::Stopped(at), _) | (_, Flow::Stopped(at)) => Flow::Stopped(at),
        _ => Flow::Running,
    })
}

fn since(services: &Services, cause: &Cause) -> Option<f64> {
    let since = services.world.since(cause)?;
    let now = services.now().as_millisecond() as f64 / 1000.0;
    Some(now - (services.world.clock.instant() - since).as_secs_f64())
}

/// Whether one of a cluster's pods with such a program works.
fn part(services: &Services, cluster: &Cluster, names: &[&str]) -> Flow {
    let pods: Vec<Value> = {
        let world = cluster.world();
        let pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
        pods.filter(|pod| programs::name_of(pod).is_some_and(|name| names.contains(&name))).cloned().collect()
    };
    if pods.is_empty() {
        return Flow::Never;
    }
    let down = names.iter().filter_map(|name| since(services, &Cause::service(name, Wrong::Down))).reduce(f64::min);
    if let Some(at) = down {
        return Flow::Stopped(at);
    }
    if pods.iter().any(ready) {
        return Flow::Running;
    }
    let changed = pods.iter().filter_map(|pod| seconds(&condition(pod, "Ready")?["lastTransitionTime"]));
    Flow::Stopped(changed.fold(0.0, f64::max))
}

/// An error in the Prometheus API's form, as VictoriaMetrics gives it.
fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "status": "error", "errorType": status.to_string(), "error": message }))
}

/// An answer in the Prometheus API's form.
fn success(data: &Value) -> Reply {
    Reply::json(200, &json!({ "status": "success", "data": data }))
}

/// What all of the components answer; none where it is no such path.
fn common(site: &Site<'_>, asked: &Asked) -> Option<Reply> {
    Some(match asked.path.as_str() {
        "/health" | "/-/healthy" | "/-/ready" | "/ping" | "/ready" => Reply::text(200, "OK"),
        "/metrics" => metrics::of_pod(site),
        "/flags" => flags(site),
        _ => return None,
    })
}

/// The command line of the pod's program, as `/flags` shows it; what keeps metrics is told for how long by its object.
fn flags(site: &Site<'_>) -> Reply {
    let mut lines = format!("-httpListenAddr=\":{}\"\n", site.port);
    let world = site.cluster.world();
    let kinds = ["vmclusters.operator.victoriametrics.com", "vmsingles.operator.victoriametrics.com"];
    let mut objects = kinds.iter().flat_map(|kind| world.store.list(kind, site.namespace()));
    if let Some(period) = objects.find_map(|(_, object)| object.value["spec"]["retentionPeriod"].as_str()) {
        lines.push_str(&format!("-retentionPeriod={period:?}\n"));
    }
    Reply::text(200, lines)
}

fn unsupported(asked: &Asked) -> Reply {
    Reply::text(400, format!("unsupported path requested: {:?}\n", asked.path))
}

/// `vmselect`
pub(super) fn vmselect(site: &Site<'_>, asked: &Asked) -> Reply {
    if let Some(reply) = common(site, asked) {
        return reply;
    }
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["select", "multitenant", "prometheus" | "prometheus/", rest @ ..] => stored(site, asked, rest, true),
        ["select", account, "prometheus", rest @ ..] => {
            let Some(own) = tenant(account) else {
                let text = format!("cannot obtain auth token: cannot parse accountID from {account:?}");
                return error(400, &text);
            };
            stored(site, asked, rest, own)
        }
        _ => unsupported(asked),
    }
}

/// Whether an account is the one that everything is written to; none where it is no account.
fn tenant(account: &str) -> Option<bool> {
    let (account, project) = account.split_once(':').unwrap_or((account, "0"));
    Some((account.parse::<u32>().ok()?, project.parse::<u32>().ok()?) == (0, 0))
}

fn stored(site: &Site<'_>, asked: &Asked, path: &[&str], own: bool) -> Reply {
    let storage = part(site.services, site.cluster, &["vmstorage"]);
    if matches!(storage, Flow::Stopped(_)) {
        return error(
            503,
            "error occured during search: cannot fetch data from vmstorage nodes: all the vmstorage nodes are unavailable for queries",
        );
    }
    querying::answer(site, asked, path, own)
}

/// `vminsert`
pub(super) fn vminsert(site: &Site<'_>, asked: &Asked) -> Reply {
    if let Some(reply) = common(site, asked) {
        return reply;
    }
    if matches!(part(site.services, site.cluster, &["vmstorage"]), Flow::Stopped(_)) {
        return Reply::text(503, "all the vmstorage nodes are unavailable\n");
    }
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["insert", account, "prometheus", rest @ ..] if tenant(account).is_some() => {
            import::answer(site.services, asked, rest).unwrap_or_else(|| unsupported(asked))
        }
        _ => unsupported(asked),
    }
}

/// `vmstorage`, as far as it speaks HTTP.
pub(super) fn vmstorage(site: &Site<'_>, asked: &Asked) -> Reply {
    common(site, asked).unwrap_or_else(|| unsupported(asked))
}

/// All in one, without accounts.
pub(super) fn vmsingle(site: &Site<'_>, asked: &Asked) -> Reply {
    if let Some(reply) = common(site, asked) {
        return reply;
    }
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let rest = parts.strip_prefix(&["prometheus"]).unwrap_or(&parts);
    if rest == ["api", "v1", "targets"] {
        return vmagent(site, asked);
    }
    import::answer(site.services, asked, rest).unwrap_or_else(|| querying::answer(site, asked, rest, true))
}

/// The proxy: it lets those in whom its users' Secrets name, and leads them on by the path.
pub(super) fn vmauth(site: &Site<'_>, asked: &Asked) -> Reply {
    if let Some(reply) = common(site, asked) {
        return reply;
    }
    if !let_in(site, asked) {
        let text = if asked.header("authorization").is_empty() {
            "missing 'Authorization' request header"
        } else {
            "Unauthorized"
        };
        return Reply::text(401, format!("{text}\n")).with("www-authenticate", "Basic realm=\"Restricted\"");
    }
    let to = match asked.path.as_str() {
        path if path.starts_with("/select/") => "vmselect",
        path if path.starts_with("/insert/") => "vminsert",
        path if path.starts_with("/api/v1/") || path.starts_with("/prometheus/") => "vmsingle",
        _ => return Reply::text(400, "missing route for the requested path\n"),
    };
    let missing = || {
        Reply::text(503, format!("all the 1 backends for the user are unavailable for proxying the request: {to}\n"))
    };
    if site.services.world.service(to).contains(&Wrong::Down)
        || !matches!(part(site.services, site.cluster, &[to]), Flow::Running)
    {
        return missing();
    }
    match to {
        "vmselect" => vmselect(site, asked),
        "vminsert" => vminsert(site, asked),
        _ => vmsingle(site, asked),
    }
}

/// Whether somebody may come in: everybody, where no VMUser is known.
fn let_in(site: &Site<'_>, asked: &Asked) -> bool {
    let users: Vec<Value> = {
        let world = site.cluster.world();
        let all = world.store.list("vmusers.operator.victoriametrics.com", site.namespace());
        all.map(|(_, user)| user.value.clone()).collect()
    };
    let of = |user: &Value, plain: &str, reference: &str| {
        let name = user["spec"][reference]["name"].as_str();
        let key = user["spec"][reference]["key"].as_str().unwrap_or("password");
        user["spec"][plain].as_str().map(String::from).or_else(|| site.secret(name?, &[key]))
    };
    let basic = asked.basic();
    let known = |user: &Value| match (&basic, asked.bearer()) {
        (Some((name, password)), _) => {
            let own = user["spec"]["username"].as_str().or_else(|| user["metadata"]["name"].as_str());
            own == Some(name) && of(user, "password", "passwordRef").as_ref() == Some(password)
        }
        (None, Some(token)) => of(user, "bearerToken", "tokenRef").as_deref() == Some(token),
        (None, None) => false,
    };
    users.is_empty() || users.iter().any(known)
}

/// `vmagent`: what it scrapes, and how that goes.
pub(super) fn vmagent(site: &Site<'_>, asked: &Asked) -> Reply {
    let scope_targets = || {
        let Some(cluster) = site.services.clusters.get(&site.cluster.name) else { return Vec::new() };
        let now = site.services.now().as_millisecond() as f64 / 1000.0;
        targets::all(&Scope { services: site.services, cluster, now })
    };
    match asked.path.trim_end_matches('/') {
        "/api/v1/targets" | "/prometheus/api/v1/targets" => {
            let state = asked.value("state");
            let active = if state.as_deref() == Some("dropped") { Vec::new() } else { scope_targets() };
            let now = site.services.now().to_string();
            let one = |target: &targets::Target| {
                let labels: serde_json::Map<String, Value> = target
                    .labels()
                    .into_iter()
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(label, value)| (label.to_string(), value.into()))
                    .collect();
                json!({
                    "discoveredLabels": { "__address__": target.instance, "__metrics_path__": "/metrics" },
                    "labels": labels, "scrapePool": target.pool, "scrapeUrl": target.url, "lastError": target.error,
                    "lastScrape": now, "lastScrapeDuration": if target.up { 0.012 } else { 10.0 },
                    "lastSamplesScraped": if target.up { 850 } else { 0 }, "health": if target.up { "up" } else { "down" },
                })
            };
            success(&json!({ "activeTargets": active.iter().map(one).collect::<Vec<_>>(), "droppedTargets": [] }))
        }
        "/targets" => {
            let line = |t: &targets::Target| {
                format!(
                    "\tstate={}, endpoint={}, labels={{instance=\"{}\",job=\"{}\"}}, last_error={:?}\n",
                    if t.up { "up" } else { "down" },
                    t.url,
                    t.instance,
                    t.job,
                    t.error
                )
            };
            Reply::text(200, scope_targets().iter().map(line).collect::<String>())
        }
        path if path.ends_with("/api/v1/write") || path.contains("/api/v1/import") => {
            let parts = asked.parts();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let rest = parts.strip_prefix(&["prometheus"]).unwrap_or(&parts);
            import::answer(site.services, asked, rest).unwrap_or_else(|| unsupported(asked))
        }
        _ => common(site, asked).unwrap_or_else(|| unsupported(asked)),
    }
}

/// `vmalert`: the rules that it knows, and what of them fires.
pub(super) fn vmalert(site: &Site<'_>, asked: &Asked) -> Reply {
    let Some(cluster) = site.services.clusters.get(&site.cluster.name) else { return unsupported(asked) };
    let path = asked.path.strip_prefix("/vmalert").unwrap_or(&asked.path);
    match path {
        "/api/v1/alerts" => alerts::api(site.services, cluster),
        "/api/v1/rules" => alerts::rules(site.services, cluster),
        "/-/reload" => Reply::empty(200),
        _ => common(site, asked).unwrap_or_else(|| unsupported(asked)),
    }
}

//! Grafana: health, data sources with what they say when they are tried, dashboards, folders, who is logged in.
//!
//! Source: Grafana 12, "HTTP API".

use http::Method;
use serde_json::{Value, json};

use super::{Asked, Reply, Services, Site, programs, ready, vault};
use crate::lab::world::Wrong;

/// What it knows of dashboards that somebody made.
#[derive(Debug, Default)]
pub(crate) struct Dashboards {
    own: Vec<Value>,
}

/// The data sources: name, uid, type, the program behind, and its address.
const SOURCES: [(&str, &str, &str, &str, &str); 3] = [
    (
        "VictoriaMetrics",
        "victoriametrics",
        "prometheus",
        "vmselect",
        "http://vmselect.observability.svc:8481/select/0/prometheus",
    ),
    (
        "VictoriaLogs",
        "victorialogs",
        "victoriametrics-logs-datasource",
        "vlogs",
        "http://victorialogs.observability.svc:9428",
    ),
    ("Alertmanager", "alertmanager", "alertmanager", "alertmanager", "http://alertmanager.observability.svc:9093"),
];

/// The dashboards that come with the platform: uid, title, folder.
const COMES: [(&str, &str, &str); 8] = [
    ("k8s-cluster", "Kubernetes / Cluster", "Kubernetes"),
    ("victoriametrics", "VictoriaMetrics - cluster", "Observability"),
    ("victorialogs", "VictoriaLogs", "Observability"),
    ("ceph-cluster", "Ceph - Cluster", "Storage"),
    ("cnpg", "CloudNativePG", "Databases"),
    ("cilium-agent", "Cilium Metrics", "Networking"),
    ("flux-cluster", "Flux Cluster Stats", "GitOps"),
    ("kafka", "Strimzi Kafka", "Messaging"),
];

/// The administrator: what the Secret says, or the vault.
pub(crate) fn admin(services: &Services) -> (String, String) {
    let found = services.clusters.values().find_map(|cluster| {
        let read = |keys: &[&str]| super::secret(cluster, "observability", "grafana-admin", keys);
        let password = read(&["password", "admin-password", "GF_SECURITY_ADMIN_PASSWORD"])?;
        Some((
            read(&["username", "user", "admin-user", "GF_SECURITY_ADMIN_USER"]).unwrap_or_else(|| "admin".into()),
            password,
        ))
    });
    found.unwrap_or_else(|| ("admin".into(), vault::value("grafana", "password")))
}

/// A token of a service account.
pub(crate) fn token() -> String {
    format!("glsa_{}", vault::value("grafana", "token"))
}

pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["api", "health"] => {
            return Reply::json(200, &json!({ "commit": "lab", "database": "ok", "version": "12.1.1" }));
        }
        ["healthz"] => return Reply::text(200, "Ok"),
        ["metrics"] => return super::metrics::of_pod(site),
        ["login"] if asked.method == Method::POST => return login(site, asked),
        ["login"] => {
            return Reply::html(
                200,
                "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Grafana</title></head><body></body></html>\n",
            );
        }
        [] => return Reply::empty(302).with("location", "/login"),
        _ => {}
    }
    if let Err(refused) = let_in(site, asked) {
        return refused;
    }
    match (&asked.method, parts.as_slice()) {
        (&Method::GET, ["api", "datasources"]) => Reply::json(200, &SOURCES.iter().enumerate().map(source).collect()),
        (&Method::GET, ["api", "datasources", "uid", uid]) => named(uid, "uid"),
        (&Method::GET, ["api", "datasources", "name", name]) => named(name, "name"),
        (&Method::GET, ["api", "datasources", "uid", uid, "health"]) => health(site, uid),
        (&Method::GET, ["api", "datasources", "proxy", "uid", uid, rest @ ..]) => proxy(site, asked, uid, rest),
        (&Method::GET, ["api", "search"]) => search(site, asked),
        (&Method::GET, ["api", "folders"]) => {
            let folders: std::collections::BTreeSet<&str> = COMES.iter().map(|(_, _, folder)| *folder).collect();
            Reply::json(
                200,
                &folders
                    .iter()
                    .enumerate()
                    .map(|(id, title)| json!({ "id": id + 1, "uid": title.to_lowercase(), "title": title }))
                    .collect(),
            )
        }
        (&Method::GET, ["api", "dashboards", "uid", uid]) => dashboard(site, uid),
        (&Method::POST, ["api", "dashboards", "db"]) => save(site, asked),
        (&Method::DELETE, ["api", "dashboards", "uid", uid]) => {
            let mut state = site.services.state();
            let before = state.dashboards.own.len();
            state.dashboards.own.retain(|one| one["uid"] != *uid);
            match state.dashboards.own.len() < before {
                true => Reply::json(200, &json!({ "message": format!("Dashboard {uid} deleted"), "title": uid })),
                false => missing("Dashboard not found"),
            }
        }
        (&Method::GET, ["api", "org"]) => Reply::json(200, &json!({ "id": 1, "name": "Main Org." })),
        (&Method::GET, ["api", "user"]) => {
            Reply::json(200, &json!({ "id": 1, "login": admin(site.services).0, "isGrafanaAdmin": true, "orgId": 1 }))
        }
        (&Method::GET, ["api", "admin", "stats"]) => {
            Reply::json(200, &json!({ "dashboards": COMES.len(), "datasources": SOURCES.len(), "users": 1, "orgs": 1 }))
        }
        _ => missing("Not found"),
    }
}

fn missing(message: &str) -> Reply {
    Reply::json(404, &json!({ "message": message }))
}

fn let_in(site: &Site<'_>, asked: &Asked) -> Result<(), Reply> {
    let refused = |message: &str, id: &str| {
        Err(Reply::json(401, &json!({ "message": message, "messageId": id, "statusCode": 401, "traceID": "" })))
    };
    let session = asked
        .header("cookie")
        .split(';')
        .any(|one| one.trim() == format!("grafana_session={}", vault::value("grafana", "session")));
    match (asked.bearer(), asked.basic()) {
        _ if session => Ok(()),
        (Some(own), _) if own == token() => Ok(()),
        (Some(_), _) => refused("Invalid API key", "api-key.invalid"),
        (_, Some(given)) if given == admin(site.services) => Ok(()),
        (_, Some(_)) => refused("Invalid username or password", "password-auth.failed"),
        _ => refused("Unauthorized", "auth.unauthorized"),
    }
}

fn login(site: &Site<'_>, asked: &Asked) -> Reply {
    let body = asked.json().unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_string();
    if (text("user"), text("password")) != admin(site.services) {
        return Reply::json(
            401,
            &json!({ "message": "Invalid username or password", "messageId": "password-auth.failed", "statusCode": 401, "traceID": "" }),
        );
    }
    let cookie = format!("grafana_session={}; Path=/; HttpOnly; SameSite=Lax", vault::value("grafana", "session"));
    Reply::json(200, &json!({ "message": "Logged in", "redirectUrl": "/" })).with("set-cookie", cookie)
}

fn source((index, (name, uid, kind, _, url)): (usize, &(&str, &str, &str, &str, &str))) -> Value {
    json!({ "id": index + 1, "uid": uid, "orgId": 1, "name": name, "type": kind, "access": "proxy", "url": url, "isDefault": index == 0, "readOnly": true })
}

fn named(name: &str, key: &str) -> Reply {
    let found = SOURCES.iter().enumerate().map(source).find(|one| one[key] == name);
    found.map_or_else(|| missing("Data source not found"), |one| Reply::json(200, &one))
}

/// Whether the program behind a data source answers.
fn reached(site: &Site<'_>, program: &str) -> bool {
    let world = site.cluster.world();
    let mut pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
    let wrong = site.services.world.service(program);
    let bad = wrong
        .iter()
        .any(|one| matches!(one, Wrong::Down | Wrong::Hangs | Wrong::Status(_) | Wrong::Unavailable(_) | Wrong::Reset));
    !bad && pods.any(|pod| ready(pod) && programs::name_of(pod) == Some(program))
}

fn health(site: &Site<'_>, uid: &str) -> Reply {
    let Some((_, _, _, program, url)) = SOURCES.iter().find(|(_, own, ..)| *own == uid) else {
        return missing("Data source not found");
    };
    if reached(site, program) {
        Reply::json(200, &json!({ "status": "OK", "message": "Successfully queried the data source." }))
    } else {
        Reply::json(
            400,
            &json!({ "status": "ERROR", "message": format!("Get \"{url}\": dial tcp: connect: connection refused") }),
        )
    }
}

/// A request that is led on to what is behind a data source.
fn proxy(site: &Site<'_>, asked: &Asked, uid: &str, rest: &[&str]) -> Reply {
    let Some((_, _, _, program, _)) = SOURCES.iter().find(|(_, own, ..)| *own == uid) else {
        return missing("Unable to load datasource meta data");
    };
    if !reached(site, program) {
        return Reply::json(502, &json!({ "message": "Bad Gateway" }));
    }
    let path = rest.join("/");
    match *program {
        "vmselect" => {
            super::victoria::vmselect(site, &Asked { path: format!("/select/0/prometheus/{path}"), ..asked.clone() })
        }
        "vlogs" => super::vlogs::answer(site, &Asked { path: format!("/{path}"), ..asked.clone() }),
        _ => super::alertmanager::answer(site, &Asked { path: format!("/{path}"), ..asked.clone() }),
    }
}

fn shown(uid: &str, title: &str, folder: &str) -> Value {
    json!({ "uid": uid, "title": title, "type": "dash-db", "uri": format!("db/{uid}"), "url": format!("/d/{uid}/{uid}"), "folderTitle": folder, "tags": [] })
}

fn search(site: &Site<'_>, asked: &Asked) -> Reply {
    let wanted = asked.value("query").unwrap_or_default().to_lowercase();
    let state = site.services.state();
    let own = state
        .dashboards
        .own
        .iter()
        .map(|one| shown(one["uid"].as_str().unwrap_or_default(), one["title"].as_str().unwrap_or_default(), ""));
    let all = COMES.iter().map(|(uid, title, folder)| shown(uid, title, folder)).chain(own);
    let folders = asked.value("type").as_deref() == Some("dash-folder");
    Reply::json(
        200,
        &all.filter(|one| {
            !folders && one["title"].as_str().is_some_and(|title| title.to_lowercase().contains(&wanted))
        })
        .collect(),
    )
}

fn dashboard(site: &Site<'_>, uid: &str) -> Reply {
    if let Some((uid, title, folder)) = COMES.iter().find(|(own, ..)| *own == uid) {
        let body = json!({ "uid": uid, "title": title, "version": 1, "panels": [], "schemaVersion": 41 });
        return Reply::json(200, &json!({ "meta": { "folderTitle": folder, "provisioned": true }, "dashboard": body }));
    }
    let state = site.services.state();
    let own = state.dashboards.own.iter().find(|one| one["uid"] == uid);
    own.map_or_else(
        || missing("Dashboard not found"),
        |one| Reply::json(200, &json!({ "meta": { "provisioned": false }, "dashboard": one })),
    )
}

fn save(site: &Site<'_>, asked: &Asked) -> Reply {
    let mut board = asked.json().unwrap_or_default()["dashboard"].take();
    let Some(title) = board["title"].as_str().filter(|title| !title.is_empty()).map(String::from) else {
        return Reply::json(400, &json!({ "message": "Dashboard title cannot be empty", "status": "empty-name" }));
    };
    let uid = board["uid"]
        .as_str()
        .filter(|uid| !uid.is_empty())
        .map_or_else(|| title.to_lowercase().replace(' ', "-"), String::from);
    board["uid"] = uid.clone().into();
    let mut state = site.services.state();
    let version =
        state.dashboards.own.iter().find(|one| one["uid"] == uid).and_then(|one| one["version"].as_u64()).unwrap_or(0)
            + 1;
    board["version"] = version.into();
    state.dashboards.own.retain(|one| one["uid"] != uid);
    state.dashboards.own.push(board);
    Reply::json(
        200,
        &json!({ "id": 100, "uid": uid, "url": format!("/d/{uid}/{uid}"), "status": "success", "version": version, "slug": uid }),
    )
}

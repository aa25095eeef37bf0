//! 1Password Connect: vaults and items for whoever has its token.
//!
//! Source: developer.1password.com, "1Password Connect Server API reference".

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Asked, Reply, Services, Site, cloudflare, harbor, vault};
use crate::lab::world::Cause;

/// Items that no cluster asks for, each with its fields.
const ITEMS: [(&str, &[&str]); 6] = [
    ("cloudflare", &["api-token"]),
    ("gitlab", &["password", "root-password", "runner-token"]),
    ("harbor", &["username", "password"]),
    ("keycloak", &["username", "password", "client-secret"]),
    ("github", &["token"]),
    ("test-app", &["username", "password"]),
];

/// The items of the vault with their fields: what the clusters' ExternalSecrets ask for is there, unless the world says that
/// somebody has deleted it.
pub(crate) fn items(services: &Services) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (item, fields) in ITEMS {
        out.entry(item.into()).or_default().extend(fields.iter().map(|field| (*field).to_string()));
    }
    for cluster in services.clusters.values() {
        let world = cluster.world();
        for (_, object) in world.store.list("externalsecrets.external-secrets.io", "") {
            for one in object.value["spec"]["data"].as_array().into_iter().flatten() {
                if let (Some(item), Some(field)) =
                    (one["remoteRef"]["key"].as_str(), one["remoteRef"]["property"].as_str())
                {
                    out.entry(item.into()).or_default().insert(field.into());
                }
            }
            for one in object.value["spec"]["dataFrom"].as_array().into_iter().flatten() {
                if let Some(item) = one["extract"]["key"].as_str() {
                    out.entry(item.into()).or_default().extend(["username", "password"].map(String::from));
                }
            }
        }
    }
    out.retain(|item, _| !services.world.has(&Cause::Item { item: item.clone() }));
    out
}

/// The token that Connect lets in; the clusters have it in the Secret that their store names.
pub(crate) fn token() -> String {
    "lab-connect-token".into()
}

/// The hosts that the clusters' stores say that Connect is at.
pub(super) fn hosts(services: &Services) -> Vec<String> {
    let of = |cluster: &std::sync::Arc<crate::lab::kube::cluster::Cluster>| {
        let world = cluster.world();
        let stores = world.store.list("clustersecretstores.external-secrets.io", "");
        let urls = stores.filter_map(|(_, store)| {
            store.value["spec"]["provider"]["onepassword"]["connectHost"].as_str().map(String::from)
        });
        urls.collect::<Vec<_>>()
    };
    let host = |url: String| {
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        rest.split(['/', ':']).next().unwrap_or_default().to_lowercase()
    };
    services.clusters.values().flat_map(of).map(host).collect()
}

/// The vaults: one, or those that the stores name.
fn vaults(services: &Services) -> Vec<String> {
    let mut all = vec!["monosense".to_string()];
    for cluster in services.clusters.values() {
        let world = cluster.world();
        for (_, store) in world.store.list("clustersecretstores.external-secrets.io", "") {
            let own = store.value["spec"]["provider"]["onepassword"]["vaults"].as_object();
            all.extend(own.into_iter().flat_map(|own| own.keys().cloned()));
        }
    }
    all.sort();
    all.dedup();
    all
}

fn id(of: &str) -> String {
    // 26 letters and digits, as 1Password's have.
    Sha256::digest(of.as_bytes())
        .iter()
        .take(26)
        .map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte % 32)]))
        .collect()
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "status": status, "message": message }))
}

/// In a pod of a cluster.
pub(super) fn of_pod(site: &Site<'_>, asked: &Asked) -> Reply {
    answer(site.services, asked)
}

pub(super) fn answer(services: &Services, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["heartbeat"] => return Reply::text(200, "."),
        ["health"] => {
            return Reply::json(
                200,
                &json!({ "name": "1Password Connect API", "version": "1.7.3", "dependencies": [
                { "service": "sqlite", "status": "ACTIVE", "message": "Connected to 1Password.sqlite" },
                { "service": "sync", "status": "ACTIVE", "message": "" },
            ] }),
            );
        }
        _ => {}
    }
    match asked.bearer() {
        None => return refused(401, "Authentication: (No token provided), Invalid bearer token"),
        Some(own) if own != token() => return refused(401, "Invalid token signature"),
        Some(_) => {}
    }
    let (vaults, items) = (vaults(services), items(services));
    let by_id = |wanted: &str| vaults.iter().find(|name| id(name) == wanted || *name == wanted);
    match (&asked.method, parts.as_slice()) {
        (&Method::GET, ["v1", "vaults"]) => {
            let wanted = filter(asked, "name");
            let all = vaults.iter().filter(|name| wanted.as_ref().is_none_or(|wanted| *name == wanted));
            Reply::json(200, &all.map(|name| shown_vault(name, items.len())).collect())
        }
        (&Method::GET, ["v1", "vaults", wanted]) => by_id(wanted)
            .map_or_else(|| refused(404, "Vault not found"), |name| Reply::json(200, &shown_vault(name, items.len()))),
        (&Method::GET, ["v1", "vaults", wanted, "items"]) => match by_id(wanted) {
            Some(name) => {
                let title = filter(asked, "title");
                let all = items.keys().filter(|own| title.as_ref().is_none_or(|wanted| *own == wanted));
                Reply::json(200, &all.map(|item| shown(name, item)).collect())
            }
            None => refused(404, "Vault not found"),
        },
        (&Method::GET, ["v1", "vaults", wanted, "items", item]) => {
            let found = items.iter().find(|(own, _)| id(own) == *item);
            match (by_id(wanted), found) {
                (Some(name), Some((item, fields))) => {
                    let mut whole = shown(name, item);
                    whole["fields"] = fields.iter().map(|field| json!({
                        "id": id(field), "label": field, "type": if field == "username" { "STRING" } else { "CONCEALED" },
                        "value": self::field(services, item, field),
                    })).collect();
                    Reply::json(200, &whole)
                }
                (None, _) => refused(404, "Vault not found"),
                _ => refused(404, "Item not found"),
            }
        }
        (_, ["v1", ..]) => refused(404, "not found"),
        _ => refused(404, "page not found"),
    }
}

/// The value of a field of an item, as whoever uses it has it.
pub(crate) fn field(services: &Services, item: &str, field: &str) -> String {
    match (item, field) {
        ("cloudflare", "api-token") => cloudflare::token(),
        ("harbor", "password") => harbor::admin(services),
        _ => vault::value(item, field),
    }
}

/// Whether there is such a field.
pub(crate) fn has(services: &Services, item: &str, field: &str) -> bool {
    items(services).get(item).is_some_and(|fields| fields.contains(field))
}

/// `filter=title eq "cloudflare"`
fn filter(asked: &Asked, key: &str) -> Option<String> {
    let text = asked.value("filter")?;
    let rest = text.trim().strip_prefix(key)?.trim().strip_prefix("eq")?.trim();
    Some(rest.trim_matches('"').to_string())
}

fn shown_vault(name: &str, items: usize) -> Value {
    json!({ "id": id(name), "name": name, "type": "USER_CREATED", "items": items, "attributeVersion": 1, "contentVersion": 1 })
}

fn shown(vault: &str, item: &str) -> Value {
    json!({ "id": id(item), "title": item, "version": 1, "vault": { "id": id(vault), "name": vault }, "category": "PASSWORD" })
}

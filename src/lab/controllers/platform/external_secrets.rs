//! External Secrets: stores that are validated against the vault, and Secrets made of its items.
//!
//! Messages and reasons: github.com/external-secrets/external-secrets `pkg/controllers`, `providers/v1/onepassword`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::conditions::{self, Condition};
use super::site::{Site, after, is_ready, parsed, span};
use super::upstream::{Upstream, VAULT, secret};
use super::{Hand, Operator};
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::hex;

const WATCHES: &[&str] = &[
    "externalsecrets.external-secrets.io",
    "clustersecretstores.external-secrets.io",
    "secretstores.external-secrets.io",
    "secrets",
    "networkpolicies.networking.k8s.io",
    "ciliumnetworkpolicies.cilium.io",
    "ciliumclusterwidenetworkpolicies.cilium.io",
    "configmaps",
];
const SECRETS: &str = WATCHES[0];
/// How often a store is validated anew, and one that failed is tried again.
const STORE: Duration = Duration::from_secs(300);
const COMPONENT: &str = "external-secrets";

pub(super) fn rows(upstream: &Arc<Upstream>) -> Vec<Hand> {
    let operator = ExternalSecrets { upstream: upstream.clone(), validated: BTreeMap::new(), failed: BTreeMap::new() };
    vec![("external-secrets", WATCHES, Box::new(operator))]
}

struct ExternalSecrets {
    upstream: Arc<Upstream>,
    /// When each store was last validated, by uid, and for what.
    validated: BTreeMap<String, (Timestamp, String)>,
    /// When what failed is tried again, by uid, and how often it has failed.
    failed: BTreeMap<String, (Timestamp, u32, String)>,
}

impl Operator for ExternalSecrets {
    fn look(&mut self, site: &mut Site<'_>) {
        for resource in &WATCHES[1..3] {
            for (place, stored) in site.all(resource, "") {
                self.store(site, &place, &stored.value);
            }
        }
        for (place, stored) in site.all(SECRETS, "") {
            if stored.value["metadata"]["deletionTimestamp"].is_null() {
                self.external(site, &place, &stored.value);
            }
        }
    }
}

impl ExternalSecrets {
    fn store(&mut self, site: &mut Site<'_>, place: &Place, object: &Value) {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let interval = object["spec"]["refreshInterval"].as_u64().filter(|n| *n > 0).map_or(STORE, Duration::from_secs);
        let token = token(site, place, object);
        let seen = format!("{} {}", object["metadata"]["generation"], token.is_ok());
        if let Some((at, of)) = self.validated.get(&uid)
            && *of == seen
            && after(*at, interval) > site.now
        {
            site.at(after(*at, interval));
            return;
        }
        self.validated.insert(uid, (site.now, seen));
        site.again(interval);
        let judged = token.and_then(|()| self.validate(site, object));
        let (mut value, stamp) = (object.clone(), site.stamp());
        let before = conditions::text(object, "Ready", "status").to_owned();
        match judged {
            Ok(()) => {
                Condition::new("Ready", "True", "Valid", "store validated").set(&mut value, &stamp);
                value["status"]["capabilities"] = "ReadWrite".into();
            }
            Err((message, why)) => {
                Condition::new("Ready", "False", "InvalidProviderConfig", message).set(&mut value, &stamp);
                if before != "False" {
                    site.event(object, true, "InvalidProviderConfig", &why, COMPONENT);
                }
            }
        }
        // Conditions of stores have no generation.
        for one in value["status"]["conditions"].as_array_mut().into_iter().flatten() {
            one.as_object_mut().map(|one| one.remove("observedGeneration"));
        }
        site.put(place, value);
    }

    /// Whether the vault answers, and has the vaults that the store names.
    fn validate(&self, site: &Site<'_>, object: &Value) -> Result<(), (&'static str, String)> {
        let provider = &object["spec"]["provider"]["onepassword"];
        let host = provider["connectHost"].as_str().unwrap_or_default();
        let wrong = |why: String| Err(("unable to validate store", format!("could not validate provider: {why}")));
        if let Some(why) = unreachable(site, host) {
            return wrong(format!("error finding 1Password Vault: Get \"{host}/v1/vaults\": {why}"));
        }
        let vaults = provider["vaults"].as_object().filter(|vaults| !vaults.is_empty());
        let Some(vaults) = vaults else {
            return wrong("must be at least one vault: spec.provider.onepassword.vaults".into());
        };
        match vaults.keys().find(|vault| !self.upstream.has_vault(vault)) {
            Some(vault) => wrong(format!("error finding 1Password Vault: no vaults found: {vault}")),
            None => Ok(()),
        }
    }

    fn external(&mut self, site: &mut Site<'_>, place: &Place, object: &Value) {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let interval = object["spec"]["refreshInterval"].as_str().and_then(span).unwrap_or(Duration::from_secs(3600));
        let version = version(object);
        let name = target(place, object);
        let last = parsed(&object["status"]["refreshTime"]);
        let there = site.get("secrets", &place.namespace, &name);
        let intact = there.as_ref().is_some_and(|secret| {
            secret.value["metadata"]["annotations"]["reconcile.external-secrets.io/data-hash"]
                == data_hash(&secret.value["data"])
        });
        let fresh = object["status"]["syncedResourceVersion"] == version.as_str() && is_ready(object) && intact;
        let due = last.filter(|_| !interval.is_zero()).map(|last| after(last, interval));
        if fresh && due.is_none_or(|due| due > site.now) {
            due.into_iter().for_each(|due| site.at(due));
            return;
        }
        let seen = format!("{version} {}", there.is_some());
        if let Some((again, _, of)) = self.failed.get(&uid)
            && *of == seen
            && *again > site.now
        {
            site.at(*again);
            return;
        }
        let (mut value, stamp) = (object.clone(), site.stamp());
        match self.data(site, place, object) {
            Ok(data) => {
                self.failed.remove(&uid);
                write(site, place, object, &name, data);
                value["status"]["refreshTime"] = stamp.as_str().into();
                value["status"]["syncedResourceVersion"] = version.into();
                value["status"]["binding"] = json!({ "name": name });
                Condition::new("Ready", "True", "SecretSynced", "secret synced").set(&mut value, &stamp);
                if !interval.is_zero() {
                    site.again(interval);
                }
            }
            Err(why) => {
                let times = self.failed.get(&uid).map_or(0, |(_, times, _)| *times);
                // The queue waits twice as long each time.
                let wait = Duration::from_secs(1 << times.min(8));
                self.failed.insert(uid, (after(site.now, wait), times + 1, seen));
                site.again(wait);
                let news = conditions::text(object, "Ready", "status") != "False";
                let message = "could not get secret data from provider";
                Condition::new("Ready", "False", "SecretSyncedError", message).set(&mut value, &stamp);
                if news || times == 0 {
                    site.event(object, true, "UpdateFailed", &why, COMPONENT);
                }
            }
        }
        for one in value["status"]["conditions"].as_array_mut().into_iter().flatten() {
            one.as_object_mut().map(|one| one.remove("observedGeneration"));
        }
        site.put(place, value);
    }

    /// What the vault has for an ExternalSecret.
    fn data(&self, site: &Site<'_>, place: &Place, object: &Value) -> Result<Map<String, Value>, String> {
        let reference = &object["spec"]["secretStoreRef"];
        let (kind, name) =
            (reference["kind"].as_str().unwrap_or("SecretStore"), reference["name"].as_str().unwrap_or_default());
        let (resource, namespace) = match kind {
            "ClusterSecretStore" => (WATCHES[1], ""),
            _ => (WATCHES[2], place.namespace.as_str()),
        };
        let Some(store) = site.get(resource, namespace, name) else {
            return Err(format!("could not get {kind} \"{name}\", {resource} \"{name}\" not found"));
        };
        if !is_ready(&store.value) {
            return Err(format!("error processing spec.data[0]: {kind} \"{name}\" is not ready"));
        }
        let host = store.value["spec"]["provider"]["onepassword"]["connectHost"].as_str().unwrap_or_default();
        if let Some(why) = unreachable(site, host) {
            return Err(format!("error finding 1Password Item: Get \"{host}/v1/vaults\": {why}"));
        }
        let mut data = Map::new();
        for (at, one) in object["spec"]["data"].as_array().into_iter().flatten().enumerate() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (key, field) = (text(&one["remoteRef"]["key"]), text(&one["remoteRef"]["property"]));
            let wrong = |why: String| format!("error processing spec.data[{at}] (key: {key}), err: {why}");
            let fields = self.upstream.fields(site.world, &key);
            let fields = fields.ok_or_else(|| {
                wrong(format!("error finding 1Password Item: key not found in 1Password Vaults: {key}"))
            })?;
            let field = if field.is_empty() { "password".to_owned() } else { field };
            if !fields.contains(&field) && field != "password" {
                return Err(wrong(format!("expected one 1Password ItemField matching: '{field}' in '{key}', got 0")));
            }
            data.insert(text(&one["secretKey"]), secret(&key, &field).into());
        }
        for (at, one) in object["spec"]["dataFrom"].as_array().into_iter().flatten().enumerate() {
            let Some(key) = one["extract"]["key"].as_str() else { continue };
            let fields = self.upstream.fields(site.world, key).ok_or_else(|| {
                format!("error processing spec.dataFrom[{at}].extract, err: error finding 1Password Item: key not found in 1Password Vaults: {key}")
            })?;
            data.extend(fields.iter().map(|field| (field.clone(), secret(key, field).into())));
        }
        Ok(data)
    }
}

/// Whether the store's token is there.
fn token(site: &Site<'_>, place: &Place, object: &Value) -> Result<(), (&'static str, String)> {
    let reference = &object["spec"]["provider"]["onepassword"]["auth"]["secretRef"]["connectTokenSecretRef"];
    let text = |key: &str| reference[key].as_str().unwrap_or_default();
    let namespace = reference["namespace"].as_str().unwrap_or(&place.namespace);
    let wrong = |why: String| Err(("unable to create client", format!("could not get provider client: {why}")));
    match site.get("secrets", namespace, text("name")) {
        None => wrong(format!(
            "cannot get Kubernetes secret \"{0}\" from namespace \"{namespace}\": secrets \"{0}\" not found",
            text("name")
        )),
        Some(secret) if secret.value["data"][text("key")].is_null() => {
            wrong(format!("cannot find secret data for key: \"{}\"", text("key")))
        }
        Some(_) => Ok(()),
    }
}

/// Why the vault can't be reached, in Go's words.
fn unreachable(site: &Site<'_>, url: &str) -> Option<String> {
    let host = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    site.outside(VAULT, "external-secrets", host)
}

/// What a sync was made of: the spec's generation, labels and annotations.
fn version(object: &Value) -> String {
    let metadata = &object["metadata"];
    let of = format!("{}{}", metadata["labels"], metadata["annotations"]);
    format!("{}-{}", metadata["generation"].as_u64().unwrap_or(1), hex(&["synced", &of], 56))
}

fn data_hash(data: &Value) -> String {
    hex(&["data", &data.to_string()], 56)
}

fn target(place: &Place, object: &Value) -> String {
    object["spec"]["target"]["name"].as_str().unwrap_or(&place.name).to_owned()
}

/// Writes the Secret.
fn write(site: &mut Site<'_>, place: &Place, object: &Value, name: &str, data: Map<String, Value>) {
    let template = &object["spec"]["target"]["template"];
    let filled = match template["data"].as_object() {
        Some(texts) => {
            let fill = |text: &str| {
                data.iter().fold(text.to_owned(), |text, (key, value)| {
                    let value = value.as_str().unwrap_or_default();
                    text.replace(&format!("{{{{ .{key} }}}}"), value).replace(&format!("{{{{.{key}}}}}"), value)
                })
            };
            texts.iter().map(|(key, text)| (key.clone(), fill(text.as_str().unwrap_or_default()).into())).collect()
        }
        None => data,
    };
    let encoded: Map<String, Value> = filled
        .into_iter()
        .map(|(key, value)| (key, STANDARD.encode(value.as_str().unwrap_or_default()).into()))
        .collect();
    let encoded = Value::Object(encoded);
    let there = Place::new("secrets", &place.namespace, name);
    let mut secret = match site.objects.store.get(&there) {
        Some(old) => old.value.clone(),
        None => {
            let made = json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": place.namespace },
                "type": template["type"].as_str().unwrap_or("Opaque"), "data": {},
            });
            site.create(&made);
            site.objects.store.get(&there).map_or(made, |made| made.value.clone())
        }
    };
    secret["metadata"]["labels"]["reconcile.external-secrets.io/managed"] = "true".into();
    secret["metadata"]["annotations"]["reconcile.external-secrets.io/data-hash"] = data_hash(&encoded).into();
    secret["metadata"]["ownerReferences"] = json!([{
        "apiVersion": object["apiVersion"], "kind": "ExternalSecret", "name": place.name, "uid": object["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true,
    }]);
    secret["data"] = encoded;
    site.put(&there, secret);
}

#[cfg(test)]
#[path = "external_secrets_tests.rs"]
mod tests;

//! Issuers: an ACME account, the key pair of an authority, or nothing but themselves.
//!
//! Messages and reasons: github.com/cert-manager/cert-manager `pkg/issuer`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Operator;
use super::super::conditions::{self, Condition};
use super::super::site::{Site, after};
use super::super::upstream::ACME;
use super::ISSUERS;
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::hex;

pub(super) const WATCHES: &[&str] = &[
    "clusterissuers.cert-manager.io",
    "issuers.cert-manager.io",
    "secrets",
    "networkpolicies.networking.k8s.io",
    "ciliumnetworkpolicies.cilium.io",
    "ciliumclusterwidenetworkpolicies.cilium.io",
];

/// The directories that there are.
const DIRECTORIES: [&str; 2] =
    ["https://acme-v02.api.letsencrypt.org/directory", "https://acme-staging-v02.api.letsencrypt.org/directory"];
/// How long after a failure an issuer is tried again.
const RETRY: Duration = Duration::from_secs(300);

/// The controller.
#[derive(Debug, Default)]
pub(super) struct Issuers {
    /// When one that failed is tried again, by uid, and its generation then.
    failed: BTreeMap<String, (Timestamp, Value)>,
}

impl Operator for Issuers {
    fn look(&mut self, site: &mut Site<'_>) {
        for (_, resource) in ISSUERS {
            for (place, stored) in site.all(resource, "") {
                let object = &*stored.value;
                let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
                let generation = object["metadata"]["generation"].clone();
                let acme = &object["spec"]["acme"];
                let ready = conditions::find(object, "Ready");
                let seen = ready.is_some_and(|one| one["observedGeneration"] == generation);
                if acme.is_object() && seen {
                    if conditions::text(object, "Ready", "status") == "True" {
                        continue;
                    }
                    if let Some((again, of)) = self.failed.get(&uid)
                        && *again > site.now
                        && *of == generation
                    {
                        site.at(*again);
                        continue;
                    }
                }
                let (mut value, stamp) = (object.clone(), site.stamp());
                let (status, reason, message) = judge(site, &place, &mut value);
                if status == "False" {
                    self.failed.insert(uid, (after(site.now, RETRY), generation));
                    if acme.is_object() {
                        site.again(RETRY);
                    }
                    if conditions::text(object, "Ready", "message") != message {
                        site.event(object, true, reason, &message, "cert-manager-clusterissuers");
                    }
                }
                Condition::new("Ready", status, reason, &message).set(&mut value, &stamp);
                site.put(&place, value);
            }
        }
    }
}

/// Status, reason and message of an issuer.
fn judge(site: &mut Site<'_>, place: &Place, object: &mut Value) -> (&'static str, &'static str, String) {
    // What belongs to an issuer of the whole cluster is in cert-manager's own namespace.
    let namespace = if place.namespace.is_empty() { "cert-manager" } else { &place.namespace };
    let spec = object["spec"].clone();
    if let Some(server) = spec["acme"]["server"].as_str() {
        let host = server.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let failed = |why: String| {
            ("False", "ErrRegisterACMEAccount", format!("Failed to register ACME account: Get \"{server}\": {why}"))
        };
        if let Some(why) = unreachable(site, host) {
            return failed(why);
        }
        if !DIRECTORIES.contains(&server) {
            return match DIRECTORIES.iter().any(|known| known.contains(host)) {
                true => (
                    "False",
                    "ErrRegisterACMEAccount",
                    "Failed to register ACME account: 404 : 404 page not found".into(),
                ),
                false => failed(format!("dial tcp: lookup {host}: no such host")),
            };
        }
        let key = spec["acme"]["privateKeySecretRef"]["name"].as_str().unwrap_or_default();
        let account = (hex(&[server, key], 8).bytes().fold(0u64, |sum, byte| sum * 31 + u64::from(byte)) % 900_000_000)
            + 100_000_000;
        site.create(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": { "name": key, "namespace": namespace },
            "data": { "tls.key": "" },
        }));
        object["status"]["acme"] = json!({
            "lastPrivateKeyHash": hex(&["account", key], 44), "lastRegisteredEmail": spec["acme"]["email"],
            "uri": format!("https://{host}/acme/acct/{account}"),
        });
        return ("True", "ACMEAccountRegistered", "The ACME account was registered with the ACME server".into());
    }
    if let Some(secret) = spec["ca"]["secretName"].as_str() {
        return match site.get("secrets", namespace, secret) {
            Some(_) => ("True", "KeyPairVerified", "Signing CA verified".into()),
            None => (
                "False",
                "ErrGetKeyPair",
                format!("Error getting keypair for CA issuer: secrets \"{secret}\" not found"),
            ),
        };
    }
    ("True", "IsReady", String::new())
}

/// Why the ACME server can't be reached, in Go's words.
pub(super) fn unreachable(site: &Site<'_>, host: &str) -> Option<String> {
    site.outside(ACME, "cert-manager", host)
}

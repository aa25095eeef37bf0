//! Certificates: issued when their Secret lacks one that fits, renewed in time, through a CertificateRequest and, with
//! ACME, an Order.
//!
//! Messages and reasons: github.com/cert-manager/cert-manager `internal/controller/certificates/policies`,
//! `pkg/controller/certificates`, `pkg/controller/certificaterequests`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Operator;
use super::super::conditions::{self, Condition};
use super::super::site::{Site, after, is, parsed, span};
use super::ISSUERS;
use super::order::{order, store};
use super::wanted::{names, reference, text, wrong};
use super::x509::{Authority, Signed};
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::suffix;

pub(super) const WATCHES: &[&str] = &[
    "certificates.cert-manager.io",
    "certificaterequests.cert-manager.io",
    "clusterissuers.cert-manager.io",
    "issuers.cert-manager.io",
    "secrets",
    "networkpolicies.networking.k8s.io",
    "ciliumnetworkpolicies.cilium.io",
    "ciliumclusterwidenetworkpolicies.cilium.io",
];
const RESOURCE: &str = WATCHES[0];
const REQUESTS: &str = WATCHES[1];
/// What an issuer takes: with ACME, a record has to be seen by the server first.
pub(super) const SIGNING: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));
const COMPONENT: &str = "cert-manager-certificates-issuing";

/// The controller.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// The authorities that were made, by the issuers' place.
    authorities: BTreeMap<String, Authority>,
}

impl Operator for Certificates {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(RESOURCE, "") {
            if !stored.value["metadata"]["deletionTimestamp"].is_null() {
                continue;
            }
            let mut object = stored.value.clone();
            if is(&object, "Issuing") {
                self.issue(site, &place, &mut object);
            } else {
                judge(site, &place, &mut object);
            }
            site.put(&place, object);
        }
    }
}

/// Looks whether the Secret has what is wanted, and asks for a new one where it has not.
fn judge(site: &mut Site<'_>, place: &Place, object: &mut Value) {
    let stamp = site.stamp();
    let secret = site.get("secrets", &place.namespace, text(&object["spec"]["secretName"]));
    match wrong(site, object, secret.as_deref().map(|secret| &*secret.value)) {
        None => {
            Condition::new("Ready", "True", "Ready", "Certificate is up to date and has not expired")
                .set(object, &stamp);
            if let Some(at) = parsed(&object["status"]["renewalTime"]) {
                site.at(at);
            }
        }
        Some((reason, message)) => {
            // One that is renewed in time is still good.
            if reason != "Renewing" {
                Condition::new("Ready", "False", reason, &message).set(object, &stamp);
            }
            Condition::new("Issuing", "True", reason, &message).set(object, &stamp);
            let next = format!("{}-{}", place.name, suffix(&[&place.namespace, &place.name, &stamp], 5));
            object["status"]["nextPrivateKeySecretName"] = next.into();
            let of = object.clone();
            site.event(&of, false, "Issuing", &message, "cert-manager-certificates-trigger");
            site.again(Duration::from_secs(1));
        }
    }
}

impl Certificates {
    /// Brings an issuance one step on: a request, its order, the Secret.
    fn issue(&mut self, site: &mut Site<'_>, place: &Place, object: &mut Value) {
        let stamp = site.stamp();
        let revision = object["status"]["revision"].as_u64().unwrap_or(0) + 1;
        let name = format!("{}-{revision}", place.name);
        let request = Place::new(REQUESTS, &place.namespace, &name);
        let Some(stored) = site.objects.store.get(&request).cloned() else {
            self.request(site, place, object, &name, revision);
            return;
        };
        let mut asked = stored.value.clone();
        // Another issuer than the one that was asked makes the request void.
        if asked["spec"]["issuerRef"] != reference(object) {
            site.delete(&request);
            site.again(Duration::from_secs(1));
            return;
        }
        let failed = conditions::text(&asked, "Ready", "reason") == "Failed";
        match self.answer(site, &request, &mut asked) {
            Some(signed) => {
                store(site, place, object, &signed);
                conditions::clear(object, "Issuing");
                object["status"]["revision"] = revision.into();
                object["status"].as_object_mut().map(|status| status.remove("nextPrivateKeySecretName"));
                let message = "The certificate has been successfully issued";
                let of = object.clone();
                site.event(&of, false, "Issuing", message, COMPONENT);
                let secret = site.get("secrets", &place.namespace, text(&object["spec"]["secretName"]));
                if wrong(site, object, secret.as_deref().map(|secret| &*secret.value)).is_none() {
                    Condition::new("Ready", "True", "Ready", "Certificate is up to date and has not expired")
                        .set(object, &stamp);
                }
                if let Some(at) = parsed(&object["status"]["renewalTime"]) {
                    site.at(at);
                }
            }
            None if failed => {
                let why = conditions::text(&asked, "Ready", "message").to_owned();
                let message = format!("The certificate request has failed to complete and will be retried: {why}");
                Condition::new("Issuing", "False", "Failed", &message).set(object, &stamp);
                object["status"]["lastFailureTime"] = stamp.into();
            }
            None => {}
        }
        site.put(&request, asked);
    }

    fn request(&mut self, site: &mut Site<'_>, place: &Place, object: &Value, name: &str, revision: u64) {
        let annotations = json!({
            "cert-manager.io/certificate-name": place.name, "cert-manager.io/certificate-revision": revision.to_string(),
            "cert-manager.io/private-key-secret-name": object["status"]["nextPrivateKeySecretName"],
        });
        site.create(&json!({
            "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
            "metadata": {
                "name": name, "namespace": place.namespace, "annotations": annotations, "generation": 1,
                "ownerReferences": [{ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": place.name,
                                      "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true }],
            },
            "spec": {
                "issuerRef": reference(object), "request": STANDARD.encode(names(object).join(",")), "duration": object["spec"]["duration"].as_str().unwrap_or("2160h0m0s"),
                "usages": ["digital signature", "key encipherment"], "username": "system:serviceaccount:cert-manager:cert-manager",
            },
        }));
        let of = object.clone();
        site.event(
            &of,
            false,
            "Requested",
            &format!("Created new CertificateRequest resource \"{name}\""),
            "cert-manager-certificates-request-manager",
        );
        site.again(Duration::from_secs(1));
    }

    /// What the issuer makes of a request, once it does.
    fn answer(&mut self, site: &mut Site<'_>, place: &Place, request: &mut Value) -> Option<Signed> {
        let stamp = site.stamp();
        let approved = "Certificate request has been approved by cert-manager.io";
        Condition::new("Approved", "True", "cert-manager.io", approved).set(request, &stamp);
        let reference = request["spec"]["issuerRef"].clone();
        let (kind, name) = (text(&reference["kind"]), text(&reference["name"]));
        let resource = ISSUERS.iter().find(|(known, _)| *known == kind).map_or("", |(_, resource)| resource);
        let namespace = if kind == "ClusterIssuer" { "" } else { &place.namespace };
        let pending = |request: &mut Value, message: &str| {
            Condition::new("Ready", "False", "Pending", message).set(request, &stamp);
            None
        };
        let Some(issuer) = site.get(resource, namespace, name) else {
            let lower = kind.to_lowercase();
            return pending(
                request,
                &format!("Referenced \"{kind}\" not found: {lower}.cert-manager.io \"{name}\" not found"),
            );
        };
        if !is(&issuer.value, "Ready") {
            return pending(request, "Referenced issuer does not have a Ready status condition");
        }
        let acme = issuer.value["spec"]["acme"].is_object();
        if acme {
            if let Err(message) = order(site, place, request, &issuer.value) {
                return pending(request, &message);
            }
        } else {
            let done = after(parsed(&request["metadata"]["creationTimestamp"]).unwrap_or(site.now), SIGNING.0);
            if done > site.now {
                site.at(done);
                return None;
            }
        }
        let signed = self.sign(site, request, &issuer.value, &format!("{kind}/{namespace}/{name}"));
        match signed {
            Some(signed) => {
                request["status"]["certificate"] = STANDARD.encode(&signed.chain).into();
                Condition::new("Ready", "True", "Issued", "Certificate fetched from issuer successfully")
                    .set(request, &stamp);
                Some(signed)
            }
            None => {
                Condition::new("Ready", "False", "Failed", "Error signing certificate").set(request, &stamp);
                None
            }
        }
    }

    fn sign(&mut self, site: &Site<'_>, request: &Value, issuer: &Value, place: &str) -> Option<Signed> {
        let server = text(&issuer["spec"]["acme"]["server"]);
        let common = match (server.contains("staging"), server.is_empty()) {
            (true, _) => "(STAGING) Riddling Rhubarb R12",
            (false, false) => "R12",
            (false, true) => text(&issuer["metadata"]["name"]),
        };
        if !self.authorities.contains_key(place) {
            self.authorities.insert(place.to_owned(), Authority::new(common).ok()?);
        }
        let names =
            STANDARD.decode(text(&request["spec"]["request"])).ok().and_then(|text| String::from_utf8(text).ok())?;
        let names: Vec<String> = names.split(',').map(String::from).collect();
        // ACME gives what it gives; the others what was asked for.
        let asked = if server.is_empty() { span(text(&request["spec"]["duration"])) } else { None };
        let until = after(site.now, asked.unwrap_or(Duration::from_secs(90 * 86_400)));
        // Let's Encrypt dates its certificates an hour back, for clocks that are slow.
        let back = if server.is_empty() { 0 } else { 3600 };
        let from = Timestamp::from_second(site.now.as_second() - back).ok()?;
        let until = Timestamp::from_second(until.as_second()).ok()?;
        self.authorities.get(place)?.sign(&names, names.first()?, from, until).ok()
    }
}

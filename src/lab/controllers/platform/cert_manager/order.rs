//! Orders of ACME, and the Secret that an issuance ends in.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::site::{Site, after, parsed};
use super::certificates::SIGNING;
use super::issuers;
use super::wanted::{names, reference, text};
use super::x509::Signed;
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::hex;

/// The Order of a request; an error says what it waits for.
pub(super) fn order(site: &mut Site<'_>, place: &Place, request: &Value, issuer: &Value) -> Result<(), String> {
    let name = format!(
        "{}-{}",
        place.name,
        hex(&["order", &request["spec"].to_string()], 10)
            .bytes()
            .fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
    );
    let at = Place::new("orders.acme.cert-manager.io", &place.namespace, &name);
    let server = text(&issuer["spec"]["acme"]["server"]);
    let host = server.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let waiting =
        |state: &str| Err(format!("Waiting on certificate issuance from order {}/{name}: {state:?}", place.namespace));
    let Some(stored) = site.objects.store.get(&at).cloned() else {
        site.create(&json!({
            "apiVersion": "acme.cert-manager.io/v1", "kind": "Order",
            "metadata": { "name": name, "namespace": place.namespace, "generation": 1, "ownerReferences": [{
                "apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "name": place.name, "uid": request["metadata"]["uid"],
                "controller": true, "blockOwnerDeletion": true }] },
            "spec": { "issuerRef": request["spec"]["issuerRef"], "request": request["spec"]["request"] },
            "status": { "state": "pending", "url": format!("https://{host}/acme/order/{}", hex(&[&name], 12)) },
        }));
        site.again(SIGNING.1);
        return waiting("pending");
    };
    let mut order = stored.value.clone();
    if order["status"]["state"] == "valid" {
        return Ok(());
    }
    // The record is made with the solver's token.
    let solver = &issuer["spec"]["acme"]["solvers"][0]["dns01"]["cloudflare"]["apiTokenSecretRef"];
    let missing = solver["name"].as_str().filter(|secret| site.get("secrets", "cert-manager", secret).is_none());
    if let Some(secret) = missing {
        let why = format!(
            "error getting cloudflare secret: failed to load secret \"cert-manager/{secret}\": secrets \"{secret}\" not found"
        );
        order["status"]["reason"] = why.into();
        site.put(&at, order);
        site.again(SIGNING.1);
        return waiting("pending");
    }
    let done = after(parsed(&order["metadata"]["creationTimestamp"]).unwrap_or(site.now), SIGNING.1);
    if done > site.now || issuers::unreachable(site, host).is_some() {
        site.at(done.max(after(site.now, Duration::from_secs(5))));
        return waiting("pending");
    }
    order["status"]["state"] = "valid".into();
    order["status"].as_object_mut().map(|status| status.remove("reason"));
    site.put(&at, order);
    Ok(())
}

/// Writes the Secret of a certificate.
pub(super) fn store(site: &mut Site<'_>, place: &Place, object: &Value, signed: &Signed) {
    let name = text(&object["spec"]["secretName"]);
    let at = Place::new("secrets", &place.namespace, name);
    let all = names(object);
    let reference = reference(object);
    let mut secret = match site.objects.store.get(&at) {
        Some(old) => old.value.clone(),
        None => {
            let made = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": {},
                "metadata": { "name": name, "namespace": place.namespace },
            });
            site.create(&made);
            site.objects.store.get(&at).map_or(made, |made| made.value.clone())
        }
    };
    secret["metadata"]["labels"]["controller.cert-manager.io/fao"] = "true".into();
    let annotations = &mut secret["metadata"]["annotations"];
    for (key, value) in [
        ("alt-names", all.join(",")),
        ("certificate-name", place.name.clone()),
        ("common-name", all.first().cloned().unwrap_or_default()),
        ("issuer-group", "cert-manager.io".into()),
        ("issuer-kind", text(&reference["kind"]).into()),
        ("issuer-name", text(&reference["name"]).into()),
    ] {
        annotations[format!("cert-manager.io/{key}")] = value.into();
    }
    secret["data"] = json!({ "tls.crt": STANDARD.encode(&signed.chain), "tls.key": STANDARD.encode(&signed.key) });
    site.put(&at, secret);
}

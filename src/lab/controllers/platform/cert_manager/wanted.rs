//! What a Certificate asks for, and why its Secret does not do.
//!
//! Reasons and messages: github.com/cert-manager/cert-manager `internal/controller/certificates/policies`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::site::{Site, span};
use super::x509::read;
use crate::lab::kube::cluster::time;

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The names that a certificate is for, in order.
pub(super) fn names(object: &Value) -> Vec<String> {
    let all = object["spec"]["dnsNames"].as_array().into_iter().flatten();
    let mut names: Vec<String> = all.map(|name| text(name).to_owned()).collect();
    if let Some(common) =
        object["spec"]["commonName"].as_str().filter(|common| !names.iter().any(|name| name == common))
    {
        names.insert(0, common.to_owned());
    }
    names
}

pub(super) fn reference(object: &Value) -> Value {
    let given = &object["spec"]["issuerRef"];
    json!({ "group": "cert-manager.io", "kind": given["kind"].as_str().unwrap_or("Issuer"), "name": given["name"] })
}

/// Why a new certificate is needed.
pub(super) fn wrong(site: &Site<'_>, object: &mut Value, secret: Option<&Value>) -> Option<(&'static str, String)> {
    let Some(secret) = secret else {
        return Some(("DoesNotExist", "Issuing certificate as Secret does not exist".into()));
    };
    let pem = STANDARD.decode(text(&secret["data"]["tls.crt"])).unwrap_or_default();
    if pem.is_empty() || text(&secret["data"]["tls.key"]).is_empty() {
        return Some(("MissingData", "Issuing certificate as Secret does not contain any data".into()));
    }
    let Some(found) = read(&pem) else {
        return Some((
            "InvalidCertificate",
            "Issuing certificate as Secret contains an invalid certificate: error decoding certificate PEM block"
                .into(),
        ));
    };
    let reference = &object["spec"]["issuerRef"];
    let annotations = &secret["metadata"]["annotations"];
    let kind = reference["kind"].as_str().unwrap_or("Issuer");
    if annotations["cert-manager.io/issuer-name"] != reference["name"]
        || annotations["cert-manager.io/issuer-kind"] != kind
    {
        let was = format!(
            "{}.cert-manager.io/{}",
            text(&annotations["cert-manager.io/issuer-kind"]),
            text(&annotations["cert-manager.io/issuer-name"])
        );
        return Some(("IncorrectIssuer", format!("Issuing certificate as Secret was previously issued by {was:?}")));
    }
    if found.names != names(object) {
        return Some((
            "SecretMismatch",
            "Issuing certificate as Existing issued Secret is not up to date for spec: [spec.dnsNames]".into(),
        ));
    }
    let lasts = found.until.duration_since(found.from);
    let before = object["spec"]["renewBefore"]
        .as_str()
        .and_then(span)
        .and_then(|span| span.try_into().ok())
        .unwrap_or(lasts / 3);
    let renewal = found.until.checked_sub(before).unwrap_or(found.until);
    let status = &mut object["status"];
    status["notBefore"] = time(found.from).into();
    status["notAfter"] = time(found.until).into();
    status["renewalTime"] = time(renewal).into();
    if found.until <= site.now {
        return Some((
            "Expired",
            format!("Certificate expired on {}", found.until.strftime("%a, %d %b %Y %H:%M:%S UTC")),
        ));
    }
    (renewal <= site.now).then(|| {
        (
            "Renewing",
            format!(
                "Renewing certificate as renewal was scheduled at {}",
                renewal.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
            ),
        )
    })
}

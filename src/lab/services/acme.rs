//! Let's Encrypt, as far as somebody looks whether it is there: the directory of its ACME server (RFC 8555, section 7.1.1).

use serde_json::json;

use super::{Asked, Reply, Services};

pub(super) fn answer(_: &Services, asked: &Asked) -> Reply {
    let base = format!("https://{}/acme", asked.host);
    match asked.path.as_str() {
        "/directory" => Reply::json(
            200,
            &json!({
                "newAccount": format!("{base}/new-acct"), "newNonce": format!("{base}/new-nonce"),
                "newOrder": format!("{base}/new-order"), "revokeCert": format!("{base}/revoke-cert"),
                "keyChange": format!("{base}/key-change"),
                "meta": { "caaIdentities": ["letsencrypt.org"], "website": "https://letsencrypt.org" },
            }),
        ),
        "/acme/new-nonce" => Reply::empty(200).with("replay-nonce", "pb-lab-nonce"),
        _ => Reply::new(
            404,
            "application/problem+json",
            json!({
                "type": "urn:ietf:params:acme:error:malformed", "detail": "Page not found", "status": 404,
            })
            .to_string(),
        ),
    }
}

//! The public registries, as far as somebody looks whether they are there: every image is, unless the world says otherwise.
//!
//! Source: OCI distribution specification 1.1.

use serde_json::json;

use super::{Asked, Reply, Services};
use crate::lab::world::Cause;

pub(super) fn answer(services: &Services, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["token"] => Reply::json(200, &json!({ "token": "anonymous", "expires_in": 300 })),
        ["v2"] | ["v2", ..] if asked.bearer().is_none() => {
            let realm = format!("Bearer realm=\"https://{}/token\",service=\"{}\"", asked.host, asked.host);
            let body =
                json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "authentication required", "detail": null }] });
            Reply::json(401, &body).with("www-authenticate", realm)
        }
        ["v2"] => Reply::json(200, &json!({})),
        ["v2", name @ .., "manifests", tag] => {
            let image = format!("{}/{}", asked.host, name.join("/"));
            let gone = services.world.causes().into_iter().any(|(cause, _)| match cause {
                Cause::Image { image: own } => image.starts_with(&own),
                _ => false,
            });
            if gone {
                let detail = json!({ "Tag": tag });
                return Reply::json(
                    404,
                    &json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": detail }] }),
                );
            }
            let body =
                json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [] });
            let digest = super::oci::digest(body.to_string().as_bytes());
            Reply::new(200, "application/vnd.oci.image.index.v1+json", body.to_string())
                .with("docker-content-digest", digest)
        }
        _ => Reply::json(
            404,
            &json!({ "errors": [{ "code": "NAME_UNKNOWN", "message": "repository name not known to registry" }] }),
        ),
    }
}

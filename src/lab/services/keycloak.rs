//! Keycloak: its realms' OpenID Connect documents, tokens for clients, health.
//!
//! Source: OpenID Connect Discovery 1.0; RFC 6749, sections 4.4 and 5.2; Keycloak's "Tracking instance status with health
//! checks".

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Asked, Reply, Site, needs};

pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["health"] | ["health", "ready"] => health(site, true),
        ["health", "live" | "started"] => health(site, false),
        ["metrics"] => super::metrics::of_pod(site),
        [] => Reply::empty(302).with("location", "/admin/"),
        ["admin", ..] => Reply::html(200, "<!doctype html><title>Keycloak Administration Console</title>\n"),
        ["realms", realm, rest @ ..] if realms(site).iter().any(|known| known == realm) => {
            within(site, asked, realm, rest)
        }
        ["realms", ..] => Reply::json(404, &json!({ "error": "Realm does not exist" })),
        _ => Reply::json(404, &json!({ "error": "HTTP 404 Not Found" })),
    }
}

/// The realms: the first one, and those that objects import.
fn realms(site: &Site<'_>) -> Vec<String> {
    let world = site.cluster.world();
    let imported = world.store.list("keycloakrealmimports.k8s.keycloak.org", "");
    let imported = imported.filter_map(|(_, one)| one.value["spec"]["realm"]["realm"].as_str().map(String::from));
    ["master".to_string(), "monosense".into()].into_iter().chain(imported).collect()
}

/// Ready as long as the database is: without its pooler it is cut off.
fn health(site: &Site<'_>, database: bool) -> Reply {
    let up = needs::pooler(site.cluster, "keycloak");
    let checks = if database {
        json!([{ "name": "Keycloak database connections async health check", "status": if up { "UP" } else { "DOWN" } }])
    } else {
        json!([])
    };
    let fine = up || !database;
    Reply::json(if fine { 200 } else { 503 }, &json!({ "status": if fine { "UP" } else { "DOWN" }, "checks": checks }))
}

fn within(site: &Site<'_>, asked: &Asked, realm: &str, path: &[&str]) -> Reply {
    let scheme = if asked.secure || asked.header("x-forwarded-proto") == "https" { "https" } else { "http" };
    let host = if asked.host.is_empty() { "localhost" } else { &asked.host };
    let issuer = format!("{scheme}://{host}/realms/{realm}");
    let oidc = format!("{issuer}/protocol/openid-connect");
    match path {
        [] => Reply::json(
            200,
            &json!({ "realm": realm, "token-service": oidc, "account-service": format!("{issuer}/account"), "tokens-not-before": 0 }),
        ),
        [".well-known", "openid-configuration"] => Reply::json(
            200,
            &json!({
                "issuer": issuer, "authorization_endpoint": format!("{oidc}/auth"), "token_endpoint": format!("{oidc}/token"),
                "introspection_endpoint": format!("{oidc}/token/introspect"), "userinfo_endpoint": format!("{oidc}/userinfo"),
                "end_session_endpoint": format!("{oidc}/logout"), "jwks_uri": format!("{oidc}/certs"),
                "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid", "profile", "email"],
            }),
        ),
        ["protocol", "openid-connect", "certs"] => Reply::json(
            200,
            &json!({ "keys": [{ "kid": "pb-lab", "kty": "RSA", "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB" }] }),
        ),
        ["protocol", "openid-connect", "token"] if asked.method == http::Method::POST => token(site, asked, &issuer),
        ["protocol", "openid-connect", "token"] => Reply::json(405, &json!({ "error": "HTTP 405 Method Not Allowed" })),
        _ => Reply::json(404, &json!({ "error": "HTTP 404 Not Found" })),
    }
}

/// Tokens: for a client that has its secret in the namespace, and for the administrator.
fn token(site: &Site<'_>, asked: &Asked, issuer: &str) -> Reply {
    let refused = |error: &str, why: &str| {
        Reply::json(
            if error == "unsupported_grant_type" { 400 } else { 401 },
            &json!({ "error": error, "error_description": why }),
        )
    };
    let (client, secret) = asked.basic().unwrap_or_else(|| {
        (asked.value("client_id").unwrap_or_default(), asked.value("client_secret").unwrap_or_default())
    });
    let fits = match asked.value("grant_type").as_deref() {
        Some("client_credentials") => secrets(site).contains(&secret) && !client.is_empty(),
        Some("password") => {
            let user = asked.value("username").unwrap_or_default();
            let password = asked.value("password").unwrap_or_default();
            if user != "admin" || !secrets(site).contains(&password) {
                return refused("invalid_grant", "Invalid user credentials");
            }
            true
        }
        _ => return refused("unsupported_grant_type", "Unsupported grant_type"),
    };
    if !fits {
        return refused("unauthorized_client", "Invalid client or Invalid client credentials");
    }
    let now = site.services.now().as_second();
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "alg": "RS256", "typ": "JWT", "kid": "pb-lab" }));
    let body = part(&json!({ "iss": issuer, "azp": client, "iat": now, "exp": now + 300 }));
    let sign = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{client}{now}"));
    Reply::json(
        200,
        &json!({
            "access_token": format!("{head}.{body}.{sign}"), "expires_in": 300, "refresh_expires_in": 0,
            "token_type": "Bearer", "not-before-policy": 0, "scope": "profile email",
        }),
    )
}

/// What Secrets of the namespace have under the keys that clients' secrets and passwords have; and what the vault has.
fn secrets(site: &Site<'_>) -> Vec<String> {
    let world = site.cluster.world();
    let names: Vec<String> =
        world.store.list("secrets", site.namespace()).map(|(place, _)| place.name.clone()).collect();
    drop(world);
    let keys = [
        "client-secret",
        "clientSecret",
        "CLIENT_SECRET",
        "secret",
        "password",
        "admin-password",
        "KEYCLOAK_ADMIN_PASSWORD",
    ];
    let own = names.iter().filter_map(|name| site.secret(name, &keys));
    own.chain([super::vault::value("keycloak", "password"), super::vault::value("keycloak", "client-secret")]).collect()
}

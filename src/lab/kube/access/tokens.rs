//! The tokens of ServiceAccounts: signed, bound to an account and for a time, as a TokenRequest gives them.
//!
//! JWTs with ES256 (RFC 7519, RFC 7518 3.4), one of the ways in which an API server signs. The claims are those of
//! k8s.io/kubernetes `pkg/serviceaccount/claims.go`.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde_json::{Value, json};

use super::Who;
use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;

/// For whom a token is that names nobody else: the API server.
pub(crate) const AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

/// The key that a cluster signs with; made when the first token is.
#[derive(Default)]
pub(crate) struct Tokens(OnceLock<Option<EcdsaKeyPair>>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

/// What a token is for.
#[derive(Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) namespace: &'a str,
    /// The ServiceAccount's.
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) audiences: &'a [String],
    pub(crate) seconds: i64,
    /// Kind in small letters, name and uid of the object with which it ends.
    pub(crate) bound: Option<(&'a str, &'a str, &'a str)>,
    /// The token's own name.
    pub(crate) id: &'a str,
}

impl Tokens {
    fn key(&self) -> Option<&EcdsaKeyPair> {
        let made = self.0.get_or_init(|| {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).ok()?;
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).ok()
        });
        made.as_ref()
    }

    /// A token; none where the machine gives no randomness.
    pub(crate) fn give(&self, grant: &Grant<'_>, now: Timestamp) -> Option<String> {
        let key = self.key()?;
        let now = now.as_second();
        let mut own = json!({
            "namespace": grant.namespace, "serviceaccount": { "name": grant.name, "uid": grant.uid },
        });
        if let Some((kind, name, uid)) = grant.bound {
            own[kind] = json!({ "name": name, "uid": uid });
        }
        let claims = json!({
            "aud": grant.audiences, "exp": now.saturating_add(grant.seconds), "iat": now, "nbf": now, "iss": AUDIENCE,
            "jti": grant.id, "kubernetes.io": own,
            "sub": format!("system:serviceaccount:{}:{}", grant.namespace, grant.name),
        });
        let head = json!({ "alg": "ES256", "kid": "lab" });
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(&head), encoded(&claims));
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Whose token it is, and for whom it is meant; none where it is not this cluster's, has run out, or its account is gone.
pub(crate) fn holder(world: &World, token: &str, now: Timestamp) -> Option<(Who, Vec<String>)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, world.tokens.key()?.public_key().as_ref());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?).ok()?;
    let now = now.as_second();
    if claims["exp"].as_i64()? <= now || claims["nbf"].as_i64()? > now {
        return None;
    }
    let own = &claims["kubernetes.io"];
    let (namespace, account) = (own["namespace"].as_str()?, &own["serviceaccount"]);
    let is_there = |resource: &str, of: &Value| {
        let place = Place::new(resource, namespace, of["name"].as_str().unwrap_or_default());
        world.store.get(&place).is_some_and(|object| object.value["metadata"]["uid"] == of["uid"])
    };
    if !is_there("serviceaccounts", account) {
        return None;
    }
    let mut who = Who::account(namespace, account["name"].as_str()?);
    for (kind, resource) in [("pod", "pods"), ("secret", "secrets")] {
        if own[kind].is_object() {
            if !is_there(resource, &own[kind]) {
                return None;
            }
            let mut tell = |what: &str| {
                let value = own[kind][what].as_str().unwrap_or_default().to_owned();
                who.extra.insert(format!("authentication.kubernetes.io/{kind}-{what}"), vec![value]);
            };
            if kind == "pod" {
                tell("name");
                tell("uid");
            }
        }
    }
    who.uid = account["uid"].as_str()?.to_owned();
    let id = format!("JTI={}", claims["jti"].as_str().unwrap_or_default());
    who.extra.insert("authentication.kubernetes.io/credential-id".to_owned(), vec![id]);
    let audiences = claims["aud"].as_array()?.iter().filter_map(|a| a.as_str().map(str::to_owned)).collect();
    Some((who, audiences))
}

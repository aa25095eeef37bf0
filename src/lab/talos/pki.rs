//! The authority of a cluster's machine API: Ed25519 keys, a certificate for each machine, and the client's, whose
//! organisation is its role.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ED25519, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::error::{Error, Kind, Result};

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Looking at what is no secret.
    Reader,
}

impl Role {
    /// The organisation in the certificate.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "os:admin",
            Self::Reader => "os:reader",
        }
    }
}

/// The authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// [`Kind::Config`] where keys can't be made.
    pub fn new() -> Result<Self> {
        let mut params = named(&[], DnType::OrganizationName, "talos")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2120, 1, 1));
        let issuer = CertifiedIssuer::self_signed(params, key()?).map_err(|e| unmade(&e))?;
        Ok(Self { issuer })
    }

    /// Its certificate in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// What a machine serves with: for these names and addresses, to clients that this authority knows.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn server(&self, names: &[&str]) -> Result<Arc<ServerConfig>> {
        let mut params = named(names, DnType::CommonName, names.first().unwrap_or(&"talos"))?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|e| unmade(&e))?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).map_err(|e| unmade(&e))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let clients = clients.build().map_err(|e| unmade(&e))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| unmade(&e))?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(|e| unmade(&e))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    /// A client's certificate and key in PEM, the key under the label that Talos writes.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn client(&self, role: Role, from: Timestamp, until: Timestamp) -> Result<(String, String)> {
        let mut params = named(&[], DnType::OrganizationName, role.word())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let epoch = date_time_ymd(1970, 1, 1);
        let at = |time: Timestamp| epoch + std::time::Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0));
        (params.not_before, params.not_after) = (at(from), at(until));
        let key = key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|e| unmade(&e))?;
        Ok((certificate.pem(), key.serialize_pem().replace(" PRIVATE KEY-", " ED25519 PRIVATE KEY-")))
    }

    /// A talosconfig's context, with a client's certificate that is valid for a year from now.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn context(&self, role: Role, endpoints: &[String], nodes: &[String], now: Timestamp) -> Result<String> {
        let until = now.checked_add(SignedDuration::from_hours(24 * 365)).unwrap_or(now);
        let (certificate, key) =
            self.client(role, now.checked_sub(SignedDuration::from_hours(1)).unwrap_or(now), until)?;
        Ok(context(endpoints, nodes, &self.pem(), &certificate, &key))
    }
}

/// What a machine without a configuration serves with: a certificate of its own, to anybody.
///
/// # Errors
/// As [`Authority::new`].
pub fn unconfigured(name: &str) -> Result<Arc<ServerConfig>> {
    let (params, key) = (named(&[name], DnType::CommonName, "talos")?, key()?);
    let certificate = params.self_signed(&key).map_err(|e| unmade(&e))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| unmade(&e))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(|e| unmade(&e))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// The lines of a talosconfig's context, each four blanks in: they follow `contexts:` and the context's name.
pub fn context(endpoints: &[String], nodes: &[String], authority: &str, certificate: &str, key: &str) -> String {
    let list = |name: &str, items: &[String]| {
        let items: String = items.iter().map(|item| format!("      - {item}\n")).collect();
        format!("    {name}:\n{items}")
    };
    let [ca, crt, key] = [authority, certificate, key].map(|pem| STANDARD.encode(pem));
    format!("{}{}    ca: {ca}\n    crt: {crt}\n    key: {key}\n", list("endpoints", endpoints), list("nodes", nodes))
}

/// A talosconfig of these contexts, the first of which is the current one.
pub fn talosconfig(contexts: &[(&str, String)]) -> String {
    let current = contexts.first().map_or("", |(name, _)| name);
    let all: String = contexts.iter().map(|(name, lines)| format!("  {name}:\n{lines}")).collect();
    format!("context: {current}\ncontexts:\n{all}")
}

/// A certificate's beginnings: for these names and addresses, with this as its whole subject.
fn named(names: &[&str], part: DnType, subject: &str) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
    let mut params = CertificateParams::new(names).map_err(|e| unmade(&e))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(part, subject);
    Ok(params)
}

fn key() -> Result<KeyPair> {
    KeyPair::generate_for(&PKCS_ED25519).map_err(|e| unmade(&e))
}

fn unmade(error: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Config, "the lab's certificates for Talos can't be made").because(error)
}

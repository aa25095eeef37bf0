//! The authority of the lab's services, and the certificates that they show.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, Kind, Result};

/// A time as rcgen takes it, whose own type is not to be had from here.
macro_rules! date {
    ($at:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(u64::try_from($at.as_second()).unwrap_or(0))
    };
}

/// How long a certificate of Let's Encrypt holds.
pub(super) const QUARTER: SignedDuration = SignedDuration::from_hours(24 * 90);

/// How long an authority's certificate holds.
const YEARS: SignedDuration = SignedDuration::from_hours(24 * 3650);

/// An authority of the lab's own; it plays Let's Encrypt, and whoever signed for the services outside.
pub struct Authority {
    /// Its certificate, PEM.
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(Kind::Io, "a certificate of the lab's services can't be made").because(error)
}

impl Authority {
    /// Makes one anew; nothing of it outlives the lab.
    ///
    /// # Errors
    /// There is no randomness to be had.
    pub fn new(now: Timestamp) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "pb lab");
        params.not_before = date!(now - SignedDuration::from_hours(24 * 365));
        params.not_after = date!(now + YEARS);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// A server's side of TLS with a certificate for some names, which holds for a time.
    ///
    /// # Errors
    /// A name is none, or rustls does not take what was made.
    pub fn server(&self, names: &[String], from: Timestamp, until: Timestamp) -> Result<Arc<ServerConfig>> {
        let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = date!(from);
        params.not_after = date!(until);
        let key = KeyPair::generate().map_err(failed)?;
        let own = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        let chain = [own.as_str(), &self.certificate].map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()));
        let chain = chain.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).map_err(failed)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(failed)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

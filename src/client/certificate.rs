//! A certificate as plain data: names, dates, fingerprints.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::error::{Error, Kind, Result};

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// `CN=grafana.example.org`
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// In hex, with colons.
    pub serial: String,
    /// SHA-256 of the certificate's bytes, in hex.
    pub sha256: String,
    /// Whether subject and issuer are the same.
    pub self_signed: bool,
    /// Whether it may sign others.
    pub authority: bool,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`Kind::Unreadable`] when it is none.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        let broken = |what: &dyn std::fmt::Display| {
            Error::new(Kind::Unreadable, format!("a certificate of {} bytes can't be read", der.len())).because(what)
        };
        let (_, cert) = X509Certificate::from_der(der).map_err(|e| broken(&e))?;
        let time = |t: x509_parser::time::ASN1Time| Timestamp::from_second(t.timestamp()).map_err(|e| broken(&e));
        let names = cert
            .subject_alternative_name()
            .map_err(|e| broken(&e))?
            .map(|extension| extension.value.general_names.iter().map(name).collect())
            .unwrap_or_default();
        Ok(Self {
            subject: cert.subject().to_string(),
            issuer: cert.issuer().to_string(),
            names,
            not_before: time(cert.validity().not_before)?,
            not_after: time(cert.validity().not_after)?,
            serial: cert.raw_serial_as_string(),
            sha256: hex(&Sha256::digest(der)),
            self_signed: cert.subject() == cert.issuer(),
            authority: cert.is_ca(),
        })
    }
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(dns) => (*dns).to_string(),
        GeneralName::RFC822Name(mail) => (*mail).to_string(),
        GeneralName::URI(uri) => (*uri).to_string(),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).map(|b| std::net::Ipv4Addr::from(b).to_string()).unwrap_or_default(),
            16 => <[u8; 16]>::try_from(*bytes).map(|b| std::net::Ipv6Addr::from(b).to_string()).unwrap_or_default(),
            _ => hex(bytes),
        },
        other => other.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

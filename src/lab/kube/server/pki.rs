//! A cluster's own authority, its server's certificate, and clients' certificates.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use crate::error::{Error, Kind, Result};

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// What a cluster's API server and its administrator have.
#[derive(Debug, Clone)]
pub(super) struct Pki {
    /// The authority's certificate, as PEM.
    pub(super) authority: String,
    pub(super) server: Pair,
    pub(super) admin: Pair,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(Kind::Io, "a certificate of the lab can't be made").because(error)
}

impl Pki {
    /// Makes everything anew; nothing of it outlives the lab.
    pub(super) fn new(cluster: &str, names: &[String]) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new()).map_err(failed)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        authority.distinguished_name.push(DnType::CommonName, format!("{cluster}-ca"));
        let key = KeyPair::generate().map_err(failed)?;
        let signed = authority.self_signed(&key).map_err(failed)?;
        let issuer = Issuer::new(authority, key);

        let mut server = CertificateParams::new(names.to_vec()).map_err(failed)?;
        server.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = pair(&server, &issuer)?;

        let mut admin = CertificateParams::new(Vec::new()).map_err(failed)?;
        admin.distinguished_name.push(DnType::CommonName, "kubernetes-admin");
        admin.distinguished_name.push(DnType::OrganizationName, "system:masters");
        admin.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let admin = pair(&admin, &issuer)?;
        Ok(Self { authority: signed.pem(), server, admin })
    }
}

fn pair(params: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Result<Pair> {
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.signed_by(&key, issuer).map_err(failed)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

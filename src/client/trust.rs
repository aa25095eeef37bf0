//! Which servers' certificates are trusted, and in plain words why one is not.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::certificate::Certificate;
use crate::error::{Error, Kind, Result};

/// Whom to trust.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The authorities that this machine trusts.
    #[default]
    System,
    /// The authorities in this PEM text, and no others.
    Only(Arc<[u8]>),
    /// Whatever the server shows.
    Anyone,
}

impl Trust {
    /// Reads a file of certificate authorities.
    ///
    /// # Errors
    /// [`Kind::Config`] when it can't be read or has no certificate.
    pub fn file(path: &std::path::Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|e| {
            Error::new(Kind::Config, format!("the certificate authority {} can't be read", path.display())).because(e)
        })?;
        let trust = Self::Only(text.into());
        trust.roots().map_err(|e| e.context(path.display()))?;
        Ok(trust)
    }

    fn roots(&self) -> Result<RootCertStore> {
        let Self::Only(text) = self else { return Ok(system_roots().clone()) };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let certificate = certificate.map_err(|e| Error::new(Kind::Config, format!("not PEM: {e}")))?;
            roots.add(certificate).map_err(|e| Error::new(Kind::Config, format!("no usable certificate: {e}")))?;
        }
        if roots.is_empty() {
            return Err(Error::new(Kind::Config, "no certificate in it: expected -----BEGIN CERTIFICATE-----"));
        }
        Ok(roots)
    }

    /// The client's side of TLS. `seen` gets the chain that the server showed and what is wrong with it;
    /// with `only_look` the handshake goes on whatever is wrong.
    ///
    /// # Errors
    /// [`Kind::Config`] when the authorities can't be used.
    pub fn client_config(&self, only_look: bool, seen: Option<Seen>) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = self.roots()?;
        // Without a single authority there is nothing to verify with; every server is then unknown.
        let inner = if roots.is_empty() {
            None
        } else {
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
            Some(built.map_err(|e| Error::new(Kind::Config, "the certificate authorities can't be used").because(e))?)
        };
        let accept = only_look || *self == Self::Anyone;
        let verifier = Arc::new(Verifier { inner, accept, seen, provider: provider.clone() });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(Kind::Config, "TLS can't be set up").because(e))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(config)
    }
}

fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

/// Where a verifier leaves what it saw.
pub type Seen = Arc<Mutex<Option<Shown>>>;

/// The chain that a server showed, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its certificates in DER, the server's own first.
    pub chain: Vec<Vec<u8>>,
    /// Why it is not trusted; none where it is.
    pub problem: Option<String>,
}

/// Why a server's certificate is not trusted, travelling inside rustls' error.
#[derive(Debug, Clone)]
pub struct Untrusted {
    /// In words.
    pub problem: String,
    /// Whether trusting another authority would help: not where a certificate has expired, or has another name.
    pub authority: bool,
}

impl std::fmt::Display for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Untrusted {}

#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    accept: bool,
    seen: Option<Seen>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = || std::iter::once(end_entity).chain(intermediates);
        let mut authority = true;
        let problem = match &self.inner {
            Some(inner) => inner
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .err()
                .inspect(|e| authority = unknown(e))
                .map(|e| explain(&e, &chain().map(AsRef::as_ref).collect::<Vec<_>>(), server_name)),
            None => {
                Some("this machine trusts no certificate authority at all (ca-certificates is not installed)".into())
            }
        };
        if let Some(seen) = &self.seen {
            let chain = chain().map(|c| c.to_vec()).collect();
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Shown { chain, problem: problem.clone() });
        }
        match problem {
            Some(problem) if !self.accept => {
                let other = CertificateError::Other(OtherError(Arc::new(Untrusted { problem, authority })));
                Err(rustls::Error::InvalidCertificate(other))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether it is the authority that is wrong, not the certificate's time or name.
fn unknown(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature))
}

/// What is wrong with a chain, with the names and dates that it has.
fn explain(error: &rustls::Error, chain: &[&[u8]], name: &ServerName<'_>) -> String {
    let certificates: Vec<Certificate> = chain.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let Some(own) = certificates.first() else { return "the certificate can't be read".into() };
    let name = name.to_str();
    let now = Timestamp::now();
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            let bad = certificates.iter().find(|c| c.not_after < now).unwrap_or(own);
            format!("the certificate of {} expired on {} ({})", bad.subject, bad.not_after, ago(now, bad.not_after))
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => {
            let bad = certificates.iter().find(|c| c.not_before > now).unwrap_or(own);
            format!("the certificate of {} is valid only from {} on", bad.subject, bad.not_before)
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            let has = if own.names.is_empty() {
                format!("names nobody (its subject, {}, does not count)", own.subject)
            } else {
                format!("is for {}", own.names.join(", "))
            };
            format!("the certificate {has}, not for {name}")
        }
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) if own.self_signed => {
            format!("the certificate of {} is signed by itself, and not among the trusted ones", own.subject)
        }
        rustls::Error::InvalidCertificate(CertificateError::BadSignature) => format!(
            "the certificate of {} was not signed by the trusted {} but by another of that name: it is not trusted: {}",
            own.subject, own.issuer, own.issuer
        ),
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            let last = certificates.last().unwrap_or(own);
            format!("the certificate of {} leads to an authority that is not trusted: {}", own.subject, last.issuer)
        }
        rustls::Error::InvalidCertificate(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            format!("the certificate of {} is an authority's and can't serve as a server's own", own.subject)
        }
        other => format!("the certificate of {} is not valid: {other}", own.subject),
    }
}

fn ago(now: Timestamp, then: Timestamp) -> String {
    let hours = now.duration_since(then).as_hours();
    if hours >= 48 { format!("{} days ago", hours / 24) } else { format!("{hours} hours ago") }
}

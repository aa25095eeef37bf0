//! TLS servers with certificates of their own making, good and bad.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::listener;
use crate::client::trust::Trust;

/// An authority and a server's certificate that it signed.
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    /// The authority's certificate in PEM.
    pub(crate) authority: String,
}

impl Tls {
    /// A certificate for these names, valid from 1 January of a year to 1 January of another.
    pub(crate) fn new(names: &[&str], (from, until): (i32, i32)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.distinguished_name.push(DnType::CommonName, "pb test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let signed = authority.self_signed(&key).expect("a certificate");
        let issuer = Issuer::new(authority, key);

        let names: Vec<String> = names.iter().map(|n| (*n).to_string()).collect();
        let mut own = CertificateParams::new(names).expect("parameters");
        own.distinguished_name.push(DnType::CommonName, "server");
        own.not_before = date_time_ymd(from, 1, 1);
        own.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = own.signed_by(&key, &issuer).expect("a certificate");
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a usable certificate");
        Self { config: Arc::new(config), authority: signed.pem() }
    }

    /// Trust in its authority alone.
    pub(crate) fn trust(&self) -> Trust {
        Trust::Only(self.authority.as_bytes().into())
    }
}

/// A server that shakes hands and closes.
pub(crate) async fn tls_server(tls: &Tls) -> SocketAddr {
    serve(tls, false).await
}

/// The web server of [`super::web`], behind TLS.
pub(crate) async fn tls_web(tls: &Tls) -> SocketAddr {
    serve(tls, true).await
}

async fn serve(tls: &Tls, web: bool) -> SocketAddr {
    let (listener, address) = listener().await;
    let acceptor = TlsAcceptor::from(tls.config.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await
                    && web
                {
                    let _ = super::web::serve(stream).await;
                }
            });
        }
    });
    address
}

//! Looks at a TLS server's certificates, whether they are trusted or not.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

use super::certificate::Certificate;
use super::route::{Opened, Routes};
use super::trust::{Seen, Trust};
use crate::error::{Error, Kind, Result};

/// A TLS server as it showed itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The address that answered.
    pub address: String,
    /// The name that was asked for.
    pub name: String,
    /// `TLSv1.3`
    pub protocol: String,
    /// Its certificates, the server's own first.
    pub chain: Vec<Certificate>,
    /// Why the chain is not trusted for the name; none where it is.
    pub problem: Option<String>,
    /// From the first packet to the end of the handshake.
    pub latency: Duration,
}

/// Shakes hands with `host:port` as if for `name` and returns what the server showed.
///
/// # Errors
/// [`Kind::Unreachable`] when there is no connection or no TLS behind it.
pub async fn peer(
    routes: &Routes,
    host: &str,
    port: u16,
    name: &str,
    trust: &Trust,
    connect_limit: Duration,
) -> Result<Peer> {
    let server_name = ServerName::try_from(name.to_string())
        .map_err(|_| Error::new(Kind::Script, format!("\"{name}\" is neither a DNS name nor an address")))?;
    let seen = Seen::default();
    let config = trust.client_config(true, Some(seen.clone()))?;
    let Opened { stream, address, latency } = routes.open(host, port, connect_limit).await??;
    let failed = |e: std::io::Error| {
        Error::new(Kind::Unreachable, format!("{address} (asked for {name}): the TLS handshake failed"))
            .because(e)
            .hint("a server that speaks plain text, or none of TLS 1.2 and 1.3, ends it like this")
    };
    let started = Instant::now();
    let stream = TlsConnector::from(Arc::new(config)).connect(server_name, stream).await.map_err(failed)?;
    let latency = latency + started.elapsed();
    let protocol = version(stream.get_ref().1.protocol_version());
    let shown = seen.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(|| {
        Error::new(Kind::Unreadable, format!("{address} (asked for {name}) shook hands without a certificate"))
    })?;
    let chain = shown.chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>>>()?;
    let address = address.to_string();
    Ok(Peer { address, name: name.into(), protocol, chain, problem: shown.problem, latency })
}

/// `TLSv1.3`, as OpenSSL and curl write it.
fn version(version: Option<ProtocolVersion>) -> String {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".into(),
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".into(),
        Some(other) => format!("{other:?}"),
        None => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::{Tls, tls_server};

    async fn look(tls: &Tls, name: &str, trust: &Trust) -> Peer {
        let address = tls_server(tls).await;
        peer(&Routes::default(), "127.0.0.1", address.port(), name, trust, Duration::from_secs(2)).await.unwrap()
    }

    #[tokio::test]
    async fn an_expired_certificate_is_shown_with_its_dates() {
        let tls = Tls::new(&["web.test"], (2020, 2021));
        let peer = look(&tls, "web.test", &tls.trust()).await;
        assert_eq!(peer.chain[0].not_after.to_string(), "2021-01-01T00:00:00Z");
        assert_eq!(peer.chain[0].names, ["web.test"]);
        let problem = peer.problem.unwrap();
        assert!(problem.contains("expired on 2021-01-01T00:00:00Z"), "{problem}");
        assert_eq!(peer.protocol, "TLSv1.3");
    }

    #[tokio::test]
    async fn a_wrong_name_is_told_with_the_names_that_are_there() {
        let tls = Tls::new(&["web.test", "127.0.0.1"], (2020, 2120));
        let problem = look(&tls, "other.test", &tls.trust()).await.problem.unwrap();
        assert_eq!(problem, "the certificate is for web.test, 127.0.0.1, not for other.test");
        assert_eq!(look(&tls, "web.test", &tls.trust()).await.problem, None);
        assert_eq!(look(&tls, "127.0.0.1", &tls.trust()).await.problem, None);
    }

    #[tokio::test]
    async fn an_unknown_authority_is_named() {
        let tls = Tls::new(&["web.test"], (2020, 2120));
        let other = Tls::new(&["web.test"], (2020, 2120));
        let peer = look(&tls, "web.test", &other.trust()).await;
        let problem = peer.problem.unwrap();
        assert!(problem.contains("not trusted") && problem.contains("pb test authority"), "{problem}");
        assert!(!peer.chain[0].self_signed);
    }

    #[tokio::test]
    async fn a_server_without_tls_is_an_error_that_says_so() {
        let address = crate::client::testing::greeter("SSH-2.0-x\r\n").await;
        let error =
            peer(&Routes::default(), "127.0.0.1", address.port(), "web.test", &Trust::System, Duration::from_secs(2))
                .await
                .unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable);
        assert!(error.to_string().contains("TLS handshake"), "{error}");
    }
}

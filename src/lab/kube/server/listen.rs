//! Listening: TLS over loopback, one task a connection, all of which end with the server.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::identity;
use super::pki::Pki;
use super::route;
use super::weather::{self, Fuse, Wire};
use crate::error::{Error, Kind, Result};
use crate::lab::kube::cluster::Cluster;
use crate::lab::net::asked::Asked;
use crate::lab::net::door::Door;
use crate::lab::net::places::{Place, Places};

/// What a client needs to reach a cluster.
#[derive(Debug, Clone)]
pub struct Access {
    /// The cluster's name.
    pub cluster: String,
    /// `https://127.0.0.1:…`
    pub url: String,
    /// The authority's certificate, PEM.
    pub authority: String,
    /// The administrator's certificate, PEM.
    pub certificate: String,
    /// The administrator's key, PEM.
    pub key: String,
    /// A bearer token that may do everything.
    pub token: String,
}

/// As many connections are served at once.
const CONNECTIONS: usize = 250;
/// A client that has not shown by then what it wants is let go.
const HELLO: Duration = Duration::from_secs(10);

/// A running API server. It stops when this is dropped, with every connection.
#[derive(Debug)]
pub struct Server {
    /// How to reach it.
    pub access: Access,
    open: watch::Sender<bool>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    /// Listens on a port of loopback (0: any) and serves a cluster. Has to be called within a runtime.
    ///
    /// # Errors
    /// The port is in use, or a certificate can't be made.
    pub async fn start(cluster: Arc<Cluster>, port: u16) -> Result<Self> {
        let names =
            ["localhost".to_owned(), "kubernetes.default.svc".to_owned(), format!("{}-k8s.monosense.io", cluster.name)];
        let pki = Pki::new(&cluster.name, &names)?;
        let door = Door::new(port).map_err(|e| {
            let error = Error::new(
                Kind::Io,
                format!("port {port} of 127.0.0.1 can't be had for the lab's cluster {}", cluster.name),
            );
            error.caused_by(&e).hint("another lab may be open, or choose no port")
        })?;
        let address: SocketAddr = door.address();
        let token = format!("lab-{}", cluster.world().naming.uid());
        let acceptor = TlsAcceptor::from(Arc::new(config(&pki)?));
        let access = Access {
            cluster: cluster.name.clone(),
            url: format!("https://{address}"),
            authority: pki.authority.clone(),
            certificate: pki.admin.certificate.clone(),
            key: pki.admin.key.clone(),
            token: token.clone(),
        };
        let (open, opened) = watch::channel(true);
        let task = tokio::spawn(accept(door, opened, acceptor, cluster, Arc::from(token))).abort_handle();
        Ok(Self { access, open, task })
    }

    /// Ends it, with every connection.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Takes connections, or refuses them; those that stand are broken off when it shuts.
    pub fn open(&self, open: bool) {
        self.open.send_if_modified(|was| std::mem::replace(was, open) != open);
    }
}

fn config(pki: &Pki) -> Result<ServerConfig> {
    let wrong = |e: String| Error::new(Kind::Io, "the lab's TLS can't be set up").because(e);
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| wrong(e.to_string()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&pki.authority)?).map_err(|e| wrong(e.to_string()))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .map_err(|e| wrong(e.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(pki.server.key.as_bytes()).map_err(|e| wrong(e.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(e.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate(&pki.server.certificate)?], key)
        .map_err(|e| wrong(e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

async fn accept(
    mut door: Door,
    mut open: watch::Receiver<bool>,
    acceptor: TlsAcceptor,
    cluster: Arc<Cluster>,
    token: Arc<str>,
) {
    let places = Places::new(CONNECTIONS);
    // Dropped with this task, the set ends every connection.
    let mut connections = JoinSet::new();
    loop {
        let down = weather::down(&cluster);
        let wanted = *open.borrow_and_update() && !down;
        // What can't be opened or shut now may be at the next change.
        let _ = if wanted { door.open() } else { door.shut() };
        if !wanted {
            connections = JoinSet::new();
        }
        tokio::select! {
            changed = open.changed() => if changed.is_err() { return },
            () = weather::until_down(&cluster, !down) => {}
            accepted = door.accept() => match accepted {
                Ok(stream) => {
                    let place = Arc::new(places.take());
                    let served = serve(stream, acceptor.clone(), Arc::clone(&cluster), Arc::clone(&token), place.clone());
                    connections.spawn(async move {
                        tokio::select! {
                            () = served => {}
                            () = place.lost() => {}
                        }
                    });
                }
                // Too many open files, say: it passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    cluster: Arc<Cluster>,
    token: Arc<str>,
    place: Arc<Place>,
) {
    let waits = cluster.clock.asked();
    weather::while_hanging(&cluster).await;
    drop(waits);
    let mut first = [0_u8];
    let peeked = tokio::time::timeout(HELLO, stream.peek(&mut first)).await;
    let Ok(Ok(1)) = peeked else { return };
    if first[0] != 0x16 {
        // Not a TLS handshake. What was sent is read, so that closing does not reset before the answer arrives.
        let mut sent = [0_u8; 4096];
        let _ = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut sent)).await;
        let _ = stream
            .write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
            .await;
        let _ = stream.shutdown().await;
        return;
    }
    let _ = stream.set_nodelay(true);
    let Ok(Ok(tls)) = tokio::time::timeout(HELLO, acceptor.accept(stream)).await else { return };
    let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let shown = identity::of_certificate(shown);
    let fuse = Fuse::whole();
    let wire = Wire::new(tls, fuse.clone());
    let service = hyper::service::service_fn(move |request| {
        let (cluster, shown, token) = (Arc::clone(&cluster), shown.clone(), Arc::clone(&token));
        let (asking, fuse) = (place.asking(), fuse.clone());
        async move {
            let asked: Box<dyn Any + Send + Sync> = Box::new((cluster.clock.asked(), asking));
            weather::while_hanging(&cluster).await;
            let response = route::answer(&cluster, shown, &token, request).await;
            fuse.light(&cluster, &response);
            Ok::<_, std::convert::Infallible>(response.map(|body| Asked::new(body, asked)))
        }
    });
    // A connection that breaks is the client's affair.
    let _ = Builder::new(TokioExecutor::new()).serve_connection_with_upgrades(TokioIo::new(wire), service).await;
}

//! A node's server: TLS with the client's certificate, HTTP/2, and the calls.

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::machine::MAINTENANCE;
use super::pki::{self, Role};
use super::{Machine, Power, Talos, route};
use crate::lab::net::asked::Asked;
use crate::lab::net::places::{Place, Places};

/// How often it is looked whether a node's apid is still there.
const GONE: Duration = Duration::from_millis(250);

/// A client that has not shown by then who it is is let go.
const HELLO: Duration = Duration::from_secs(10);
/// As many connections are served at once.
const CONNECTIONS: usize = 250;

/// A server that runs until this is dropped, with everything that is connected to it.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    tasks: JoinSet<()>,
}

impl Serving {
    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        !self.tasks.is_empty()
    }
}

/// Serves the machine API of one node, known by its name or address.
///
/// # Errors
/// Where the listener has no address.
pub fn serve(talos: Arc<Talos>, node: &str, listener: TcpListener, tls: Arc<ServerConfig>) -> std::io::Result<Serving> {
    let address = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(tls);
    let node: Arc<str> = node.into();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        let places = Places::new(CONNECTIONS);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let place = Arc::new(places.take());
                        let served = connection(talos.clone(), node.clone(), acceptor.clone(), stream, place.clone());
                        open.spawn(async move {
                            tokio::select! {
                                () = served => {}
                                () = place.lost() => {}
                            }
                        });
                    }
                    // Too many open files, say: others may end.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = open.join_next() => {}
            }
        }
    });
    Ok(Serving { address, tasks })
}

/// Whatever a client does wrong ends its own connection alone.
async fn connection(
    talos: Arc<Talos>,
    node: Arc<str>,
    acceptor: TlsAcceptor,
    mut stream: TcpStream,
    place: Arc<Place>,
) {
    let maintenance = match talos.machine(&node) {
        Some(machine) if machine.answers() => machine.stage == MAINTENANCE,
        Some(machine) if machine.power == Power::Hung => {
            let mut nothing = [0; 1024];
            let _waits = talos.clock.asked();
            while stream.read(&mut nothing).await.is_ok_and(|read| read > 0) {}
            return;
        }
        _ => return,
    };
    // Who has no configuration knows no authority, and shows a certificate that it made itself.
    let acceptor = match maintenance {
        true => match pki::unconfigured(&node) {
            Ok(tls) => TlsAcceptor::from(tls),
            Err(_) => return,
        },
        false => acceptor,
    };
    let Ok(Ok(stream)) = tokio::time::timeout(HELLO, acceptor.accept(stream)).await else { return };
    let role = stream.get_ref().1.peer_certificates().and_then(|chain| role(chain.first()?));
    let (gone, local) = (gone(talos.clone(), node.clone(), maintenance), talos.clone());
    let answer = service_fn(move |asked| {
        let (talos, node) = (local.clone(), node.clone());
        let asking = place.asking();
        async move {
            let waits: Box<dyn Any + Send + Sync> = Box::new((talos.clock.asked(), asking));
            // Cut off, or hung: what is asked over a connection that stands is lost.
            if talos.machine(&node).is_none_or(|machine| machine.power != Power::On) {
                std::future::pending::<()>().await;
            }
            let answered = match maintenance {
                true => Status::unimplemented("API is not implemented in maintenance mode").into_http(),
                false => route::answer(talos, &node, role, asked).await,
            };
            Ok::<_, Infallible>(answered.map(|body| Asked::new(body, waits)))
        }
    });
    let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        // What breaks here broke for the client, too.
        _ = serving => {}
        () = gone => {}
    }
}

/// Ends when the node's apid does, or starts anew with a configuration: its connections go with it.
async fn gone(talos: Arc<Talos>, node: Arc<str>, maintenance: bool) {
    let same = |machine: Machine| {
        machine.power != Power::On || (machine.answers() && (machine.stage == MAINTENANCE) == maintenance)
    };
    while talos.machine(&node).is_some_and(same) {
        tokio::time::sleep(GONE).await;
    }
}

/// The role is the organisation of the client's certificate.
fn role(der: &[u8]) -> Option<Role> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut organisations = certificate.subject().iter_organization().filter_map(|part| part.as_str().ok());
    organisations.find_map(|word| [Role::Admin, Role::Reader].into_iter().find(|role| role.word() == word))
}

//! HTTP on a connection: TLS where there is one, the request as a whole, the answer.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::at::Listener;
use super::gateway::{self, Entrance};
use super::outside::Outside;
use super::{Asked, Reply, Services, Site, faults};
use crate::lab::net::Handler;
use crate::lab::world::Wrong;

/// The largest body that is taken; layers of images are the largest.
const LARGEST: usize = 64 * 1024 * 1024;

/// What a connection was made to.
#[derive(Debug, Clone)]
pub enum Door {
    /// A port of a pod.
    Pod(Listener),
    /// A listener of a Gateway.
    Gateway(Entrance),
    /// Something outside of the clusters.
    Outside(&'static Outside),
}

/// The connection is closed without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut;

/// Speaks HTTP with whoever connected, until they are done.
pub async fn talk<S>(services: Arc<Services>, door: Door, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = match &door {
        Door::Pod(listener) if listener.program.tls => pod_certificate(&services, listener),
        Door::Pod(_) => None,
        Door::Gateway(entrance) if entrance.tls => match gateway::certificate(&services, entrance) {
            Some(config) => Some(config),
            // A listener without a certificate has no chain of filters: Envoy closes the connection.
            None => return,
        },
        Door::Gateway(_) => None,
        Door::Outside(outside) => outside.certificate(&services),
    };
    match config {
        Some(config) => {
            let accepted = TlsAcceptor::from(config).accept(stream);
            if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(30), accepted).await {
                plain(services, door, stream, true).await;
            }
        }
        None => plain(services, door, stream, false).await,
    }
}

fn pod_certificate(services: &Services, listener: &Listener) -> Option<Arc<rustls::ServerConfig>> {
    let text = |key: &str| listener.pod["metadata"][key].as_str().unwrap_or_default();
    let names = vec![text("name").to_string(), "localhost".into()];
    let now = services.now();
    services.authority.server(&names, now - jiff::SignedDuration::from_hours(24), now + super::tls::QUARTER).ok()
}

async fn plain<S>(services: Arc<Services>, door: Door, stream: S, secure: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let (services, door) = (services.clone(), door.clone());
        let waits = services.world.clock.asked();
        async move {
            let _waits = waits;
            let head = request.method() == http::Method::HEAD;
            let reply = match read(request, secure).await {
                Ok(asked) => answer(&services, &door, asked).await,
                Err(refused) => Ok(refused),
            };
            reply
                .map(|reply| reply.response(head))
                .map_err(|Cut| std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        }
    });
    // A client that breaks off is no matter of ours.
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn read(request: http::Request<Incoming>, secure: bool) -> Result<Asked, Reply> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|_| Reply::text(413, "Request Entity Too Large\n"))?.to_bytes();
    let header = parts.headers.get("host").and_then(|host| host.to_str().ok());
    let host = parts.uri.host().or(header).unwrap_or_default();
    Ok(Asked {
        host: without_port(host).to_lowercase(),
        path: parts.uri.path().into(),
        query: parts.uri.query().unwrap_or_default().into(),
        method: parts.method,
        headers: parts.headers,
        body,
        secure,
    })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// The answer to a request at a door.
///
/// # Errors
/// There is none: the connection is closed.
pub async fn answer(services: &Arc<Services>, door: &Door, asked: Asked) -> Result<Reply, Cut> {
    match door {
        Door::Pod(listener) => of_pod(services, listener, &asked).await,
        Door::Gateway(entrance) => match gateway::route(services, entrance, &asked) {
            Ok((listener, rest)) => {
                let sent = Asked { path: rest.unwrap_or_else(|| asked.path.clone()), ..asked };
                match of_pod(services, &listener, &sent).await {
                    Ok(reply) => Ok(reply.with("server", "envoy")),
                    Err(Cut) => Ok(gateway::reset()),
                }
            }
            Err(refused) => Ok(refused),
        },
        Door::Outside(outside) => {
            faults::under(&services.world, outside.fault, || (outside.answer)(services, &asked)).await
        }
    }
}

async fn of_pod(services: &Arc<Services>, listener: &Listener, asked: &Asked) -> Result<Reply, Cut> {
    let site = Site { services, cluster: &listener.cluster, pod: &listener.pod, port: listener.port };
    let answer = || (listener.program.answer)(&site, asked);
    // The proxy has no more to say than what stands behind it.
    let behind = match (listener.program.fault, asked.path.split('/').nth(1)) {
        ("vmauth", Some("select")) => Some("vmselect"),
        ("vmauth", Some("insert")) => Some("vminsert"),
        _ => None,
    };
    match behind.filter(|name| !services.world.service(name).contains(&Wrong::Down)) {
        Some(behind) => {
            let given = faults::under(&services.world, behind, answer).await?;
            faults::under(&services.world, listener.program.fault, || given).await
        }
        None => faults::under(&services.world, listener.program.fault, answer).await,
    }
}

/// Whoever connects is talked to, at a door.
pub(super) fn handler(services: &Arc<Services>, door: Door) -> Handler {
    let services = services.clone();
    Arc::new(move |stream| {
        let (services, door) = (services.clone(), door.clone());
        Box::pin(talk(services, door, stream))
    })
}

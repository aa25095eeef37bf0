//! The connection to one of a context's endpoints: over TLS, one for all calls, made anew when it broke.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tonic::body::Body;

use super::watched::{Broke, Watched};
use crate::client::route::Routes;
use crate::error::{Error, Kind, Result};

/// As Talos' own client has them, so that logs and images come at the speed of the line.
const WINDOW: u32 = 65535 * 32;

/// How long an endpoint is waited for before the next is tried beside it.
const LEAD: Duration = Duration::from_millis(250);

/// The way to the endpoints of a context.
pub(super) struct Channel {
    pub(super) endpoints: Vec<(String, u16)>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) routes: Routes,
    pub(super) limit: Duration,
    pub(super) open: tokio::sync::Mutex<Option<Connection>>,
}

impl Channel {
    /// The open connection, or one to the first endpoint that takes it; and whether it was open before.
    ///
    /// # Errors
    /// What was wrong with each endpoint, as one error, of the kind of the first.
    pub(super) async fn connection(&self, fault: impl Fn(Error, &Broke) -> Error) -> Result<(Connection, bool)> {
        let mut open = self.open.lock().await;
        if let Some(connection) = open.as_ref().filter(|connection| connection.is_alive()) {
            return Ok((connection.clone(), true));
        }
        *open = None;
        let fault = &fault;
        let tried = self.endpoints.iter().enumerate().map(|(place, (host, port))| async move {
            // A silent one must not take the time of those after it.
            crate::clock::sleep(LEAD * u32::try_from(place).unwrap_or(u32::MAX)).await;
            let broke = Broke::default();
            self.connect(host, *port, &broke).await.map_err(|error| (place, fault(error, &broke)))
        });
        let mut tried: FuturesUnordered<_> = tried.collect();
        let mut missed = Vec::new();
        while let Some(result) = tried.next().await {
            match result {
                Ok(connection) => {
                    *open = Some(connection.clone());
                    return Ok((connection, false));
                }
                Err(miss) => missed.push(miss),
            }
        }
        missed.sort_by_key(|(place, _)| *place);
        Err(together(missed.into_iter().map(|(_, error)| error).collect()))
    }

    /// Forgets a connection that no answer came over: the next call makes another.
    pub(super) async fn forget(&self, connection: &Connection) {
        let mut open = self.open.lock().await;
        if open.as_ref().is_some_and(|kept| kept.broke.same(&connection.broke)) {
            *open = None;
        }
    }

    async fn connect(&self, host: &str, port: u16, broke: &Broke) -> Result<Connection> {
        let name = ServerName::try_from(host.to_string()).map_err(|_| {
            Error::new(Kind::Config, format!("the endpoint \"{host}\" is neither a name nor an address"))
        })?;
        let stream = self.routes.open(host, port, self.limit).await??.stream;
        // Small frames go out at once; where the system can't do that, it is slower and no less right.
        let _ = stream.set_nodelay(true);
        let address = format!("{host}:{port}");
        let shaking = TlsConnector::from(self.tls.clone()).connect(name, stream);
        let stream = match crate::clock::timeout(self.limit, shaking).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => {
                broke.saw(&e);
                return Err(Error::new(Kind::Unreachable, format!("{address}: the TLS handshake fails")).because(e));
            }
            Err(_) => return Err(Error::new(Kind::Timeout, format!("{address}: no end of the TLS handshake"))),
        };
        let stream = TokioIo::new(Watched::new(stream, broke.clone()));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (sender, driver) = builder
            .handshake(stream)
            .await
            .map_err(|e| Error::new(Kind::Unreachable, format!("{address}: no HTTP/2 behind the TLS")).caused_by(&e))?;
        // It ends when the last sender is dropped, or the connection breaks; the calls under way learn of that.
        tokio::spawn(async move {
            let _ = driver.await;
        });
        Ok(Connection { sender, address, broke: broke.clone() })
    }
}

/// One error of several: the first says of what kind it is.
fn together(mut missed: Vec<Error>) -> Error {
    if missed.len() == 1 {
        return missed.remove(0);
    }
    let mut missed = missed.into_iter();
    let Some(first) = missed.next() else { return Error::new(Kind::Config, "there is no endpoint") };
    missed.fold(first, |first, error| {
        let hints = error.hints.iter().filter(|hint| !first.hints.contains(hint)).cloned().collect::<Vec<_>>();
        let mut first = first.because(format!("nor {error}"));
        first.hints.extend(hints);
        first
    })
}

/// An open connection, as calls use it.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<Body>,
    /// `10.25.11.11:50000`
    pub(super) address: String,
    pub(super) broke: Broke,
}

impl Connection {
    fn is_alive(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Whether it was closed while nobody looked: a call that only reads may be made once more, over another.
    pub(super) fn is_stale(&self) -> bool {
        !self.is_alive() && self.broke.why().is_none()
    }
}

impl tower_service::Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Poller<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.sender.send_request(request))
    }
}

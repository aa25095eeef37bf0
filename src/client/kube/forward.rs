//! A local address that leads to a port of a pod or a service: one WebSocket for each connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Cluster;
pub use super::forward_target::Port;
use super::forward_target::resolve;
use super::target::Target;
use crate::error::{Error, Kind, Result};

/// How long the pod may go on being silent after the local side has sent its last byte.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// Bytes carried at a time.
const CHUNK: usize = 64 << 10;

/// An open forward; dropping it closes its connections and gives the local port back.
#[derive(Debug)]
pub struct Forward {
    /// Where to connect, on loopback.
    pub address: SocketAddr,
    /// The pod that it leads to.
    pub pod: String,
    /// The port there.
    pub port: u16,
    problem: Arc<Mutex<Option<String>>>,
    _closes: DropGuard,
}

impl Forward {
    /// What the last failed connection said: `connection refused` in the pod, for example.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, for whoever outlives the forward.
    pub fn problems(&self) -> Arc<Mutex<Option<String>>> {
        self.problem.clone()
    }
}

/// Opens a forward to a pod, to a ready pod of a service, or to a running pod of a workload.
///
/// # Errors
/// [`Kind::NotFound`] where there is no such target, port, or no ready pod; [`Kind::Io`] when no local port is free.
pub async fn forward(cluster: &Cluster, target: &Target, port: &Port) -> Result<Forward> {
    let (pod, port) = resolve(cluster, target, port).await?;
    let local = |e: std::io::Error| Error::new(Kind::Io, "no local port on 127.0.0.1 is free").caused_by(&e);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(local)?;
    let address = listener.local_addr().map_err(local)?;
    let problem = Arc::new(Mutex::new(None));
    let stop = CancellationToken::new();
    let api = Api::namespaced(cluster.client().clone(), &target.namespace);
    tokio::spawn(serve(listener, api, pod.clone(), port, problem.clone(), stop.clone()));
    Ok(Forward { address, pod, port, problem, _closes: stop.drop_guard() })
}

async fn serve(
    listener: TcpListener,
    api: Api<Pod>,
    pod: String,
    port: u16,
    problem: Arc<Mutex<Option<String>>>,
    stop: CancellationToken,
) {
    // Dropped with this function, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // Out of descriptors, for example: the next attempt may find one free.
                let Ok((local, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (api, pod, problem) = (api.clone(), pod.clone(), problem.clone());
                connections.spawn(async move {
                    if let Err(message) = carry(local, &api, &pod, port).await {
                        *problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
                    }
                });
            }
        }
    }
}

async fn carry(local: TcpStream, api: &Api<Pod>, pod: &str, port: u16) -> Result<(), String> {
    let _ = local.set_nodelay(true);
    let mut forwarder = api.portforward(pod, &[port]).await.map_err(|e| e.to_string())?;
    let refused = forwarder.take_error(port);
    let remote = forwarder.take_stream(port).ok_or("the server gave no stream for the port")?;
    let (mut from_pod, mut to_pod) = tokio::io::split(remote);
    let (mut from_local, mut to_local) = local.into_split();
    let sent = CancellationToken::new();
    let up = async {
        pump(&mut from_local, &mut to_pod).await;
        // Ending the stream to the pod would end the whole WebSocket, and with it what the pod still has to say.
        sent.cancel();
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = tokio::select! {
                read = from_pod.read(&mut chunk) => read.unwrap_or(0),
                () = silence(&sent) => 0,
            };
            if count == 0 || to_local.write_all(&chunk[..count]).await.is_err() {
                let _ = to_local.shutdown().await;
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
    forwarder.abort();
    match refused {
        Some(refused) => match tokio::time::timeout(Duration::from_millis(100), refused).await {
            Ok(Some(message)) => Err(message.trim().to_string()),
            _ => Ok(()),
        },
        None => Ok(()),
    }
}

async fn silence(sent: &CancellationToken) {
    sent.cancelled().await;
    tokio::time::sleep(AFTERWARDS).await;
}

async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count) = from.read(&mut chunk).await {
        if count == 0 || to.write_all(&chunk[..count]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

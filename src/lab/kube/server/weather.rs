//! What is wrong between an API server and its clients: refused and silent connections, late answers, 429 and 503, bodies
//! that break off, watches that tell nothing; and an etcd behind it that is not well.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::Body as _;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::answer::{self, Body, Style};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::Refusal;
use crate::lab::world::topology::Role;
use crate::lab::world::{Cause, World, Wrong};

/// Waits until something is so of what is wrong; for ever, where the cluster lies in no world.
async fn until(cluster: &Cluster, so: impl Fn(&[Wrong]) -> bool) {
    let Some(world) = cluster.platform() else { return std::future::pending().await };
    let mut news = world.subscribe();
    while !so(&world.api(&cluster.name)) {
        if news.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn wrong(cluster: &Cluster) -> Vec<Wrong> {
    cluster.platform().map(|world| world.api(&cluster.name)).unwrap_or_default()
}

/// Whether nothing listens.
pub(super) fn down(cluster: &Cluster) -> bool {
    wrong(cluster).contains(&Wrong::Down)
}

/// Waits until nothing listens any more (`true`), or until something does again.
pub(super) async fn until_down(cluster: &Cluster, down: bool) {
    until(cluster, |all| all.contains(&Wrong::Down) == down).await;
}

/// Waits as long as nothing is said.
pub(super) async fn while_hanging(cluster: &Cluster) {
    if wrong(cluster).contains(&Wrong::Hangs) {
        until(cluster, |all| !all.contains(&Wrong::Hangs)).await;
    }
}

/// Whether watches are told nothing.
pub(super) fn silent(cluster: &Cluster) -> bool {
    wrong(cluster).contains(&Wrong::SilentWatch)
}

/// Waits as long as watches are told nothing.
pub(super) async fn while_silent(cluster: &Cluster) {
    if silent(cluster) {
        until(cluster, |all| !all.contains(&Wrong::SilentWatch)).await;
    }
}

/// Whether clients' certificates are past their end, so that who shows one is a stranger.
pub(super) fn expired(cluster: &Cluster) -> bool {
    wrong(cluster).contains(&Wrong::Expired)
}

/// What comes in place of an answer; none where the request is answered, perhaps late.
pub(super) async fn before(cluster: &Cluster, method: &http::Method, style: Style) -> Option<Response<Body>> {
    let mut refused = None;
    for wrong in wrong(cluster) {
        match wrong {
            Wrong::Slow(ms) => cluster.clock.sleep(Duration::from_millis(u64::from(ms))).await,
            Wrong::TooMany(seconds) => {
                let mut refusal = Refusal::new(429, "TooManyRequests", "too many requests, please try again later");
                refusal.details = Some(json!({ "retryAfterSeconds": seconds }));
                refused = Some(refusal);
            }
            Wrong::Unavailable(seconds) => {
                let mut refusal = Refusal::new(503, "ServiceUnavailable", "apiserver not ready");
                refusal.details = Some(json!({ "retryAfterSeconds": seconds }));
                refused = Some(refusal);
            }
            Wrong::Status(500) => refused = Some(internal("etcdserver: request timed out")),
            Wrong::Status(code) => refused = Some(Refusal::new(code, "Unknown", format!("the server answers {code}"))),
            _ => {}
        }
    }
    let refused = refused.or_else(|| store(cluster, cluster.platform()?, method));
    refused.map(|refusal| answer::refusal(style, &refusal))
}

fn internal(why: &str) -> Box<Refusal> {
    Refusal::internal(why)
}

/// What etcd has against a request: without a majority nothing is read or written, without space nothing is written.
fn store(cluster: &Cluster, world: &World, method: &http::Method) -> Option<Box<Refusal>> {
    let nodes = &world.topology.clusters.get(&cluster.name)?.nodes;
    let members: Vec<&str> = nodes
        .iter()
        .filter(|node| node.roles.contains(&Role::ControlPlane))
        .map(|node| node.name.get_ref().as_str())
        .filter(|node| !world.has(&Cause::NotAMember { node: (*node).into() }))
        .collect();
    let lost = |node: &&&str| {
        world.has(&Cause::process(node, "etcd"))
            || world.has(&Cause::link(node))
            || world.has(&Cause::NoLeader { node: (**node).into() })
    };
    if !members.is_empty() && members.iter().filter(lost).count() * 2 >= members.len() {
        return Some(internal("etcdserver: no leader"));
    }
    let full = members.iter().any(|node| world.has(&Cause::NoSpace { node: (*node).into() }));
    (full && !method.is_safe()).then(|| internal("etcdserver: mvcc: database space exceeded"))
}

/// How much of an answer a connection still lets through before it is reset; [`usize::MAX`] while nothing is wrong.
#[derive(Debug, Clone)]
pub(super) struct Fuse(Arc<AtomicUsize>);

impl Fuse {
    pub(super) fn whole() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }

    /// Has an answer break off in the middle of its body, where that is what is wrong.
    pub(super) fn light(&self, cluster: &Cluster, response: &Response<Body>) {
        if wrong(cluster).contains(&Wrong::Reset) && response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            // The head takes some 150 bytes; of a stream whose end nobody knows, the first event has to do.
            let body = response.body().size_hint().exact().and_then(|size| usize::try_from(size).ok());
            self.0.store(150 + body.map_or(1000, |body| body / 2), Ordering::Relaxed);
        }
    }
}

/// A connection that its fuse may reset.
#[derive(Debug)]
pub(super) struct Wire {
    tls: TlsStream<TcpStream>,
    fuse: Fuse,
}

impl Wire {
    pub(super) fn new(tls: TlsStream<TcpStream>, fuse: Fuse) -> Self {
        Self { tls, fuse }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.fuse.0.load(Ordering::Relaxed);
        if left == 0 {
            // What was written before is to arrive; then the connection ends without a word.
            return Pin::new(&mut self.tls).poll_flush(cx).map(|_| {
                let _ = self.tls.get_ref().0.set_zero_linger();
                Err(io::ErrorKind::ConnectionReset.into())
            });
        }
        let written = Pin::new(&mut self.tls).poll_write(cx, &buf[..buf.len().min(left)]);
        if let (Poll::Ready(Ok(count)), true) = (&written, left != usize::MAX) {
            self.fuse.0.store(left - count, Ordering::Relaxed);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.fuse.0.load(Ordering::Relaxed) == usize::MAX {
            return Pin::new(&mut self.tls).poll_write_vectored(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.poll_write(cx, first.map_or(&[], |buf| buf))
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fuse.0.load(Ordering::Relaxed) == 0 {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

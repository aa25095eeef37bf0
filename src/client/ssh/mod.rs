//! SSH: a connection to a host, perhaps through others, and commands on it.
//!
//! libssh2 works synchronously, so every connection and every command runs on a blocking thread; the
//! future that waits for it shuts the socket when it is dropped, which ends the thread at once.

mod auth;
pub mod config;
mod exec;
pub mod known_hosts;
mod shell;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::route::Routes;
use crate::error::{Error, Kind, Result};
use known_hosts::KnownHosts;
use wire::{Stop, Wire};

/// One host to log in to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// The name that messages use: the host's in `pb.toml`.
    pub name: String,
    /// Name or address.
    pub address: String,
    /// The TCP port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Private keys to try, in this order; those named in the configuration, or the usual places.
    pub keys: Vec<PathBuf>,
    /// Whether only `keys` may be used: no other identity of the agent, no key from the usual places.
    pub only_keys: bool,
    /// What unlocks the keys.
    pub passphrase: Option<Passphrase>,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    /// The files of known host keys.
    pub known_hosts: Vec<PathBuf>,
}

/// What unlocks a private key; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(pub String);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

impl Target {
    /// `user@address:port`, as messages show it.
    pub fn shown(&self) -> String {
        format!("{}@{}:{}", self.user, self.address, self.port)
    }

    fn error(&self, kind: Kind, what: impl std::fmt::Display) -> Error {
        Error::new(kind, format!("{}: {what}", self.name))
    }
}

/// A command to run.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The line, as the remote side reads it.
    pub line: String,
    /// What it reads; its input is closed afterwards.
    pub stdin: Vec<u8>,
    /// How many bytes of both streams together it may print.
    pub output_limit: usize,
    /// Type it into a shell instead: for routers without an exec channel.
    pub shell: bool,
}

/// What a command printed, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output; in a shell, everything that was shown between the echo and the next prompt.
    pub stdout: Vec<u8>,
    /// Standard error; nothing in a shell.
    pub stderr: Vec<u8>,
    /// The exit status; a shell tells none.
    pub code: Option<i32>,
    /// The signal that ended the command, without `SIG`.
    pub signal: Option<String>,
}

/// Why a command gave no output.
#[derive(Debug)]
pub enum Failed {
    /// The connection was dead before the command was sent: asking again over a new one is safe.
    NotSent(Error),
    /// The command was sent; whether it ran is not known.
    Sent(Error),
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotSent(error) | Failed::Sent(error) => error,
        }
    }
}

/// A connection that is logged in. One command at a time; dropping it closes it.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    session: ssh2::Session,
    wire: Wire,
    stop: Arc<Stop>,
    /// Set when a command was cut short: the connection is in an unknown state.
    broken: AtomicBool,
    /// The server refused an exec channel once: it is a router with a shell alone.
    shell_only: AtomicBool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Session").field(&self.inner.target.shown()).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A goodbye that may not wait, then the end: freeing a session whose socket is open could block.
        self.session.set_blocking(false);
        if !self.broken.load(Ordering::Relaxed) {
            let _ = self.session.disconnect(None, "", None);
        }
        self.stop.stop();
    }
}

impl Session {
    /// Connects to the last host of the route through those before it, and logs in. `routes` say how the first of
    /// them is reached.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] where nobody answers within `limit`, [`Kind::Unauthorized`] for an unknown or changed
    /// host key and for refused keys, [`Kind::Config`] for files that can't be read.
    pub async fn connect(routes: &Routes, route: Vec<Target>, limit: Duration) -> Result<Self> {
        let Some(first) = route.first().cloned() else {
            return Err(Error::new(Kind::Config, "no host to connect to"));
        };
        let stop = Arc::new(Stop::default());
        let guard = stop.guard();
        stop.phase(format!("connecting to {}:{}", first.address, first.port));
        let work = async {
            let tcp = dial(routes, &first, limit).await?;
            let stop = stop.clone();
            join(tokio::task::spawn_blocking(move || open_route(route, tcp, &stop)).await)?
        };
        match crate::clock::timeout(limit, work).await {
            Ok(result) => {
                let session = result?;
                guard.disarm();
                Ok(session)
            }
            Err(_) => Err(first
                .error(
                    Kind::Unreachable,
                    format!("no connection to {} within {}", first.shown(), crate::event::short(limit)),
                )
                .because(stop.where_now())
                .hint("is the host up, and does a firewall stand between?")),
        }
    }

    /// Whether another command can be sent: nothing was cut short and the peer has not hung up.
    pub fn is_alive(&self) -> bool {
        !self.inner.broken.load(Ordering::Relaxed) && !self.inner.stop.stopped() && !self.inner.wire.hung_up()
    }

    /// Runs a command to its end. Dropping the future shuts the connection.
    ///
    /// # Errors
    /// [`Failed::NotSent`] when the connection turned out dead before; else what broke while it ran.
    pub async fn run(&self, command: Command) -> Result<Output, Failed> {
        let guard = self.inner.stop.guard();
        let inner = self.inner.clone();
        let joined = tokio::task::spawn_blocking(move || {
            let result = exec::run(&inner, &command);
            if result.is_err() {
                inner.broken.store(true, Ordering::Relaxed);
            }
            result
        })
        .await;
        let result = join(joined).map_err(Failed::Sent)?;
        if result.is_ok() {
            guard.disarm();
        }
        result
    }
}

/// The first connection, as the blocking socket that libssh2 takes.
async fn dial(routes: &Routes, target: &Target, limit: Duration) -> Result<std::net::TcpStream> {
    let opened = routes.open(&target.address, target.port, limit).await.and_then(|o| o.map_err(Error::from));
    let unreachable = |e: Error| Error { kind: Kind::Unreachable, ..e.context(&target.name) };
    let stream = opened.map_err(unreachable)?.stream;
    let refused = |e: std::io::Error| {
        target.error(Kind::Unreachable, format!("the connection to {} can't be used", target.shown())).caused_by(&e)
    };
    // Commands are short: waiting to fill packets only delays them.
    let _ = stream.set_nodelay(true);
    let stream = stream.into_std().map_err(refused)?;
    stream.set_nonblocking(false).map_err(refused)?;
    Ok(stream)
}

fn join<T>(joined: std::result::Result<T, tokio::task::JoinError>) -> Result<T> {
    joined.map_err(|e| Error::new(Kind::Unreachable, "the SSH thread ended unexpectedly").because(e))
}

fn open_route(route: Vec<Target>, tcp: std::net::TcpStream, stop: &Arc<Stop>) -> Result<Session> {
    let mut wire = Wire::Tcp(tcp);
    let mut hops = route.into_iter().peekable();
    while let Some(target) = hops.next() {
        stop.watch(&wire)?;
        let session = open(&target, &wire, stop)?;
        let Some(next) = hops.peek() else {
            return Ok(Session {
                inner: Arc::new(Inner {
                    target,
                    session,
                    wire,
                    stop: stop.clone(),
                    broken: AtomicBool::new(false),
                    shell_only: AtomicBool::new(false),
                }),
            });
        };
        stop.phase(format!("asking {} for a way to {}:{}", target.name, next.address, next.port));
        let channel = session.channel_direct_tcpip(&next.address, next.port, None).map_err(|e| {
            next.error(
                Kind::Unreachable,
                format!("{} can't be reached through {} ({})", next.shown(), target.name, target.shown()),
            )
            .caused_by(&e)
        })?;
        wire = wire::pump(session, channel, wire)?;
    }
    Err(Error::new(Kind::Config, "no host to connect to"))
}

fn open(target: &Target, wire: &Wire, stop: &Stop) -> Result<ssh2::Session> {
    let broken = |what: &str, e: ssh2::Error| {
        target.error(Kind::Unreachable, format!("{what} {} failed", target.shown())).caused_by(&e)
    };
    let known = KnownHosts::read(&target.known_hosts)?;
    let mut session = ssh2::Session::new().map_err(|e| broken("a session for", e))?;
    // The caller's deadline shuts the socket; this bounds the thread should that be missed.
    session.set_timeout(60_000);
    let preferred = known.preferred(&target.address, target.port);
    session.method_pref(ssh2::MethodType::HostKey, &preferred).map_err(|e| broken("choosing host key types for", e))?;
    session.set_tcp_stream(wire.clone_wire()?);
    stop.phase(format!("exchanging keys with {}", target.shown()));
    session.handshake().map_err(|e| {
        broken("the key exchange with", e).hint(
            "is that port an SSH server? Routers that know only SHA-1 algorithms are not spoken to: ssh -v shows what it offers",
        )
    })?;
    let key = session
        .host_key()
        .map(|(key, _)| key.to_vec())
        .ok_or_else(|| target.error(Kind::Unreachable, format!("{} showed no host key", target.shown())))?;
    known.judge(&target.name, &target.address, target.port, &key)?;
    stop.phase(format!("logging in as {}", target.shown()));
    auth::login(&session, target)?;
    Ok(session)
}

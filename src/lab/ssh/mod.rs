//! An SSH server with a console behind it in place of a shell: how the router is logged in to.

pub mod console;
pub mod key;
pub mod line;
mod session;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::server::Config;
use russh::{MethodKind, MethodSet, SshId};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub use console::Console;
pub use key::Key;

use crate::lab::net::places::Places;
use crate::lab::world::{Cause, World};

/// As many connections are served at once.
const CONNECTIONS: usize = 250;

/// A server for one user with one key.
#[derive(Debug)]
pub struct Server {
    /// Its name among the listeners, which causes are about.
    pub name: String,
    /// Who may log in.
    pub user: String,
    /// The public half of what the user has to have.
    pub authorized: Key,
    /// What the server proves itself with.
    pub host: Key,
    /// What it shows where [`Cause::HostKey`] is in the world.
    pub stranger: Key,
    /// What is behind it.
    pub console: Arc<dyn Console>,
    /// Asked at each connection for what is wrong.
    pub world: Arc<World>,
}

impl Server {
    /// Takes connections until the lab ends.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, end: CancellationToken) {
        let (known, stranger) = (config(&self.host), config(&self.stranger));
        let places = Places::new(CONNECTIONS);
        loop {
            let stream = tokio::select! {
                () = end.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    // The next one may fare better: too many open files, or a client that went away.
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let config = if self.world.has(&Cause::HostKey) { stranger.clone() } else { known.clone() };
            let (server, end, place) = (self.clone(), end.clone(), places.take());
            tokio::spawn(async move {
                tokio::select! {
                    () = end.cancelled() => {}
                    () = place.lost() => {}
                    () = server.talk(stream, config) => {}
                }
            });
        }
    }

    async fn talk(&self, stream: TcpStream, config: Arc<Config>) {
        if self.world.has(&Cause::closed(&self.name)) {
            return;
        }
        // Held back until the one before is acknowledged, a small packet takes the 40 ms of a delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let asked = self.world.clock.asked();
        self.wait_while_silent().await;
        let console = self.console.clone();
        let handler = session::Session::new(&self.user, &self.authorized, console, self.world.clone(), asked);
        // A client that breaks off, or speaks no SSH, is no matter of ours.
        if let Ok(running) = russh::server::run_stream(config, stream, handler).await {
            let _ = running.await;
        }
    }

    /// As long as the world has it so, nothing is said.
    async fn wait_while_silent(&self) {
        let silent = Cause::silent(&self.name);
        let mut changes = self.world.subscribe();
        while self.world.has(&silent) && changes.changed().await.is_ok() {}
    }
}

fn config(host: &Key) -> Arc<Config> {
    Arc::new(Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-OpenSSH_9.2p1")),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        keys: vec![host.private().clone()],
        // It guards nothing: waiting before a refusal would only slow tests down.
        auth_rejection_time: Duration::from_millis(10),
        auth_rejection_time_initial: Some(Duration::ZERO),
        ..Config::default()
    })
}

#[cfg(test)]
mod tests;

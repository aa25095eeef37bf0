//! The lab, opened: everything that listens, put together from a topology, and the files that lead clients to it.

mod build;
mod control;
mod files;
mod form;
mod links;
mod lock;
pub(crate) mod plant;
pub(crate) mod repository;
mod talos;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::clock::LabClock;
use super::faults::{self, Faults};
use super::kube::cluster::Cluster;
use super::kube::server::{Access, Server, kubeconfig};
use super::net::{Network, Way, socks};
use super::router::advertise::Source;
use super::router::live::Live;
use super::services::{self, Services};
use super::ssh;
use super::talos::Talos;
use super::tools::{self, Bench};
use super::world::{Cause, Topology, World, stage};
use crate::error::{Error, Kind, Result};

/// A lab that is open. It closes when this is dropped, with everything that listens.
#[derive(Debug)]
pub struct Lab {
    /// The platform and what is wrong with it.
    pub world: Arc<World>,
    /// Its time.
    pub clock: LabClock,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Arc<Cluster>>,
    /// How to reach their API servers.
    pub accesses: Vec<Access>,
    /// The world's addresses.
    pub network: Network,
    /// Where they are reached through.
    pub socks: SocketAddr,
    /// The router's SSH server, as this machine reaches it.
    pub ssh: SocketAddr,
    /// What is broken, and what can be.
    pub faults: Faults,
    /// Where the clients' files are.
    pub dir: PathBuf,
    pub(crate) router: Arc<Live>,
    /// What its pods answer, and what is outside of its clusters.
    pub services: Arc<Services>,
    machines: talos::Machines,
    servers: Arc<Vec<Server>>,
    end: CancellationToken,
    _lock: lock::Lock,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end.cancel();
        // What holds them besides ends with the token, and in its own time.
        self.servers.iter().for_each(Server::stop);
    }
}

/// Opens and shuts the API servers' ports, as the machines that they run on come up.
async fn doors(world: Arc<World>, servers: Arc<Vec<Server>>, end: CancellationToken) {
    let mut changes = world.subscribe();
    loop {
        changes.mark_unchanged();
        servers.iter().for_each(|server| server.open(world.api_runs(&server.access.cluster)));
        tokio::select! {
            () = end.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

impl Lab {
    /// Opens a platform that is complete and healthy, and writes into a folder what clients need. Has to be called
    /// within a runtime of more than one thread.
    ///
    /// # Errors
    /// [`Kind::Io`]: no port can be had, or a file can't be written.
    pub async fn open(topology: Topology, clock: LabClock, dir: &Path) -> Result<Self> {
        Self::open_at(topology, clock, dir, stage::COMPLETE).await
    }

    /// Opens a platform that stands at a stage.
    ///
    /// # Errors
    /// As [`Lab::open`]; [`Kind::Usage`]: no such stage, or another lab has the folder.
    pub async fn open_at(topology: Topology, clock: LabClock, dir: &Path, stage: &str) -> Result<Self> {
        files::folder(dir)?;
        let lock = lock::take(dir)?;
        let world = World::new(topology, Arc::new(clock.clone()));
        for cluster in world.topology.clusters.keys() {
            world.put_at(cluster, stage)?;
        }
        let mut opening = Vec::new();
        for name in world.topology.clusters.keys() {
            let (world, name) = (world.clone(), name.clone());
            // Certificates and ten thousand pods take their time: each cluster on a thread of its own.
            opening.push(tokio::spawn(async move {
                let (cluster, operators) = plant::cluster(&world, &name);
                let server = Server::start(cluster.clone(), 0).await?;
                server.open(world.api_runs(&name));
                Ok::<_, Error>((name, cluster, operators, server))
            }));
        }
        let (network, end) = (Network::default(), CancellationToken::new());
        network.clock(world.clock.clone());
        let (mut clusters, mut operators, mut servers) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for opened in opening {
            let failed = |e| Error::new(Kind::Io, "a cluster of the lab could not be opened").because(e);
            let (name, cluster, own, server) = opened.await.map_err(failed)??;
            operators.insert(name.clone(), own);
            clusters.insert(name, cluster);
            servers.push(server);
        }
        let accesses: Vec<Access> = servers.iter().map(|server| server.access.clone()).collect();
        links::machines(&network, &world, &accesses);
        faults::reach::links(&network, &world, &clusters);
        let services = Services::new(world.clone(), clusters.clone())?;
        services::links::connect(&services, &network);
        tokio::spawn(services::voice::speak(Arc::downgrade(&services), end.clone()));

        let machines = talos::open(&world, &clusters, &accesses, &network).await?;

        let sources = clusters.iter().map(|(name, cluster)| Source { cluster: name.clone(), objects: cluster.clone() });
        let live = Live::new(world.clone(), sources.collect());
        let (user, host) = (ssh::Key::generate()?, ssh::Key::generate()?);
        let router = &world.topology.router;
        let (listener, at) = listen("the router").await?;
        network.listen(router.address, 22, Way::Listener(at));
        let console = ssh::Server {
            name: "router".into(),
            user: router.user.clone(),
            authorized: user.clone(),
            host: host.clone(),
            stranger: ssh::Key::generate()?,
            console: live.clone(),
            world: world.clone(),
        };
        let (socks_listener, socks) = listen("the SOCKS port").await?;
        tokio::spawn(Arc::new(console).serve(listener, end.clone()));
        tokio::spawn(socks::serve(socks_listener, network.clone(), end.clone()));
        let router = live.clone();
        tokio::spawn(live.listen(end.clone()));
        for access in &accesses {
            if let Some(cluster) = clusters.get(&access.cluster) {
                control::start(&world, cluster, access, &end);
                tokio::spawn(build::run(world.clone(), cluster.clone(), end.clone()));
                operators
                    .remove(&access.cluster)
                    .into_iter()
                    .for_each(|own| control::operate(&world, cluster, own, &end));
            }
        }

        let bench = Bench::new(services.clone()).with_talosconfig(dir.join("talosconfig"));
        tools::carried::serve(bench, dir, &end).await?;
        let faults = Faults::start(&world, &clusters, &end);
        faults::control::serve(&faults, dir, &end).await?;
        let dir = dir.to_path_buf();
        let servers = Arc::new(servers);
        tokio::spawn(doors(world.clone(), servers.clone(), end.clone()));
        let lab = Self {
            world,
            clock,
            clusters,
            accesses,
            network,
            socks,
            ssh: at,
            faults,
            dir,
            router,
            services,
            machines,
            servers,
            end,
            _lock: lock,
        };
        files::write(&lab, &kubeconfig(&lab.accesses), &user, &host)?;
        // The repository is as the faults leave it, before whoever switched one on or off goes on.
        let (world, dir, made) = (lab.world.clone(), lab.dir.clone(), crate::clock::Clock::now(&lab.clock));
        let rewrite = move || {
            let causes: Vec<Cause> = world.causes().into_iter().map(|(cause, _)| cause).collect();
            repository::write(&dir, &world.topology, &causes, made)
        };
        // On a thread of its own, whose memory is given back when it ends: for a moment it is as much as the world's.
        std::thread::scope(|scope| scope.spawn(&rewrite).join()).map_err(|_| {
            Error::new(Kind::Io, "the lab's repository can't be written: its writer ended unexpectedly")
        })??;
        lab.faults.whenever(rewrite);
        Ok(lab)
    }
}

impl Lab {
    /// The machines of a cluster.
    pub fn talos(&self, cluster: &str) -> Option<&Arc<Talos>> {
        self.machines.clusters.get(cluster)
    }
}

async fn listen(what: &str) -> Result<(TcpListener, SocketAddr)> {
    let failed =
        |e: std::io::Error| Error::new(Kind::Io, format!("no port of 127.0.0.1 can be had for {what}")).caused_by(&e);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let at = listener.local_addr().map_err(failed)?;
    Ok((listener, at))
}

#[cfg(test)]
mod tests;

//! The router at work: it listens to the clusters and to the world, and answers at its console.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::advertise::{Source, neighbours, speakers};
use super::cli::{Then, answer, next_words};
use super::{Router, Speaker};
use crate::lab::ssh::console::{Console, Reply};
use crate::lab::world::{Cause, World};

/// How long its sessions have stood when the lab begins.
const STOOD: Duration = Duration::from_secs(3 * 86_400 + 7 * 3600 + 42 * 60);

/// The router with everything that it hears.
#[derive(Debug)]
pub struct Live {
    world: Arc<World>,
    sources: Vec<Source>,
    router: Mutex<Router>,
}

impl Live {
    /// A router whose sessions have stood for days, in a world that is healthy.
    pub fn new(world: Arc<World>, sources: Vec<Source>) -> Arc<Self> {
        let now = world.clock.instant();
        // The system's reading may begin with the machine: then there are no days before it.
        let begin = now.checked_sub(STOOD).unwrap_or(now);
        let router = Router::new(world.topology.router.clone(), neighbours(&world.topology), begin);
        let live = Self { world, sources, router: Mutex::new(router) };
        live.router().hear(begin, &live.spoken());
        live.router().run(now);
        Arc::new(live)
    }

    fn router(&self) -> MutexGuard<'_, Router> {
        self.router.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spoken(&self) -> Vec<Speaker> {
        self.sources.iter().flat_map(|source| speakers(&self.world, source)).collect()
    }

    /// Looks at the clusters and the world now.
    pub fn look(&self) {
        let spoken = self.spoken();
        let shut: BTreeSet<IpAddr> = self
            .world
            .causes()
            .into_iter()
            .filter_map(|(cause, _)| match cause {
                Cause::NeighbourShut { neighbour } => Some(neighbour),
                _ => None,
            })
            .collect();
        let mut router = self.router();
        let now = self.world.clock.instant();
        router.hear(now, &spoken);
        router.shut(now, &shut);
    }

    /// Looks whenever something changes, until the lab ends.
    pub async fn listen(self: Arc<Self>, end: CancellationToken) {
        let bell = Arc::new(Notify::new());
        let mut watched = vec![self.world.subscribe()];
        watched.extend(self.sources.iter().map(|source| source.objects.changes()));
        for mut changes in watched {
            let (bell, end) = (bell.clone(), end.clone());
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        () = end.cancelled() => return,
                        changed = changes.changed() => if changed.is_err() { return },
                    }
                    bell.notify_one();
                }
            });
        }
        loop {
            // What changed before somebody listened is seen, too.
            self.look();
            tokio::select! {
                () = end.cancelled() => return,
                () = bell.notified() => {}
            }
        }
    }
}

impl Console for Live {
    fn greeting(&self) -> String {
        format!(
            "\nHello, this is FRRouting (version {}).\nCopyright 1996-2005 Kunihiro Ishiguro, et al.\n\n",
            super::show::VERSION
        )
    }

    fn prompt(&self, configuring: bool) -> String {
        let name = &self.world.topology.router.name;
        if configuring { format!("{name}(config)# ") } else { format!("{name}# ") }
    }

    fn answer(&self, line: &str, configuring: bool) -> Reply {
        let (now, wall) = (self.world.clock.instant(), self.world.clock.now());
        let mut router = self.router();
        router.run(now);
        let answer = answer(router.seen(now, wall), line);
        Reply {
            text: answer.text,
            code: answer.code,
            configuring: match answer.then {
                Then::Configure => true,
                Then::Stay => configuring,
                Then::Leave | Then::End => false,
            },
            over: answer.then == Then::Leave && !configuring,
        }
    }

    fn next_words(&self, words: &[&str]) -> Vec<String> {
        next_words(words)
    }
}

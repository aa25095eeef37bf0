//! The platform's operators, a file or a folder each: they write into the status of their objects what follows from what
//! there is, with the reasons and messages of the real ones.
//!
//! An operator works while a pod of its own is ready. It looks when an object of a kind that it watches has changed, when
//! a cause came or went, and when its time has come; it has no other way to learn anything, and keeps in mind no more
//! than when it last tried something. What is outside of the clusters (a Git repository, registries, a vault) is what the
//! topology's objects name, see [`upstream`].

mod arc;
mod budgets;
mod cert_manager;
mod cilium;
mod cnpg;
mod conditions;
pub(crate) mod cron;
mod dragonfly;
pub(crate) mod egress;
mod external_secrets;
mod flux;
mod gateway;
pub(crate) mod kafka;
mod metrics;
mod pods;
mod reloader;
pub(crate) mod rook;
pub(crate) mod site;
pub(crate) mod upstream;
mod volsync;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;

use super::Looked;
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;
use crate::lab::world::World;
use site::Site;
use upstream::Upstream;

/// An operator: the workload that it runs in, by its pods' label `app.kubernetes.io/name` (empty: it needs none), the kinds
/// that it watches, without any of the first of which it has nothing to do, and what it does.
pub(crate) type Hand = (&'static str, &'static [&'static str], Box<dyn Operator>);

/// What an operator does when it looks.
pub(crate) trait Operator: Send {
    /// Brings its objects one step on.
    fn look(&mut self, site: &mut Site<'_>);
}

/// An operator at work.
struct Row {
    /// The workload that it runs in, by its pods' label `app.kubernetes.io/name`.
    home: &'static str,
    /// The kinds whose changes wake it; without any of the first, it has nothing to do.
    watches: &'static [&'static str],
    operator: Box<dyn Operator>,
    /// What it has seen: the store's revision, and the number of the world's changes.
    seen: Option<(u64, u64)>,
    due: Option<Timestamp>,
}

/// The operators of a cluster.
pub(crate) struct Operators {
    cluster: String,
    rows: Vec<Row>,
    causes: watch::Receiver<u64>,
}

impl std::fmt::Debug for Operators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operators").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// How far ahead settling follows the operators' own times: what takes longer is no part of coming to rest.
const PATIENCE: Duration = Duration::from_secs(400);

impl Operators {
    /// All operators, for a cluster of the world.
    pub(crate) fn new(world: &World, cluster: &str) -> Self {
        let upstream = std::sync::Arc::new(Upstream::of(&world.topology, cluster));
        let row = |home, watches, operator| Row { home, watches, operator, seen: None, due: None };
        let mut rows = Vec::new();
        rows.extend(flux::rows(&upstream).into_iter().map(|(home, watches, operator)| row(home, watches, operator)));
        let others = [
            cert_manager::rows(),
            external_secrets::rows(&upstream),
            cilium::rows(),
            gateway::rows(),
            cnpg::rows(),
            dragonfly::rows(),
            kafka::rows(),
            rook::rows(),
            volsync::rows(),
            arc::rows(),
            metrics::rows(),
            reloader::rows(),
        ];
        rows.extend(others.into_iter().flatten().map(|(home, watches, operator)| row(home, watches, operator)));
        Self { cluster: cluster.to_owned(), rows, causes: world.subscribe() }
    }

    /// Lets those look that have to.
    pub(crate) fn look(&mut self, world: &World, objects: &mut Objects) -> Looked {
        self.look_at(world, objects, world.clock.now())
    }

    fn look_at(&mut self, world: &World, objects: &mut Objects, now: Timestamp) -> Looked {
        let causes = *self.causes.borrow();
        let mut changed = false;
        for row in &mut self.rows {
            let revision = objects.store.revision();
            if !row.wakes(objects, causes, now) {
                continue;
            }
            // What it changes itself may be something that it has to look at.
            row.seen = Some((revision, causes));
            row.due = None;
            let mut site = Site::new(world, &self.cluster, objects, now);
            if row.home.is_empty() || !site.ready_pods(row.home).is_empty() {
                row.operator.look(&mut site);
                (changed, row.due) = (changed | site.changed, site.due);
            }
        }
        let due = self.rows.iter().filter_map(|row| row.due).min();
        let again = due.map(|due| Duration::try_from(due.duration_since(now)).unwrap_or(Duration::from_millis(1)));
        Looked { changed, again }
    }

    /// Brings a cluster to rest that was just planted: as if the operators had been at work since `born`.
    pub(crate) fn settle(&mut self, world: &World, objects: &mut Objects, born: Timestamp) {
        // What is renewed from time to time was so a while ago.
        let late = world.clock.now().checked_sub(SignedDuration::from_mins(7)).unwrap_or(born).max(born);
        for begin in [born, late] {
            let mut now = begin;
            for _ in 0..400 {
                let looked = self.look_at(world, objects, now);
                match looked.again {
                    _ if looked.changed => {}
                    Some(span) if site::after(now, span) <= site::after(begin, PATIENCE) => {
                        now = site::after(now, span);
                    }
                    _ => break,
                }
            }
        }
        self.forget(world, objects);
    }

    /// Lets all of them see what others changed meanwhile, without time going by.
    pub(crate) fn rest(&mut self, world: &World, objects: &mut Objects) {
        for _ in 0..50 {
            if !self.look(world, objects).changed {
                break;
            }
        }
        self.forget(world, objects);
    }

    /// Forgets what nobody would remember by now: events of long ago, and the steps on the way to rest.
    fn forget(&self, world: &World, objects: &mut Objects) {
        let hour = world.clock.now().checked_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
        let old = |event: &Value| site::parsed(&event["lastTimestamp"]).is_none_or(|at| at < hour);
        let events = objects.store.list("events", "").filter(|(_, event)| old(&event.value));
        let events: Vec<Place> = events.map(|(place, _)| place.clone()).collect();
        for place in events {
            objects.store.remove(&place);
        }
        let revision = objects.store.revision();
        objects.store.compact(revision);
    }
}

impl Row {
    /// Whether anything happened that it has to know of.
    fn wakes(&self, objects: &Objects, causes: u64, now: Timestamp) -> bool {
        if self.watches.first().is_some_and(|first| objects.store.list(first, "").next().is_none()) {
            return self.seen.is_some() && self.changed(objects);
        }
        self.due.is_some_and(|due| due <= now)
            || self.seen.is_none_or(|(_, seen)| seen != causes)
            || self.changed(objects)
    }

    fn changed(&self, objects: &Objects) -> bool {
        let Some((seen, _)) = self.seen else { return true };
        let Ok(mut changes) = objects.store.since(seen) else { return true };
        changes.any(|change| {
            self.watches.contains(&change.place.resource.as_str())
                || (change.place.resource == "pods" && !self.home.is_empty())
        })
    }
}

//! The world that the lab shows: a topology, which is data from a file, the stage that each cluster is at, and the causes
//! that faults put into it.
//!
//! Nothing here acts. The API servers, the router, the machines and the controllers read it, and are told when a cause
//! comes or goes; what follows from a cause is theirs to work out.

mod called;
pub mod cause;
pub mod objects;
pub mod range;
pub mod read;
mod sense;
pub mod stage;
pub mod stand;
pub mod topology;
pub mod wanted;
pub mod wrong;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::watch;

pub use cause::{Cause, Change, Wrong};
pub use stand::Stand;
pub use topology::Topology;

use crate::clock::Clock;

/// The topology, and what is wrong with the world. Shared by everything in the lab.
pub struct World {
    /// What it was made from.
    pub topology: Topology,
    /// The lab's clock.
    pub clock: Arc<dyn Clock>,
    causes: RwLock<BTreeMap<Cause, Instant>>,
    stands: RwLock<BTreeMap<String, Stand>>,
    changes: watch::Sender<u64>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let causes: Vec<Cause> = self.causes().into_iter().map(|(cause, _)| cause).collect();
        f.debug_struct("World").field("topology", &self.topology.name).field("causes", &causes).finish_non_exhaustive()
    }
}

impl World {
    /// A healthy world.
    pub fn new(topology: Topology, clock: Arc<dyn Clock>) -> Arc<Self> {
        let stands = RwLock::new(stand::complete(&topology));
        Arc::new(Self { topology, clock, causes: RwLock::default(), stands, changes: watch::channel(0).0 })
    }

    /// Puts a cause into the world. Whether it was not there before.
    pub fn put(&self, cause: Cause) -> bool {
        let mut causes = self.causes.write().unwrap_or_else(PoisonError::into_inner);
        let new = !causes.contains_key(&cause);
        if new {
            causes.insert(cause, self.clock.instant());
            drop(causes);
            self.changed();
        }
        new
    }

    /// Takes a cause away. Whether it was there.
    pub fn lift(&self, cause: &Cause) -> bool {
        let was = self.causes.write().unwrap_or_else(PoisonError::into_inner).remove(cause).is_some();
        if was {
            self.changed();
        }
        was
    }

    /// Since when a cause is there, by the lab's clock.
    pub fn since(&self, cause: &Cause) -> Option<Instant> {
        self.causes.read().unwrap_or_else(PoisonError::into_inner).get(cause).copied()
    }

    /// Whether a cause is there.
    pub fn has(&self, cause: &Cause) -> bool {
        self.since(cause).is_some()
    }

    /// All causes, each with when it came.
    pub fn causes(&self) -> Vec<(Cause, Instant)> {
        let causes = self.causes.read().unwrap_or_else(PoisonError::into_inner);
        causes.iter().map(|(cause, since)| (cause.clone(), *since)).collect()
    }

    /// What is wrong with a service.
    pub fn service(&self, name: &str) -> Vec<Wrong> {
        self.picked(|cause| match cause {
            Cause::Service { service, wrong } if service == name => Some(wrong.clone()),
            _ => None,
        })
    }

    /// What is wrong with a cluster's API server.
    pub fn api(&self, name: &str) -> Vec<Wrong> {
        self.picked(|cause| match cause {
            Cause::Api { cluster, wrong } if cluster == name => Some(wrong.clone()),
            _ => None,
        })
    }

    /// Whether a cluster's pods reach a host outside: `registry-1.docker.io` lies under `docker.io`.
    pub fn reaches(&self, cluster: &str, host: &str) -> bool {
        let shut = self.picked(|cause| match cause {
            Cause::Egress { cluster: own, host: shut } if own == cluster => {
                let under = host.strip_suffix(shut.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                (under || shut == "*").then_some(())
            }
            _ => None,
        });
        shut.is_empty()
    }

    /// Whether the repository has lost an object, so that nobody makes it anew. A namespace is deleted by mistake alone.
    pub fn pruned(&self, cluster: &str, kind: &str, namespace: &str, name: &str) -> bool {
        let found = self.picked(|cause| match cause {
            Cause::Changed { cluster: own, object, change: Change::Delete } if own == cluster => {
                let same = object.kind == kind && object.namespace == namespace && object.name == name;
                (same && kind != "Namespace").then_some(())
            }
            _ => None,
        });
        !found.is_empty()
    }

    /// Whether traffic passes between two places, nodes or clusters, as far as no node is cut off itself.
    pub fn passes(&self, one: &str, other: &str) -> bool {
        let cut = |from: &str, to: &str| self.has(&Cause::Cut { from: from.into(), to: to.into() });
        !cut(one, other) && !cut(other, one)
    }

    /// Whether an image can be pulled by a cluster's nodes: it is in its registry, and that is reached.
    pub fn pulls(&self, cluster: &str, image: &str) -> bool {
        let first = image.split('/').next().unwrap_or_default();
        // Docker's own registry is the one that is not named.
        let named = image.contains('/') && (first.contains('.') || first.contains(':') || first == "localhost");
        let host = if named { first } else { "docker.io" };
        let gone = self.picked(|cause| match cause {
            Cause::Image { image: gone } if image.starts_with(gone.as_str()) => Some(()),
            _ => None,
        });
        gone.is_empty() && self.reaches(cluster, host) && !self.has(&Cause::Mirror { cluster: cluster.into() })
    }

    fn picked<T>(&self, pick: impl Fn(&Cause) -> Option<T>) -> Vec<T> {
        self.causes.read().unwrap_or_else(PoisonError::into_inner).keys().filter_map(pick).collect()
    }

    /// Tells of every change from here on; several that come at once are one. The number only ever grows.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes.send_modify(|number| *number += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::clock::LabClock;

    #[test]
    fn what_is_wrong_is_asked_by_what_it_is_about() {
        let world = World::new(read::embedded("monosense").unwrap(), Arc::new(LabClock::real()));
        assert!(world.pulls("infra", "busybox") && world.passes("infra", "apps"));
        world.put(Cause::egress("infra", "docker.io"));
        world.put(Cause::Image { image: "quay.io/cilium/cilium".into() });
        world.put(Cause::Cut { from: "infra".into(), to: "apps".into() });
        world.put(Cause::service("grafana", Wrong::Status(500)));
        world.put(Cause::api("infra", Wrong::Slow(2000)));
        assert!(!world.reaches("infra", "registry-1.docker.io") && world.reaches("infra", "notdocker.io"));
        assert!(!world.pulls("infra", "busybox:1") && !world.pulls("infra", "docker.io/library/busybox"));
        assert!(world.pulls("apps", "busybox") && world.pulls("infra", "ghcr.io/fluxcd/flux"));
        assert!(!world.pulls("apps", "quay.io/cilium/cilium:v1.18.2"));
        assert!(!world.passes("apps", "infra") && world.passes("infra-01", "infra-02"));
        assert_eq!(world.service("grafana"), [Wrong::Status(500)]);
        assert_eq!((world.api("infra"), world.api("apps")), (vec![Wrong::Slow(2000)], vec![]));
        world.put(Cause::egress("apps", "*"));
        assert!(!world.reaches("apps", "github.com"));
    }

    #[tokio::test]
    async fn who_subscribed_is_told_of_causes_that_come_and_go() {
        let topology = read::embedded("monosense").unwrap();
        let world = World::new(topology, Arc::new(LabClock::real()));
        let mut changes = world.subscribe();
        let cause = Cause::process("infra-02", cause::BGP);
        assert!(world.put(cause.clone()) && world.has(&cause));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert!(!world.put(cause.clone()), "it is there already");
        assert!(!changes.has_changed().unwrap(), "nothing changed");
        assert!(world.lift(&cause) && !world.lift(&cause));
        changes.changed().await.unwrap();
        assert_eq!(world.causes(), []);
    }
}

//! What moves the clusters' objects, a file a controller. Each looks at what there is, brings it one step on, and waits
//! for the next change or the time that it needs.
//!
//! Those of Kubernetes itself are kept together by `manager`, which hears of each change once and lets each look only
//! at what it concerns: a change among ten thousand pods costs as much as one among ten.

pub(crate) mod adopt;
pub(crate) mod amounts;
pub(crate) mod budget;
pub(crate) mod claims;
pub(crate) mod cronjob;
pub(crate) mod daemonset;
pub(crate) mod deployment;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod fit;
pub(crate) mod garbage;
pub(crate) mod index;
pub(crate) mod job;
pub(crate) mod kubelet;
pub(crate) mod leases;
pub(crate) mod manager;
pub mod namespaces;
pub mod network;
pub(crate) mod nodes;
pub(crate) mod platform;
pub mod pools;
pub(crate) mod replicaset;
pub(crate) mod rest;
pub(crate) mod revisions;
pub(crate) mod route;
pub(crate) mod scene;
pub(crate) mod scheduler;
pub(crate) mod statefulset;
pub(crate) mod template;

#[cfg(test)]
mod daemonset_tests;
#[cfg(test)]
mod service_tests;
#[cfg(test)]
mod statefulset_tests;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::kube::cluster::{Cluster, World};

/// What came of a look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// Whether anything was changed.
    pub(crate) changed: bool,
    /// When to look again even if nothing changes.
    pub(crate) again: Option<Duration>,
}

/// Looks whenever something changes or the time has come, until the lab ends.
pub(crate) async fn run(
    cluster: Arc<Cluster>,
    end: CancellationToken,
    mut look: impl FnMut(&mut World) -> Looked + Send + 'static,
) {
    let mut changes = cluster.listen();
    loop {
        // What changes from here on is looked at again, what this look itself changes too.
        changes.mark_unchanged();
        let (looked, revision) = {
            let mut world = cluster.world();
            (look(&mut world), world.store.revision())
        };
        if looked.changed {
            cluster.ring(revision);
        }
        let again = async {
            match looked.again {
                Some(span) => cluster.clock.sleep(span).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            () = again => {}
        }
    }
}

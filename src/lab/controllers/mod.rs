//! What moves the clusters' objects, a file a controller. Each looks at what there is, brings it one step on, and waits
//! for the next change or the time that it needs.

pub mod kubelet;
pub mod namespaces;
pub mod network;
pub(crate) mod platform;
pub mod pools;
pub mod scheduler;

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

//! Which clusters a run changes: each is asked once, before its first row in the ledger. A run that only reads asks nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::client::kube::{Cluster, Identity};
use crate::error::Result;
use crate::host::context::Context;
use crate::host::world::World;

/// The clusters that were asked, by name.
#[derive(Debug, Default)]
struct Asked(Mutex<HashMap<String, Arc<OnceCell<Option<String>>>>>);

impl Asked {
    fn cell(&self, name: &str) -> Arc<OnceCell<Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_string()).or_default().clone()
    }
}

/// Finds out which cluster it is, where that is not known yet: the rows of the ledger say it from then on.
///
/// # Errors
/// Where no answer comes; the change would get none either.
pub(crate) async fn know(cx: &Context, cluster: &Cluster) -> Result<()> {
    let cell = cx.world.part::<Asked>().cell(cluster.name());
    let asked = cell.get_or_try_init(|| async { Identity::of(cluster).await.map(|found| found.recorded()) }).await;
    asked.map(drop).map_err(|e| e.context("which cluster it is can't be found out, so that nothing is changed there"))
}

/// What is known of a cluster by now.
pub(crate) fn known(world: &World, name: &str) -> Option<String> {
    world.part::<Asked>().cell(name).get().cloned().flatten()
}

//! Asks each cluster its version and for its nodes.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::probe::Probe;
use crate::host::World;
use crate::host::kube::Clusters;

/// A question for each cluster.
pub(super) fn probes(world: &Arc<World>, _limit: Duration) -> Vec<Probe> {
    let one = |name: &String| {
        let context = world.config.context(name).to_string();
        let (world, asked) = (world.clone(), name.clone());
        let ask = async move {
            let cluster = world.part::<Clusters>().get(&world, &asked).await?;
            let reached = cluster.reach().await?;
            Ok(format!("{}, {reached}", cluster.server()))
        };
        Probe { name: name.clone(), what: format!("context {context}"), ask: Some(ask.boxed()) }
    };
    world.config.clusters.keys().map(one).collect()
}

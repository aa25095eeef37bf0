//! Asks each cluster its version and for its nodes.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::probe::Probe;
use crate::client::kube::connect::connect;
use crate::config;
use crate::error::{Error, Kind};
use crate::host::World;

/// How long the connection alone may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A question for each cluster.
pub(super) fn probes(world: &Arc<World>, limit: Duration) -> Vec<Probe> {
    let one = |(name, cluster): (&String, &config::Cluster)| {
        let (name, context) = (name.clone(), world.config.context(name).to_string());
        let kubeconfig = cluster.kubeconfig.clone();
        let (asked, in_context) = (name.clone(), context.clone());
        let ask = async move {
            // A credential plugin may run in here, and it blocks.
            let connecting = tokio::task::spawn_blocking(move || {
                connect(&asked, kubeconfig.as_deref(), &in_context, CONNECT.min(limit))
            });
            let cluster = connecting
                .await
                .map_err(|e| Error::new(Kind::Unreachable, "connecting was broken off").caused_by(&e))??;
            let reached = cluster.reach().await?;
            Ok(format!("{}, {reached}", cluster.server().trim_end_matches('/')))
        };
        Probe { name, what: format!("context {context}"), ask: Some(ask.boxed()) }
    };
    world.config.clusters.iter().map(one).collect()
}

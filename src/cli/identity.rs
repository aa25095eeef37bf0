//! Which clusters answer today, asked where a record says which ones it were.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use crate::client::kube::Identity;
use crate::clock::System;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::event::{Bus, short};
use crate::host::World;
use crate::host::kube::Clusters;
use crate::host::world::Permissions;

/// How long an answer may take, connecting included.
const LIMIT: Duration = Duration::from_secs(10);

/// Asks clusters of the configuration, side by side, which ones they are.
pub(super) fn ask(config: &Config, names: &[String]) -> Result<BTreeMap<String, Result<Identity, Error>>, Vec<Error>> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let runtime = super::runtime()?;
    let clock = Arc::new(System);
    let permissions = Permissions { read_only: true, ..Permissions::default() };
    let bus = Bus::silent(clock.clone());
    let config = Arc::new(config.clone());
    let world =
        World::new("identity".into(), None, config, runtime.handle().clone(), bus, clock, Arc::default(), permissions);
    let clusters = world.part::<Clusters>();
    let (clusters, world) = (&clusters, &world);
    let asked = names.iter().map(|name| async move {
        let asking = async { Identity::of(&clusters.get(world, name).await?).await };
        let answer = tokio::time::timeout(LIMIT, asking).await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Timeout, format!("cluster {name} does not answer within {}", short(LIMIT))))
        });
        (name.clone(), answer)
    });
    let answers = runtime.block_on(join_all(asked)).into_iter().collect();
    runtime.shutdown_background();
    Ok(answers)
}

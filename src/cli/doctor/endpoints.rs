//! The HTTP endpoints.

use std::sync::Arc;
use std::time::Duration;

use super::probe::Probe;
use crate::config;
use crate::host::World;

/// A row for each endpoint.
pub(super) fn probes(world: &Arc<World>, _: Duration) -> Vec<Probe> {
    let one = |(name, endpoint): (&String, &config::Endpoint)| {
        let what = endpoint.url.clone().or_else(|| endpoint.service.clone()).unwrap_or_default();
        Probe { name: name.clone(), what, ask: None }
    };
    world.config.endpoints.iter().map(one).collect()
}

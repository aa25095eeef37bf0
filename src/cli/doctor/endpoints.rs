//! The HTTP endpoints.

use std::time::Duration;

use super::probe::Probe;
use crate::config::Config;

/// A row for each endpoint.
pub(super) fn probes(config: &Config, _: Duration) -> Vec<Probe> {
    let one = |(name, endpoint): (&String, &crate::config::Endpoint)| {
        let what = endpoint.url.clone().or_else(|| endpoint.service.clone()).unwrap_or_default();
        Probe { name: name.clone(), what, ask: None }
    };
    config.endpoints.iter().map(one).collect()
}

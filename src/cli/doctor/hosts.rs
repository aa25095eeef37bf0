//! The hosts behind SSH.

use std::sync::Arc;
use std::time::Duration;

use super::probe::Probe;
use crate::config;
use crate::host::World;

/// A row for each host.
pub(super) fn probes(world: &Arc<World>, _: Duration) -> Vec<Probe> {
    let one = |(name, host): (&String, &config::Host)| {
        let user = host.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let port = host.port.map(|port| format!(":{port}")).unwrap_or_default();
        let jump = host.jump.as_ref().map(|jump| format!(" through {jump}")).unwrap_or_default();
        let what = format!("{user}{}{port}{jump}", host.address.as_ref().unwrap_or(name));
        Probe { name: name.clone(), what, ask: None }
    };
    world.config.hosts.iter().map(one).collect()
}

//! Logs in to each host behind SSH, by the way that playbooks take.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::probe::Probe;
use crate::client::ssh::Target;
use crate::config;
use crate::host::World;
use crate::host::call::CONNECT_LIMIT;
use crate::host::ssh::{connect, way};

/// A question for each host.
pub(super) fn probes(world: &Arc<World>, limit: Duration) -> Vec<Probe> {
    let one = |(name, host): (&String, &config::Host)| {
        let user = host.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let port = host.port.map(|port| format!(":{port}")).unwrap_or_default();
        let jump = host.jump.as_ref().map(|jump| format!(" through {jump}")).unwrap_or_default();
        let what = format!("{user}{}{port}{jump}", host.address.as_ref().unwrap_or(name));
        let (world, asked) = (world.clone(), name.clone());
        let ask = async move {
            let way = way(&world, &asked)?;
            let shown = way.last().map(Target::shown).unwrap_or_default();
            connect(&world, way, CONNECT_LIMIT.min(limit)).await?;
            Ok(format!("logged in as {shown}"))
        };
        Probe { name: name.clone(), what, ask: Some(ask.boxed()) }
    };
    world.config.hosts.iter().map(one).collect()
}

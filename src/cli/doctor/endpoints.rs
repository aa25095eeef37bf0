//! Asks each HTTP endpoint for its root.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::probe::Probe;
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::host::World;
use crate::script::ask::Asker;

/// A question for each endpoint.
pub(super) fn probes(world: &Arc<World>, limit: Duration) -> Vec<Probe> {
    if world.config.endpoints.is_empty() {
        return Vec::new();
    }
    let asker = Asker::new(world.clone());
    let one = |(name, endpoint): (&String, &config::Endpoint)| {
        let what = endpoint.url.clone().or_else(|| endpoint.service.clone()).unwrap_or_default();
        let (asker, asked) = (asker.clone(), name.clone());
        let ask = async move {
            let status = tokio::task::spawn_blocking(move || asker.endpoint_status(asked, limit));
            let status =
                status.await.map_err(|e| Error::new(Kind::Unreachable, "asking was broken off").caused_by(&e))?;
            judge(status?)
        };
        Probe { name: name.clone(), what, ask: Some(ask.boxed()) }
    };
    world.config.endpoints.iter().map(one).collect()
}

fn judge(status: i64) -> Result<String> {
    match status {
        401 | 403 => Err(Error::new(Kind::Unauthorized, format!("it answers with HTTP status {status}"))
            .hint("token, or user and password, in its section of pb.toml say who asks")),
        500.. => Err(Error::new(Kind::Status, format!("it answers with HTTP status {status}"))),
        status => Ok(format!("HTTP status {status}")),
    }
}

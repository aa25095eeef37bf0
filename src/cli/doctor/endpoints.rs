//! Asks each HTTP endpoint for its root, by the very functions that playbooks call: credentials, certificate
//! authority, address and forwarding are those of a step.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use rhai::{Dynamic, Engine, Scope};

use super::probe::Probe;
use crate::config;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::{Context, World};
use crate::script::{diagnose, engine};

/// The status of the root, whatever it is.
const SCRIPT: &str = r#"http(name).get("/", #{ expect_status: "any", follow: false, within: limit }).status"#;

/// A question for each endpoint.
pub(super) fn probes(world: &Arc<World>, limit: Duration) -> Vec<Probe> {
    if world.config.endpoints.is_empty() {
        return Vec::new();
    }
    let engine = Arc::new(engine::build());
    let one = |(name, endpoint): (&String, &config::Endpoint)| {
        let what = endpoint.url.clone().or_else(|| endpoint.service.clone()).unwrap_or_default();
        let (world, engine, asked) = (world.clone(), engine.clone(), name.clone());
        let ask = async move {
            let status = tokio::task::spawn_blocking(move || status(&world, &engine, asked, limit));
            status.await.map_err(|e| Error::new(Kind::Unreachable, "asking was broken off").caused_by(&e))?
        };
        Probe { name: name.clone(), what, ask: Some(ask.boxed()) }
    };
    world.config.endpoints.iter().map(one).collect()
}

fn status(world: &Arc<World>, engine: &Engine, name: String, limit: Duration) -> Result<String> {
    let context = Context::new(world.clone(), "doctor/endpoint", None, Effect::Read, Some(limit));
    let _entered = context.enter();
    let mut scope = Scope::new();
    scope.push("name", name).push("limit", limit);
    let status: Dynamic = engine
        .eval_with_scope(&mut scope, SCRIPT)
        .map_err(|e| Error { place: None, ..diagnose::from_rhai(&e, None) })?;
    match status.as_int() {
        Ok(401 | 403) => Err(Error::new(Kind::Unauthorized, format!("it answers with HTTP status {status}"))
            .hint("token, or user and password, in its section of pb.toml say who asks")),
        Ok(500..) => Err(Error::new(Kind::Status, format!("it answers with HTTP status {status}"))),
        Ok(status) => Ok(format!("HTTP status {status}")),
        Err(kind) => Err(Error::new(Kind::Unreadable, format!("the answer's status is {status} ({kind})"))),
    }
}

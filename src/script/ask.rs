//! One question in a script's words, asked outside of a run: what `pb doctor` wants to know of an endpoint.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Engine, Scope};

use super::{diagnose, engine};
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::{Context, World};

/// The status of the root, whatever it is.
const STATUS: &str = r#"http(name).get("/", #{ expect_status: "any", follow: false, within: limit }).status"#;

/// Asks by the very functions that playbooks call: credentials, certificate authority, address and
/// forwarding are those of a step.
#[derive(Clone)]
pub struct Asker {
    world: Arc<World>,
    engine: Arc<Engine>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").field("world", &self.world).finish_non_exhaustive()
    }
}

impl Asker {
    /// An asker in a world.
    pub fn new(world: Arc<World>) -> Self {
        Self { world, engine: Arc::new(engine::build()) }
    }

    /// The HTTP status of an endpoint's root. It blocks: call it from a thread that may.
    ///
    /// # Errors
    /// What the request says; [`Kind::Unreadable`] where the answer has no status.
    pub fn endpoint_status(&self, endpoint: String, limit: Duration) -> Result<i64> {
        let context = Context::new(self.world.clone(), "doctor/endpoint", None, Effect::Read, Some(limit));
        let _entered = context.enter();
        let mut scope = Scope::new();
        scope.push("name", endpoint).push("limit", limit);
        let status: Dynamic = self
            .engine
            .eval_with_scope(&mut scope, STATUS)
            .map_err(|e| Error { place: None, ..diagnose::from_rhai(&e, None) })?;
        status
            .as_int()
            .map_err(|kind| Error::new(Kind::Unreadable, format!("the answer's status is {status} ({kind})")))
    }
}

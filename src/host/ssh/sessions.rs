//! The open connections of a run, by host: a step's next command uses one again, and so does the next step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::route;
use crate::client::ssh::{Command, Failed, Output, Session, Target};
use crate::error::Result;
use crate::host::call::CONNECT_LIMIT;
use crate::host::context::Context;

/// So many idle connections to one host are kept. A router has few lines for people (IOS has five), and only commands
/// that run side by side need more than one.
const IDLE: usize = 4;
/// A connection that nobody used for so long is not used again: what stands between may have forgotten it, and then a
/// command would wait for its deadline.
const FRESH: Duration = Duration::from_secs(30);

/// Idle sessions by host, until the run ends. What runs side by side has a session each.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    idle: Mutex<BTreeMap<String, Vec<(Instant, Session)>>>,
}

impl Sessions {
    fn idle(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<(Instant, Session)>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sessions of a context's run.
    pub(super) fn of(context: &Context) -> Arc<Self> {
        context.world.part::<Self>()
    }

    /// Runs a command over an idle session, or a new one. Only a session that was found dead before the command
    /// was sent is replaced: a command is never sent twice.
    pub(super) async fn run(&self, cx: &Context, host: &str, way: Vec<Target>, command: Command) -> Result<Output> {
        let now = || cx.world.clock.instant();
        while let Some((since, session)) = self.take(host) {
            if now().saturating_duration_since(since) > FRESH || !session.is_alive() {
                continue;
            }
            match session.run(command.clone()).await {
                Ok(output) => {
                    self.give_back(host, now(), session);
                    return Ok(output);
                }
                Err(Failed::NotSent(_)) => break,
                Err(Failed::Sent(error)) => return Err(error),
            }
        }
        let session = route::connect(&cx.world, way, CONNECT_LIMIT).await?;
        let output = session.run(command).await?;
        self.give_back(host, now(), session);
        Ok(output)
    }

    fn take(&self, host: &str) -> Option<(Instant, Session)> {
        self.idle().get_mut(host)?.pop()
    }

    fn give_back(&self, host: &str, now: Instant, session: Session) {
        let mut all = self.idle();
        let idle = all.entry(host.to_string()).or_default();
        if idle.len() < IDLE {
            idle.push((now, session));
        }
    }
}

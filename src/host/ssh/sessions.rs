//! The open connections of a run: one a step and host, used again by the step's next command.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::route;
use crate::client::ssh::{Command, Failed, Output, Session, Target};
use crate::error::Result;
use crate::host::call::CONNECT_LIMIT;
use crate::host::context::Context;

/// Idle sessions by step and host. Commands that run side by side in one step each have their own.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    idle: Mutex<BTreeMap<(String, String), Vec<Session>>>,
}

/// Closes a step's sessions when the step ends.
struct EndOfStep {
    sessions: Arc<Sessions>,
    step: String,
}

impl Drop for EndOfStep {
    fn drop(&mut self) {
        self.sessions.idle().retain(|(step, _), _| *step != self.step);
    }
}

impl Sessions {
    fn idle(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Vec<Session>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sessions of a context's run; they close with its step.
    pub(super) fn of(context: &Context) -> Arc<Self> {
        let sessions = context.world.part::<Self>();
        let mut state = context.state();
        if !state.kept.iter().any(|kept| kept.is::<EndOfStep>()) {
            state.kept.push(Box::new(EndOfStep { sessions: sessions.clone(), step: context.step.clone() }));
        }
        sessions
    }

    /// Runs a command over an idle session, or a new one. Only a session that was found dead before the command
    /// was sent is replaced: a command is never sent twice.
    pub(super) async fn run(&self, cx: &Context, host: &str, way: Vec<Target>, command: Command) -> Result<Output> {
        let key = (cx.step.clone(), host.to_string());
        while let Some(session) = self.take(&key) {
            if !session.is_alive() {
                continue;
            }
            match session.run(command.clone()).await {
                Ok(output) => {
                    self.give_back(key, session);
                    return Ok(output);
                }
                Err(Failed::NotSent(_)) => break,
                Err(Failed::Sent(error)) => return Err(error),
            }
        }
        let session = route::connect(&cx.world, way, CONNECT_LIMIT).await?;
        let output = session.run(command).await?;
        self.give_back(key, session);
        Ok(output)
    }

    fn take(&self, key: &(String, String)) -> Option<Session> {
        self.idle().get_mut(key)?.pop()
    }

    fn give_back(&self, key: (String, String), session: Session) {
        self.idle().entry(key).or_default().push(session);
    }
}

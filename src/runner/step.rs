//! One step's life: guard, closure, retries, what comes later, clean-up, verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::judge::{Ending, judge};
use super::{Run, clean};
use crate::error::{Error, Kind};
use crate::event::{Effect, Outcome, StepResult, What, short};
use crate::host::Context;
use crate::host::closure::Closure;
use crate::host::world::Permissions;
use crate::playbook::plan::Planned;
use crate::script::call::{self, Caller, Thrown, Value};
use crate::script::declare::Body;

/// A guard's deadline: it looks, and does not wait.
const GUARD_LIMIT: Duration = Duration::from_secs(60);

/// A step about to run.
pub(super) struct StepRun<'a> {
    pub(super) run: &'a Run,
    pub(super) planned: &'a Planned,
    pub(super) body: Option<Body>,
}

/// A step between its closure and its check.
pub(super) struct Parked {
    context: Arc<Context>,
    started: Value,
    began: Instant,
    attempts: u32,
    planned: Planned,
}

/// How a thread's work on a step ended.
pub(super) enum Ended {
    Done(Box<StepResult>),
    Later(Instant, Box<Parked>),
}

impl StepRun<'_> {
    pub(super) fn start(self) -> Ended {
        let world = &self.run.world;
        let began = world.clock.instant();
        if let Some(reason) = not_allowed(&self.run.world.permissions, self.planned) {
            return Ended::Done(Box::new(not_run(self.planned, Outcome::Skipped, &reason)));
        }
        let retry = self.planned.decl.retry;
        let mut attempt = 1;
        loop {
            world.bus.emit(Some(&self.planned.info.id), What::StepStarted { attempt });
            if let Some(why) = self.guard() {
                return Ended::Done(Box::new(not_run(self.planned, Outcome::Blocked, &why)));
            }
            let context = self.context();
            let (value, ending) = self.call(&context, self.body.as_ref().and_then(|b| b.run.as_ref()), None);
            if let (Ending::Returned, Some(later)) = (&ending, self.planned.decl.later) {
                let when = world.clock.instant() + later.after;
                let planned = self.planned.clone();
                let parked = Parked { context, started: value, began, attempts: attempt, planned };
                return Ended::Later(when, Box::new(parked));
            }
            let result = finish(&self.run.caller, &context, ending, self.planned, began, attempt);
            let again = retry.is_some_and(|r| attempt <= r.times)
                && matches!(result.outcome, Outcome::Failed | Outcome::Errored | Outcome::Inconclusive)
                && !world.cancel.is_cancelled();
            if !again {
                return Ended::Done(Box::new(result));
            }
            let wait = retry.map_or(Duration::ZERO, |r| r.wait);
            world.bus.emit(
                Some(&self.planned.info.id),
                What::Waiting {
                    message: format!(
                        "attempt {attempt} {}: {}; again in {}",
                        result.outcome,
                        result.message,
                        short(wait)
                    ),
                },
            );
            world.runtime.block_on(async {
                tokio::select! {
                    () = world.cancel.cancelled() => {}
                    () = world.clock.sleep(wait) => {}
                }
            });
            attempt += 1;
        }
    }

    pub(super) fn resume(self, parked: Parked) -> Ended {
        let Parked { context, started, began, attempts, .. } = parked;
        // The check has the step's time anew: the pause between is not the step's.
        let context = context.renewed(self.planned.timeout);
        let (_, ending) = self.call(&context, self.body.as_ref().and_then(|b| b.check.as_ref()), Some(started));
        Ended::Done(Box::new(finish(&self.run.caller, &context, ending, self.planned, began, attempts)))
    }

    /// Why the guard does not hold.
    fn guard(&self) -> Option<String> {
        let guard = self.body.as_ref()?.guard.as_ref()?;
        let info = &self.planned.info;
        let world = self.run.world.clone();
        let context =
            Context::new(world, &info.id, info.cluster.clone(), Effect::Read, Some(GUARD_LIMIT)).covering(&info.covers);
        let (value, ending) = self.call(&context, Some(guard), None);
        let (outcome, message, _) = judge(ending, &context.state(), None);
        clean::step(&context, &self.run.caller);
        if call::answer(&value) == Some(false) {
            return Some("its guard did not hold: it gave false".into());
        }
        // A guard may also answer with a bool; one that does neither has looked at nothing.
        let unasserted = outcome == Outcome::Inconclusive && context.state().inconclusive.is_empty();
        let held = outcome.is_good() || (unasserted && call::answer(&value) == Some(true));
        (!held).then(|| format!("its guard did not hold: {message}"))
    }

    fn context(&self) -> Arc<Context> {
        let info = &self.planned.info;
        let world = self.run.world.clone();
        let limit = Some(self.planned.timeout);
        Context::new(world, &info.id, info.cluster.clone(), info.effect, limit).covering(&info.covers)
    }

    fn call(&self, context: &Arc<Context>, closure: Option<&Closure>, started: Option<Value>) -> (Value, Ending) {
        let Some(closure) = closure else { return (Value::default(), Ending::Returned) };
        let _entered = context.enter();
        match self.run.caller.step(closure, started, &self.planned.info.place.file) {
            Ok(value) => (value, Ending::Returned),
            Err(Thrown::Skipped(reason)) => (Value::default(), Ending::Skipped(reason)),
            Err(Thrown::Error(error)) => (Value::default(), Ending::Threw(error)),
        }
    }
}

/// Why a step may not run at all.
pub(super) fn not_allowed(allowed: &Permissions, planned: &Planned) -> Option<String> {
    let effect = planned.info.effect;
    if effect > Effect::Read && allowed.read_only {
        return Some(format!("its effect is {effect}, and the run is --read-only"));
    }
    let clusters = planned.clusters.iter().map(|cluster| Some(cluster.as_str()));
    let clusters = clusters.chain(planned.clusters.is_empty().then_some(None));
    let flag = clusters.filter_map(|cluster| allowed.missing(effect, cluster)).next()?;
    Some(format!("its effect is {effect}: {flag} lets it run"))
}

impl Parked {
    /// Ends it without its check.
    pub(super) fn interrupted(self, caller: &Caller) -> StepResult {
        let error = Error::new(Kind::Cancelled, "interrupted while it waited for its check");
        finish(caller, &self.context, Ending::Threw(Box::new(error)), &self.planned, self.began, self.attempts)
    }
}

/// Cleans up after the step and gives its result.
fn finish(
    caller: &Caller,
    context: &Arc<Context>,
    ending: Ending,
    planned: &Planned,
    began: Instant,
    attempts: u32,
) -> StepResult {
    let left = clean::step(context, caller);
    let mut state = context.state();
    state.warnings.extend(left.problems);
    let manual = planned.decl.manual.as_deref();
    let (mut outcome, mut message, mut error) = judge(ending, &state, manual);
    for threw in left.threw {
        // A clean-up that did not work is no pass; what is worse than that already stays what it is.
        if matches!(outcome, Outcome::Failed | Outcome::Errored) {
            let place = threw.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            state.warnings.push(format!("{threw}{place}"));
        } else {
            (outcome, message, error) = (Outcome::Errored, threw.message.clone(), Some(threw));
        }
    }
    let seconds = context.world.clock.instant().saturating_duration_since(began).as_secs_f64();
    StepResult {
        id: planned.info.id.clone(),
        outcome,
        message,
        seconds,
        attempts,
        calls: state.calls,
        judged: state.judged,
        failures: std::mem::take(&mut state.failures),
        error,
        warnings: std::mem::take(&mut state.warnings),
        notes: std::mem::take(&mut state.notes),
        metrics: std::mem::take(&mut state.metrics),
        evidence: std::mem::take(&mut state.evidence),
        instructions: planned.decl.manual.clone(),
        taken_from: None,
    }
}

/// The result of a step that did not run.
pub(super) fn not_run(planned: &Planned, outcome: Outcome, message: &str) -> StepResult {
    StepResult {
        id: planned.info.id.clone(),
        outcome,
        message: message.to_string(),
        seconds: 0.0,
        attempts: 0,
        calls: 0,
        judged: 0,
        failures: Vec::new(),
        error: None,
        warnings: Vec::new(),
        notes: Vec::new(),
        metrics: Vec::new(),
        evidence: Vec::new(),
        instructions: planned.decl.manual.clone(),
        taken_from: None,
    }
}

//! The single gate that every host call passes: deadline, cancellation, effects, recording.

use std::cell::RefCell;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::answer;
use super::call::{CALL_LIMIT, Call, Limit};
use super::kube::identity;
use super::kube::secrets::row_for_record;
use super::state::StepState;
use super::world::World;
use crate::error::{Error, Kind, Place};
use crate::event::{Effect, FieldChange, LedgerRow, Owned, Undo, What, exact, short};

/// What a host function returns to Rhai.
pub type HostResult<T> = Result<T, Box<EvalAltResult>>;

impl From<Error> for Box<EvalAltResult> {
    /// A host error is a value of its own that scripts can catch: `.kind`, `.message`, `.hints`.
    fn from(error: Error) -> Self {
        match error.kind {
            // A run that is being stopped must not be caught by the script.
            Kind::Cancelled => EvalAltResult::ErrorTerminated(Dynamic::from(error), Position::NONE).into(),
            _ => EvalAltResult::ErrorRuntime(Dynamic::from(error), Position::NONE).into(),
        }
    }
}

/// What a step (or a line of the REPL) may do, what it gathered, and the world around it.
#[derive(Debug, Clone)]
pub struct Context {
    /// What all steps share.
    pub world: Arc<World>,
    /// `t5/bgp-table@infra`
    pub step: String,
    /// The cluster that the step runs on.
    pub cluster: Option<String>,
    /// What the step declared.
    pub effect: Effect,
    /// Cancels this step alone; a child of the world's token.
    pub cancel: CancellationToken,
    /// When the step must be done, and how long it was given.
    pub deadline: Option<(Instant, Duration)>,
    /// Whose deadline that is, as messages say it: `the step's`.
    whose: &'static str,
    /// The boxes that the step covers; none where this is no declared step (the REPL, an example).
    pub(super) covers: Option<Arc<[String]>>,
    state: Arc<Mutex<StepState>>,
}

/// Whose deadline it is where nothing narrower was set.
const STEPS: &str = "the step's";

thread_local! {
    static CURRENT: RefCell<Vec<Arc<Context>>> = const { RefCell::new(Vec::new()) };
}

/// Ends the thread's use of a context when dropped.
#[derive(Debug)]
pub struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|stack| {
            stack.pop();
        });
    }
}

impl Context {
    /// A step's context. `limit` is the step's deadline from now on.
    pub fn new(
        world: Arc<World>,
        step: impl Into<String>,
        cluster: Option<String>,
        effect: Effect,
        limit: Option<Duration>,
    ) -> Arc<Self> {
        let cancel = world.cancel.child_token();
        let deadline = limit.map(|limit| (world.clock.instant() + limit, limit));
        Arc::new(Self {
            world,
            step: step.into(),
            cluster,
            effect,
            cancel,
            deadline,
            whose: STEPS,
            covers: None,
            state: Arc::default(),
        })
    }

    /// The same for a declared step, whose expectations may name its boxes.
    #[must_use]
    pub fn covering(self: Arc<Self>, boxes: &[String]) -> Arc<Self> {
        let cx = Arc::unwrap_or_clone(self);
        Arc::new(Self { covers: Some(boxes.into()), ..cx })
    }

    /// The same step's context for clean-up: a token and a deadline of its own, the same findings.
    pub fn for_cleaning(&self, limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            world: self.world.clone(),
            step: self.step.clone(),
            cluster: self.cluster.clone(),
            effect: self.effect,
            cancel: CancellationToken::new(),
            deadline: Some((self.world.clock.instant() + limit, limit)),
            whose: "the clean-up's",
            covers: self.covers.clone(),
            state: self.state.clone(),
        })
    }

    /// The same step's context for a part of it that may take so long, and never longer than the step.
    pub fn narrowed(&self, limit: Duration, whose: &'static str) -> Arc<Self> {
        self.with_grace(limit, Duration::ZERO, whose)
    }

    /// The same for a part that may come to its end so much after its limit; messages name the limit alone.
    pub fn with_grace(&self, limit: Duration, grace: Duration, whose: &'static str) -> Arc<Self> {
        // A time too long for the clock is no limit.
        let until = limit.checked_add(grace).and_then(|span| self.world.clock.instant().checked_add(span));
        let own = until.map(|at| (at, limit));
        let (deadline, whose) = match (self.deadline, own) {
            (Some(step), Some(own)) if own.0 < step.0 => (Some(own), whose),
            (None, Some(own)) => (Some(own), whose),
            (step, _) => (step, self.whose),
        };
        Arc::new(Self {
            world: self.world.clone(),
            step: self.step.clone(),
            cluster: self.cluster.clone(),
            effect: self.effect,
            cancel: self.cancel.clone(),
            deadline,
            whose,
            covers: self.covers.clone(),
            state: self.state.clone(),
        })
    }

    /// The same step's context with its time anew.
    pub fn renewed(&self, limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            world: self.world.clone(),
            step: self.step.clone(),
            cluster: self.cluster.clone(),
            effect: self.effect,
            cancel: self.cancel.clone(),
            deadline: Some((self.world.clock.instant() + limit, limit)),
            whose: STEPS,
            covers: self.covers.clone(),
            state: self.state.clone(),
        })
    }

    /// Makes this the context of host calls on this thread until the guard is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Entered {
        CURRENT.with_borrow_mut(|stack| stack.push(self.clone()));
        Entered(())
    }

    /// The context of this thread; an error while a playbook only declares.
    pub fn current() -> Result<Arc<Self>, Error> {
        CURRENT.with_borrow(|stack| stack.last().cloned()).ok_or_else(|| {
            Error::new(Kind::Playbook, "a host call at the top level of a playbook, where steps are only declared")
                .hint("move it into a step's closure: step(\"id\", #{ … }, |t| { … })")
        })
    }

    /// The findings so far.
    pub fn state(&self) -> MutexGuard<'_, StepState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Emits an event of this step.
    pub fn emit(&self, what: What) {
        self.world.bus.emit(Some(&self.step), what);
    }

    /// The script line that calls, with its text.
    pub fn place(&self, at: &NativeCallContext) -> Option<Place> {
        let position = at.call_position();
        let file = at.call_source()?.to_string();
        let line = position.line()?;
        let source = self.world.source_line(&file, line);
        Some(Place { file, line, column: position.position().unwrap_or(0), source })
    }

    /// What is left until the step's deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|(at, _)| at.saturating_duration_since(self.world.clock.instant()))
    }

    /// Fails when the run is being stopped or the step's time is up.
    pub fn check(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "interrupted"));
        }
        match self.deadline {
            Some((_, limit)) if self.remaining().is_some_and(|d| d.is_zero()) => {
                let error = Error::new(Kind::Timeout, format!("{} deadline of {} struck", self.whose, exact(limit)));
                Err(if self.whose == STEPS {
                    error.hint("timeout: duration(\"…\") in the step's options, or --timeout, gives it longer")
                } else {
                    error
                })
            }
            _ => Ok(()),
        }
    }

    /// Writes the undo of a change that is about to be made into the ledger; it is worked off at the step's end.
    /// The row is on the disk when this returns: a run that is killed while it changes has it.
    ///
    /// # Errors
    /// [`Kind::Io`] when the record can't be written: then nothing may be changed.
    pub fn undo(&self, change: impl Into<String>, undo: Undo) -> Result<LedgerRow, Error> {
        self.row(Some(&self.step), change.into(), undo)
    }

    /// The same for what the whole run shares: worked off at the run's end.
    ///
    /// # Errors
    /// As [`Context::undo`].
    pub fn undo_at_end_of_run(&self, change: impl Into<String>, undo: Undo) -> Result<LedgerRow, Error> {
        self.row(None, change.into(), undo)
    }

    fn row(&self, owner: Option<&str>, change: String, undo: Undo) -> Result<LedgerRow, Error> {
        undo.names().for_each(|name| self.world.redactor.name(name));
        let id = undo.cluster().and_then(|name| identity::known(&self.world, name));
        let row = self.world.ledger.add_on(owner, change, undo, id);
        // Whoever works the rows off from the record takes them for the step's or the run's by this.
        self.world.bus.emit(owner, What::UndoRecorded(row_for_record(&row)));
        match self.world.bus.settle() {
            Ok(()) => Ok(row),
            Err(error) => {
                self.world.ledger.forget(row.row);
                self.world.bus.emit(owner, What::UndoDone { row: row.row, error: None, by_hand: None, line: None });
                Err(error.context(format!("{} is not done, since its undo can't be recorded", row.change)))
            }
        }
    }

    /// The server gave what a row creates this uid: the undo deletes that object alone, also one that is performed
    /// from the record.
    pub fn created(&self, row: u64, uid: &str) {
        self.world.ledger.created(row, uid);
        if !uid.is_empty() {
            self.emit(What::UndoIdentified { row, uid: uid.into() });
        }
    }

    /// The server's answer says what a row's change has made of an object: the undo goes by that.
    pub fn settled(&self, row: u64, fields: Vec<FieldChange>, owners: Vec<Owned>) {
        if let Some(row) = self.world.ledger.settled(row, fields, owners)
            && let Undo::Restore { fields, owners, .. } = row_for_record(&row).undo
        {
            self.emit(What::UndoSettled { row: row.row, fields, owners });
        }
    }

    /// Lets a call pass, or says why not.
    ///
    /// # Errors
    /// [`Kind::Refused`] when it is stronger than the step's effect or than what the operator allowed.
    pub fn admit(&self, call: &Call) -> Result<(), Error> {
        let on = call.cluster.as_deref().or(call.target.as_deref()).map(|t| format!(" on {t}")).unwrap_or_default();
        let what = format!("{}{on} is \"{}\"", call.function, call.effect);
        if self.world.permissions.read_only && call.effect > Effect::Read {
            return Err(Error::new(Kind::Refused, format!("{what}, and the run is --read-only"))
                .because(format!("refused: {}", call.line)));
        }
        if call.effect > self.effect {
            return Err(Error::new(
                Kind::Refused,
                format!("{what}, stronger than what step {} declares: \"{}\"", self.step, self.effect),
            )
            .because(format!("refused: {}", call.line))
            .hint(format!("effect: \"{}\" in the step's options declares it", call.effect)));
        }
        if let Some(flag) = self.world.permissions.missing(call.effect, call.cluster.as_deref()) {
            return Err(Error::new(Kind::Refused, format!("{what}, and that is not allowed here"))
                .because(format!("refused: {}", call.line))
                .hint(format!("{flag} allows it")));
        }
        Ok(())
    }

    /// Runs a host call: admits it, tells the listeners, and ends it by its deadline or by cancellation.
    ///
    /// The answer can be written to the record and read back, so that a replay can give it again.
    ///
    /// # Errors
    /// What `work` says; [`Kind::Refused`], [`Kind::Timeout`] and [`Kind::Cancelled`] from the gate.
    pub fn call<T, W>(&self, at: &NativeCallContext, call: Call, work: W) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
        W: Future<Output = Result<T, Error>>,
    {
        self.call_with(at, call, |_| String::new(), work)
    }

    /// The same, with a word on the answer for the listeners: `12 objects`.
    ///
    /// # Errors
    /// As [`Context::call`].
    pub fn call_with<T, W>(
        &self,
        at: &NativeCallContext,
        call: Call,
        summary: impl FnOnce(&T) -> String,
        work: W,
    ) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
        W: Future<Output = Result<T, Error>>,
    {
        let place = self.place(at);
        // A script that catches the error sees where it came from.
        self.run(place.clone(), call, summary, work).map_err(|error| match place {
            Some(place) => error.at(place),
            None => error,
        })
    }

    /// The same for a call that no script line makes: clean-up, forwarding for an endpoint.
    ///
    /// # Errors
    /// As [`Context::call`].
    #[expect(clippy::needless_pass_by_value, reason = "a call is made once, where it is written")]
    pub fn run<T, W>(
        &self,
        place: Option<Place>,
        call: Call,
        summary: impl FnOnce(&T) -> String,
        work: W,
    ) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
        W: Future<Output = Result<T, Error>>,
    {
        self.check()?;
        self.admit(&call)?;
        if let Some(text) = call.taken_at_its_word(place.as_ref().map(|place| place.file.as_str())) {
            self.remark_once(text);
        }
        call.names().for_each(|name| self.world.redactor.name(name));
        let number = self.world.next_call();
        self.state().calls += 1;
        let started = self.world.clock.instant();
        let (limit, whose) = self.limit_of(call.limit);
        self.emit(What::CallStarted {
            call: number,
            function: call.function.into(),
            effect: call.effect,
            target: call.cluster.clone().or(call.target.clone()),
            args: answer::cut(&call.args, self.world.config.answer_limit()),
            line: call.line.clone(),
            place,
        });
        // What changes something is not begun before its beginning is recorded.
        let recorded = if call.effect > Effect::Read { self.world.bus.settle() } else { Ok(()) };
        let result = recorded.and_then(|()| {
            self.world.runtime.block_on(crate::clock::by(self.world.clock.clone(), async {
                tokio::select! {
                    biased;
                    () = self.cancel.cancelled() => Err(Error::new(Kind::Cancelled, "interrupted")),
                    result = work => result,
                    () = self.world.clock.deadline(limit) => Err(self.timed_out(&call, limit, whose)),
                }
            }))
        });
        if let (Ok(value), Some(_)) = (&result, &self.world.folder) {
            self.world.bus.answer(answer::of(number, value, self.world.config.answer_limit(), &self.world.redactor));
        }
        let seconds = self.world.clock.instant().saturating_duration_since(started).as_secs_f64();
        self.emit(What::CallFinished {
            call: number,
            seconds,
            summary: result.as_ref().map(summary).unwrap_or_default(),
            error: result.as_ref().err().cloned(),
        });
        result
    }

    /// Keeps a remark that the step's notes do not have yet.
    fn remark_once(&self, text: String) {
        let mut state = self.state();
        if !state.notes.contains(&text) {
            state.notes.push(text.clone());
            drop(state);
            self.emit(What::Note { text });
        }
    }

    fn limit_of(&self, limit: Limit) -> (Duration, &'static str) {
        let step = self.remaining().unwrap_or(Duration::MAX / 4);
        let (own, whose) = match limit {
            Limit::Call => (CALL_LIMIT, "the call's"),
            Limit::Within(within) => (within, "the call's"),
            Limit::Step => (step, self.whose),
        };
        if own <= step { (own, whose) } else { (step, self.whose) }
    }

    fn timed_out(&self, call: &Call, limit: Duration, whose: &str) -> Error {
        // What is left of a part's deadline is a figure that nobody wrote.
        if let (true, true, Some((_, of))) = (whose == self.whose, whose != STEPS, self.deadline) {
            return Error::new(
                Kind::Timeout,
                format!("{}: no answer by {whose} deadline of {}", call.function, exact(of)),
            )
            .because(format!("asked: {}", call.line));
        }
        let step = match (whose, self.deadline) {
            (STEPS, Some((_, of))) => format!(" (the step has {} in all)", exact(of)),
            // Of another part's deadline the step's rest says nothing.
            (_, Some(_)) if self.whose != STEPS => String::new(),
            (_, Some(_)) => format!(" (the step has {} left)", short(self.remaining().unwrap_or_default())),
            _ => String::new(),
        };
        Error::new(
            Kind::Timeout,
            format!("{}: no answer within {}, {whose} deadline{step}", call.function, short(limit)),
        )
        .because(format!("asked: {}", call.line))
    }
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;

//! `eventually`: a look that is repeated until it holds, and what is said when the time is up before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};

use super::flow::sleep;
use super::here;
use crate::error::{Error, Kind, Place};
use crate::event::{Failure, What, exact, short};
use crate::host::context::{Context, HostResult};
use crate::host::state::Mark;

/// Times below say nothing of how long something was so.
const BRIEFEST: Duration = Duration::from_millis(1);
/// The first pause; each further one is half as long again, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How long an attempt may go on when the time is up: a look that began in time may still answer.
const GRACE: Duration = Duration::from_secs(5);
/// What a failure that was waited for says.
const NOT_WITHIN: &str = "not within ";

pub(super) fn run(at: &NativeCallContext, within: Duration, body: &FnPtr) -> HostResult<Dynamic> {
    let cx = here()?;
    let mark = cx.state().mark();
    cx.state().trying += 1;
    let result = attempts(&cx, at, within, body);
    let mut state = cx.state();
    state.trying -= 1;
    // What stands at the end was not told while it might still have changed.
    let told = if state.trying == 0 { state.failures_since(mark).to_vec() } else { Vec::new() };
    drop(state);
    for failure in told {
        cx.emit(What::Failed(failure));
    }
    result
}

/// What an attempt saw that did not hold.
struct Seen {
    /// In short, for the line of a step that waits.
    brief: String,
    /// With what was expected, and its place.
    whole: String,
}

impl Seen {
    fn failure(failure: &Failure) -> Self {
        let Failure { label, expected, actual, at, .. } = failure;
        let there = there(at.as_ref());
        Self { brief: format!("{label}: {actual}"), whole: format!("{label}: expected {expected}, is {actual}{there}") }
    }

    fn words(words: String) -> Self {
        Self { whole: words.clone(), brief: words }
    }
}

/// A place behind the words that it belongs to.
fn there(place: Option<&Place>) -> String {
    place.map(|place| format!(" ({place})")).unwrap_or_default()
}

/// What has been seen so far.
struct Looks<'a> {
    cx: &'a Arc<Context>,
    at: &'a NativeCallContext<'a>,
    within: Duration,
    tries: u32,
    /// The last that was seen, and since when.
    last: Option<(Seen, Instant)>,
}

impl Looks<'_> {
    /// An attempt ended and did not hold.
    fn saw(&mut self, seen: Seen) {
        let since = match self.last.take() {
            Some((last, since)) if last.brief == seen.brief => since,
            _ => self.cx.world.clock.instant(),
        };
        self.last = Some((seen, since));
    }

    fn unchanged(&self) -> Duration {
        let now = self.cx.world.clock.instant();
        self.last.as_ref().map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(*since))
    }

    /// `once`, `3 times`
    fn times(&self) -> String {
        if self.tries == 1 { "once".to_string() } else { format!("{} times", self.tries) }
    }

    /// The error where a deadline struck: whose, after how many looks, and what the last of them saw.
    /// `during` is what the look was at that did not come to its end.
    fn struck(&self, during: Option<&Error>) -> Box<EvalAltResult> {
        let error = match self.cx.check() {
            Ok(()) => Error::new(
                Kind::Timeout,
                format!(
                    "eventually: {NOT_WITHIN}{}: attempt {} of its closure did not end, and was stopped {} later",
                    exact(self.within),
                    self.tries,
                    short(GRACE)
                ),
            )
            .hint("the closure looks once and ends: eventually is what repeats it"),
            Err(step) if step.kind == Kind::Cancelled => return step.into(),
            Err(step) => {
                let whole = self.tries - u32::from(during.is_some());
                let looked = match whole {
                    0 => "it had not looked once to the end".to_string(),
                    1 => "it had looked once".to_string(),
                    n => format!("it had looked {n} times"),
                };
                let more = if during.is_some() && whole > 0 { ", and was at its next look" } else { "" };
                Error {
                    message: format!(
                        "{} while eventually waited, whose own limit is {}: {looked}{more}",
                        step.message,
                        exact(self.within)
                    ),
                    ..step
                }
            }
        };
        let mut error = match &self.last {
            Some((seen, _)) => error.because(format!("seen last, for {}: {}", short(self.unchanged()), seen.whole)),
            None => error,
        };
        if let Some(during) = during {
            // What ended the script between two calls says nothing that is not said above.
            error = match (&during.place, during.message.ends_with(" struck")) {
                (Some(place), true) => error.because(format!("its last call or sum before that: {place}")),
                (None, true) => error,
                (place, false) => error.because(format!("cut off: {during}{}", there(place.as_ref()))),
            };
        }
        let place = self.cx.place(self.at);
        let error = match place {
            Some(place) => error.at(place),
            None => error,
        };
        if error.message.starts_with("eventually: ") {
            return error.into();
        }
        // The time of the step is up: there is nothing left that the script could do about it.
        EvalAltResult::ErrorTerminated(Dynamic::from(error), Position::NONE).into()
    }
}

fn attempts(cx: &Arc<Context>, at: &NativeCallContext, within: Duration, body: &FnPtr) -> HostResult<Dynamic> {
    let clock = cx.world.clock.clone();
    let started = clock.instant();
    let mut pause = FIRST_PAUSE;
    let mut looks = Looks { cx, at, within, tries: 0, last: None };
    let attempt = cx.with_grace(within, GRACE, "eventually's");
    loop {
        let mark = cx.state().mark();
        let result = {
            let _entered = attempt.enter();
            // On this thread while its caller waits: what it assigns to captured variables is seen by both.
            crate::host::object::call(at, body, ())
        };
        looks.tries += 1;
        if let Err(error) = &result
            && attempt.check().is_err()
            && let Some(during) = timed_out(error)
        {
            let soft = cx.state().failures_since(mark).first().map(Seen::failure);
            if let Some(seen) = soft {
                looks.saw(seen);
            }
            return Err(looks.struck(Some(&during)));
        }
        let (seen, error) = match result {
            Ok(value) => {
                let state = cx.state();
                let soft = state.failures_since(mark).first().map(Seen::failure);
                let empty = state.inconclusive_since(mark).first().cloned().map(Seen::words);
                match soft.or(empty) {
                    None => return Ok(value),
                    Some(seen) => (seen, None),
                }
            }
            Err(error) => match passing(&error) {
                Some(seen) => (seen, Some(error)),
                None => return Err(error),
            },
        };
        let brief = seen.brief.clone();
        looks.saw(seen);
        let left = within.saturating_sub(clock.instant().saturating_duration_since(started));
        if left.is_zero() {
            let (times, unchanged) = (looks.times(), looks.unchanged());
            let mut told = format!("{NOT_WITHIN}{}: looked {times}", exact(within));
            // It was seen only just now, where it is another each time.
            if unchanged >= BRIEFEST {
                told.push_str(&format!(", and for the last {} it was so", short(unchanged)));
            }
            return give_up(cx, error, mark, &told);
        }
        cx.state().rewind(mark);
        cx.emit(What::Waiting { message: brief });
        if sleep(cx, pause.min(left)).is_err() {
            return Err(looks.struck(None));
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The deadline that ended an attempt: the script itself, or one of its calls.
fn timed_out(error: &EvalAltResult) -> Option<Error> {
    match error.unwrap_inner() {
        EvalAltResult::ErrorTerminated(value, _) | EvalAltResult::ErrorRuntime(value, _) => {
            value.read_lock::<Error>().filter(|error| error.kind == Kind::Timeout).map(|error| error.clone())
        }
        _ => None,
    }
}

/// What an error that may pass says; none for one that will not.
fn passing(error: &EvalAltResult) -> Option<Seen> {
    let error = match error.unwrap_inner() {
        EvalAltResult::ErrorRuntime(value, _) => value.read_lock::<Error>()?.clone(),
        // What is absent ends a script this way when it was put into a text; a deadline does too, and stands.
        EvalAltResult::ErrorTerminated(value, _) => {
            value.read_lock::<Error>().filter(|error| error.kind == Kind::NotFound)?.clone()
        }
        other => crate::host::object::explain(other)?,
    };
    let may_pass = error.kind.is_transport()
        || matches!(
            error.kind,
            Kind::Expectation | Kind::Inconclusive | Kind::NotFound | Kind::Status | Kind::ExitCode
        );
    may_pass.then(|| match &error.failure {
        Some(failure) => Seen::failure(failure),
        None => Seen { brief: error.to_string(), whole: format!("{error}{}", there(error.place.as_ref())) },
    })
}

/// The last failure stands, with how long it was waited for.
fn give_up(cx: &Context, error: Option<Box<EvalAltResult>>, mark: Mark, told: &str) -> HostResult<Dynamic> {
    let mut state = cx.state();
    let count = state.failures_since(mark).len();
    let from = state.failures.len() - count;
    for failure in &mut state.failures[from..] {
        failure.expected = waited(&failure.expected, told);
    }
    drop(state);
    let Some(mut error) = error else { return Ok(Dynamic::UNIT) };
    // The error keeps its kind, place and stack; only what it says grows.
    let mut inner = error.as_mut();
    while let EvalAltResult::ErrorInFunctionCall(_, _, next, _) | EvalAltResult::ErrorInModule(_, next, _) = inner {
        inner = next.as_mut();
    }
    if let EvalAltResult::ErrorRuntime(value, _) = inner
        && let Some(mut error) = value.write_lock::<Error>()
    {
        match &mut error.failure {
            Some(failure) => failure.expected = waited(&failure.expected, told),
            None => {
                error.causes.retain(|cause| !cause.starts_with(NOT_WITHIN));
                error.causes.push(told.to_string());
            }
        }
    }
    Err(error)
}

/// What was expected, with how long it was waited for; of one eventually in another, the outer one's words stand.
fn waited(expected: &str, told: &str) -> String {
    let inner = expected.rsplit_once(&format!(" ({NOT_WITHIN}")).filter(|(_, rest)| rest.ends_with(" it was so)"));
    format!("{} ({told})", inner.map_or(expected, |(before, _)| before))
}

//! The course of a step: waiting until something holds, side by side, clean-up, leaving early.

use std::time::Duration;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};

use super::{Step, here};
use crate::error::{Error, Kind};
use crate::event::{What, short};
use crate::host::closure::Closure;
use crate::host::context::{Context, HostResult};
use crate::host::registrar::Registrar;

/// The first pause of `eventually`; each further one is half as long again, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause of `eventually`.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How long an attempt of `eventually` may go on when the time is up: a look that began in time may still answer.
const GRACE: Duration = Duration::from_secs(5);
/// What a failure that was waited for says.
const NOT_WITHIN: &str = "not within ";
/// Closures of one `parallel` that run at a time.
const SIDE_BY_SIDE: usize = 16;
/// The stack of a closure's thread, the same as a step's: what runs in a step runs here.
const STACK: usize = crate::host::values::STACK;

/// What `t.skip` throws; no script catches it.
#[derive(Debug, Clone)]
pub struct Skip {
    /// Why.
    pub reason: String,
}

pub(super) fn register(m: &mut Registrar) {
    m.method("step", "skip")
        .sig("(reason: string)")
        .doc("Leaves the step: its outcome is `skipped`, with the reason.")
        .example(r#"if t.id == "" { t.skip("there is no step") } true"#)
        .add(|_: &mut Step, reason: &str| -> HostResult<()> {
            let skip = Skip { reason: reason.to_string() };
            Err(EvalAltResult::ErrorTerminated(Dynamic::from(skip), Position::NONE).into())
        });
    // Rhai's own ends the whole evaluation with a value that nobody asked for.
    m.raw().set_native_fn("exit", || -> HostResult<()> { Err(no_exit().into()) });
    m.raw().set_native_fn("exit", |_: Dynamic| -> HostResult<()> { Err(no_exit().into()) });
    m.global("eventually")
        .sig("(within: duration, body: ||) -> any")
        .doc(
            "Repeats the closure until its expectations hold, and gives its value. It goes on through failed \
             expectations, absent objects and transport errors alone; any other error ends it. What it assigns to \
             variables around it is seen after it. When the time is up, the failure says what was seen last and since when. Where the platform can be watched, `kube.wait` \
             answers sooner.",
        )
        .example(r#"eventually(duration("1s"), || { expect(1, "one").to_be(1); "done" }) == "done""#)
        .add(|at: NativeCallContext, within: Duration, body: FnPtr| eventually(&at, within, &body));
    m.global("finally")
        .sig("(body: ||)")
        .doc(
            "Calls the closure when the step ends, however it ends, before the ledger is worked off; the last one \
             registered comes first. It sees the variables around it as the step left them. It dies with the process: what must be undone after a kill belongs into the \
             ledger, where the host's own changes are.",
        )
        .example(r#"finally(|| print("bye")); true"#)
        .add(|at: NativeCallContext, body: FnPtr| -> HostResult<()> {
            here()?.state().finally.push(Closure::keep(&at, body));
            Ok(())
        });
    m.global("parallel")
        .sig("(bodies: [||]) -> list")
        .doc(
            "Calls closures side by side (16 at a time) and gives their values in order. Each works on copies of what \
             it captured, made before any of them runs: what one assigns to a variable around it is lost, so it gives \
             back what it found. When some throw, the first one's error is thrown after all have ended.",
        )
        .example(r#"parallel([|| 1 + 1, || 2 + 2]) == [2, 4]"#)
        .add(|at: NativeCallContext, bodies: Array| parallel(&at, bodies));
}

fn no_exit() -> Error {
    Error::new(Kind::Script, "exit ends nothing here")
        .hint("t.skip(\"why\") leaves the step as skipped, `return` ends the closure, and `throw \"why\"` the step")
}

fn eventually(at: &NativeCallContext, within: Duration, body: &FnPtr) -> HostResult<Dynamic> {
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

fn attempts(cx: &Context, at: &NativeCallContext, within: Duration, body: &FnPtr) -> HostResult<Dynamic> {
    let clock = cx.world.clock.clone();
    let started = clock.instant();
    let mut pause = FIRST_PAUSE;
    let mut tries = 0_u32;
    let mut since: Option<(String, std::time::Instant)> = None;
    let attempt = cx.narrowed(within.saturating_add(GRACE), "eventually's");
    loop {
        let mark = cx.state().mark();
        let result = {
            let _entered = attempt.enter();
            // On this thread while its caller waits: what it assigns to captured variables is seen by both.
            crate::host::object::call(at, body, ())
        };
        tries += 1;
        if let Err(error) = &result
            && let Some(struck) = cut(error)
            && cx.check().is_ok()
        {
            return Err(overrun(within, tries, since.as_ref().map(|(seen, _)| seen.as_str()), &struck).into());
        }
        let seen = match result {
            Ok(value) => {
                let state = cx.state();
                let soft = state.failures_since(mark).first().map(|f| format!("{}: {}", f.label, f.actual));
                let empty = state.inconclusive_since(mark).first().cloned();
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
        let now = clock.instant();
        let (seen, error) = seen;
        if since.as_ref().is_none_or(|(last, _)| *last != seen) {
            since = Some((seen.clone(), now));
        }
        let unchanged = since.as_ref().map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(*since));
        let left = within.saturating_sub(now.saturating_duration_since(started));
        if left.is_zero() {
            let times = if tries == 1 { "once".to_string() } else { format!("{tries} times") };
            let told = format!(
                "{NOT_WITHIN}{}: looked {times}, and for the last {} it was so",
                short(within),
                short(unchanged)
            );
            return give_up(cx, error, mark, &told);
        }
        cx.state().rewind(mark);
        cx.emit(What::Waiting { message: seen });
        sleep(cx, pause.min(left))?;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The deadline that ended the script itself, not one of its calls.
fn cut(error: &EvalAltResult) -> Option<Error> {
    let EvalAltResult::ErrorTerminated(value, _) = error.unwrap_inner() else { return None };
    value.read_lock::<Error>().filter(|error| error.kind == Kind::Timeout).map(|error| error.clone())
}

/// An attempt that did not come to its end.
fn overrun(within: Duration, tries: u32, seen: Option<&str>, struck: &Error) -> Error {
    let error = Error::new(
        Kind::Timeout,
        format!(
            "eventually: not within {}: attempt {tries} of its closure did not end, and was stopped {} later",
            short(within),
            short(GRACE)
        ),
    )
    .hint("the closure looks once and ends: eventually is what repeats it");
    let error = match &struck.place {
        Some(place) => error.because(format!("its last call or sum before that: {place}")),
        None => error,
    };
    match seen {
        Some(seen) => error.because(format!("seen before: {seen}")),
        None => error,
    }
}

/// What an error that may pass says; none for one that will not.
fn passing(error: &EvalAltResult) -> Option<String> {
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
        Some(failure) => format!("{}: {}", failure.label, failure.actual),
        None => error.to_string(),
    })
}

/// The last failure stands, with how long it was waited for.
fn give_up(
    cx: &Context,
    error: Option<Box<EvalAltResult>>,
    mark: crate::host::state::Mark,
    told: &str,
) -> HostResult<Dynamic> {
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

/// Sleeps by the world's clock, until the step is cancelled or its time is up.
///
/// # Errors
/// [`Kind::Cancelled`] and [`Kind::Timeout`].
pub fn sleep(cx: &Context, span: Duration) -> Result<(), Error> {
    let span = cx.remaining().map_or(span, |left| span.min(left));
    let clock = cx.world.clock.clone();
    cx.world.runtime.block_on(async {
        tokio::select! {
            () = cx.cancel.cancelled() => {}
            () = clock.sleep(span) => {}
        }
    });
    cx.check()
}

fn parallel(at: &NativeCallContext, bodies: Array) -> HostResult<Array> {
    let cx = here()?;
    let mut closures = Vec::with_capacity(bodies.len());
    for (n, body) in bodies.into_iter().enumerate() {
        let kind = body.type_name();
        let body = body.try_cast::<FnPtr>().ok_or_else(|| {
            Error::new(Kind::Script, format!("parallel: item {n} is a {kind}, expected a closure"))
                .hint("parallel([|| …, || …])")
        })?;
        // Copied here, where nothing else of the script runs.
        closures.push(Closure::keep(at, body).copy()?);
    }
    let engine = at.engine();
    let mut results: Vec<HostResult<Dynamic>> = Vec::with_capacity(closures.len());
    for chunk in closures.chunks(SIDE_BY_SIDE) {
        let done: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = chunk
                .iter()
                .map(|closure| {
                    let cx = cx.clone();
                    std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || {
                        let _entered = cx.enter();
                        closure.call_with_captured(engine, ())
                    })
                })
                .collect();
            handles.into_iter().map(|started| started.map(std::thread::ScopedJoinHandle::join)).collect()
        });
        for result in done {
            let panicked = || Error::new(Kind::Script, "a closure of parallel ended in a panic of the host");
            results.push(match result {
                Ok(joined) => joined.unwrap_or_else(|_| Err(panicked().into())),
                Err(why) => Err(Error::new(Kind::Script, "no thread could be started for a closure of parallel")
                    .because(why)
                    .into()),
            });
        }
    }
    results.into_iter().collect()
}

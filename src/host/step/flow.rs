//! The course of a step: waiting, side by side, clean-up, leaving early.

use std::time::Duration;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};

use super::{Step, here};
use crate::error::{Error, Kind};
use crate::host::closure::Closure;
use crate::host::context::{Context, HostResult};
use crate::host::registrar::Registrar;

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
             variables around it is seen after it. When the time is up, the failure says what was seen last and since when; \
             so does the error where the step's own deadline strikes before. Where the platform can be watched, \
             `kube.wait` answers sooner.",
        )
        .example(r#"eventually(duration("1s"), || { expect(1, "one").to_be(1); "done" }) == "done""#)
        .add(|at: NativeCallContext, within: Duration, body: FnPtr| super::eventually::run(&at, within, &body));
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

//! Where the script of this thread called the host last: the best place there is for what ends a script from outside
//! (a deadline, a string without bounds, endless recursion). Rhai puts such errors at the outermost call of all, which
//! is the line of the step.

use std::cell::RefCell;

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

use crate::error::{Error, Kind, Place};

thread_local! {
    static LAST: RefCell<(String, Position)> = const { RefCell::new((String::new(), Position::NONE)) };
}

/// The script calls the host here.
pub(crate) fn passed(at: &NativeCallContext) {
    let Some(file) = at.call_source() else { return };
    let position = at.call_position();
    if position.is_none() {
        return;
    }
    LAST.with_borrow_mut(|(name, last)| {
        // Calls follow each other in one file; that costs no allocation.
        if name != file {
            file.clone_into(name);
        }
        *last = position;
    });
}

/// What an earlier script on this thread called is not this one's.
pub(crate) fn forget() {
    LAST.with_borrow_mut(|(_, last)| *last = Position::NONE);
}

/// The place of a call.
pub(crate) fn of(at: &NativeCallContext) -> Option<Place> {
    written(at.call_source()?, at.call_position())
}

/// An error that strikes between calls, at the last of them.
pub(crate) fn after_last(error: Error) -> Error {
    match LAST.with_borrow(|(file, position)| written(file, *position)) {
        Some(last) if error.place.is_none() => error.at(last).because("that place is the last call or sum before it"),
        _ => error,
    }
}

/// Gives those of Rhai's own errors a place that have lost theirs; on the thread where they arose.
pub(crate) fn pinned(mut error: Box<EvalAltResult>) -> Box<EvalAltResult> {
    let mut inner = error.as_mut();
    while let EvalAltResult::ErrorInFunctionCall(_, _, next, _) | EvalAltResult::ErrorInModule(_, next, _) = inner {
        inner = next.as_mut();
    }
    if let Some(told) = told(inner).map(after_last)
        && told.place.is_some()
    {
        let told = Dynamic::from(told);
        // Scripts can catch what they could catch before.
        *inner = if inner.is_catchable() {
            EvalAltResult::ErrorRuntime(told, Position::NONE)
        } else {
            EvalAltResult::ErrorTerminated(told, Position::NONE)
        };
    }
    error
}

/// What such an error says.
pub(crate) fn told(error: &EvalAltResult) -> Option<Error> {
    Some(match error {
        EvalAltResult::ErrorStackOverflow(_) => Error::new(Kind::Script, "the script's calls are nested too deep")
            .hint("a function that calls itself has to come to an end"),
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            Error::new(Kind::Script, format!("{what} too large")).hint("a loop that adds to it without end makes it so")
        }
        EvalAltResult::ErrorDataRace(name, _) => {
            // Rhai says: argument #1 of function 'filter'; of a captured variable often nothing.
            let name = match name.split('\'').nth(1) {
                Some(method) => format!("the value of .{method}(…)"),
                None if name.is_empty() => "a captured variable".into(),
                None => format!("\"{name}\""),
            };
            Error::new(Kind::Script, format!("{name} is used by a closure while a method of it runs"))
                .hint("write f(x, || …) with a free function, or copy the variable first: let y = x;")
        }
        _ => return None,
    })
}

fn written(file: &str, position: Position) -> Option<Place> {
    let line = position.line()?;
    Some(Place { file: file.to_string(), line, column: position.position().unwrap_or(0), source: None })
}

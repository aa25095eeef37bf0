//! Calling a playbook's closures: what the runner asks for, without a word of Rhai.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult};

use super::diagnose;
use super::resolver::Sources;
use crate::error::{Error, Kind};
use crate::host::closure::Closure;
use crate::host::object::population::says_nothing;
use crate::host::step::{Step, flow::Skip};

/// Does something, and makes a panic of the host an error: a thread that is waited for has to come to its end.
///
/// # Errors
/// [`Kind::Script`] where it panicked.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        Error::new(Kind::Script, "the host panicked; that is a defect of pb").hint("standard error has its words")
    })
}

/// A value of a script, to be handed on.
pub type Value = Dynamic;

/// The bool that a closure gave, unless an empty list decided it: that is no answer.
pub fn answer(value: &Value) -> Option<bool> {
    value.as_bool().ok().filter(|yes| !yes || !says_nothing(value))
}

/// How a closure ended, other than by returning.
#[derive(Debug)]
pub enum Thrown {
    /// By `t.skip`, with the reason.
    Skipped(String),
    /// By an error, translated and with its source line.
    Error(Box<Error>),
}

/// Calls closures on the current thread, in the context that it has entered.
#[derive(Debug, Clone)]
pub struct Caller {
    engine: Arc<Engine>,
    sources: Sources,
}

impl Caller {
    /// A caller for the closures that this engine compiled.
    pub fn new(engine: Arc<Engine>, sources: Sources) -> Self {
        Self { engine, sources }
    }

    /// Calls a step's closure with the step's handle, and a check with what its step returned.
    /// `file` is the playbook's name.
    ///
    /// # Errors
    /// How it ended instead of returning; a panic of the host is an error like any other.
    pub fn step(&self, closure: &Closure, started: Option<Value>, file: &str) -> Result<Value, Thrown> {
        let engine = &self.engine;
        let called = guarded(|| match started {
            Some(started) => closure.call(engine, (Step, started)),
            None => closure.call(engine, (Step,)),
        });
        match called {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.thrown(&error, file)),
            Err(panicked) => Err(Thrown::Error(Box::new(panicked))),
        }
    }

    /// Calls a closure without arguments, as `finally` registers them, when its step has ended.
    ///
    /// # Errors
    /// What it throws; a panic of the host is an error like any other.
    pub fn plain(&self, closure: &Closure) -> Result<(), Error> {
        guarded(|| closure.call_with_captured(&self.engine, ()))?
            .map(|_| ())
            .map_err(|e| self.translated(&e, closure.file()))
    }

    fn thrown(&self, error: &EvalAltResult, file: &str) -> Thrown {
        if let EvalAltResult::ErrorTerminated(value, _) = error.unwrap_inner()
            && let Some(skip) = value.read_lock::<Skip>()
        {
            return Thrown::Skipped(skip.reason.clone());
        }
        Thrown::Error(Box::new(self.translated(error, Some(file))))
    }

    fn translated(&self, error: &EvalAltResult, file: Option<&str>) -> Error {
        let mut error = diagnose::from_rhai(error, file);
        diagnose::add_source(&mut error, &self.sources);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_whose_defect_it_is() {
        assert_eq!(guarded(|| 1), Ok(1));
        let error = guarded(|| Vec::<u8>::new()[0]).expect_err("it panics");
        assert!(error.message.contains("a defect of pb"), "{error}");
    }
}

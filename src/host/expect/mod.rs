//! `expect(value, label)`: modifiers, then one matcher. What does not hold is recorded with the step and thrown.

mod compare;
mod contain;
mod diff;
mod each;
mod label;
mod rows;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::atomic::{AtomicU64, Ordering};

use rhai::{Dynamic, NativeCallContext};

use super::{Context, HostResult, covers};
use crate::error::{Error, Kind, Place};
use crate::event::{Failure, What};
use crate::host::object::population::says_nothing;
use crate::host::object::{List, Missing, Object, seen};
use crate::host::values::show;

pub(crate) use rows::MODULE;
use verdict::Verdict;

/// A value that waits for its matcher.
#[derive(Debug, Clone)]
pub struct Expectation {
    id: u64,
    value: Dynamic,
    label: String,
    place: Option<Place>,
    object: Option<String>,
    soft: bool,
    or_none: bool,
    covers: Vec<String>,
}

impl Expectation {
    /// Takes a value up; the step remembers it until a matcher is called.
    fn new(at: &NativeCallContext, value: &Dynamic, label: Option<&str>) -> HostResult<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let cx = Context::current()?;
        let place = cx.place(at);
        let label = match label {
            Some(label) => label.to_string(),
            None => label::from_source(place.as_ref()),
        };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        cx.state().unmatched.push((id, label.clone(), place.clone()));
        let value = value.flatten_clone();
        let object = object_of(&value);
        Ok(Self { id, value, label, place, object, soft: false, or_none: false, covers: Vec::new() })
    }

    /// The same, which judges these boxes of the step besides those that it named before.
    fn covering(&self, ids: &[String]) -> HostResult<Self> {
        let mut named = covers::of_step(&*Context::current()?, &format!("expect(…, \"{}\").covers", self.label), ids)?;
        named.retain(|id| !self.covers.contains(id));
        Ok(Self { covers: [self.covers.clone(), named].concat(), ..self.clone() })
    }

    /// Judges the value once: the matcher's verdict is counted and recorded; a failure that is not soft is thrown.
    fn judge(&self, matcher: impl FnOnce(&Self) -> HostResult<Verdict>) -> HostResult<()> {
        let cx = Context::current()?;
        if !cx.state().unmatched.iter().any(|(id, ..)| *id == self.id) {
            return Err(Error::new(Kind::Script, format!("expect(…, \"{}\") has had its matcher", self.label))
                .hint("write one expect for each matcher")
                .into());
        }
        let verdict = match matcher(self)? {
            Verdict::Holds if says_nothing(&self.value) => Verdict::Empty(match self.value.is::<List>() {
                true => self.of_nothing(),
                false => {
                    let shown = show(&self.value);
                    format!("it is {shown} because of a list without items: nothing was looked at")
                }
            }),
            verdict => verdict,
        };
        let mut state = cx.state();
        state.unmatched.retain(|(id, ..)| *id != self.id);
        state.judged += 1;
        let (expected, actual, object, diff) = match verdict {
            Verdict::Holds => return Ok(()),
            Verdict::Empty(_) if self.or_none => return Ok(()),
            Verdict::Empty(why) => {
                state.inconclusive.push(format!("{}: {why}", self.label));
                return Ok(());
            }
            Verdict::Fails { expected, actual, object, diff } => (expected, actual, object, diff),
        };
        let failure = Failure {
            label: self.label.clone(),
            expected,
            actual,
            object: object.or_else(|| self.object.clone()),
            at: self.place.clone(),
            diff,
            covers: self.covers.clone(),
        };
        state.failures.push(failure.clone());
        // Within `eventually` an attempt's failure is no news yet: it tells the last one itself.
        let told = state.trying == 0;
        drop(state);
        if told {
            cx.emit(What::Failed(failure.clone()));
        }
        if self.soft {
            return Ok(());
        }
        let text = format!("{}: expected {}, is {}", failure.label, failure.expected, failure.actual);
        let mut error = Error::new(Kind::Expectation, text);
        error.place.clone_from(&failure.at);
        error.failure = Some(Box::new(failure));
        Err(error.into())
    }
}

/// The object that a value is, lies in, was read from or is missing on.
fn object_of(value: &Dynamic) -> Option<String> {
    if let Some(object) = value.read_lock::<Object>() {
        return Some(object.whole().describe());
    }
    if let Some(missing) = value.read_lock::<Missing>() {
        return Some(missing.object());
    }
    if let Some(list) = value.read_lock::<List>() {
        return list.owner().map(|object| object.describe());
    }
    seen::object_of(value).map(|object| object.describe())
}

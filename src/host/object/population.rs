//! What plain values and arrays come from: a mark on them, since they have no place for a population of their own.
//!
//! A [`List`] knows its population. An array, a number and a bool do not, so `pods.all(|p| …)` or
//! `pods.filter(…).len()` would make a passing `true` or `0` of no pods at all. Rhai keeps a number beside each
//! value (its tag), which survives variables, parameters and captures, and ends with the first operator.

use rhai::{Array, Dynamic};

use super::List;

/// Tells our marks from the tags that scripts may set.
const MARK: i32 = 0x5000_0000;
/// The greatest population that is told; it stands for all greater ones.
const MOST: i32 = 0x00ff_ffff;

/// The value, with the number of items that it was taken from.
pub(crate) fn marked(mut value: Dynamic, population: usize) -> Dynamic {
    value.set_tag(MARK | i32::try_from(population).unwrap_or(MOST).min(MOST));
    value
}

/// The value; where nothing was looked at to get it, it says so.
pub(crate) fn answer(value: impl Into<Dynamic>, looked: bool) -> Dynamic {
    if looked { value.into() } else { marked(value.into(), 0) }
}

/// The number of items that a list or an array was filtered from; none where it was not filtered.
pub(crate) fn population(value: &Dynamic) -> Option<usize> {
    if let Some(list) = value.read_lock::<List>() {
        return list.population();
    }
    let length = value.read_lock::<Array>()?.len();
    // What has more items than it was taken from was filled since.
    mark(value).filter(|population| *population >= length)
}

/// Whether a number or a bool was decided by a list without items.
pub(crate) fn says_nothing(value: &Dynamic) -> bool {
    (value.is_bool() || value.as_int() == Ok(0)) && mark(value) == Some(0)
}

fn mark(value: &Dynamic) -> Option<usize> {
    let tag = value.tag();
    (tag & !MOST == MARK).then(|| usize::try_from(tag & MOST).unwrap_or(0))
}

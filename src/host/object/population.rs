//! What plain values come from: a mark on them, since they have no place for a population of their own.
//!
//! A [`List`] knows its population. An array, a map and a scalar do not, so `pods.all(|p| …)`, `pods.filter(…).len()`
//! or `pods.find(…)` would make a passing `true`, `0` or `()` of no pods at all. Rhai keeps a number beside each value
//! (its tag), which survives variables, parameters and captures; our operators hand it on (`operators_marked.rs`).

use rhai::{Array, Dynamic, Map};

use super::{List, Missing, Object};

/// Tells our marks from the tags that scripts may set.
const MARK: i32 = 0x5000_0000;
/// The mark of an empty array that is an answer: it was looked at, but there is nothing in it to ask further.
const ANSWERED: i32 = 0x00ff_ffff;
/// The greatest population that is told; it stands for all greater ones.
const MOST: i32 = ANSWERED - 1;

/// What was looked at to get a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A list without items decided it.
    Nothing,
    /// At least one item, or an answer that nothing is there.
    Something,
    /// Nobody knows: a constant, a field, a computation.
    Unknown,
}

/// The value, with the number of items that it was taken from.
pub(crate) fn marked(mut value: Dynamic, population: usize) -> Dynamic {
    value.set_tag(MARK | i32::try_from(population).unwrap_or(MOST).min(MOST));
    value
}

/// The value, and whether something was looked at to get it. An array counts for what is in it.
pub(crate) fn answer(value: impl Into<Dynamic>, looked: bool) -> Dynamic {
    let value = value.into();
    if looked && value.is_array() { answered(value) } else { marked(value, usize::from(looked)) }
}

/// An array that a host call answered: empty it is an answer, as an empty list is, and what is filtered from it is not.
pub(super) fn answered(mut value: Dynamic) -> Dynamic {
    if !content(&value) {
        value.set_tag(MARK | ANSWERED);
    }
    value
}

/// Takes the mark off: what was filled by hand rests on that.
pub(super) fn unmarked(value: &mut Dynamic) {
    if tag(value).is_none() {
        return;
    }
    if !value.is_shared() {
        value.set_tag(0);
    } else if let Some(mut value) = value.write_lock::<Dynamic>() {
        value.set_tag(0);
    }
}

/// The value, marked with what its operands were.
pub(super) fn resting(value: impl Into<Dynamic>, look: Look) -> Dynamic {
    match look {
        Look::Nothing => marked(value.into(), 0),
        Look::Something => marked(value.into(), 1),
        Look::Unknown => {
            let mut value = value.into();
            unmarked(&mut value);
            value
        }
    }
}

/// What an answer about the items of a list or an array rests on: on nothing, where it is empty because a host call
/// found none. An empty array that the script made, or that is a field of an object, may be right as it is.
pub(super) fn questioned(value: &Dynamic) -> Look {
    if let Some(list) = value.read_lock::<List>() {
        return list.questioned();
    }
    if content(value) {
        return Look::Something;
    }
    of_population(taken_from(value))
}

/// How many items something is filtered from that is filtered from this array; none where that is unknown.
pub(super) fn taken_from(array: &Dynamic) -> Option<usize> {
    let length = array.read_lock::<Array>().map_or(0, |items| items.len());
    population(array).or_else(|| (length > 0 || is_answered(array)).then_some(length))
}

fn is_answered(value: &Dynamic) -> bool {
    tag(value) == Some(ANSWERED)
}

/// The number of items that a list, an array or a map was filtered from; none where it was not filtered.
pub(crate) fn population(value: &Dynamic) -> Option<usize> {
    if let Some(list) = value.read_lock::<List>() {
        return list.population();
    }
    let length = match value.read_lock::<Array>() {
        Some(items) => items.len(),
        None => value.read_lock::<Map>()?.len(),
    };
    // What has more items than it was taken from was filled since.
    mark(value).filter(|population| *population >= length)
}

/// Marks a value in its place.
pub(super) fn rest(value: &mut Dynamic, look: Look) {
    unmarked(value);
    let population = match look {
        Look::Nothing => 0,
        Look::Something => 1,
        Look::Unknown => return,
    };
    if !value.is_shared() {
        value.set_tag(MARK | population);
    } else if let Some(mut value) = value.write_lock::<Dynamic>() {
        value.set_tag(MARK | population);
    }
}

/// What was looked at to get the value.
pub(crate) fn look(value: &Dynamic) -> Look {
    let scalar = value.is_string() || value.is_int() || value.is_bool() || value.is_unit() || value.is_float();
    if scalar {
        return of_population(mark(value));
    }
    if let Some(missing) = value.read_lock::<Missing>() {
        return if missing.of_nothing() { Look::Nothing } else { Look::Unknown };
    }
    if let Some(list) = value.read_lock::<List>() {
        return list.look();
    }
    let known = if value.is::<Array>() || value.is::<Map>() {
        population(value).or_else(|| (content(value) || is_answered(value)).then_some(1))
    } else {
        mark(value)
    };
    of_population(known)
}

pub(super) fn of_population(known: Option<usize>) -> Look {
    match known {
        Some(0) => Look::Nothing,
        Some(_) => Look::Something,
        None => Look::Unknown,
    }
}

/// Whether the value was decided by a list without items.
pub(crate) fn says_nothing(value: &Dynamic) -> bool {
    !value.is::<Missing>() && (look(value) == Look::Nothing || holds_nothing(value))
}

/// Whether an array or a map holds values that a list without items decided, and none that was looked at: `[n, m]`.
fn holds_nothing(value: &Dynamic) -> bool {
    let found: Vec<Look> = if let Some(items) = value.read_lock::<Array>() {
        items.iter().map(evidence).collect()
    } else if let Some(fields) = value.read_lock::<Map>() {
        fields.values().map(evidence).collect()
    } else {
        return false;
    };
    mark(value).is_none_or(|population| population == 0)
        && found.contains(&Look::Nothing)
        && !found.contains(&Look::Something)
}

fn evidence(value: &Dynamic) -> Look {
    if value.is::<Object>() { Look::Something } else { look(value) }
}

/// Whether there is something to the value: items, characters, a number that is not 0. A bool is an answer only.
pub(crate) fn content(value: &Dynamic) -> bool {
    if let Some(list) = value.read_lock::<List>() {
        return !list.is_empty();
    }
    if let Some(items) = value.read_lock::<Array>() {
        return !items.is_empty();
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return !fields.is_empty();
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return !text.is_empty();
    }
    match (value.as_int(), value.as_float()) {
        (Ok(number), _) => number != 0,
        (_, Ok(number)) => number != 0.0,
        _ => !value.is_unit() && !value.is_bool() && !value.is::<Missing>(),
    }
}

/// What a comparison of two values rests on: not on nothing, where the other side was looked at and is not empty.
pub(crate) fn compared(a: &Dynamic, b: &Dynamic) -> Look {
    let holds = |look: Look, value: &Dynamic| look == Look::Something && content(value);
    if (holds_nothing(a) && !b.is::<List>()) || (holds_nothing(b) && !a.is::<List>()) {
        return Look::Nothing;
    }
    match (look(a), look(b)) {
        (Look::Nothing, other) if !holds(other, b) => Look::Nothing,
        (other, Look::Nothing) if !holds(other, a) => Look::Nothing,
        (Look::Unknown, Look::Unknown) => Look::Unknown,
        _ => Look::Something,
    }
}

/// What an answer that is made of two rests on: one that was looked at is enough, and one that nobody knows is not.
pub(super) fn combined(a: &Dynamic, b: &Dynamic) -> Look {
    match (look(a), look(b)) {
        (Look::Something, _) | (_, Look::Something) => Look::Something,
        (Look::Nothing, _) | (_, Look::Nothing) => Look::Nothing,
        (Look::Unknown, Look::Unknown) => Look::Unknown,
    }
}

/// What is made of two that are put together (added, joined) rests on: one that was looked at is enough.
pub(super) fn together(a: &Dynamic, b: &Dynamic) -> Look {
    match (look(a), look(b)) {
        (Look::Something, _) | (_, Look::Something) => Look::Something,
        (Look::Nothing, Look::Nothing) => Look::Nothing,
        // A constant 0 or [] to begin with adds nothing.
        (Look::Nothing, Look::Unknown) if !content(b) => Look::Nothing,
        (Look::Unknown, Look::Nothing) if !content(a) => Look::Nothing,
        _ => Look::Unknown,
    }
}

fn mark(value: &Dynamic) -> Option<usize> {
    let population = tag(value).filter(|tag| *tag != ANSWERED)?;
    usize::try_from(population).ok()
}

/// Our part of the tag.
fn tag(value: &Dynamic) -> Option<i32> {
    // A captured variable has its value, with the tag, in a cell.
    let tag = match value.is_shared() {
        true => value.read_lock::<Dynamic>()?.tag(),
        false => value.tag(),
    };
    (tag & !ANSWERED == MARK).then_some(tag & ANSWERED)
}

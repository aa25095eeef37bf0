//! Matchers that compare a value with another: sameness, order, patterns.

use std::cmp::Ordering;
use std::time::Duration;

use regex::Regex;
use rhai::{Array, Dynamic, Map};

use super::Expectation;
use super::diff::diff;
use super::verdict::Verdict;
use crate::error::{Error, Kind};
use crate::host::HostResult;
use crate::host::object::population::{Look, content, look, says_nothing};
use crate::host::object::{List, Object, equal, order};
use crate::host::values::{Secret, Size, number, show, type_name};

/// What kind of thing a value is, for comparing: values of different kinds are not compared.
fn class(value: &Dynamic) -> Option<&'static str> {
    if number(value).is_some() {
        return Some("number");
    }
    if value.is_string() || value.is_char() {
        return Some("string");
    }
    let classes = [
        (value.is_bool(), "bool"),
        (value.is::<Duration>(), "duration"),
        (value.is::<Size>(), "size"),
        (value.is::<Secret>(), "secret"),
        (value.is::<Array>() || value.is::<List>(), "list"),
        (value.is::<Map>() || value.is::<Object>(), "object"),
    ];
    classes.iter().find(|(is, _)| *is).map(|(_, class)| *class)
}

/// Refuses to compare values of different kinds, a string with a number above all; `()` is only different.
pub(super) fn comparable(matcher: &str, actual: &Dynamic, expected: &Dynamic) -> HostResult<()> {
    let (Some(a), Some(b)) = (class(actual), class(expected)) else { return Ok(()) };
    if a == b {
        return Ok(());
    }
    let error = Error::new(
        Kind::Script,
        format!(
            "{matcher}: {} is not compared with {}: {} and {}",
            type_name(actual),
            type_name(expected),
            show(actual),
            show(expected)
        ),
    );
    let hint = match (a, b) {
        ("string", "number") => "parse_int(text) or parse_float(text) makes a number of the actual value",
        ("number", "string") => "write the expected value without quotation marks",
        ("string", "bool") | ("bool", "string") => "conditions have the strings \"True\" and \"False\", not bools",
        ("duration", _) | (_, "duration") => "duration(\"15s\") and ms(250) make durations; .seconds gives a number",
        ("size", _) | (_, "size") => "size(\"10Gi\") makes a size; .bytes gives a number",
        _ => "compare values of the same type",
    };
    Err(error.hint(hint).into())
}

impl Expectation {
    /// `to_be` and `to_equal`: the same by value.
    pub(super) fn same(&self, matcher: &str, expected: &Dynamic) -> HostResult<Verdict> {
        let words = || show(expected);
        if let Some(absent) = Verdict::absent(words, &[&self.value, expected]) {
            return Ok(absent);
        }
        comparable(matcher, &self.value, expected)?;
        if equal(&self.value, expected) {
            return Ok(self.held_against(&[expected]));
        }
        let diff = diff(&self.value, expected);
        Ok(Verdict::Fails { expected: words(), actual: show(&self.value), object: None, diff })
    }

    /// The matchers of order: `words` says the relation, `right` which orders satisfy it.
    pub(super) fn ordered(
        &self,
        matcher: &str,
        words: &str,
        right: &[Ordering],
        expected: &Dynamic,
    ) -> HostResult<Verdict> {
        let words = || format!("{words} {}", show(expected));
        if let Some(absent) = Verdict::absent(words, &[&self.value, expected]) {
            return Ok(absent);
        }
        let found = self.order(matcher, expected)?;
        if found.is_some_and(|found| right.contains(&found)) {
            return Ok(self.held_against(&[expected]));
        }
        Ok(Verdict::fails(words(), show(&self.value)))
    }

    /// `to_be_between`, both ends included.
    pub(super) fn between(&self, low: &Dynamic, high: &Dynamic) -> HostResult<Verdict> {
        let words = || format!("between {} and {}", show(low), show(high));
        if let Some(absent) = Verdict::absent(words, &[&self.value, low, high]) {
            return Ok(absent);
        }
        if order(low, high) == Some(Ordering::Greater) {
            let text = format!("to_be_between: {} is above {}", show(low), show(high));
            return Err(Error::new(Kind::Script, text).hint("the lower end comes first").into());
        }
        let above = self.order("to_be_between", low)?.is_some_and(Ordering::is_ge);
        let below = self.order("to_be_between", high)?.is_some_and(Ordering::is_le);
        if above && below {
            return Ok(self.held_against(&[low, high]));
        }
        Ok(Verdict::fails(words(), show(&self.value)))
    }

    /// It holds against what was expected; unless that came of a list without items, and so may the value have: then
    /// two emptinesses were compared. A value that was counted, or read from an object, was looked at.
    fn held_against(&self, expected: &[&Dynamic]) -> Verdict {
        let Some(nothing) = expected.iter().find(|expected| says_nothing(expected)) else { return Verdict::Holds };
        if content(&self.value) && (look(&self.value) == Look::Something || self.object.is_some()) {
            return Verdict::Holds;
        }
        let shown = show(nothing);
        Verdict::Empty(format!("the expected {shown} comes of a list without items: nothing was looked at"))
    }

    /// The order of the value to another; none where the value is `()`, which has none.
    fn order(&self, matcher: &str, expected: &Dynamic) -> HostResult<Option<Ordering>> {
        comparable(matcher, &self.value, expected)?;
        let found = order(&self.value, expected);
        if found.is_none() && !self.value.is_unit() {
            let text = format!("{matcher}: no order between {} and {}", show(&self.value), show(expected));
            return Err(Error::new(Kind::Script, text)
                .hint("numbers, strings, durations and sizes have an order")
                .into());
        }
        Ok(found)
    }

    /// `to_match`: a regular expression finds something in the text.
    pub(super) fn matches(&self, pattern: &str) -> HostResult<Verdict> {
        let regex = Regex::new(pattern).map_err(|e| {
            Error::new(Kind::Script, format!("to_match: not a regular expression: {pattern}")).because(e)
        })?;
        let words = || format!("a text that matches {pattern}");
        if let Some(absent) = Verdict::absent(words, &[&self.value]) {
            return Ok(absent);
        }
        if !self.value.is_string() && !self.value.is_unit() {
            let text = format!("to_match: expected a string, got {}: {}", type_name(&self.value), show(&self.value));
            return Err(Error::new(Kind::Script, text).into());
        }
        let holds = self.value.is_string() && regex.is_match(&self.value.to_string());
        Ok(Verdict::of(holds, words, &self.value))
    }
}

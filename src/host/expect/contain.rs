//! Matchers of what a value holds: items, parts of texts, keys, and how many.

use rhai::Dynamic;

use super::Expectation;
use super::compare::comparable;
use super::verdict::{Offenders, Verdict, items as count};
use crate::error::{Error, Kind};
use crate::host::HostResult;
use crate::host::object::population::{Look, content, look, population};
use crate::host::object::{List, equal, fields, items};
use crate::host::values::{show, type_name};

impl Expectation {
    /// Whether the value holds another: an item of a list, a part of a text, a key of a map or an object.
    fn holds(&self, matcher: &str, wanted: &Dynamic) -> HostResult<bool> {
        if let Some(items) = items(&self.value) {
            // A list of strings that is asked for a number is a mistake, not a list without it.
            if let Some(first) = items.first()
                && items.iter().all(|item| item.type_name() == first.type_name())
            {
                comparable(matcher, first, wanted)?;
            }
            return Ok(items.iter().any(|item| equal(item, wanted)));
        }
        if self.value.is_unit() {
            return Ok(false);
        }
        if self.value.is_string() || fields(&self.value).is_some() {
            if !wanted.is_string() {
                let text = format!(
                    "{matcher}: {} is asked for a string, got {}: {}",
                    type_name(&self.value),
                    type_name(wanted),
                    show(wanted)
                );
                return Err(Error::new(Kind::Script, text).into());
            }
            let wanted = wanted.to_string();
            return Ok(match fields(&self.value) {
                Some(fields) => fields.iter().any(|(key, _)| *key == wanted),
                None => self.value.to_string().contains(&wanted),
            });
        }
        let text = format!("{matcher}: expected a list, a string, a map or an object, got {}", type_name(&self.value));
        Err(Error::new(Kind::Script, text).into())
    }

    /// Whether a text is asked for an empty one, which is in every text.
    fn of_empty_text(&self, wanted: &Dynamic) -> bool {
        self.value.is_string() && wanted.is_string() && !content(wanted)
    }

    /// `to_contain`
    pub(super) fn contains(&self, wanted: &Dynamic) -> HostResult<Verdict> {
        let words = || format!("to contain {}", show(wanted));
        if let Some(absent) = Verdict::absent(words, &[&self.value, wanted]) {
            return Ok(absent);
        }
        if self.of_empty_text(wanted) {
            return Ok(Verdict::Empty("every text contains an empty one".into()));
        }
        Ok(Verdict::of(self.holds("to_contain", wanted)?, words, &self.value))
    }

    /// `not_to_contain`: says nothing of a list that is empty because nothing was there to fill it, and of no text.
    pub(super) fn contains_not(&self, unwanted: &Dynamic) -> HostResult<Verdict> {
        let words = || format!("not to contain {}", show(unwanted));
        if let Some(absent) = Verdict::absent(words, &[&self.value, unwanted]) {
            return Ok(absent);
        }
        if items(&self.value).is_some_and(|items| items.is_empty()) && self.population().unwrap_or(0) == 0 {
            return Ok(Verdict::Empty(format!("the list is empty, so that it could not contain {}", show(unwanted))));
        }
        if self.value.is_string() && !content(&self.value) {
            return Ok(Verdict::Empty(format!("the text is empty, so that it could not contain {}", show(unwanted))));
        }
        Ok(Verdict::of(!self.holds("not_to_contain", unwanted)?, words, &self.value))
    }

    /// `to_contain_all`: names what is not there.
    pub(super) fn contains_all(&self, wanted: &Dynamic) -> HostResult<Verdict> {
        if let Some(absent) = Verdict::absent(|| format!("to contain all of {}", show(wanted)), &[&self.value, wanted])
        {
            return Ok(absent);
        }
        let Some(all) = items(wanted) else {
            let text = format!("to_contain_all: expected a list of what is wanted, got {}", type_name(wanted));
            return Err(Error::new(Kind::Script, text).hint("to_contain takes one value").into());
        };
        if all.is_empty() {
            return Ok(Verdict::Empty("the list of what is wanted is empty".into()));
        }
        let words = || format!("to contain {}", show(wanted));
        if let Some(absent) = Verdict::absent(words, &all.iter().collect::<Vec<_>>()) {
            return Ok(absent);
        }
        if all.iter().all(|wanted| self.of_empty_text(wanted)) {
            return Ok(Verdict::Empty("every text contains an empty one".into()));
        }
        let mut lacking = Offenders::default();
        for one in &all {
            if !self.holds("to_contain_all", one)? {
                lacking.add(|| show(one));
            }
        }
        if lacking.is_empty() {
            return Ok(Verdict::Holds);
        }
        let actual = format!("{} of {} not there: {lacking}; is {}", lacking.len(), all.len(), show(&self.value));
        Ok(Verdict::fails(words(), actual))
    }

    /// The length of what can have one.
    fn length(&self, matcher: &str) -> HostResult<Option<usize>> {
        if self.value.is_unit() {
            return Ok(None);
        }
        let length = items(&self.value)
            .map(|items| items.len())
            .or_else(|| fields(&self.value).map(|fields| fields.len()))
            .or_else(|| self.value.is_string().then(|| self.value.to_string().chars().count()));
        if length.is_some() {
            return Ok(length);
        }
        let text = format!("{matcher}: expected a list, a string, a map or an object, got {}", type_name(&self.value));
        Err(Error::new(Kind::Script, text).into())
    }

    /// What the list was filtered from.
    pub(super) fn population(&self) -> Option<usize> {
        population(&self.value)
    }

    /// `to_be_empty` (also of `()`), and its opposite.
    pub(super) fn empty(&self, wanted: bool) -> HostResult<Verdict> {
        let (matcher, words) =
            if wanted { ("to_be_empty", "nothing in it") } else { ("not_to_be_empty", "something in it") };
        if let Some(absent) = Verdict::absent(|| words.into(), &[&self.value]) {
            return Ok(absent);
        }
        let length = self.length(matcher)?.unwrap_or(0);
        if wanted && self.value.is_unit() && look(&self.value) != Look::Something {
            return Ok(Verdict::Empty(
                "it is (), as of a key that a map does not have: to_be(()) says that it is so".into(),
            ));
        }
        if wanted && self.population() == Some(0) {
            return Ok(Verdict::Empty(self.of_nothing()));
        }
        if (length == 0) == wanted {
            return Ok(Verdict::Holds);
        }
        Ok(Verdict::fails(words, self.counted(length)))
    }

    /// `to_have_length`
    pub(super) fn has_length(&self, wanted: i64) -> HostResult<Verdict> {
        let Ok(wanted) = usize::try_from(wanted) else {
            return Err(Error::new(Kind::Script, format!("to_have_length: no length of {wanted}")).into());
        };
        let words = || self.unit(wanted);
        if let Some(absent) = Verdict::absent(words, &[&self.value]) {
            return Ok(absent);
        }
        let Some(length) = self.length("to_have_length")? else {
            return Ok(Verdict::fails(words(), show(&self.value)));
        };
        if wanted == 0 && self.population() == Some(0) {
            return Ok(Verdict::Empty(self.of_nothing()));
        }
        if length == wanted { Ok(Verdict::Holds) } else { Ok(Verdict::fails(words(), self.counted(length))) }
    }

    pub(super) fn of_nothing(&self) -> String {
        match self.value.read_lock::<List>() {
            Some(list) => match list.nothing() {
                Some(why) => format!("the list is empty, and nothing was looked at: {why}"),
                None => format!("the list was filtered from nothing: there are no {}", list.what()),
            },
            None => "the list was filtered from nothing".into(),
        }
    }

    fn unit(&self, length: usize) -> String {
        if self.value.is_string() { format!("{length} characters") } else { count(length) }
    }

    fn counted(&self, length: usize) -> String {
        if length == 0 { show(&self.value) } else { format!("{}: {}", self.unit(length), show(&self.value)) }
    }
}

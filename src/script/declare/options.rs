//! Typed values out of the options of `playbook` and `step`.

use std::time::Duration;

use rhai::{Array, Dynamic, FnPtr, Map};

use crate::error::{Error, Kind, did_you_mean};

/// Takes typed values out of an options map; what is left at the end is unknown. What is wrong is
/// gathered, so that all of it is told at once; the option then counts as not given.
pub(super) struct Reader<'a> {
    pub(super) of: &'a str,
    pub(super) map: Map,
    pub(super) problems: &'a mut Vec<Error>,
}

impl Reader<'_> {
    /// Notes what is wrong.
    pub(super) fn wrong(&mut self, error: Error) {
        self.problems.push(error);
    }

    /// Notes that a value is wrong: `step "a": ` and these words.
    pub(super) fn refuse(&mut self, what: impl std::fmt::Display) {
        self.wrong(Error::new(Kind::Playbook, format!("{}: {what}", self.of)));
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Dynamic> {
        self.map.remove(key).map(|v| v.flatten_clone()).filter(|v| !v.is_unit())
    }

    fn typed<T>(&mut self, key: &str, expected: &str, read: impl FnOnce(&Dynamic) -> Option<T>) -> Option<T> {
        let value = self.take(key)?;
        let read = read(&value);
        if read.is_none() {
            let is = crate::script::diagnose::plain_types(value.type_name());
            self.refuse(format!("{key} is {value} ({is}), expected {expected}"));
        }
        read
    }

    pub(super) fn string(&mut self, key: &str) -> Option<String> {
        self.typed(key, "a string", |v| v.clone().into_string().ok())
    }

    pub(super) fn bool(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", |v| v.as_bool().ok())
    }

    pub(super) fn int(&mut self, key: &str) -> Option<i64> {
        self.typed(key, "a whole number", |v| v.as_int().ok())
    }

    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.typed(key, "a duration such as duration(\"15s\")", |v| v.clone().try_cast::<Duration>())
    }

    pub(super) fn closure(&mut self, key: &str) -> Option<FnPtr> {
        self.typed(key, "a closure", |v| v.clone().try_cast::<FnPtr>())
    }

    pub(super) fn strings(&mut self, key: &str) -> Option<Vec<String>> {
        self.typed(key, "a list of strings", |v| {
            v.read_lock::<Array>()?.iter().map(|item| item.flatten_clone().into_string().ok()).collect()
        })
    }

    pub(super) fn nothing_else(self, known: &[&str]) {
        for key in self.map.keys() {
            self.problems.push(
                Error::new(Kind::Playbook, format!("{}: unknown option \"{key}\"", self.of))
                    .maybe_hint(did_you_mean(key, known.iter().copied()))
                    .hint(format!("it takes {}", known.join(", "))),
            );
        }
    }
}

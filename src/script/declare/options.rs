//! Typed values out of the options of `playbook` and `step`.

use std::time::Duration;

use rhai::{Array, Dynamic, FnPtr, Map};

use crate::error::{Error, Kind, Result, did_you_mean};

/// Takes typed values out of an options map; what is left at the end is unknown.
pub(super) struct Reader<'a> {
    pub(super) of: &'a str,
    pub(super) map: &'a mut Map,
}

impl Reader<'_> {
    pub(super) fn take(&mut self, key: &str) -> Option<Dynamic> {
        self.map.remove(key).map(|v| v.flatten_clone()).filter(|v| !v.is_unit())
    }

    fn typed<T>(&mut self, key: &str, expected: &str, read: impl FnOnce(&Dynamic) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match read(&value) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::new(
                Kind::Playbook,
                format!("{}: {key} is {value} ({}), expected {expected}", self.of, value.type_name()),
            )),
        }
    }

    pub(super) fn string(&mut self, key: &str) -> Result<Option<String>> {
        self.typed(key, "a string", |v| v.clone().into_string().ok())
    }

    pub(super) fn bool(&mut self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false", |v| v.as_bool().ok())
    }

    pub(super) fn int(&mut self, key: &str) -> Result<Option<i64>> {
        self.typed(key, "a whole number", |v| v.as_int().ok())
    }

    pub(super) fn duration(&mut self, key: &str) -> Result<Option<Duration>> {
        self.typed(key, "a duration such as duration(\"15s\")", |v| v.clone().try_cast::<Duration>())
    }

    pub(super) fn closure(&mut self, key: &str) -> Result<Option<FnPtr>> {
        self.typed(key, "a closure", |v| v.clone().try_cast::<FnPtr>())
    }

    pub(super) fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        self.typed(key, "a list of strings", |v| {
            v.read_lock::<Array>()?.iter().map(|item| item.flatten_clone().into_string().ok()).collect()
        })
    }

    pub(super) fn nothing_else(self, known: &[&str]) -> Result<()> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(key) => Err(Error::new(Kind::Playbook, format!("{}: unknown option \"{key}\"", self.of))
                .maybe_hint(did_you_mean(key, known.iter().copied()))
                .hint(format!("it takes {}", known.join(", ")))),
        }
    }
}

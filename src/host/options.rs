//! Option maps of host functions: unknown keys and wrong types are errors that name function, key and type.

use std::time::Duration;

use rhai::{Dynamic, FnPtr, Map};

use super::object::Missing;
use super::values::{Secret, Size, to_array};
use crate::error::{Error, Kind, Result, did_you_mean};

/// The options of one call.
#[derive(Debug)]
pub struct Options {
    map: Map,
    function: &'static str,
}

impl Options {
    /// Takes a function's options.
    ///
    /// # Errors
    /// [`Kind::Script`] for a key that the function does not know.
    pub fn new(map: Map, function: &'static str, known: &[&str]) -> Result<Self> {
        if let Some(unknown) = map.keys().find(|key| !known.contains(&key.as_str())) {
            let error = Error::new(Kind::Script, format!("{function}: there is no option \"{unknown}\""))
                .maybe_hint(did_you_mean(unknown, known.iter().copied()));
            return Err(match known {
                [] => error.hint("it takes no options"),
                known => error.hint(format!("its options are {}", known.join(", "))),
            });
        }
        Ok(Self { map, function })
    }

    /// Whether an option is given; one that is `()` counts as not given.
    pub fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_unit())
    }

    /// The value as it is.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when it is a missing field of an object.
    pub fn value(&self, key: &str) -> Result<Option<Dynamic>> {
        match self.map.get(key) {
            Some(value) if !value.is_unit() => match value.read_lock::<Missing>() {
                Some(missing) => Err(missing.error().context(format!("{}: option \"{key}\"", self.function))),
                None => Ok(Some(value.flatten_clone())),
            },
            _ => Ok(None),
        }
    }

    fn read<T>(&self, key: &str, expected: &str, read: impl FnOnce(&Dynamic) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.value(key)? else { return Ok(None) };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.wrong(key, expected, &value)),
        }
    }

    /// An error on an option's value: what was expected, and what is there.
    pub fn wrong(&self, key: &str, expected: &str, value: &Dynamic) -> Error {
        let actual = super::values::type_name(value);
        let shown = super::values::show(value);
        Error::new(
            Kind::Script,
            format!("{}: option \"{key}\" must be {expected}, and is {actual}: {shown}", self.function),
        )
    }

    /// A string.
    ///
    /// # Errors
    /// [`Kind::Script`] for another type; the same for the other readers.
    pub fn string(&self, key: &str) -> Result<Option<String>> {
        self.read(key, "a string", |v| v.is_string().then(|| v.to_string()))
    }

    /// A string or a secret: the text to send, which must not be shown.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        self.read(key, "a string or a secret", |v| match v.read_lock::<Secret>() {
            Some(secret) => Some(secret.expose().to_string()),
            None => v.is_string().then(|| v.to_string()),
        })
    }

    /// A whole number.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn int(&self, key: &str) -> Result<Option<i64>> {
        self.read(key, "a whole number", |v| v.as_int().ok())
    }

    /// A number that counts or measures something: not negative.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn count(&self, key: &str) -> Result<Option<u64>> {
        self.read(key, "a whole number, 0 or more", |v| v.as_int().ok().and_then(|n| u64::try_from(n).ok()))
    }

    /// A number, whole or not.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        self.read(key, "a number", super::values::number)
    }

    /// A bool.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn bool(&self, key: &str) -> Result<Option<bool>> {
        self.read(key, "true or false", |v| v.as_bool().ok())
    }

    /// A duration, or its text (`"15s"`).
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn duration(&self, key: &str) -> Result<Option<Duration>> {
        self.read(key, "a duration such as duration(\"15s\")", |v| match v.read_lock::<Duration>() {
            Some(span) => Some(*span),
            None if v.is_string() => super::values::parse_duration(&v.to_string()).ok(),
            None => None,
        })
    }

    /// A size, or its text (`"10Gi"`), or a number of bytes.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn size(&self, key: &str) -> Result<Option<Size>> {
        self.read(key, "a size such as size(\"10Gi\")", |v| match v.read_lock::<Size>() {
            Some(size) => Some(*size),
            None if v.is_string() => v.to_string().parse().ok(),
            None => v.as_int().ok().and_then(|n| u64::try_from(n).ok()).map(Size),
        })
    }

    /// A list: an array or a list of objects.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn list(&self, key: &str) -> Result<Option<Vec<Dynamic>>> {
        self.read(key, "a list", to_array)
    }

    /// A list of strings.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn strings(&self, key: &str) -> Result<Option<Vec<String>>> {
        self.read(key, "a list of strings", |v| {
            to_array(v)?.iter().map(|item| item.is_string().then(|| item.to_string())).collect()
        })
    }

    /// A map.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn map(&self, key: &str) -> Result<Option<Map>> {
        self.read(key, "a map", |v| v.read_lock::<Map>().map(|map| map.clone()))
    }

    /// A map of texts, such as headers or an environment; secrets among them are exposed, numbers written out.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn texts(&self, key: &str) -> Result<Option<Vec<(String, String)>>> {
        self.read(key, "a map of strings", |v| {
            let map = v.read_lock::<Map>()?;
            let text = |value: &Dynamic| match value.read_lock::<Secret>() {
                Some(secret) => Some(secret.expose().to_string()),
                None if value.is_string() || value.is_int() || value.is_bool() => Some(value.to_string()),
                None => None,
            };
            map.iter().map(|(key, value)| Some((key.to_string(), text(value)?))).collect()
        })
    }

    /// A closure.
    ///
    /// # Errors
    /// See [`Options::string`].
    pub fn closure(&self, key: &str) -> Result<Option<FnPtr>> {
        self.read(key, "a closure", |v| v.read_lock::<FnPtr>().map(|call| call.clone()))
    }
}

//! Reads typed keys out of a parsed TOML file, and gathers what is wrong with them, each with its line.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::environment::expand;
use super::secret::SecretRef;
use super::value::shown;
use crate::error::{Error, Kind, Place, did_you_mean};

/// Bytes in the file's text.
pub(super) type Span = Range<usize>;

/// A string with where it stands.
pub(super) type Found = (String, Span);

/// A table with the name that messages call it by: `[hosts.edge-1]`.
#[derive(Debug, Clone)]
pub(super) struct Table<'t> {
    pub(super) name: String,
    pub(super) fields: &'t DeTable<'t>,
}

impl Table<'_> {
    /// `[hosts.edge-1] port`, or `record` for a key of the file itself.
    fn key(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("[{}] {key}", self.name) }
    }

    fn inner(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }
}

/// The file that is being read, and what was found to be wrong in it.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    /// The file's name in messages.
    pub(super) file: String,
    pub(super) text: &'t str,
    /// What relative paths are relative to.
    pub(super) dir: &'t Path,
    pub(super) home: Option<&'t Path>,
    pub(super) problems: Vec<Error>,
}

impl<'t> Reader<'t> {
    /// Where a span begins, with the line itself.
    pub(super) fn place(&self, span: &Span) -> Place {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or(self.text);
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let source = self.text.lines().nth(line).map(Into::into);
        Place { file: self.file.clone(), line: line + 1, column: column + 1, source }
    }

    /// Notes a problem, with a hint where there is one.
    pub(super) fn problem(&mut self, span: &Span, message: impl Into<String>, hint: Option<String>) {
        let place = self.place(span);
        self.problems.push(Error::new(Kind::Config, message).at(place).maybe_hint(hint));
    }

    /// Notes every key that is not among the known ones.
    pub(super) fn only(&mut self, table: &Table<'t>, known: &[&str]) {
        for key in table.fields.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = did_you_mean(name, known.iter().copied())
                    .unwrap_or_else(|| format!("known keys here: {}", known.join(", ")));
                let whose = if table.name.is_empty() { self.file.clone() } else { format!("[{}]", table.name) };
                self.problem(&key.span(), format!("{whose} has no key \"{name}\""), Some(hint));
            }
        }
    }

    /// A table inside a table.
    pub(super) fn table(&mut self, table: &Table<'t>, key: &str) -> Option<Table<'t>> {
        let value = table.fields.get(key)?;
        match value.get_ref() {
            DeValue::Table(fields) => Some(Table { name: table.inner(key), fields }),
            _ => {
                self.wrong(table, key, value, &format!("a table, [{}]", table.inner(key)));
                None
            }
        }
    }

    /// The tables inside a table by their names, `[hosts.NAME]`.
    pub(super) fn named(&mut self, table: &Table<'t>, key: &str) -> Vec<(String, Table<'t>)> {
        let Some(outer) = self.table(table, key) else { return Vec::new() };
        let mut found = Vec::new();
        for name in outer.fields.keys() {
            let text = name.get_ref().as_ref();
            if text.is_empty() {
                self.problem(&name.span(), format!("[{}.\"\"]: the name is empty", outer.name), None);
            } else if !text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) {
                let hint = "names are letters, digits, '-', '_' and '.', since step ids and flags are made of them";
                self.problem(&name.span(), format!("[{}.\"{text}\"]: not a name", outer.name), Some(hint.into()));
            } else if let Some(inner) = self.table(&outer, text) {
                found.push((text.to_string(), inner));
            }
        }
        found
    }

    /// A string that is not empty.
    pub(super) fn string(&mut self, table: &Table<'t>, key: &str) -> Option<Found> {
        let value = table.fields.get(key)?;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                self.problem(&value.span(), format!("{} is empty", table.key(key)), None);
                None
            }
            DeValue::String(text) => Some((text.to_string(), value.span())),
            _ => {
                self.wrong(table, key, value, "a string");
                None
            }
        }
    }

    /// A string without its place.
    pub(super) fn text(&mut self, table: &Table<'t>, key: &str) -> Option<String> {
        self.string(table, key).map(|(text, _)| text)
    }

    /// A list of strings, none of them empty; absent is an empty list.
    pub(super) fn texts(&mut self, table: &Table<'t>, key: &str) -> Vec<String> {
        let Some(value) = table.fields.get(key) else { return Vec::new() };
        let texts = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| item.get_ref().as_str().map(str::trim)).collect(),
            _ => None,
        };
        let texts: Option<Vec<&str>> = texts;
        match texts.filter(|texts| !texts.is_empty() && texts.iter().all(|text| !text.is_empty())) {
            Some(texts) => texts.into_iter().map(Into::into).collect(),
            None => {
                self.wrong(table, key, value, "a list of names or addresses");
                Vec::new()
            }
        }
    }

    /// A path, made absolute.
    pub(super) fn path(&mut self, table: &Table<'t>, key: &str) -> Option<PathBuf> {
        self.string(table, key).map(|(text, _)| expand(&text, self.dir, self.home))
    }

    /// A list of paths.
    pub(super) fn paths(&mut self, table: &Table<'t>, key: &str) -> Vec<PathBuf> {
        self.texts(table, key).iter().map(|text| expand(text, self.dir, self.home)).collect()
    }

    /// A size in bytes.
    pub(super) fn size(&mut self, table: &Table<'t>, key: &str) -> Option<u64> {
        let value = table.fields.get(key)?;
        let size = match plain(value) {
            Some(toml::Value::Integer(bytes)) => u64::try_from(bytes).ok(),
            Some(toml::Value::String(text)) => super::units::size(&text),
            _ => None,
        };
        if size.is_none() {
            self.wrong(table, key, value, "a size such as \"256Ki\"");
        }
        size
    }

    /// `true` or `false`; absent is false.
    pub(super) fn flag(&mut self, table: &Table<'t>, key: &str) -> bool {
        let Some(value) = table.fields.get(key) else { return false };
        if let DeValue::Boolean(flag) = value.get_ref() {
            return *flag;
        }
        self.wrong(table, key, value, "true or false");
        false
    }

    /// A TCP port.
    pub(super) fn port(&mut self, table: &Table<'t>, key: &str) -> Option<u16> {
        let value = table.fields.get(key)?;
        let port = match plain(value) {
            Some(toml::Value::Integer(port)) => u16::try_from(port).ok().filter(|port| *port > 0),
            _ => None,
        };
        if port.is_none() {
            self.wrong(table, key, value, "a port from 1 to 65535");
        }
        port
    }

    /// A reference to a secret, with its paths made absolute; the clusters that it may name are given.
    pub(super) fn secret(&mut self, table: &Table<'t>, key: &str, clusters: &[&str]) -> Option<String> {
        let (text, span) = self.string(table, key)?;
        match SecretRef::parse(&text, self.dir, self.home) {
            Ok(SecretRef::Kube { cluster, .. }) if !clusters.contains(&cluster.as_str()) => {
                let message = format!("{}: no cluster \"{cluster}\"", table.key(key));
                self.problem(&span, message, unknown_cluster(&cluster, clusters));
                None
            }
            Ok(reference) => Some(reference.to_text()),
            Err(why) => {
                let place = Place { source: None, ..self.place(&span) };
                let message = format!("{}: {why}", table.key(key));
                // The source line is left out: what stands there may be the secret itself.
                self.problems.push(Error::new(Kind::Config, message).at(place));
                None
            }
        }
    }

    /// A key with a value of another type than expected.
    fn wrong(&mut self, table: &Table<'t>, key: &str, value: &Spanned<DeValue<'t>>, expected: &str) {
        let there = plain(value).map_or_else(|| value.get_ref().type_str().to_string(), |value| shown(&value));
        self.problem(&value.span(), format!("{}: expected {expected}, there is {there}", table.key(key)), None);
    }

    /// Says what is wrong with a key's text.
    pub(super) fn bad(&mut self, table: &Table<'t>, key: &str, span: &Span, why: &str, hint: Option<String>) {
        self.problem(span, format!("{}: {why}", table.key(key)), hint);
    }
}

/// What to do about a cluster that is not there.
pub(super) fn unknown_cluster(name: &str, clusters: &[&str]) -> Option<String> {
    did_you_mean(name, clusters.iter().copied()).or_else(|| Some(format!("there are: {}", clusters.join(", "))))
}

/// A TOML value without its places.
pub(super) fn plain(value: &Spanned<DeValue<'_>>) -> Option<toml::Value> {
    toml::Value::deserialize(ValueDeserializer::from(value.clone())).ok()
}

//! Lazy objects: what the cluster answered stays text, and a field is read where it lies.
//!
//! An [`Object`] is a shared [`Doc`] and a range of it, 16 bytes. Reading a field scans the text from the
//! object's brace; a value on the way that nobody asked for is skipped, not parsed. There is no index: the
//! scan of 10,000 pods of 4 KB for `status.phase`, which lies at their end, takes 25 ms, and the whole filter
//! in a script 36 ms, so that the closure's calls cost as much as an index could save, and an index would have
//! to be built by the same scan. Only a list keeps the places of its items, once all are asked for.
//! Nothing in an object can be changed; `.to_map()` makes a copy.

mod arrays;
mod computed;
mod counting;
mod doc;
mod equal;
mod list;
mod list_ops;
mod list_rows;
mod managed;
mod missing;
mod misspelt;
mod operators;
mod operators_marked;
pub(crate) mod population;
mod rows;
mod scan;
pub(crate) mod seen;
mod status;

use std::ops::Range;
use std::sync::Arc;

use rhai::{Dynamic, Engine};

pub(crate) use doc::key_step;
pub use doc::{Doc, Origin};
pub use equal::equal;
pub(crate) use equal::{fields, items};
pub use list::List;
pub(crate) use list_ops::{call, order};
pub(crate) use list_rows::MODULE as LIST_MODULE;
pub use missing::{Missing, explain, take_absence};
pub(crate) use rows::MODULE;
pub use status::Readiness;

use crate::error::{Error, Kind};
use crate::host::expect::Expectation;
use crate::host::values::{Secret, Size};

/// A JSON object that lies in a [`Doc`]: a whole Kubernetes object, or one inside it.
#[derive(Clone)]
pub struct Object {
    doc: Arc<Doc>,
    start: u32,
    end: u32,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Object {
    /// The object that lies there.
    pub(super) fn at(doc: Arc<Doc>, place: Range<u32>) -> Self {
        Self { doc, start: place.start, end: place.end }
    }

    /// One object from its JSON text; `metadata.managedFields` is cut out.
    ///
    /// # Errors
    /// [`Kind::Unreadable`] when the text is not one JSON object; the error shows it.
    pub fn from_text(text: String, origin: Origin) -> Result<Self, Error> {
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            let shown = crate::error::beginning(&text, 200);
            return Err(Error::new(Kind::Unreadable, format!("not a JSON object: {shown}")).because(error));
        }
        let text = managed::without_managed_fields(text);
        let start = scan::skip_space(text.as_bytes(), 0);
        let end = scan::skip_value(text.as_bytes(), start);
        let (Ok(from), Ok(to)) = (u32::try_from(start), u32::try_from(end)) else {
            return Err(Error::new(Kind::Unreadable, "an object of more than 4 GB"));
        };
        if text.as_bytes().get(start) != Some(&b'{') {
            let shown = crate::error::beginning(&text, 200);
            return Err(Error::new(Kind::Unreadable, format!("expected a JSON object, got {shown}")));
        }
        let whole = from..to;
        Ok(Self::at(Doc::new(text, vec![whole.clone()], origin), whole))
    }

    /// Its JSON text.
    pub fn text(&self) -> &str {
        self.doc.text().get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// A parsed copy.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// The value at a JSON pointer (`/spec/replicas`), parsed; none where there is nothing.
    pub fn pointer(&self, pointer: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.slice(self.pointer_place(pointer)?)).ok()
    }

    /// The string at a JSON pointer; none where there is none, or another type.
    pub fn string(&self, pointer: &str) -> Option<String> {
        serde_json::from_str(self.slice(self.pointer_place(pointer)?)).ok()
    }

    fn pointer_place(&self, pointer: &str) -> Option<Range<usize>> {
        let text = self.doc.text();
        let mut here = self.start as usize..self.end as usize;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            here = match text.as_bytes().get(here.start) {
                Some(b'[') => scan::elements(text, here.start).nth(part.parse().ok()?)?,
                _ => scan::field(text, here.start, &part)?,
            };
        }
        Some(here)
    }

    fn slice(&self, place: Range<usize>) -> &str {
        self.doc.text().get(place).unwrap_or_default()
    }

    /// Where it was read.
    pub fn origin(&self) -> &Origin {
        self.doc.origin()
    }

    /// Whether it is a whole object, not one inside another.
    pub fn is_whole(&self) -> bool {
        self.doc.is_item(self.start)
    }

    /// The whole object that it lies in; itself, if it is whole.
    pub fn whole(&self) -> Self {
        match self.doc.item_around(self.start) {
            Some(place) => Self::at(self.doc.clone(), place),
            None => self.clone(),
        }
    }

    /// Its kind: its own field or, for a whole object of a list, the list's.
    pub fn kind(&self) -> Option<String> {
        self.string("/kind").or_else(|| self.is_whole().then(|| self.origin().kind.clone()).flatten())
    }

    /// Its API version, likewise.
    pub fn api_version(&self) -> Option<String> {
        self.string("/apiVersion").or_else(|| self.is_whole().then(|| self.origin().api_version.clone()).flatten())
    }

    /// `metadata.name`
    pub fn name(&self) -> Option<String> {
        self.string("/metadata/name")
    }

    /// `metadata.namespace`
    pub fn namespace(&self) -> Option<String> {
        self.string("/metadata/namespace")
    }

    /// `metadata.uid`
    pub fn uid(&self) -> Option<String> {
        self.string("/metadata/uid")
    }

    /// `Service web/shop`, `Node infra-01`; for an object inside another its path in it: `spec of Service web/shop`.
    pub fn describe(&self) -> String {
        let whole = self.whole();
        let kind = whole.kind().unwrap_or_else(|| "object".into());
        let described = match (whole.namespace(), whole.name()) {
            (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
            (None, Some(name)) => format!("{kind} {name}"),
            _ => kind,
        };
        match self.doc.path_to(self.start) {
            path if path.is_empty() => described,
            path => format!("{path} of {described}"),
        }
    }

    /// The value of a field, lazily: objects and lists stay text; none where there is no such field.
    pub fn field(&self, key: &str) -> Option<Dynamic> {
        let place = scan::field(self.doc.text(), self.start as usize, key)?;
        Some(value_at(&self.doc, place))
    }

    /// The value of a field as scripts see it: `name`, `namespace`, `kind` and `apiVersion` of a whole
    /// object are found in its metadata and origin; what is not there is a [`Missing`].
    pub fn get(&self, key: &str) -> Dynamic {
        if let Some(value) = self.field(key) {
            return value;
        }
        if self.is_whole() {
            let found = match key {
                "name" => self.name(),
                "namespace" => self.namespace(),
                "kind" => self.kind(),
                "apiVersion" => self.api_version(),
                _ => None,
            };
            if let Some(found) = found {
                return found.into();
            }
        }
        Dynamic::from(Missing::field(self, key))
    }

    /// Its fields with their values, in the order of the text.
    pub fn fields(&self) -> Vec<(String, Dynamic)> {
        scan::fields(self.doc.text(), self.start as usize)
            .map(|(key, place)| (scan::unescape(key).into_owned(), value_at(&self.doc, place)))
            .collect()
    }

    /// The value at a path of names and indices, `spec.containers[0].image`; none where there is nothing.
    pub fn path(&self, path: &str) -> Option<Dynamic> {
        let mut here = Dynamic::from(self.clone());
        for part in path.replace('[', ".[").split('.').filter(|part| !part.is_empty()) {
            here = match part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) {
                Some(index) => here.read_lock::<List>()?.item(index.parse().ok()?),
                None => here.read_lock::<Self>()?.field(part)?,
            };
            if here.is::<Missing>() {
                return None;
            }
        }
        Some(here)
    }

    /// Whether both are the same place of the same text.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.doc, &other.doc) && self.start == other.start
    }

    /// The names of its fields, in the order of the text.
    pub fn keys(&self) -> Vec<String> {
        scan::fields(self.doc.text(), self.start as usize).map(|(key, _)| scan::unescape(key).into_owned()).collect()
    }
}

/// The value that lies there, as scripts see it.
fn value_at(doc: &Arc<Doc>, place: Range<usize>) -> Dynamic {
    let text = doc.text().get(place.clone()).unwrap_or_default();
    // Places come from a text of at most 4 GB: `Doc` counts in u32.
    let range = || u32::try_from(place.start).unwrap_or(u32::MAX)..u32::try_from(place.end).unwrap_or(u32::MAX);
    match text.as_bytes().first() {
        Some(b'{') => Dynamic::from(Object::at(doc.clone(), range())),
        Some(b'[') => Dynamic::from(List::at(doc.clone(), range())),
        Some(b'"') => scan::unescape(text.get(1..text.len() - 1).unwrap_or_default()).as_ref().into(),
        Some(b't') => true.into(),
        Some(b'f') => false.into(),
        Some(b'n') | None => Dynamic::UNIT,
        Some(_) => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => text.parse::<f64>().map_or(Dynamic::UNIT, Into::into),
        },
    }
}

#[cfg(test)]
mod tests;

/// What the engine needs besides functions: the operator `??`, which passes over what is missing.
pub fn configure(engine: &mut Engine) {
    missing::configure(engine);
    engine.register_type_with_name::<Expectation>("expectation");
    engine.register_type_with_name::<Object>("object");
    engine.register_type_with_name::<List>("list");
    engine.register_type_with_name::<std::time::Duration>("duration");
    engine.register_type_with_name::<Size>("size");
    engine.register_type_with_name::<Secret>("secret");
    // Rhai's short cut for operators takes values of different types for unequal and unordered before it
    // looks for a function: an object would never equal a map, and a missing value would be "not greater".
    engine.set_fast_operators(false);
}

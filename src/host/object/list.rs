//! Lists: of objects that a cluster answered, inside an object, or of values that a script made.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rhai::Dynamic;

use super::population::{Look, of_population};
use super::{Doc, Missing, Object, scan, value_at};
use crate::host::values::depth_of_list;

/// An unchangeable list that knows what it holds and what it was filtered from.
#[derive(Clone)]
pub struct List {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    /// Made when the items are first needed all at once.
    items: OnceLock<Vec<Dynamic>>,
    what: String,
    population: Option<usize>,
    /// How deep its values are nested, itself included.
    depth: usize,
    /// Why nothing was looked at, where that is known.
    nothing: Option<String>,
    /// Whether it may be empty for any reason: an array that the script made, a field of an object.
    loose: bool,
}

enum Source {
    /// The items themselves are all there is.
    Items,
    /// Whole objects, in documents.
    Docs(Vec<Arc<Doc>>),
    /// An array inside a document.
    Place(Arc<Doc>, Range<u32>),
}

impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.len(), self.what())
    }
}

impl List {
    /// A list of values. `what` says what they are: `pods in web`.
    pub fn new(items: Vec<Dynamic>, what: &str) -> Self {
        Self::build(Source::Items, items.into(), what, None, false)
    }

    /// A list of values that nobody answered: that it is empty says nothing of what was looked at.
    pub(super) fn loose(items: Vec<Dynamic>, what: &str) -> Self {
        Self::build(Source::Items, items.into(), what, None, true)
    }

    /// A list of values that were taken from `population` others.
    pub fn of_population(items: Vec<Dynamic>, population: usize, what: &str) -> Self {
        Self::build(Source::Items, items.into(), what, Some(population), false)
    }

    /// The whole objects of documents, in order.
    pub fn of_docs(docs: Vec<Arc<Doc>>, what: &str) -> Self {
        Self::build(Source::Docs(docs), OnceLock::new(), what, None, false)
    }

    /// The array that lies there.
    pub(super) fn at(doc: Arc<Doc>, place: Range<u32>) -> Self {
        let inside = !doc.is_item(place.start);
        Self::build(Source::Place(doc, place), OnceLock::new(), "", None, inside)
    }

    fn build(
        source: Source,
        items: OnceLock<Vec<Dynamic>>,
        what: &str,
        population: Option<usize>,
        loose: bool,
    ) -> Self {
        // What lies in documents stays text, and their reader bounds it.
        let depth = items.get().map_or(1, |items| depth_of_list(items));
        let what = what.to_string();
        Self { inner: Arc::new(Inner { source, items, what, population, depth, nothing: None, loose }) }
    }

    /// An empty list that says nothing, and why: what it was asked of is not there, or could not be seen.
    pub fn of_nothing(what: &str, why: &str) -> Self {
        let (source, items, nothing) = (Source::Items, Vec::new().into(), Some(why.to_string()));
        let (what, population) = (what.to_string(), Some(0));
        Self { inner: Arc::new(Inner { source, items, what, population, depth: 1, nothing, loose: false }) }
    }

    /// The levels of lists, arrays and maps in one another, from this one on.
    pub fn depth(&self) -> usize {
        self.inner.depth
    }

    /// Why nothing was looked at, where more is known of that than that there was nothing.
    pub fn nothing(&self) -> Option<&str> {
        self.inner.nothing.as_deref()
    }

    /// Some of this list's items, or what was made of them: the same `what`, and this list's size as population.
    #[must_use]
    pub fn derive(&self, items: Vec<Dynamic>) -> Self {
        if let (Some(why), true) = (self.nothing(), items.is_empty()) {
            return Self::of_nothing(&self.what(), why);
        }
        self.taken(items, self.taken_from())
    }

    /// What was made of this list's items, one by one or together: the same `what` and population. What was made
    /// of nothing has nothing as its population: that it is empty says nothing of what was made.
    #[must_use]
    pub fn made(&self, items: Vec<Dynamic>) -> Self {
        if let (Some(why), true) = (self.nothing(), items.is_empty()) {
            return Self::of_nothing(&self.what(), why);
        }
        let population = self.inner.population.or_else(|| items.is_empty().then(|| self.taken_from()).flatten());
        self.taken(items, population)
    }

    fn taken(&self, items: Vec<Dynamic>, population: Option<usize>) -> Self {
        let loose = self.inner.loose && population.is_none();
        Self::build(Source::Items, items.into(), &self.what(), population, loose)
    }

    /// How many items something is filtered from that is filtered from this list; none where that is unknown.
    pub(super) fn taken_from(&self) -> Option<usize> {
        let own = || (!self.inner.loose || !self.is_empty()).then(|| self.len());
        self.inner.population.or_else(own)
    }

    /// What the list itself rests on. An empty one that a host call answered is an answer.
    pub(super) fn look(&self) -> Look {
        let own = || (!self.inner.loose || !self.is_empty()).then_some(1);
        of_population(self.inner.population.or_else(own))
    }

    /// What an answer about its items rests on.
    pub(super) fn questioned(&self) -> Look {
        if self.is_empty() { of_population(self.taken_from()) } else { Look::Something }
    }

    /// The items. Objects among them stay text.
    pub fn items(&self) -> &[Dynamic] {
        self.inner.items.get_or_init(|| match &self.inner.source {
            Source::Items => Vec::new(),
            Source::Docs(docs) => docs.iter().flat_map(Doc::objects).map(Dynamic::from).collect(),
            Source::Place(doc, place) => {
                scan::elements(doc.text(), place.start as usize).map(|place| value_at(doc, place)).collect()
            }
        })
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        match &self.inner.source {
            Source::Docs(docs) => docs.iter().map(|doc| doc.len()).sum(),
            Source::Place(..) | Source::Items => self.items().len(),
        }
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it holds: `pods in web`; for a list inside an object `status.conditions of Pod web/shop`.
    pub fn what(&self) -> String {
        match &self.inner.source {
            Source::Place(doc, place) => Object::at(doc.clone(), place.clone()).describe(),
            _ => self.inner.what.clone(),
        }
    }

    /// The whole object that the list lies in; none for a list of its own.
    pub fn owner(&self) -> Option<Object> {
        match &self.inner.source {
            Source::Place(doc, place) => Some(Object::at(doc.clone(), place.clone()).whole()),
            _ => None,
        }
    }

    /// Whether it has no items, and was filtered from none: what is asked of its items is asked of nothing.
    pub fn of_none(&self) -> bool {
        self.questioned() == Look::Nothing
    }

    /// The number of items that it was filtered from; none where it was not filtered.
    pub fn population(&self) -> Option<usize> {
        self.inner.population
    }

    /// The item at an index; from the end, where it is negative. What is not there is a [`Missing`].
    pub fn item(&self, index: i64) -> Dynamic {
        let at = if index < 0 { self.len().checked_sub(index.unsigned_abs() as usize) } else { Some(index as usize) };
        let found = at.and_then(|at| match (&self.inner.source, self.inner.items.get()) {
            // The first few of an array are read without making all its items.
            (Source::Place(doc, place), None) if at < 8 => {
                scan::elements(doc.text(), place.start as usize).nth(at).map(|place| value_at(doc, place))
            }
            _ => self.items().get(at).cloned(),
        });
        found.unwrap_or_else(|| {
            Dynamic::from(match &self.inner.source {
                Source::Place(doc, place) => Missing::element(Object::at(doc.clone(), place.clone()), index),
                _ => Missing::element_of(&self.inner.what, index, self.len(), self.of_none()),
            })
        })
    }
}

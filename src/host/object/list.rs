//! Lists: of objects that a cluster answered, inside an object, or of values that a script made.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rhai::Dynamic;

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
        Self::build(Source::Items, items.into(), what, None)
    }

    /// A list of values that were taken from `population` others.
    pub fn of_population(items: Vec<Dynamic>, population: usize, what: &str) -> Self {
        Self::build(Source::Items, items.into(), what, Some(population))
    }

    /// The whole objects of documents, in order.
    pub fn of_docs(docs: Vec<Arc<Doc>>, what: &str) -> Self {
        Self::build(Source::Docs(docs), OnceLock::new(), what, None)
    }

    /// The array that lies there.
    pub(super) fn at(doc: Arc<Doc>, place: Range<u32>) -> Self {
        Self::build(Source::Place(doc, place), OnceLock::new(), "", None)
    }

    fn build(source: Source, items: OnceLock<Vec<Dynamic>>, what: &str, population: Option<usize>) -> Self {
        // What lies in documents stays text, and their reader bounds it.
        let depth = items.get().map_or(1, |items| depth_of_list(items));
        Self { inner: Arc::new(Inner { source, items, what: what.to_string(), population, depth, nothing: None }) }
    }

    /// An empty list that says nothing, and why: what it was asked of is not there, or could not be seen.
    pub fn of_nothing(what: &str, why: &str) -> Self {
        let (source, items, nothing) = (Source::Items, Vec::new().into(), Some(why.to_string()));
        let (what, population) = (what.to_string(), Some(0));
        Self { inner: Arc::new(Inner { source, items, what, population, depth: 1, nothing }) }
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
        let population = self.inner.population.unwrap_or_else(|| self.len());
        Self::build(Source::Items, items.into(), &self.what(), Some(population))
    }

    /// What was made of this list's items, one by one or together: the same `what` and population. What was made
    /// of nothing has nothing as its population: that it is empty says nothing of what was made.
    #[must_use]
    pub fn made(&self, items: Vec<Dynamic>) -> Self {
        if let (Some(why), true) = (self.nothing(), items.is_empty()) {
            return Self::of_nothing(&self.what(), why);
        }
        let population = self.inner.population.or_else(|| self.is_empty().then_some(0));
        Self::build(Source::Items, items.into(), &self.what(), population)
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
        self.is_empty() && self.population().unwrap_or(0) == 0
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
                _ => Missing::element_of(&self.inner.what, index, self.of_none()),
            })
        })
    }
}

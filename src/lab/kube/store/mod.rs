//! The objects: where each is, its versions, and the log of changes. Pure: no sockets, no time of its own.

mod held;
mod log;
mod naming;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use held::Held;
pub(crate) use log::Change;
use log::Log;
pub(crate) use naming::Naming;

use super::refusal::{Answer, Refusal};

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// `deployments.apps`.
    pub(crate) resource: String,
    /// Empty for kinds without namespaces.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Place {
    pub(crate) fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self { resource: resource.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// An object as it was at one version. It never changes, so its text is made once.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) value: Held,
    text: OnceLock<String>,
}

impl Stored {
    fn new(value: Value) -> Arc<Self> {
        Arc::new(Self { value: Held::new(value), text: OnceLock::new() })
    }

    /// The object as an item of a list, where built-in kinds go without `kind` and `apiVersion`.
    pub(crate) fn item(&self, bare: bool) -> &str {
        self.text.get_or_init(|| {
            let mut value = self.value.copy();
            if let (true, Some(object)) = (bare, value.as_object_mut()) {
                object.remove("kind");
                object.remove("apiVersion");
            }
            value.to_string()
        })
    }
}

/// Every object of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Place, Arc<Stored>>,
    revision: u64,
    log: Log,
}

impl Store {
    /// The number of the last change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn get(&self, place: &Place) -> Option<&Arc<Stored>> {
        self.objects.get(place)
    }

    /// Every object of every kind, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Place, &Arc<Stored>)> {
        self.objects.iter()
    }

    /// The objects of a kind, in one namespace or all, in order.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Place, &'a Arc<Stored>)> {
        let from = Place::new(resource, namespace, "");
        let all = self.objects.range((Bound::Included(from), Bound::Unbounded));
        all.take_while(move |(p, _)| p.resource == resource && (namespace.is_empty() || p.namespace == namespace))
    }

    /// The same behind a place.
    pub(crate) fn list_behind<'a>(
        &'a self,
        resource: &'a str,
        namespace: &'a str,
        place: Option<&Place>,
    ) -> impl Iterator<Item = (&'a Place, &'a Arc<Stored>)> {
        let from = match place {
            Some(place) => Bound::Excluded(place.clone()),
            None => Bound::Included(Place::new(resource, namespace, "")),
        };
        let all = self.objects.range((from, Bound::Unbounded));
        all.take_while(move |(p, _)| p.resource == resource && (namespace.is_empty() || p.namespace == namespace))
    }

    /// Every object in a namespace, of whatever kind.
    pub(crate) fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Place> {
        self.objects.keys().filter(move |p| p.namespace == namespace)
    }

    /// The objects of a kind as they were at a version.
    pub(crate) fn list_at(&self, resource: &str, namespace: &str, revision: u64) -> Answer<Vec<(Place, Arc<Stored>)>> {
        if revision > self.revision {
            return Err(too_large(revision, self.revision));
        }
        let mut then: BTreeMap<Place, Arc<Stored>> =
            self.list(resource, namespace).map(|(p, o)| (p.clone(), Arc::clone(o))).collect();
        let within = |p: &Place| p.resource == resource && (namespace.is_empty() || p.namespace == namespace);
        for change in self.log.since(revision)?.rev().filter(|c| within(&c.place)) {
            match &change.before {
                Some(before) => then.insert(change.place.clone(), Arc::clone(before)),
                None => then.remove(&change.place),
            };
        }
        Ok(then.into_iter().collect())
    }

    /// Keeps an object, under the next version.
    pub(crate) fn put(&mut self, place: Place, mut value: Value) -> Arc<Stored> {
        self.revision += 1;
        value["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let stored = Stored::new(value);
        let before = self.objects.insert(place.clone(), Arc::clone(&stored));
        self.log.add(Change { revision: self.revision, place, before, after: Some(Arc::clone(&stored)) });
        stored
    }

    /// Forgets an object; what is told to watchers has the version of that.
    pub(crate) fn remove(&mut self, place: &Place) -> Option<Arc<Stored>> {
        let before = self.objects.remove(place)?;
        self.revision += 1;
        let mut value = before.value.clone();
        value["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let last = Stored::new(value);
        self.log.add(Change { revision: self.revision, place: place.clone(), before: Some(before), after: None });
        Some(last)
    }

    /// What changed after a version; an error where that is forgotten.
    pub(crate) fn since(&self, revision: u64) -> Answer<impl Iterator<Item = &Change>> {
        self.log.since(revision)
    }

    /// Forgets the changes up to a version.
    pub(crate) fn compact(&mut self, revision: u64) {
        self.log.compact(revision.min(self.revision));
    }
}

/// A version that is still to come.
pub(crate) fn too_large(wanted: u64, current: u64) -> Box<Refusal> {
    let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
    let mut refusal = Refusal::new(504, "Timeout", message);
    refusal.details = Some(json!({
        "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }],
        "retryAfterSeconds": 1,
    }));
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, n: u64) -> Value {
        json!({"metadata": {"name": name}, "n": n})
    }

    #[test]
    fn a_list_can_be_had_as_it_was() {
        let mut store = Store::default();
        let (a, b) = (Place::new("things", "x", "a"), Place::new("things", "x", "b"));
        store.put(a.clone(), object("a", 1));
        store.put(b.clone(), object("b", 1));
        let then = store.revision();
        store.put(a.clone(), object("a", 2));
        store.remove(&b);
        store.put(Place::new("things", "x", "c"), object("c", 1));
        let was = store.list_at("things", "x", then).expect("known");
        let was: Vec<(&str, u64)> =
            was.iter().map(|(p, o)| (p.name.as_str(), o.value["n"].as_u64().unwrap_or(0))).collect();
        assert_eq!(was, [("a", 1), ("b", 1)]);
        assert_eq!(store.list("things", "").count(), 2);
        store.compact(store.revision());
        assert_eq!(store.list_at("things", "x", then).expect_err("forgotten").code, 410);
    }

    #[test]
    fn what_is_deleted_is_told_with_a_version_of_its_own() {
        let mut store = Store::default();
        let place = Place::new("things", "", "a");
        store.put(place.clone(), object("a", 1));
        let last = store.remove(&place).expect("was there");
        assert_eq!(last.value["metadata"]["resourceVersion"], "2");
        assert_eq!(store.since(1).expect("known").count(), 1);
    }
}

//! What databases and brokers hold that somebody has put there: by the place that keeps it, and a key.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Texts by place and key; several of a key are kept in order.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<(String, String), Vec<String>>>);

impl Kept {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, String), Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a key has.
    pub(crate) fn get(&self, place: &str, key: &str) -> Vec<String> {
        self.all().get(&(place.to_owned(), key.to_owned())).cloned().unwrap_or_default()
    }

    /// Puts one text in place of whatever a key has.
    pub(crate) fn set(&self, place: &str, key: &str, text: &str) {
        self.all().insert((place.to_owned(), key.to_owned()), vec![text.to_owned()]);
    }

    /// Adds texts to a key.
    pub(crate) fn add(&self, place: &str, key: &str, texts: impl IntoIterator<Item = String>) {
        self.all().entry((place.to_owned(), key.to_owned())).or_default().extend(texts);
    }

    /// Forgets a key; whether there was one.
    pub(crate) fn remove(&self, place: &str, key: &str) -> bool {
        self.all().remove(&(place.to_owned(), key.to_owned())).is_some()
    }

    /// The keys of a place.
    pub(crate) fn keys(&self, place: &str) -> Vec<String> {
        self.all().keys().filter(|(of, _)| of == place).map(|(_, key)| key.clone()).collect()
    }
}

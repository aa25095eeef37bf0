//! A cluster's objects as a plain list, for where there is no API server.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::advertise::Objects;

/// Objects that change only by [`Fixed::change`].
#[derive(Debug)]
pub struct Fixed {
    objects: Mutex<Vec<Value>>,
    changes: watch::Sender<u64>,
}

impl Fixed {
    /// These objects.
    pub fn new(objects: Vec<Value>) -> Self {
        Self { objects: Mutex::new(objects), changes: watch::channel(0).0 }
    }

    /// Changes them, and tells.
    pub fn change(&self, how: impl FnOnce(&mut Vec<Value>)) {
        how(&mut self.objects());
        self.changes.send_modify(|number| *number += 1);
    }

    fn objects(&self) -> MutexGuard<'_, Vec<Value>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects for Fixed {
    fn list(&self, resource: &str) -> Vec<Value> {
        let singular = resource.split('.').next().unwrap_or_default().trim_end_matches('s');
        let of_kind = |object: &&Value| object["kind"].as_str().is_some_and(|kind| kind.to_lowercase() == singular);
        self.objects().iter().filter(of_kind).cloned().collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

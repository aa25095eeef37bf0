//! The log of changes, which watches read and old lists are made from. It forgets what is too long ago.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Place, Stored};
use crate::lab::kube::refusal::{Answer, Refusal};

/// How many changes are remembered.
const REMEMBERED: usize = 20_000;

/// One change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) place: Place,
    pub(crate) before: Option<Arc<Stored>>,
    pub(crate) after: Option<Arc<Stored>>,
}

/// The changes that are remembered, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log {
    changes: VecDeque<Change>,
    /// Everything up to this version is forgotten.
    forgotten: u64,
}

impl Log {
    pub(super) fn add(&mut self, change: Change) {
        self.changes.push_back(change);
        if self.changes.len() > REMEMBERED
            && let Some(oldest) = self.changes.pop_front()
        {
            self.forgotten = oldest.revision;
        }
    }

    pub(super) fn compact(&mut self, revision: u64) {
        self.forgotten = self.forgotten.max(revision);
        let forgotten = self.forgotten;
        self.changes.retain(|c| c.revision > forgotten);
    }

    pub(super) fn since(&self, revision: u64) -> Answer<impl DoubleEndedIterator<Item = &Change>> {
        if revision < self.forgotten {
            let message = format!("too old resource version: {revision} ({})", self.forgotten + 1);
            return Err(Refusal::expired(message));
        }
        let from = self.changes.partition_point(|c| c.revision <= revision);
        Ok(self.changes.range(from..))
    }
}

//! The ledger: before a change is made, the row that undoes it is kept; a step's end works its rows off.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::event::{FieldChange, LedgerRow, ObjectRef, Owned, Undo};

/// The rows that are still to be undone, and who owns them.
#[derive(Debug, Default)]
pub struct Ledger {
    next: AtomicU64,
    open: Mutex<Vec<Entry>>,
    created: Mutex<Vec<ObjectRef>>,
}

#[derive(Debug, Clone)]
struct Entry {
    owner: Option<String>,
    row: LedgerRow,
    /// Why it could not be worked off.
    why: Option<String>,
}

impl Ledger {
    /// Adds a row. `owner` is the step that works it off; none is the run's end.
    pub fn add(&self, owner: Option<&str>, change: String, undo: Undo) -> LedgerRow {
        self.add_on(owner, change, undo, None)
    }

    /// The same with what is known of the cluster that it is made on.
    pub fn add_on(&self, owner: Option<&str>, change: String, undo: Undo, cluster_id: Option<String>) -> LedgerRow {
        let row = LedgerRow { row: self.next.fetch_add(1, Ordering::Relaxed) + 1, change, undo, cluster_id };
        self.open().push(Entry { owner: owner.map(Into::into), row: row.clone(), why: None });
        row
    }

    /// Puts the uid that the server gave into the row of a creation. [`super::Context::created`] tells it to the record too.
    pub(super) fn created(&self, row: u64, uid: &str) {
        let mut open = self.open();
        let Some(entry) = open.iter_mut().find(|e| e.row.row == row) else { return };
        if let Undo::Delete { object } = &mut entry.row.undo {
            // Without one the run's label decides what is deleted.
            object.uid = Some(uid.to_string()).filter(|uid| !uid.is_empty());
            self.created.lock().unwrap_or_else(PoisonError::into_inner).push(object.clone());
        }
    }

    /// Puts what the server made of a change into its row, and gives that. [`super::Context::settled`] tells it to the
    /// record too.
    pub(super) fn settled(&self, row: u64, now: Vec<FieldChange>, taken: Vec<Owned>) -> Option<LedgerRow> {
        let mut open = self.open();
        let entry = open.iter_mut().find(|e| e.row.row == row)?;
        if let Undo::Restore { fields, owners, .. } = &mut entry.row.undo {
            (*fields, *owners) = (now, taken);
        }
        Some(entry.row.clone())
    }

    /// Takes a row back: the change was refused, so there is nothing to undo.
    pub fn forget(&self, row: u64) {
        self.open().retain(|e| e.row.row != row);
    }

    /// Whether this run created the object (so that changing or deleting it is only `write`).
    pub fn is_ours(&self, object: &ObjectRef) -> bool {
        let same = |o: &ObjectRef| {
            o.cluster == object.cluster
                && o.plural == object.plural
                && o.namespace == object.namespace
                && o.name == object.name
        };
        let created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        let namespace_is_ours = object.namespace.as_ref().is_some_and(|ns| {
            created.iter().any(|o| o.cluster == object.cluster && o.plural == "namespaces" && &o.name == ns)
        });
        namespace_is_ours || created.iter().any(same)
    }

    /// Takes the rows of an owner out, newest first.
    pub fn take(&self, owner: Option<&str>) -> Vec<LedgerRow> {
        let mut open = self.open();
        let (mut mine, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *open).into_iter().partition(|e| e.owner.as_deref() == owner);
        *open = rest;
        mine.reverse();
        mine.into_iter().map(|e| e.row).collect()
    }

    /// Puts a row back that could not be worked off, or was left alone.
    pub fn put_back(&self, owner: Option<&str>, row: LedgerRow, why: String) {
        self.open().push(Entry { owner: owner.map(Into::into), row, why: Some(why) });
    }

    /// What is still open, in words: `create Pod web/a: not done within 1m`.
    pub fn left(&self) -> Vec<String> {
        let words = |entry: &Entry| match &entry.why {
            Some(why) => format!("{}: {why}", entry.row.change),
            None => entry.row.change.clone(),
        };
        self.open().iter().map(words).collect()
    }

    /// What is still open, in order.
    pub fn open_rows(&self) -> Vec<LedgerRow> {
        self.open().iter().map(|e| e.row.clone()).collect()
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> ObjectRef {
        ObjectRef {
            cluster: "infra".into(),
            api_version: "v1".into(),
            kind: "Pod".into(),
            plural: "pods".into(),
            namespace: Some("web".into()),
            name: name.into(),
            uid: None,
        }
    }

    #[test]
    fn rows_are_worked_off_newest_first_and_only_by_their_owner() {
        let ledger = Ledger::default();
        for name in ["a", "b"] {
            ledger.add(Some("t5/x"), format!("create Pod {name}"), Undo::Delete { object: pod(name) });
        }
        ledger.add(None, "create Namespace".into(), Undo::Delete { object: pod("ns") });
        let mine = ledger.take(Some("t5/x"));
        assert_eq!(mine.iter().map(|r| r.row).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(ledger.open_rows().len(), 1);
    }

    #[test]
    fn what_the_run_created_is_its_own() {
        let ledger = Ledger::default();
        let row = ledger.add(None, "create".into(), Undo::Delete { object: pod("a") });
        assert!(!ledger.is_ours(&pod("a")));
        ledger.created(row.row, "u1");
        assert!(ledger.is_ours(&pod("a")));
        assert!(!ledger.is_ours(&pod("b")));
    }

    #[test]
    fn what_is_left_says_why() {
        let ledger = Ledger::default();
        for name in ["a", "b"] {
            ledger.add(Some("t5/x"), format!("create Pod {name}"), Undo::Delete { object: pod(name) });
        }
        let mut mine = ledger.take(Some("t5/x"));
        ledger.put_back(Some("t5/x"), mine.remove(1), "403".into());
        ledger.add(None, "create Namespace ns".into(), Undo::Delete { object: pod("ns") });
        assert_eq!(ledger.left(), ["create Pod a: 403", "create Namespace ns"]);
    }
}

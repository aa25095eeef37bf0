//! The record of runs that only last as long as a proof: steps that write up what others found read it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::inside;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Listener};
use crate::record::{Asked, Folder, Record, RunInfo};

/// What a run keeps, besides its journal.
const EVIDENCE: &str = "evidence";
/// Every event.
const JOURNAL: &str = "journal.jsonl";

/// A record that goes when this is dropped. The plans of several playbooks are carried out in it, one after the other.
pub(super) struct Kept {
    folder: Folder,
    record: Arc<Mutex<Record>>,
    _dir: inside::Folder,
}

impl Kept {
    /// A new one, of a run on this platform.
    pub(super) fn new(topology: &str, clock: &dyn Clock) -> Result<Self> {
        let dir = inside::Folder::new()?;
        let asked = Asked { platform: Some(topology.into()), ..Asked::default() };
        let info = RunInfo { asked: Some(asked), ..RunInfo::here(clock.now()) };
        let (folder, record) = Record::create(dir.path(), info)?;
        Ok(Self { folder, record: Arc::new(Mutex::new(record)), _dir: dir })
    }

    /// A new one that begins with what this one has.
    pub(super) fn go_on(&self, topology: &str, clock: &dyn Clock) -> Result<Self> {
        let next = Self::new(topology, clock)?;
        copy(&self.folder.path, &next.folder.path)
            .map_err(|e| Error::new(Kind::Io, "the record of the healthy run can't be copied").caused_by(&e))?;
        Ok(next)
    }

    /// Where it lies.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What keeps the events of one plan.
    pub(super) fn listener(&self) -> Keeping {
        Keeping(self.record.clone())
    }
}

/// The journal, whose end another writer goes on from, and the evidence.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from.join(JOURNAL), to.join(JOURNAL))?;
    let evidence = from.join(EVIDENCE);
    let steps = if evidence.is_dir() { Some(std::fs::read_dir(evidence)?) } else { None };
    for step in steps.into_iter().flatten() {
        let step = step?;
        let beside = to.join(EVIDENCE).join(step.file_name());
        std::fs::create_dir_all(&beside)?;
        for file in std::fs::read_dir(step.path())? {
            let file = file?;
            std::fs::copy(file.path(), beside.join(file.file_name()))?;
        }
    }
    Ok(())
}

/// Keeps the events of one plan. That the plan has ended does not end the record; answers are kept nowhere.
pub(super) struct Keeping(Arc<Mutex<Record>>);

impl Listener for Keeping {
    fn on(&mut self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).on(event);
    }

    fn kept(&mut self) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).kept()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::System;
    use crate::event::What;
    use crate::record::Recorded;

    #[test]
    fn a_record_goes_on_where_another_stands_and_leaves_that_as_it_is() {
        let note = |text: &str| Event { at: System.now(), step: None, what: What::Note { text: text.into() } };
        let notes =
            |kept: &Kept| Recorded::open(&kept.folder.path).expect("a record").events().expect("events").count();
        let first = Kept::new("one-node", &System).expect("made");
        first.listener().on(&note("one"));
        let file = first.folder.path.join("evidence/t1-etcd/a.txt");
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(&file, "kept").expect("written");
        let second = first.go_on("one-node", &System).expect("made");
        second.listener().on(&note("two"));
        assert_eq!((notes(&first), notes(&second)), (1, 2));
        assert!(second.folder.path.join("evidence/t1-etcd/a.txt").is_file());
        let path = first.folder.path.clone();
        drop(first);
        assert!(!path.exists());
    }
}

//! The listener that keeps a run.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::append::Appender;
use super::calls::Calls;
use super::lock::Lock;
use super::{CALLS, End, Folder, JOURNAL, LEDGER, RunInfo, pack, review};
use crate::error::{Error, Result};
use crate::event::{Answer, Event, Filter, LedgerRow, Listener, What};

/// Keeps what is told in a run's folder, and holds the folder while it lives.
#[derive(Debug)]
pub struct Record {
    folder: PathBuf,
    info: RunInfo,
    journal: Appender,
    ledger: Appender,
    calls_file: Appender,
    calls: Calls,
    end: End,
    unwritten: Unwritten,
    known: Option<Known>,
    _lock: Lock,
}

/// How many secrets are known, asked whenever it matters, and how many it were before the first line was written.
struct Known {
    now: Box<dyn Fn() -> usize + Send>,
    before: usize,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({}, {} before)", (self.now)(), self.before)
    }
}

/// What could not be written, in the end. A listener has nobody to return an error to: `cli` asks here after the bus
/// is closed.
#[derive(Debug, Clone, Default)]
pub struct Unwritten(Arc<Mutex<Vec<Error>>>);

impl Unwritten {
    /// What went wrong so far.
    pub fn take(&self) -> Vec<Error> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note<T>(&self, result: Result<T>) {
        if let Err(error) = result {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A file that can't be written is found so more than once.
            if !all.contains(&error) {
                all.push(error);
            }
        }
    }
}

impl Record {
    /// Begins the record of a new run, in a folder of its own below `record`. The run's id is made here.
    ///
    /// # Errors
    /// [`crate::error::Kind::Io`], naming the path, where it can't be written.
    pub fn create(record: &Path, mut info: RunInfo) -> Result<(Folder, Self)> {
        let (folder, lock) = Folder::create(record, &mut info)?;
        let record = Self::of(&folder.path, info, lock)?;
        Ok((folder, record))
    }

    /// Goes on with the record of a run that has ended or was killed: what is told is added to it. The lock says that
    /// nobody else does.
    ///
    /// # Errors
    /// What [`RunInfo::read`] says; [`crate::error::Kind::Io`].
    pub fn reopen(folder: &Path, lock: Lock) -> Result<Self> {
        let info = super::Recorded::open(folder)?.info;
        pack::unpack(folder)?;
        Self::of(folder, info, lock)
    }

    fn of(folder: &Path, info: RunInfo, lock: Lock) -> Result<Self> {
        Ok(Self {
            folder: folder.into(),
            end: info.end.clone().unwrap_or_default(),
            info,
            journal: Appender::open(&folder.join(JOURNAL))?,
            ledger: Appender::open(&folder.join(LEDGER))?,
            calls_file: Appender::open(&folder.join(CALLS))?,
            calls: Calls::default(),
            unwritten: Unwritten::default(),
            known: None,
            _lock: lock,
        })
    }

    /// Says how many secrets are known. Where none became known since, what was written is not looked through again at
    /// the end: it was looked at by the same eyes before.
    #[must_use]
    pub fn knowing(mut self, now: impl Fn() -> usize + Send + 'static) -> Self {
        self.known = Some(Known { before: now(), now: Box::new(now) });
        self
    }

    /// Where to ask in the end what could not be written.
    pub fn unwritten(&self) -> Unwritten {
        self.unwritten.clone()
    }
}

impl Record {
    /// Keeps which cluster it is that the run begins to change.
    fn identified(&mut self, row: &LedgerRow) {
        let (Some(id), Some(name)) = (&row.cluster_id, row.undo.cluster()) else { return };
        let new = self.info.clusters.iter_mut().find(|cluster| cluster.name == name && cluster.id.is_none());
        if let Some(cluster) = new {
            cluster.id = Some(id.clone());
            self.unwritten.note(self.info.write(&self.folder));
        }
    }

    /// Looks through everything that was written, and goes on at the end of a file that was written anew.
    fn reviewed(&mut self, filter: &Filter) -> Result<Vec<(Option<String>, What)>> {
        for (file, name) in [(&mut self.ledger, LEDGER), (&mut self.journal, JOURNAL), (&mut self.calls_file, CALLS)] {
            file.kept()?;
            let path = self.folder.join(name);
            if review::file(&path, filter)? {
                *file = Appender::open(&path)?;
            }
        }
        self.info = review::info(self.info.clone(), filter);
        review::evidence(&self.folder, filter)
    }
}

impl Listener for Record {
    fn review(&mut self, filter: &Filter) -> Vec<(Option<String>, What)> {
        if self.known.as_ref().is_some_and(|known| (known.now)() == known.before) {
            return Vec::new();
        }
        self.reviewed(filter).unwrap_or_else(|error| {
            self.unwritten.note::<()>(Err(error));
            Vec::new()
        })
    }

    fn on(&mut self, event: &Event) {
        if let What::UndoRecorded(row) = &event.what {
            self.identified(row);
        }
        if event.is_undo() {
            self.ledger.push(event);
            self.ledger.sync();
        }
        self.journal.push(event);
        if let Some(call) = self.calls.on(event) {
            self.calls_file.push(&call);
        }
        match &event.what {
            What::StepFinished(result) => *self.end.outcomes.entry(result.outcome).or_default() += 1,
            What::RunFinished { exit_code, seconds, left } => {
                self.end.exit_code = *exit_code;
                self.end.seconds = *seconds;
                self.end.left.clone_from(left);
                self.info.end = Some(self.end.clone());
                self.journal.sync();
                self.unwritten.note(self.info.write(&self.folder));
            }
            _ => {}
        }
    }

    fn answered(&mut self, answer: &Answer) {
        self.calls.answered(answer);
    }

    fn kept(&mut self) -> Result<()> {
        self.ledger.kept()?;
        self.journal.kept()
    }

    fn close(&mut self) {
        for file in [&mut self.ledger, &mut self.journal] {
            self.unwritten.note(file.kept());
        }
        let calls = self.calls_file.kept().and_then(|()| pack::pack(&self.folder));
        self.unwritten.note(calls);
    }
}

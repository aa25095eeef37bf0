//! A run's folder, read: what ran, what it told, what is left of it.

use std::path::{Path, PathBuf};

use super::course::Course;
use super::left::{self, Left};
use super::lines::Lines;
use super::lock::Lock;
use super::{CALLS, JOURNAL, RecordedCall, RunInfo, pack};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, What};

/// A run that was recorded, or is being recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its folder.
    pub folder: PathBuf,
    /// What was known of it before its first step, and how it ended.
    pub info: RunInfo,
}

impl Recorded {
    /// Opens a run's folder. Nothing but `run.json` is read yet.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is no such folder; [`Kind::Config`] when a newer program wrote it;
    /// [`Kind::Unreadable`] when it is no run's folder or its `run.json` is broken; [`Kind::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            return Err(Error::new(Kind::Usage, format!("there is no folder {}", folder.display()))
                .hint("pb runs lists the runs"));
        }
        let info = match RunInfo::read(folder)? {
            Some(info) => info,
            None => before_run_json(folder)?,
        };
        Ok(Self { folder: folder.into(), info })
    }

    /// Whether a process works on it now. A run without an end that is not running was killed.
    pub fn is_running(&self) -> bool {
        Lock::is_held(&self.folder)
    }

    /// Every event, in the order in which they were told; the same that the live listeners got. An error is a line
    /// that can't be read (the last one, cut by a kill); the events after it follow.
    ///
    /// # Errors
    /// [`Kind::Io`] when there is no journal.
    pub fn events(&self) -> Result<Lines<Event>> {
        Lines::open(&self.folder.join(JOURNAL))
    }

    /// What came of its steps.
    ///
    /// # Errors
    /// As [`Recorded::events`].
    pub fn course(&self) -> Result<Course> {
        Ok(Course::of(self.events()?))
    }

    /// What is still to be undone: by the ledger, and by the journal where the ledger is damaged.
    ///
    /// # Errors
    /// [`Kind::Io`] when there is neither.
    pub fn left(&self) -> Result<Left> {
        // Before there was a `run.json`, the rows stood in the journal alone.
        left::left(&self.folder, self.info.format > 0)
    }

    /// Every call that ended, with its answer, in the order of their ends.
    ///
    /// # Errors
    /// [`Kind::Io`]
    pub fn calls(&self) -> Result<Lines<RecordedCall>> {
        let path = self.folder.join(CALLS);
        let from = pack::reader(&self.folder)
            .map_err(|e| Error::new(Kind::Io, format!("{} can't be read", path.display())).because(e))?;
        Ok(Lines::new(&path, from.unwrap_or_else(|| Box::new(std::io::empty()))))
    }
}

/// A folder of before there was a `run.json`: the journal begins with what is known.
fn before_run_json(folder: &Path) -> Result<RunInfo> {
    let no_run = || {
        Error::new(
            Kind::Unreadable,
            format!("{} is no run's folder: it has neither run.json nor a journal", folder.display()),
        )
    };
    let first = Lines::<Event>::open(&folder.join(JOURNAL)).map_err(|_| no_run())?.next();
    match first.and_then(Result::ok) {
        Some(Event { at, what: What::RunStarted { run, arguments, playbooks, settings, .. }, .. }) => {
            Ok(RunInfo { id: run, started: at, arguments, playbooks, settings, ..RunInfo::default() })
        }
        _ => Err(no_run()),
    }
}

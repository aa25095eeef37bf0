//! All runs below a folder, in short.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::folder::time_of;
use super::{End, Left, Recorded, RunInfo};
use crate::error::{Error, Kind, Result};
use crate::event::Outcome;

/// A run in short.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// Its id, its folder's name.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// When it began.
    pub started: Option<Timestamp>,
    /// What was asked to run.
    pub targets: Vec<String>,
    /// Where it stands.
    pub state: State,
    /// Wall time; of a run without an end, until the last thing that happened, or until now where it goes on.
    pub seconds: f64,
    /// How many steps ended how.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// What is still to be undone.
    pub left: Left,
    /// Whether what it left was worked off afterwards.
    pub cleaned: bool,
    /// The earlier run that it goes on with.
    pub former: Option<String>,
    /// The newest run that went on with it.
    pub heir: Option<String>,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// A process works on it.
    Running,
    /// It came to its end.
    Ended {
        /// What the process ended with.
        exit_code: u8,
    },
    /// It was killed, or its machine was.
    Killed,
    /// The folder can't be read.
    Broken(Error),
}

/// Every run below a folder, newest first. None where there is no such folder.
///
/// # Errors
/// [`Kind::Io`] where the folder itself can't be read; a run that can't be is listed as broken.
pub fn list(record: &Path) -> Result<Vec<RunSummary>> {
    let mut runs: Vec<RunSummary> = folders(record)?.iter().map(|folder| RunSummary::of(folder)).collect();
    // Runs in a lab began by its clock; their ids are by the system's.
    let began = |run: &RunSummary| (time_of(&run.id), run.started, run.id.clone());
    runs.sort_by_key(|run| std::cmp::Reverse(began(run)));
    let heirs: Vec<(String, String)> =
        runs.iter().rev().filter_map(|run| Some((run.former.clone()?, run.id.clone()))).collect();
    let heirs: BTreeMap<String, String> = heirs.into_iter().collect();
    for run in &mut runs {
        run.heir = heirs.get(&run.id).cloned();
    }
    Ok(runs)
}

/// The folders of runs, in no order. What begins with a dot is not, or not yet, one.
pub(super) fn folders(record: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| Error::new(Kind::Io, format!("{} can't be read", record.display())).because(e);
    let entries = match std::fs::read_dir(record) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') && entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

impl RunSummary {
    /// A run in short. What can't be read of it is its state.
    pub fn of(folder: &Path) -> Self {
        let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = Recorded::open(folder).and_then(|recorded| {
            let running = recorded.is_running();
            let left = recorded.left()?;
            // A run that came to its end says so in one small file.
            let (end, seconds, outcomes, cleaned) = match &recorded.info.end {
                Some(end) => (Some(end.clone()), end.seconds, end.outcomes.clone(), false),
                None => {
                    // Without a journal there is still what it left; that it is gone is said there.
                    let course = recorded.course().unwrap_or_default();
                    (course.end.clone(), course.seconds(), course.outcomes(), course.cleaned)
                }
            };
            let state = match end {
                _ if running => State::Running,
                Some(End { exit_code, .. }) => State::Ended { exit_code },
                None => State::Killed,
            };
            // One that goes on has taken all the time since.
            let since = Timestamp::now().duration_since(recorded.info.started).as_secs_f64();
            let seconds = if state == State::Running { since.max(seconds) } else { seconds };
            Ok((recorded.info, left, state, seconds, outcomes, cleaned))
        });
        match read {
            Ok((info, left, state, seconds, outcomes, cleaned)) => {
                let targets = targets(&info);
                let former = info.former.map(|former| former.run);
                let (folder, started) = (folder.into(), Some(info.started));
                Self { id, folder, started, targets, state, seconds, outcomes, left, cleaned, former, heir: None }
            }
            Err(error) => Self {
                started: time_of(&id),
                id,
                folder: folder.into(),
                targets: Vec::new(),
                state: State::Broken(error),
                seconds: 0.0,
                outcomes: BTreeMap::new(),
                left: Left::default(),
                cleaned: false,
                former: None,
                heir: None,
            },
        }
    }
}

/// What was asked to run. Before there was a `run.json` only the playbooks are known.
fn targets(info: &RunInfo) -> Vec<String> {
    if info.targets.is_empty() { info.playbooks.iter().map(|p| p.id.clone()).collect() } else { info.targets.clone() }
}

//! A report in a file: gathered while the run goes on, written at its end, whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Format, Run};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Filter, Listener, What};

/// Reports and output that could not be written. A listener has nobody to return an error to, and a run does not end
/// because of one: `cli` asks here after the run and says it.
#[derive(Debug, Clone, Default)]
pub struct Problems(Arc<Mutex<Vec<Error>>>);

impl Problems {
    /// What went wrong so far; asked after the bus is closed.
    pub fn take(&self) -> Vec<Error> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add(&self, error: Error) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(error);
    }
}

/// A report that was asked for: `--report json=FILE`.
#[derive(Debug)]
pub struct Target {
    /// In which format.
    pub format: &'static Format,
    /// Where to.
    pub path: PathBuf,
}

impl Target {
    /// A report into a file, in a folder that exists.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the file is missing, is a folder, or its folder does not exist.
    pub fn new(format: &'static Format, path: PathBuf) -> Result<Self> {
        let wrong =
            |why: String| Error::new(Kind::Usage, format!("--report {}={}: {why}", format.name, path.display()));
        if path.as_os_str().is_empty() {
            return Err(wrong("the file to write is missing".into()));
        }
        if path.is_dir() {
            return Err(wrong("this is a folder, not a file".into()));
        }
        let folder = folder_of(&path);
        if !folder.is_dir() {
            return Err(wrong(format!("the folder {} does not exist", folder.display())));
        }
        Ok(Self { format, path })
    }

    /// The listener that writes it.
    pub fn listener(self, problems: &Problems) -> Box<dyn Listener> {
        Box::new(FileReport { target: self, run: Run::default(), problems: problems.clone() })
    }

    /// Writes the report of a run that was gathered already.
    ///
    /// # Errors
    /// [`Kind::Io`] when the file cannot be written; then the old one, if there is one, still stands.
    pub fn write(&self, run: &Run) -> Result<()> {
        let text = (self.format.render)(run)?;
        write_whole(&self.path, text.as_bytes()).map_err(|error| {
            Error::new(Kind::Io, format!("the {} report {} was not written", self.format.name, self.path.display()))
                .because(error)
                .maybe_hint(run.record.as_ref().map(|record| format!("the run's record stands in {record}")))
        })
    }
}

struct FileReport {
    target: Target,
    run: Run,
    problems: Problems,
}

impl Listener for FileReport {
    fn review(&mut self, filter: &Filter) -> Vec<(Option<String>, What)> {
        self.run = std::mem::take(&mut self.run).filtered(filter);
        Vec::new()
    }

    fn on(&mut self, event: &Event) {
        self.run.on(event);
        if matches!(event.what, What::RunFinished { .. })
            && let Err(error) = self.target.write(&self.run)
        {
            self.problems.add(error);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes beside the file and puts it in place at once, so that nobody reads half a report.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // `/dev/stdout`, a pipe: what is no ordinary file cannot be replaced.
    if path.metadata().is_ok_and(|m| !m.is_file()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder_of(path).join(format!(".{name}.{}", std::process::id()));
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to tell; the rest may well not exist.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FORMATS, sample};

    #[test]
    fn the_file_appears_whole_when_the_run_ends_and_nothing_else_does() {
        let dir = std::env::temp_dir().join(format!("pb-report-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let path = dir.join("out.json");
        std::fs::write(&path, "old").expect("writable");
        let problems = Problems::default();
        let mut listener = Target::new(&FORMATS[0], path.clone()).expect("fine").listener(&problems);
        let events = sample::mixed();
        let (last, before) = events.split_last().expect("events");
        before.iter().for_each(|e| listener.on(e));
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), "old");
        listener.on(last);
        let value: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).expect("written")).expect("JSON");
        assert_eq!(value["schema"], 1);
        assert_eq!(std::fs::read_dir(&dir).expect("a folder").count(), 1);
        assert!(problems.take().is_empty());
        std::fs::remove_dir_all(&dir).expect("clean");
    }

    #[test]
    fn a_report_that_cannot_be_written_is_a_problem_with_the_path() {
        let dir = std::env::temp_dir().join(format!("pb-report-gone-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let target = Target::new(&FORMATS[0], dir.join("out.json")).expect("fine");
        std::fs::remove_dir_all(&dir).expect("gone meanwhile");
        let problems = Problems::default();
        let mut listener = target.listener(&problems);
        sample::good().iter().for_each(|e| listener.on(e));
        let errors = problems.take();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].kind, Kind::Io);
        assert!(errors[0].message.contains("out.json"), "{}", errors[0]);
    }
}

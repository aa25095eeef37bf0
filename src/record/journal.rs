//! `journal.jsonl`: every event on a line of its own, flushed one by one.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::event::{Event, Listener};

/// Appends events to the journal of a run.
#[derive(Debug)]
pub struct Journal {
    file: File,
    broken: bool,
}

impl Journal {
    /// Opens the journal of a run's folder.
    ///
    /// # Errors
    /// [`Kind::Io`] where it can't be written.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("journal.jsonl");
        let file =
            File::options().create(true).append(true).open(&path).map_err(|e| {
                Error::new(Kind::Io, format!("the journal {} can't be opened", path.display())).because(e)
            })?;
        Ok(Self { file, broken: false })
    }
}

impl Listener for Journal {
    fn on(&mut self, event: &Event) {
        if self.broken {
            return;
        }
        // One write a line: a kill leaves at most the last one cut.
        let written = serde_json::to_vec(event).map_err(std::io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        self.broken = written.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::What;

    #[test]
    fn what_is_written_is_read_back_as_the_same_event() {
        let dir = tempfile::tempdir().expect("a folder");
        let events = [
            Event { at: jiff::Timestamp::UNIX_EPOCH, step: None, what: What::Interrupting { at_once: false } },
            Event {
                at: jiff::Timestamp::UNIX_EPOCH,
                step: Some("t5/x@infra".into()),
                what: What::Note { text: "two\nlines".into() },
            },
        ];
        let mut journal = Journal::open(dir.path()).expect("opened");
        events.iter().for_each(|e| journal.on(e));
        let text = std::fs::read_to_string(dir.path().join("journal.jsonl")).expect("read");
        let back: Vec<Event> = text.lines().map(|l| serde_json::from_str(l).expect("an event")).collect();
        assert_eq!(back, events);
    }
}

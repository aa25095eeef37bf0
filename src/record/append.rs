//! A file of lines that only grows. A kill leaves at most the last line cut; what the disk has no room for is kept
//! and tried again, so that nothing is missing in the middle.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Kind, Result};

/// What waits for room on the disk; beyond it lines are lost, and that is said.
const WAITING: usize = 16 * 1024 * 1024;

/// Appends to a file of JSON lines.
#[derive(Debug)]
pub(super) struct Appender<F = File> {
    path: PathBuf,
    file: F,
    waiting: Vec<u8>,
    lost: u64,
    failed: Option<io::ErrorKind>,
    why: String,
}

impl Appender {
    /// Opens or makes the file. A last line that was cut gets its end, so that the next one stands for itself.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let failed =
            |e: io::Error| Error::new(Kind::Io, format!("{} can't be opened for writing", path.display())).because(e);
        let mut file = File::options().create(true).read(true).append(true).open(path).map_err(failed)?;
        let cut = ends_within_a_line(&mut file).map_err(failed)?;
        let mut appender = Self::to(path, file);
        if cut {
            appender.waiting.push(b'\n');
        }
        Ok(appender)
    }

    /// Puts what was written on the disk itself.
    pub(super) fn sync(&mut self) {
        if let Err(e) = self.file.sync_data() {
            // Whatever the disk says later: nobody knows what of it is there.
            self.lost += 1;
            self.fails(&e);
        }
    }
}

impl<F: Write> Appender<F> {
    fn to(path: &Path, file: F) -> Self {
        Self { path: path.into(), file, waiting: Vec::new(), lost: 0, failed: None, why: String::new() }
    }

    /// Appends a line.
    pub(super) fn push<T: Serialize>(&mut self, line: &T) {
        let before = self.waiting.len();
        let written = serde_json::to_writer(&mut self.waiting, line);
        if written.is_err() || self.waiting.len() > WAITING {
            self.waiting.truncate(before);
            self.lost += 1;
            if let Err(e) = written {
                self.fails(&e.into());
            }
            return;
        }
        self.waiting.push(b'\n');
        self.write();
    }

    /// Writes what waits, as far as it goes.
    fn write(&mut self) {
        let mut done = 0;
        while done < self.waiting.len() {
            match self.file.write(&self.waiting[done..]) {
                Ok(count) if count > 0 => done += count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                failed => {
                    self.fails(&failed.err().unwrap_or_else(|| io::ErrorKind::WriteZero.into()));
                    break;
                }
            }
        }
        self.waiting.drain(..done);
    }

    fn fails(&mut self, error: &io::Error) {
        self.failed = Some(error.kind());
        self.why = error.to_string();
    }

    /// Whether every line is in the file; tried once more where not.
    ///
    /// # Errors
    /// [`Kind::Io`] with the path and the system's reason.
    pub(super) fn kept(&mut self) -> Result<()> {
        self.write();
        if self.waiting.is_empty() && self.lost == 0 {
            self.failed = None;
            return Ok(());
        }
        let error = Error::new(Kind::Io, format!("{} can't be written", self.path.display())).because(self.why.clone());
        Err(match self.failed {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                error.hint("make room on that disk; record = \"FOLDER\" in pb.toml puts the records elsewhere")
            }
            _ => error,
        })
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    struct Disk {
        there: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room - self.there.len());
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.there.extend(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_nothing_once_there_is_room_again() {
        let mut lines = Appender::to(Path::new("/runs/x/journal.jsonl"), Disk { there: Vec::new(), room: 7 });
        lines.push(&"one");
        assert_eq!(lines.kept(), Ok(()));
        lines.push(&"two");
        let error = lines.kept().expect_err("full");
        assert!(error.message.contains("/runs/x/journal.jsonl"), "{error}");
        assert!(error.hints[0].contains("make room"), "{error:?}");
        lines.push(&"three");
        lines.file.room = 100;
        assert_eq!(lines.kept(), Ok(()));
        assert_eq!(String::from_utf8_lossy(&lines.file.there), "\"one\"\n\"two\"\n\"three\"\n");
    }

    #[test]
    fn what_is_lost_for_good_stays_an_error() {
        let mut lines = Appender::to(Path::new("j"), Disk { there: Vec::new(), room: 1 });
        lines.push(&"x".repeat(WAITING));
        lines.push(&"short");
        lines.file.room = 100;
        assert_eq!(lines.kept().expect_err("a line is missing").kind, Kind::Io);
    }

    #[test]
    fn a_line_that_was_cut_is_ended_before_the_next() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("j");
        std::fs::write(&path, "1\n{\"cut").expect("written");
        let mut lines = Appender::open(&path).expect("opened");
        lines.push(&2);
        assert_eq!(lines.kept(), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "1\n{\"cut\n2\n");
    }
}

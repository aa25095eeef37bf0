//! A journal that is read again and again while it grows: only what is new of it is read.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::JOURNAL;
use super::lines::{CUT, Lines};
use crate::error::{Error, Kind, Result};
use crate::event::Event;

/// Where the reading of a run's journal stands.
#[derive(Debug, Clone)]
pub struct Tail {
    path: PathBuf,
    /// Which file it was, and how far it was read.
    inode: u64,
    read: u64,
    lines: usize,
}

/// What was not read before.
#[derive(Debug, Default)]
pub struct News {
    /// Whether this is the whole journal once more: its file is another one, since secrets were taken out of it.
    pub anew: bool,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Lines that can't be read. One that a kill cut is none: nothing is missing behind it.
    pub damaged: Vec<Error>,
}

impl Tail {
    /// Of the journal in a run's folder, from its beginning on.
    pub fn of(folder: &Path) -> Self {
        Self { path: folder.join(JOURNAL), inode: 0, read: 0, lines: 0 }
    }

    /// What came since the last time. A line that is being written is left for the next time.
    ///
    /// # Errors
    /// [`Kind::Io`] with the path.
    pub fn news(&mut self) -> Result<News> {
        let path = self.path.clone();
        let failed = |e: std::io::Error| Error::new(Kind::Io, format!("{} can't be read", path.display())).because(e);
        let mut file = File::open(&self.path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        let mut news = News { anew: self.inode != about.ino() || about.len() < self.read, ..News::default() };
        if news.anew {
            (self.inode, self.read, self.lines) = (about.ino(), 0, 0);
        }
        file.seek(SeekFrom::Start(self.read)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
        self.read += bytes.len() as u64;
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        for event in Lines::<Event>::after(&self.path, Box::new(Cursor::new(bytes)), self.lines) {
            match event {
                Ok(event) => news.events.push(event),
                Err(error) if error.message.ends_with(CUT) => {}
                Err(error) => news.damaged.push(error),
            }
        }
        self.lines += lines;
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::event::What;

    fn notes(news: &News) -> Vec<&str> {
        news.events
            .iter()
            .filter_map(|event| match &event.what {
                What::Note { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn only_what_is_new_is_read_and_no_line_before_its_end() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(JOURNAL);
        let line = |text: &str| {
            let what = What::Note { text: text.into() };
            serde_json::to_string(&Event { at: jiff::Timestamp::UNIX_EPOCH, step: None, what }).expect("JSON") + "\n"
        };
        let append = |text: &str| {
            let mut file = File::options().append(true).create(true).open(&path).expect("opened");
            file.write_all(text.as_bytes()).expect("written");
        };
        let mut tail = Tail::of(dir.path());
        assert_eq!(tail.news().map_err(|e| e.kind).map(|_| ()), Err(Kind::Io));
        let second = line("two");
        append(&(line("one") + &second[..9]));
        let news = tail.news().expect("read");
        assert!(news.anew);
        assert_eq!(notes(&news), ["one"]);
        append(&second[9..]);
        append("nonsense\n{\"at\":\n");
        let news = tail.news().expect("read");
        assert!(!news.anew);
        assert_eq!(notes(&news), ["two"]);
        assert_eq!(news.damaged.len(), 1, "{:?}", news.damaged);
        assert!(news.damaged[0].message.contains("journal.jsonl:3:"), "{}", news.damaged[0]);
        assert!(notes(&tail.news().expect("read")).is_empty());
        let beside = dir.path().join("beside");
        std::fs::write(&beside, line("hidden")).expect("written");
        std::fs::rename(&beside, &path).expect("put in place");
        let news = tail.news().expect("read");
        assert!(news.anew);
        assert_eq!(notes(&news), ["hidden"]);
    }
}

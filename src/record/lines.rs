//! A file of JSON lines, read one by one. A line that can't be read is told and passed over: nothing else is lost.

use std::io::BufRead;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::error::{Error, Kind, Result};

/// What is said of a line that ends too early: the last one of a killed run, also where another process went on.
pub(super) const CUT: &str = "the line was cut off while it was written";

const WRONG: &str = "the line can't be read";

/// The lines of a file as values, in order. An error is one line that can't be read; the next ones follow.
pub struct Lines<T> {
    path: PathBuf,
    from: Box<dyn BufRead>,
    line: usize,
    bytes: Vec<u8>,
    done: bool,
    of: PhantomData<T>,
}

impl<T> std::fmt::Debug for Lines<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("path", &self.path).field("line", &self.line).finish_non_exhaustive()
    }
}

impl<T> Lines<T> {
    pub(super) fn new(path: &Path, from: Box<dyn BufRead>) -> Self {
        Self { path: path.into(), from, line: 0, bytes: Vec::new(), done: false, of: PhantomData }
    }

    /// Opens a file.
    ///
    /// # Errors
    /// [`Kind::Io`] with the path.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path)
            .map_err(|e| Error::new(Kind::Io, format!("{} can't be read", path.display())).because(e))?;
        Ok(Self::new(path, Box::new(std::io::BufReader::new(file))))
    }

    /// The same for the rest of a file, after so many of its lines.
    pub(super) fn after(path: &Path, from: Box<dyn BufRead>, line: usize) -> Self {
        Self { line, ..Self::new(path, from) }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn line(&self) -> u64 {
        u64::try_from(self.line).unwrap_or(u64::MAX)
    }

    fn wrong(&self, why: &str, cause: &dyn std::fmt::Display) -> Error {
        Error::new(Kind::Unreadable, format!("{}:{}: {why}", self.path.display(), self.line)).because(cause)
    }
}

impl<T: DeserializeOwned> Iterator for Lines<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            self.bytes.clear();
            self.line += 1;
            match self.from.read_until(b'\n', &mut self.bytes) {
                Ok(0) => self.done = true,
                Ok(_) if self.bytes.trim_ascii().is_empty() => {}
                Ok(_) => {
                    let line = self.bytes.trim_ascii();
                    let read = serde_json::from_slice(line);
                    return Some(read.map_err(|e| self.wrong(if is_cut(line) { CUT } else { WRONG }, &e)));
                }
                Err(e) => {
                    self.done = true;
                    return Some(Err(self.wrong("the file can't be read from here on", &e)));
                }
            }
        }
        None
    }
}

/// Whether it is the beginning of something, whatever it would have become.
fn is_cut(line: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(line).is_err_and(|e| e.is_eof())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<u32, String>> {
        let from = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        Lines::<u32>::new(Path::new("j"), from).map(|line| line.map_err(|e| e.message)).collect()
    }

    #[test]
    fn a_cut_last_line_is_said_and_nothing_else_is_lost() {
        assert_eq!(read("1\n2\n{\"ev"), [Ok(1), Ok(2), Err("j:3: the line was cut off while it was written".into())]);
        assert_eq!(read("1\n2"), [Ok(1), Ok(2)]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn a_broken_line_in_the_middle_hides_no_other() {
        assert_eq!(read("1\n\0\0x\n\n3\n"), [Ok(1), Err("j:2: the line can't be read".into()), Ok(3)]);
        assert_eq!(read("1\n[\n3\n"), [Ok(1), Err("j:2: the line was cut off while it was written".into()), Ok(3)]);
    }
}

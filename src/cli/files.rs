//! Writing files that a person will edit: never over what is there, unless told to.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Kind, Result};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is new.
    New,
    /// It was there, and was replaced because that was asked for.
    Replaced,
    /// It was there with this very text.
    Same,
    /// It was there with another text, and was left alone.
    Kept,
}

/// Writes a file below `root`, making its folders.
///
/// # Errors
/// [`Kind::Io`] where it can't be written.
pub(super) fn write(root: &Path, path: &str, text: &str, force: bool) -> Result<Written> {
    let file = root.join(path);
    let failed = |e: &std::io::Error| Error::new(Kind::Io, format!("{} can't be written", file.display())).caused_by(e);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).open(&file) {
        Ok(mut new) => {
            new.write_all(text.as_bytes()).map_err(|e| failed(&e))?;
            Ok(Written::New)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            if std::fs::read(&file).is_ok_and(|there| there == text.as_bytes()) {
                return Ok(Written::Same);
            }
            if !force {
                return Ok(Written::Kept);
            }
            std::fs::write(&file, text).map_err(|e| failed(&e))?;
            Ok(Written::Replaced)
        }
        Err(e) => Err(failed(&e)),
    }
}

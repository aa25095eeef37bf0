//! One lab a folder: the files in it are of one lab, and who opens another there would take them away from its clients.
//!
//! The system lets go of the lock when the process ends, however it ends; so nothing that stays behind is in the way.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::{Error, Kind, Result};

/// The file in the folder.
const NAME: &str = "lab.lock";

/// Held while the lab is open.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Takes the lock of a folder, and writes down whose it is.
pub(super) fn take(dir: &Path) -> Result<Lock> {
    let path = dir.join(NAME);
    let failed = |e: std::io::Error| Error::new(Kind::Io, format!("{} can't be written", path.display())).caused_by(&e);
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(e)) => return Err(failed(e)),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Without its number it is another lab all the same.
            let _ = file.read_to_string(&mut text);
            let whose = text.trim().parse::<u32>().map(|pid| format!(", by process {pid}")).unwrap_or_default();
            return Err(Error::new(Kind::Usage, format!("a lab is open in {} already{whose}", dir.display()))
                .hint("--dir takes another folder: labs in two folders know nothing of each other"));
        }
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(Lock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_lab_and_another_when_that_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let held = take(dir.path()).unwrap();
        let refused = take(dir.path()).unwrap_err();
        assert_eq!(refused.kind, Kind::Usage);
        let own = format!("already, by process {}", std::process::id());
        assert!(refused.message.ends_with(&own), "{refused}");
        drop(held);
        take(dir.path()).unwrap();
    }
}

//! `lock`: whoever works in a run's folder holds it. The system lets it go when the process ends, however it ends.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Kind, Result};

const NAME: &str = "lock";

/// A run's folder, held for as long as this lives.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing it lets the lock go")] File);

impl Lock {
    /// Takes the folder, for the run itself or for what cleans up after it.
    ///
    /// # Errors
    /// [`Kind::Conflict`] when another process holds it; [`Kind::Io`] when the file can't be opened or the file system
    /// has no locks.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = |e: std::io::Error| {
            Error::new(Kind::Io, format!("the run's folder can't be locked with {}", path.display())).because(e)
        };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                // Who holds it, for whoever finds it held: where there is no room for that, it is held all the same.
                let _ = file.set_len(0).and_then(|()| writeln!(&file, "{}", std::process::id()));
                Ok(Self(file))
            }
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(Kind::Conflict, format!("another process works in {}", folder.display()))
                    .hint("wait for it to end; run.json there names its host and process"))
            }
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }

    /// The process that holds the folder, or held it last; none where the file does not say.
    pub fn holder(folder: &Path) -> Option<u32> {
        std::fs::read_to_string(folder.join(NAME)).ok()?.trim().parse().ok()
    }

    /// Whether a process holds the folder. Where that can't be found out, one does: nobody cleans up after the living.
    pub fn is_held(folder: &Path) -> bool {
        match File::open(folder.join(NAME)) {
            Ok(file) => file.try_lock_shared().is_err(),
            Err(e) => e.kind() != std::io::ErrorKind::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_and_free_again_when_that_ends() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(!Lock::is_held(dir.path()));
        let lock = Lock::take(dir.path()).expect("free");
        assert!(Lock::is_held(dir.path()));
        assert_eq!(Lock::holder(dir.path()), Some(std::process::id()));
        assert_eq!(Lock::take(dir.path()).expect_err("held").kind, Kind::Conflict);
        drop(lock);
        assert!(!Lock::is_held(dir.path()));
        Lock::take(dir.path()).expect("free again");
    }
}

//! The folder of a run and its id.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::{Error, Kind, Result};

/// A run's folder. Ids begin with the time in UTC, so that they sort by it: `20261123-063012-1a2b3c`.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The run's id, the folder's name.
    pub id: String,
    /// Its path.
    pub path: PathBuf,
}

impl Folder {
    /// Makes a new run's folder below `record`.
    ///
    /// # Errors
    /// [`Kind::Io`] where it can't be made.
    pub fn create(record: &Path, now: Timestamp) -> Result<Self> {
        let failed = |path: &Path, e: std::io::Error| {
            Error::new(Kind::Io, format!("the run's folder {} can't be made", path.display()))
                .because(e)
                .hint("record = \"FOLDER\" in pb.toml puts the records elsewhere")
        };
        std::fs::create_dir_all(record).map_err(|e| failed(record, e))?;
        keep_out_of_git(record);
        // Two runs may start in the same second: the folder that exists already is another's.
        for _ in 0..100 {
            let id = format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), six());
            let path = record.join(&id);
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self { id, path }),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed(&path, e)),
            }
        }
        Err(Error::new(Kind::Io, format!("no free name for a run's folder in {}", record.display())))
    }
}

/// Six characters that tell runs of one second apart; they also mark what the run creates.
fn six() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{:06x}", random & 0xff_ffff)
}

/// Records are nobody's source: `.pb/.gitignore` keeps them out, where the folder is ours.
fn keep_out_of_git(record: &Path) {
    let Some(ours) = record.parent().filter(|p| p.file_name().is_some_and(|n| n == ".pb")) else { return };
    let file = ours.join(".gitignore");
    if !file.exists() {
        // Without it the run is no worse.
        let _ = std::fs::write(file, "*\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_never_collide() {
        let dir = tempfile::tempdir().expect("a folder");
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        let a = Folder::create(dir.path(), now).expect("made");
        let b = Folder::create(dir.path(), now).expect("made");
        assert!(a.id.starts_with("20260102-030405-"), "{}", a.id);
        assert_ne!(a.id, b.id);
        assert!(a.path.is_dir() && b.path.is_dir());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("file");
        std::fs::write(&file, "").expect("written");
        let error = Folder::create(&file.join("runs"), Timestamp::UNIX_EPOCH).expect_err("a file is in the way");
        assert_eq!(error.kind, Kind::Io);
        assert!(error.message.contains("file/runs"), "{error}");
    }
}

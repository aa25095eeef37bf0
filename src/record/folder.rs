//! The folder of a run and its id.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::lock::Lock;
use super::{CALLS, JOURNAL, LEDGER, RunInfo};
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
    /// Makes a new run's folder below `record`, with its lock, `run.json` and empty files. It appears whole: whoever
    /// lists the runs, and whatever kills this one, finds no half of it.
    ///
    /// # Errors
    /// [`Kind::Io`] where it can't be made.
    pub(super) fn create(record: &Path, info: &mut RunInfo) -> Result<(Self, Lock)> {
        std::fs::create_dir_all(record).map_err(|e| failed(record, e))?;
        keep_out_of_git(record);
        let filed = info.filed.unwrap_or(info.started);
        // Two runs may start in the same second: the folder that exists already is another's.
        for _ in 0..100 {
            info.id = format!("{}-{}", filed.strftime("%Y%m%d-%H%M%S"), six());
            if let Some(made) = Self::make(record, info)? {
                return Ok(made);
            }
        }
        Err(Error::new(Kind::Io, format!("no free name for a run's folder in {}", record.display())))
    }

    /// None where the id is taken.
    fn make(record: &Path, info: &RunInfo) -> Result<Option<(Self, Lock)>> {
        let path = record.join(&info.id);
        let hidden = record.join(format!(".new-{}", info.id));
        match std::fs::create_dir(&hidden) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(e) => return Err(failed(&path, e)),
        }
        let made = fill(&hidden, info).and_then(|lock| match std::fs::rename(&hidden, &path) {
            Ok(()) => Ok(Some(lock)),
            // A folder takes the place of an empty one alone, and a run's is never empty.
            Err(e) if matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => Ok(None),
            Err(e) => Err(failed(&path, e)),
        });
        if !matches!(made, Ok(Some(_))) {
            // What hinders this hinders the run, and is told.
            let _ = std::fs::remove_dir_all(&hidden);
        }
        Ok(made?.map(|lock| (Self { id: info.id.clone(), path }, lock)))
    }
}

fn fill(folder: &Path, info: &RunInfo) -> Result<Lock> {
    let lock = Lock::take(folder)?;
    for name in [JOURNAL, LEDGER, CALLS] {
        File::create(folder.join(name)).map_err(|e| failed(&folder.join(name), e))?;
    }
    info.write(folder)?;
    Ok(lock)
}

fn failed(path: &Path, e: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("the run's folder {} can't be made", path.display()))
        .because(e)
        .hint("record = \"FOLDER\" in pb.toml puts the records elsewhere")
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

/// When an id says that its run began.
pub(super) fn time_of(id: &str) -> Option<Timestamp> {
    let text = id.get(..15)?;
    let time = jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> RunInfo {
        RunInfo::here("2026-01-02T03:04:05Z".parse().expect("a time"))
    }

    #[test]
    fn ids_sort_by_time_and_never_collide() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut of_a, mut of_b) = (info(), info());
        let (a, _a) = Folder::create(dir.path(), &mut of_a).expect("made");
        let (b, _b) = Folder::create(dir.path(), &mut of_b).expect("made");
        assert!(a.id.starts_with("20260102-030405-"), "{}", a.id);
        assert_ne!(a.id, b.id);
        assert_eq!(of_a.id, a.id);
        assert!(a.path.is_dir() && b.path.is_dir());
        assert_eq!(time_of(&a.id), Some(of_a.started));
        assert_eq!(time_of("latest"), None);
    }

    #[test]
    fn an_id_that_is_taken_is_left_to_its_run() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut info = info();
        let (first, _lock) = Folder::create(dir.path(), &mut info).expect("made");
        std::fs::write(first.path.join(JOURNAL), "x").expect("written");
        assert!(Folder::make(dir.path(), &info).expect("no error").is_none());
        assert_eq!(std::fs::read_to_string(first.path.join(JOURNAL)).expect("read"), "x");
        let names: Vec<_> = std::fs::read_dir(dir.path()).expect("a folder").collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("file");
        std::fs::write(&file, "").expect("written");
        let error = Folder::create(&file.join("runs"), &mut info()).expect_err("a file is in the way");
        assert_eq!(error.kind, Kind::Io);
        assert!(error.message.contains("file/runs"), "{error}");
    }
}

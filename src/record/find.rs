//! The run that a person means: its id or the beginning of it, the six characters that it marks things with, `latest`,
//! or its folder.

use std::path::{Path, PathBuf};

use super::list::folders;
use crate::error::{Error, Kind, Result, did_you_mean};

/// The folder of the run that a word means, below `record` or anywhere.
///
/// # Errors
/// [`Kind::Usage`] when no run is meant by it, or several; [`Kind::Io`].
pub fn find(record: &Path, word: &str) -> Result<PathBuf> {
    let named: Vec<(String, PathBuf)> = folders(record)?
        .into_iter()
        .map(|folder| (folder.file_name().unwrap_or_default().to_string_lossy().into_owned(), folder))
        .collect();
    if word == "latest" {
        let latest = named.into_iter().max_by(|a, b| a.0.cmp(&b.0));
        return latest.map(|(_, folder)| folder).ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no run in {}", record.display()))
                .hint("record = \"FOLDER\" in pb.toml says where the runs are kept")
        });
    }
    if let Some((_, folder)) = named.iter().find(|(id, _)| id == word) {
        return Ok(folder.clone());
    }
    let path = Path::new(word);
    if word.contains(std::path::MAIN_SEPARATOR) || (path.is_dir() && !word.is_empty()) {
        return Ok(path.into());
    }
    let meant = |id: &str| !word.is_empty() && (id.starts_with(word) || id.rsplit('-').next() == Some(word));
    let mut found: Vec<&(String, PathBuf)> = named.iter().filter(|(id, _)| meant(id)).collect();
    found.sort();
    match found.as_slice() {
        [(_, folder)] => Ok(folder.clone()),
        [] => Err(Error::new(Kind::Usage, format!("no run \"{word}\" in {}", record.display()))
            .maybe_hint(did_you_mean(word, named.iter().map(|(id, _)| id.as_str())))
            .hint("pb runs lists the runs")),
        several => {
            let ids: Vec<&str> = several.iter().map(|(id, _)| id.as_str()).collect();
            Err(Error::new(Kind::Usage, format!("\"{word}\" is the beginning of {} runs", ids.len()))
                .because(ids.join(", "))
                .hint("more characters of the id tell them apart"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_by_whatever_is_unmistakable() {
        let dir = tempfile::tempdir().expect("a folder");
        for id in ["20260101-000000-aaaaaa", "20260102-000000-bbbbbb", "20260102-000001-cccccc", ".new-x"] {
            std::fs::create_dir(dir.path().join(id)).expect("made");
        }
        let found = |word: &str| {
            let folder = find(dir.path(), word)?;
            Ok::<_, Error>(folder.file_name().unwrap_or_default().to_string_lossy().into_owned())
        };
        assert_eq!(found("latest"), Ok("20260102-000001-cccccc".into()));
        assert_eq!(found("20260101"), Ok("20260101-000000-aaaaaa".into()));
        assert_eq!(found("bbbbbb"), Ok("20260102-000000-bbbbbb".into()));
        assert_eq!(found("20260102-000000-bbbbbb"), Ok("20260102-000000-bbbbbb".into()));
        let path = dir.path().join("20260101-000000-aaaaaa");
        assert_eq!(find(dir.path(), &path.to_string_lossy()), Ok(path));
        let several = found("20260102").expect_err("two");
        assert!(several.to_string().contains("bbbbbb, 20260102-000001-cccccc"), "{several}");
        for none in ["", "x", "2027", "new-x"] {
            assert_eq!(found(none).expect_err(none).kind, Kind::Usage);
        }
        assert!(find(&dir.path().join("none"), "latest").expect_err("none").message.contains("there is no run in"));
    }
}

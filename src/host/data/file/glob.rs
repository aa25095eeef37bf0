//! The files that fit a pattern, and whether there was a folder to look for them in.

use std::path::{Component, Path, PathBuf};

use super::failed;
use crate::error::{Error, Kind};

/// The folder that a pattern names, before its first part with a sign in it.
pub(super) fn base(pattern: &Path) -> PathBuf {
    let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let named: PathBuf = pattern.components().take_while(plain).collect();
    if named == pattern { named.parent().map(Into::into).unwrap_or(named) } else { named }
}

/// The names that fit, in alphabetical order.
pub(super) fn find(pattern: &Path) -> Result<Vec<String>, Error> {
    let pattern = pattern.to_string_lossy();
    let wrong = |e: &dyn std::fmt::Display| {
        Error::new(Kind::Script, format!("{pattern:?} is no pattern for file names")).because(e)
    };
    let found = ::glob::glob(&pattern).map_err(|e| wrong(&e))?;
    let mut names = Vec::new();
    for file in found {
        let file = file.map_err(|e| failed("look into", e.path(), e.error()))?;
        names.push(file.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use crate::host::testing::outcome;

    #[test]
    fn no_file_in_no_folder_is_no_pass() {
        let folder = std::env::temp_dir().join(format!("pb-glob-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let none = |pattern: &str| {
            let path = folder.display();
            outcome(&format!("expect(file::glob(\"{path}/{pattern}\"), \"cores\").to_be_empty()"))
        };
        for pattern in ["core.*", "**/core.*", "core"] {
            assert_eq!(none(pattern), Ok(()), "{pattern}");
        }
        for pattern in ["typo/core.*", "typo/core", "a/b/**/core"] {
            assert!(none(pattern).is_err_and(|why| why.contains("nothing")), "{pattern}");
        }
        std::fs::remove_dir_all(&folder).expect("no folder");
    }
}

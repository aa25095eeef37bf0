//! Paths in scripts: relative ones count from the playbook's folder, `~` is the home folder.

use std::path::{Path, PathBuf};

use rhai::NativeCallContext;

use super::Context;

/// The file that a script names. Where the playbook is not a file on disk (embedded, typed in the
/// REPL), a relative path counts from the configuration's folder.
pub(crate) fn resolve(cx: &Context, at: &NativeCallContext, path: &str) -> PathBuf {
    from(&folder(cx, at), path)
}

/// The same, counted from a given folder.
pub(crate) fn from(folder: &Path, path: &str) -> PathBuf {
    match path.strip_prefix("~/").and_then(|rest| Some(std::env::home_dir()?.join(rest))) {
        Some(home) => home,
        // An absolute path takes the folder's place.
        None => folder.join(path),
    }
}

/// The folder of the playbook that calls.
pub(crate) fn folder(cx: &Context, at: &NativeCallContext) -> PathBuf {
    at.call_source()
        .map(Path::new)
        .filter(|file| file.is_file())
        .and_then(Path::parent)
        .map_or_else(|| cx.world.config.dir.clone(), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_absolute_and_home() {
        let folder = Path::new("/etc/pb");
        assert_eq!(from(folder, "a/b.yaml"), Path::new("/etc/pb/a/b.yaml"));
        assert_eq!(from(folder, "/tmp/x"), Path::new("/tmp/x"));
        assert_eq!(from(folder, "~/x"), std::env::home_dir().unwrap().join("x"));
    }
}

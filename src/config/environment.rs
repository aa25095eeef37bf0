//! What configuration takes from around the process, as plain data, so that tests bring their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The surroundings of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The working directory.
    pub dir: PathBuf,
    /// The operator's home.
    pub home: Option<PathBuf>,
    /// The environment variables whose names and values are UTF-8.
    pub variables: BTreeMap<String, String>,
}

impl Environment {
    /// The surroundings of this process.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self {
            dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            home: std::env::home_dir(),
            variables: variables.collect(),
        }
    }

    /// A variable, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// A path as configuration writes it: `~` is the home, what is relative is relative to `dir`.
pub fn expand(path: &str, dir: &Path, home: Option<&Path>) -> PathBuf {
    if let Some(home) = home {
        if path == "~" {
            return home.into();
        }
        if let Some(rest) = path.strip_prefix("~/") {
            return home.join(rest);
        }
    }
    dir.join(path.strip_prefix("./").unwrap_or(path))
}

/// A path for messages: relative to `dir` where it lies in it.
pub fn shorten<'a>(path: &'a Path, dir: &Path) -> &'a Path {
    path.strip_prefix(dir).ok().filter(|short| !short.as_os_str().is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_expanded_and_shortened() {
        let (dir, home) = (Path::new("/srv"), Path::new("/home/ada"));
        for (written, wanted) in [
            ("~/.kube/config", "/home/ada/.kube/config"),
            ("~", "/home/ada"),
            ("a/b", "/srv/a/b"),
            ("/x", "/x"),
            ("./y", "/srv/y"),
        ] {
            assert_eq!(expand(written, dir, Some(home)), Path::new(wanted), "{written}");
        }
        assert_eq!(shorten(Path::new("/srv/pb.toml"), dir), Path::new("pb.toml"));
        assert_eq!(shorten(Path::new("/etc/pb.toml"), dir), Path::new("/etc/pb.toml"));
    }
}

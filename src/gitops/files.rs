//! The repository's files: named by their paths from its root, each read and parsed once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::yaml::{Parsed, parse};

/// The names under which kustomize looks for its file.
pub const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// A file that was read.
#[derive(Debug, Default)]
pub struct File {
    /// Its number.
    pub number: u32,
    /// Its text; empty where it could not be read.
    pub text: String,
    /// Its documents, and what is wrong with it.
    pub parsed: Parsed,
}

/// The files that were read so far.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    names: Vec<String>,
    read: HashMap<String, Arc<File>>,
}

impl Files {
    /// The files below a folder.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), names: Vec::new(), read: HashMap::new() }
    }

    /// The name of a file by its number.
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    /// The names of all files that were read.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a file of this name.
    pub fn is_file(&self, path: &str) -> bool {
        self.root.join(path).is_file()
    }

    /// Whether there is a folder of this name.
    pub fn is_folder(&self, path: &str) -> bool {
        self.root.join(path).is_dir()
    }

    /// The kustomization file of a folder.
    pub fn kustomization(&self, folder: &str) -> Option<String> {
        KUSTOMIZATION_FILES.iter().map(|name| join(folder, name)).find(|path| self.is_file(path))
    }

    /// Files and folders of a folder, by their names, in their order; hidden ones left out.
    pub fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// A file with its documents.
    pub fn read(&mut self, path: &str) -> Arc<File> {
        if let Some(file) = self.read.get(path) {
            return file.clone();
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(path.to_owned());
        let file = Arc::new(match text(&self.root.join(path)) {
            Ok(text) => File { number, parsed: parse(&text, number, 1), text },
            Err(why) => {
                let parsed = Parsed { documents: Vec::new(), faults: vec![(1, why)] };
                File { number, text: String::new(), parsed }
            }
        });
        self.read.insert(path.to_owned(), file.clone());
        file
    }
}

fn text(path: &Path) -> Result<String, String> {
    match path.metadata() {
        Ok(about) if about.len() > LARGEST => return Err(format!("has {} bytes, more than {LARGEST}", about.len())),
        Ok(_) => {}
        Err(error) => return Err(format!("can't be read: {error}")),
    }
    fs::read_to_string(path).map_err(|error| format!("can't be read: {error}"))
}

/// A path below a folder, without `.` and `..`; one that leads out of the repository is empty.
pub fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.is_empty() => return String::new(),
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".into() } else { parts.join("/") }
}

/// The folder of a file.
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain() {
        assert_eq!(join("a/b", "../c/./d.yaml"), "a/c/d.yaml");
        assert_eq!(join(".", "./kubernetes/x/"), "kubernetes/x");
        assert_eq!(join("a", ".."), ".");
        assert_eq!(join("a", "../../b"), "");
        assert_eq!((folder_of("a/b/c"), folder_of("c")), ("a/b", "."));
    }
}

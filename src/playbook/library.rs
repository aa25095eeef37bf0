//! Finds playbooks and library modules: files on disk win over those embedded in the binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use super::source::{Origin, Source};
use crate::error::{Error, Kind, Result, did_you_mean};

#[derive(RustEmbed)]
#[folder = "playbooks/"]
struct Playbooks;

#[derive(RustEmbed)]
#[folder = "stdlib/"]
struct Stdlib;

/// A file's stem, and why it can't be read.
type Unreadable = (String, Error);

/// The texts that this `pb` knows: `playbooks/` and `stdlib/` beside `pb.toml`, over the embedded ones.
#[derive(Debug, Clone)]
pub struct Library {
    root: PathBuf,
    cwd: PathBuf,
}

impl Library {
    /// `root` is the folder of `pb.toml` (or the working directory), `cwd` what relative targets are relative to.
    pub fn new(root: impl Into<PathBuf>, cwd: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), cwd: cwd.into() }
    }

    /// Every playbook, by name; without those that can't be read (see [`unreadable`](Self::unreadable)).
    ///
    /// # Errors
    /// [`Kind::Io`] where the folder can't be read.
    pub fn playbooks(&self) -> Result<Vec<Source>> {
        let mut found = BTreeMap::new();
        for name in Playbooks::iter().filter(|n| n.ends_with(".rhai")) {
            if let Some(source) = embedded::<Playbooks>("playbooks", &name) {
                found.insert(name.to_string(), source);
            }
        }
        let (sources, unreadable) = self.texts(&self.root.join("playbooks"))?;
        for source in sources {
            found.insert(format!("{}.rhai", source.stem()), source);
        }
        // What is embedded under its name is not what somebody wrote there.
        for (stem, _) in unreadable {
            found.remove(&format!("{stem}.rhai"));
        }
        let mut found: Vec<Source> = found.into_values().collect();
        found.sort_by_key(|s| natural(s.stem()));
        Ok(found)
    }

    /// The playbook at a path: on disk, or embedded under that very name.
    ///
    /// # Errors
    /// [`Kind::Usage`] where there is none.
    pub fn file(&self, path: &str) -> Result<Source> {
        let on_disk = self.cwd.join(path);
        if on_disk.is_file() {
            return self.read(&on_disk);
        }
        if let Some(source) = path.strip_prefix("playbooks/").and_then(|n| embedded::<Playbooks>("playbooks", n)) {
            return Ok(source);
        }
        let known = self.playbooks()?;
        Err(Error::new(Kind::Usage, format!("no playbook {path}, neither on disk nor embedded"))
            .maybe_hint(did_you_mean(path, known.iter().map(|s| s.name.as_str())))
            .hint("pb list shows the playbooks that there are"))
    }

    /// Every playbook of a folder on disk that can be read, by name.
    ///
    /// # Errors
    /// [`Kind::Io`] where the folder can't be read.
    pub fn folder(&self, folder: &Path) -> Result<Vec<Source>> {
        Ok(self.texts(folder)?.0)
    }

    /// The files of a folder that can't be read, or are no text, by their stem; `None`: those of `playbooks/`.
    pub fn unreadable(&self, folder: Option<&Path>) -> Vec<Unreadable> {
        let playbooks = || self.root.join("playbooks");
        self.texts(&folder.map_or_else(playbooks, Path::to_path_buf))
            .map(|(_, unreadable)| unreadable)
            .unwrap_or_default()
    }

    /// The texts of a folder, and the files that are none: one that is broken hides no other.
    fn texts(&self, folder: &Path) -> Result<(Vec<Source>, Vec<Unreadable>)> {
        let folder = self.cwd.join(folder);
        let mut paths = match std::fs::read_dir(&folder) {
            Ok(entries) => entries.filter_map(|e| e.ok().map(|e| e.path())).collect::<Vec<_>>(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
            Err(e) => {
                return Err(Error::new(Kind::Io, format!("the folder {} can't be read", folder.display())).because(e));
            }
        };
        paths.retain(|p| p.extension().is_some_and(|e| e == "rhai") && p.is_file());
        paths.sort();
        let (mut found, mut unreadable) = (Vec::new(), Vec::new());
        for path in paths {
            match self.read(&path) {
                Ok(source) => found.push(source),
                Err(error) => {
                    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                    unreadable.push((stem.into_owned(), error));
                }
            }
        }
        found.sort_by_key(|s| natural(s.stem()));
        Ok((found, unreadable))
    }

    /// Whether a target names a folder on disk.
    pub fn is_folder(&self, target: &str) -> bool {
        self.cwd.join(target).is_dir()
    }

    /// A module of the standard library, by name.
    ///
    /// # Errors
    /// [`Kind::Io`] where the file that overlays it can't be read.
    pub fn stdlib(&self, name: &str) -> Result<Option<Source>> {
        let on_disk = self.root.join("stdlib").join(format!("{name}.rhai"));
        if on_disk.is_file() {
            return self.read(&on_disk).map(Some);
        }
        Ok(embedded::<Stdlib>("stdlib", &format!("{name}.rhai")))
    }

    /// The names of the standard library's modules.
    pub fn stdlib_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Stdlib::iter().filter_map(|n| n.strip_suffix(".rhai").map(Into::into)).collect();
        if let Ok((sources, unreadable)) = self.texts(&self.root.join("stdlib")) {
            names.extend(sources.iter().map(|s| s.stem().to_string()));
            names.extend(unreadable.into_iter().map(|(stem, _)| stem));
        }
        names.sort();
        names.dedup();
        names
    }

    /// A module imported by a path relative to the file that imports it.
    ///
    /// # Errors
    /// [`Kind::Io`] where it can't be read.
    pub fn beside(&self, importer: Option<&Source>, path: &str) -> Result<Option<Source>> {
        let file = if path.ends_with(".rhai") { path.to_string() } else { format!("{path}.rhai") };
        match importer.map(|s| &s.origin) {
            Some(Origin::Embedded) => {
                let folder = importer.map_or("", |s| s.name.rsplit_once('/').map_or("", |(f, _)| f));
                let name = normal(&format!("{folder}/{file}"));
                let found = match name.split_once('/') {
                    Some(("playbooks", rest)) => embedded::<Playbooks>("playbooks", rest),
                    Some(("stdlib", rest)) => embedded::<Stdlib>("stdlib", rest),
                    _ => None,
                };
                Ok(found)
            }
            Some(Origin::Disk(importer)) => {
                let path = importer.parent().unwrap_or(&self.cwd).join(&file);
                if path.is_file() { self.read(&path).map(Some) } else { Ok(None) }
            }
            None => {
                let path = self.cwd.join(&file);
                if path.is_file() { self.read(&path).map(Some) } else { Ok(None) }
            }
        }
    }

    /// Every embedded text with its path, for `pb init`.
    pub fn embedded() -> Vec<(String, String)> {
        let text = |data: std::borrow::Cow<'static, [u8]>| String::from_utf8_lossy(&data).into_owned();
        let playbooks = Playbooks::iter()
            .filter(|n| is_ours(n))
            .filter_map(|n| Some((format!("playbooks/{n}"), text(Playbooks::get(&n)?.data))));
        let stdlib = Stdlib::iter()
            .filter(|n| is_ours(n))
            .filter_map(|n| Some((format!("stdlib/{n}"), text(Stdlib::get(&n)?.data))));
        playbooks.chain(stdlib).collect()
    }

    /// The embedded or overlaid checklist.
    ///
    /// # Errors
    /// [`Kind::Io`] where the configured file can't be read.
    pub fn checklist(&self, configured: Option<&Path>) -> Result<Source> {
        if let Some(path) = configured {
            return self.read(path);
        }
        let on_disk = self.root.join("playbooks/checklist.tsv");
        if on_disk.is_file() {
            return self.read(&on_disk);
        }
        embedded::<Playbooks>("playbooks", "checklist.tsv")
            .ok_or_else(|| Error::new(Kind::Io, "this binary was built without playbooks/checklist.tsv"))
    }

    fn read(&self, path: &Path) -> Result<Source> {
        let bytes = std::fs::read(path)
            .map_err(|e| Error::new(Kind::Io, format!("{} can't be read", path.display())).because(e))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            Error::new(Kind::Playbook, format!("{} is not UTF-8 text", path.display()))
                .because(format!("byte {}", e.utf8_error().valid_up_to()))
        })?;
        let name = seen_from(&self.cwd, &self.root, path);
        Ok(Source { name, text: text.into(), origin: Origin::Disk(path.to_path_buf()) })
    }
}

fn embedded<E: RustEmbed>(folder: &str, name: &str) -> Option<Source> {
    let file = E::get(name)?;
    let text = String::from_utf8_lossy(&file.data).into_owned();
    Some(Source { name: format!("{folder}/{name}"), text: text.into(), origin: Origin::Embedded })
}

/// What names are ordered by: `t2-crds` before `t14-integration`.
pub fn natural(name: &str) -> (String, u64, String) {
    let letters: String = name.chars().take_while(|c| !c.is_ascii_digit()).collect();
    let digits: String = name[letters.len()..].chars().take_while(char::is_ascii_digit).collect();
    let rest = name[letters.len() + digits.len()..].to_string();
    (letters, digits.parse().unwrap_or(0), rest)
}

fn is_ours(name: &str) -> bool {
    [".rhai", ".tsv", ".toml"].iter().any(|ending| name.ends_with(ending))
}

/// A path as a person who works in `cwd` types it: relative, also from a folder below `root`.
pub fn seen_from(cwd: &Path, root: &Path, path: &Path) -> String {
    let path = normal(&path.to_string_lossy());
    let path = Path::new(&path);
    if let Ok(below) = path.strip_prefix(cwd) {
        return below.display().to_string();
    }
    match (cwd.strip_prefix(root), path.strip_prefix(root)) {
        (Ok(down), Ok(below)) => format!("{}{}", "../".repeat(down.components().count()), below.display()),
        _ => path.display().to_string(),
    }
}

/// A path without `./` and with `x/..` resolved, for names that people read.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|p| !p.is_empty() && *p != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let mut names = vec!["t14-x", "t2-y", "rollback-core", "t5"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["rollback-core", "t2-y", "t5", "t14-x"]);
    }

    #[test]
    fn a_path_is_told_as_it_can_be_typed() {
        let seen = |cwd: &str, path: &str| seen_from(Path::new(cwd), Path::new("/ops"), Path::new(path));
        assert_eq!(seen("/ops", "/ops/playbooks/t16.rhai"), "playbooks/t16.rhai");
        assert_eq!(seen("/ops/a/b", "/ops/playbooks/t16.rhai"), "../../playbooks/t16.rhai");
        assert_eq!(seen("/ops/a", "/ops/a/../playbooks/t16.rhai"), "../playbooks/t16.rhai");
        assert_eq!(seen("/", "/ops/playbooks/t16.rhai"), "ops/playbooks/t16.rhai");
        assert_eq!(seen("/home", "/ops/playbooks/t16.rhai"), "/ops/playbooks/t16.rhai");
    }

    #[test]
    fn names_are_normal_paths() {
        assert_eq!(normal("./a/../playbooks/x.rhai"), "playbooks/x.rhai");
        assert_eq!(normal("/a/./b"), "/a/b");
        assert_eq!(normal("../x"), "../x");
    }
}

//! `tar`, as `kubectl cp` runs it in a pod, both ways.

use super::files::Files;
use super::tar::{self, Entry};

const MISSING: &str = "No such file or directory";
/// How deep folders are looked into.
const DEPTH: usize = 64;

/// What `tar` wrote, and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// Its output: an archive, or names.
    pub(super) archive: Vec<u8>,
    /// What it said.
    pub(super) said: String,
    pub(super) code: i32,
}

impl Ran {
    fn failed(said: String) -> Self {
        Self { said, code: 1, ..Self::default() }
    }
}

/// What `tar` was told: letters, the archive, the folder, and the rest.
fn told(arguments: &[String]) -> (String, Option<&str>, Option<&str>, Vec<&str>) {
    let (mut letters, mut archive, mut folder, mut rest) = (String::new(), None, None, Vec::new());
    let mut words = arguments.iter().map(String::as_str).enumerate();
    while let Some((place, word)) = words.next() {
        let short = word.strip_prefix('-').filter(|rest| !rest.starts_with('-') && !rest.is_empty());
        match (word, short) {
            ("-C", _) => folder = words.next().map(|(_, word)| word),
            (own, _) if short.is_some() || place == 0 => {
                let own = own.trim_start_matches('-');
                letters.push_str(own);
                if own.ends_with('f') {
                    archive = words.next().map(|(_, word)| word);
                }
            }
            ("--" | "-", _) => {}
            (word, _) if word.starts_with("--") => {}
            (word, _) => rest.push(word),
        }
    }
    (letters, archive, folder, rest)
}

/// Whether `tar` reads an archive from its input.
pub(super) fn extracts(arguments: &[String]) -> bool {
    let (letters, archive, _, _) = told(arguments);
    letters.contains(['x', 't']) && archive.is_none_or(|archive| archive == "-")
}

/// Runs `tar` on the files of a container; `now` in seconds since 1970.
pub(super) fn run(files: &Files<'_>, arguments: &[String], input: &[u8], now: i64) -> Ran {
    let (letters, name, folder, paths) = told(arguments);
    let folder = files.path(folder.unwrap_or("."));
    let at = |path: &str| if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let kept = name.filter(|name| *name != "-");
    if letters.contains(['x', 't']) {
        let stored = match kept {
            None => input.to_vec(),
            Some(path) => match files.bytes(&at(path)) {
                Some(bytes) => bytes,
                None => return Ran::failed(format!("tar: can't open '{path}': {MISSING}\n")),
            },
        };
        return match tar::read(&stored) {
            Ok(entries) if letters.contains('x') => extract(files, &folder, entries),
            Ok(entries) => {
                let names: String = entries.iter().map(|entry| format!("{}\n", entry.name)).collect();
                Ran { archive: names.into_bytes(), ..Ran::default() }
            }
            Err(why) => Ran::failed(format!("{why}\n")),
        };
    }
    let (mut entries, mut ran) = (Vec::new(), Ran::default());
    let mut said_leading = false;
    for path in paths {
        // The name as it was given, without the first slash.
        let given = path.trim_start_matches('/').trim_end_matches('/');
        if !collect(files, &at(path), given, DEPTH, &mut entries) {
            ran.said.push_str(&format!("tar: {path}: {MISSING}\n"));
            ran.code = 1;
        } else if path.starts_with('/') && !said_leading {
            ran.said.push_str("tar: removing leading '/' from member names\n");
            said_leading = true;
        }
    }
    if ran.code != 0 {
        ran.said.push_str("tar: error exit delayed from previous errors\n");
    }
    let written = tar::write(&entries, now);
    match kept {
        Some(path) => match files.put(&at(path), written) {
            Ok(()) => {}
            Err(why) => return Ran::failed(format!("tar: can't open '{path}': {why}\n")),
        },
        None => ran.archive = written,
    }
    ran
}

/// Puts the entries of an archive into a folder.
fn extract(files: &Files<'_>, folder: &str, entries: Vec<Entry>) -> Ran {
    if !files.is_folder(folder) {
        return Ran::failed(format!("tar: can't change directory to '{folder}': {MISSING}\n"));
    }
    for entry in entries {
        let name = entry.name.trim_start_matches('/').trim_end_matches('/');
        let path = files.path(&format!("{folder}/{name}"));
        let done = match entry.bytes {
            None if files.is_folder(&path) => Ok(()),
            None => files.make_folder(&path),
            Some(bytes) => files.put(&path, bytes),
        };
        if let Err(why) = done {
            return Ran::failed(format!("tar: can't open '{name}': {why}\n"));
        }
    }
    Ran::default()
}

/// A file, or a folder with all in it. Whether there is either.
fn collect(files: &Files<'_>, path: &str, name: &str, depth: usize, entries: &mut Vec<Entry>) -> bool {
    if let Some(bytes) = files.bytes(path) {
        entries.push(Entry { name: name.to_owned(), bytes: Some(bytes) });
        return true;
    }
    let Some(names) = files.list(path).filter(|_| depth > 0) else { return false };
    entries.push(Entry { name: name.to_owned(), bytes: None });
    for own in names {
        let below = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
        collect(files, &format!("{path}/{own}"), &below, depth - 1, entries);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;

    #[test]
    fn files_are_carried_in_and_out() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let world = cluster.world();
        let pod = json!({ "metadata": { "name": "p", "uid": "1" }, "spec": { "containers": [{ "name": "a" }] } });
        let files = Files::of(&world, &pod, &pod["spec"]["containers"][0], "/");
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        let entries = [
            Entry { name: "tree".into(), bytes: None },
            Entry { name: "tree/sub/two".into(), bytes: Some(vec![0xff, 0, 0xfe]) },
            Entry { name: "tree/one".into(), bytes: Some(b"one\n".to_vec()) },
        ];
        let line = words("-xmf - -C /tmp");
        assert!(extracts(&line) && !extracts(&words("cf - /tmp/x")));
        assert_eq!(run(&files, &line, &tar::write(&entries, 0), 0), Ran::default());
        let back = run(&files, &words("cf - /tmp/tree"), &[], 0);
        assert_eq!((back.said.as_str(), back.code), ("tar: removing leading '/' from member names\n", 0));
        let mut read = tar::read(&back.archive).unwrap();
        read.retain(|entry| entry.bytes.is_some());
        read.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(read[0], Entry { name: "tmp/tree/one".into(), bytes: Some(b"one\n".to_vec()) });
        assert_eq!(read[1], Entry { name: "tmp/tree/sub/two".into(), bytes: Some(vec![0xff, 0, 0xfe]) });
        assert_eq!(run(&files, &words("cf - /none"), &[], 0).code, 1);
        assert_eq!(run(&files, &line, b"nonsense", 0).said, "tar: short read\n");
    }
}

//! Programs on files: `cat`, `ls`, `mkdir`, `rm`, `cp`, `test`, `tar` …

use std::collections::BTreeSet;

use super::{Ran, file, listing};
use crate::lab::pods::disk::{Node, absolute};
use crate::lab::pods::shell::Around;
use crate::lab::pods::tar::{self, Entry};

pub(super) const NAMES: [&str; 14] =
    ["cat", "ls", "mkdir", "rm", "rmdir", "touch", "cp", "mv", "test", "[", "tar", "tee", "chmod", "chown"];

const MISSING: &str = "No such file or directory";

pub(super) fn run(around: &Around, folder: &str, name: &str, arguments: &[String], input: &[u8]) -> Option<Ran> {
    let flags: String = arguments.iter().filter(|word| word.starts_with('-')).flat_map(|word| word.chars()).collect();
    let paths: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-') || word.as_str() == "-").collect();
    let at = |path: &str| absolute(folder, path);
    Some(match name {
        "cat" => cat(around, folder, &paths, input),
        "ls" => ls(around, folder, &paths, &flags),
        "mkdir" => each(&paths, |path| match kind(around, &at(path)) {
            Some(_) if !flags.contains('p') => Some(format!("mkdir: can't create directory '{path}': File exists\n")),
            _ => {
                around.disk.put(&at(path), Node::Folder);
                None
            }
        }),
        "touch" => each(&paths, |path| {
            around.disk.append(&at(path), b"");
            None
        }),
        "rm" | "rmdir" => each(&paths, |path| {
            let is_folder = kind(around, &at(path)) == Some(Kind::Folder);
            if is_folder && name == "rm" && !flags.contains(['r', 'R']) {
                return Some(format!("rm: '{path}' is a directory\n"));
            }
            let gone = around.disk.remove(&at(path)) || flags.contains('f');
            (!gone).then(|| format!("{name}: can't remove '{path}': {MISSING}\n"))
        }),
        "chmod" | "chown" => each(paths.get(1..).unwrap_or_default(), |path| {
            kind(around, &at(path)).is_none().then(|| format!("{name}: {path}: {MISSING}\n"))
        }),
        "cp" | "mv" => copy(around, folder, name, &paths),
        "tee" => {
            for path in &paths {
                match flags.contains('a') {
                    true => around.disk.append(&at(path), input),
                    false => around.disk.put(&at(path), Node::File(input.to_vec())),
                }
            }
            Ran::printed(input)
        }
        "test" | "[" => Ran::ended(i32::from(!test(around, folder, arguments))),
        "tar" => archive(around, folder, arguments, input),
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

fn kind(around: &Around, path: &str) -> Option<Kind> {
    if file(around, path).is_some() {
        return Some(Kind::File);
    }
    let is_folder = around.disk.get(path) == Some(Node::Folder) || !listing(around, path).is_empty();
    is_folder.then_some(Kind::Folder)
}

/// Does something with each path; what goes wrong is said, and the rest is done.
fn each(paths: &[&String], what: impl Fn(&str) -> Option<String>) -> Ran {
    let said: String = paths.iter().filter_map(|path| what(path)).collect();
    if said.is_empty() { Ran::default() } else { Ran::failed(said, 1) }
}

fn cat(around: &Around, folder: &str, paths: &[&String], input: &[u8]) -> Ran {
    let mut ran = Ran::default();
    if paths.is_empty() {
        ran.stdout.extend_from_slice(input);
    }
    for path in paths {
        if path.as_str() == "-" {
            ran.stdout.extend_from_slice(input);
            continue;
        }
        match file(around, &absolute(folder, path)) {
            Some(bytes) => ran.stdout.extend(bytes),
            None => {
                let is_folder = kind(around, &absolute(folder, path)).is_some();
                let why = if is_folder { "read error: Is a directory".to_owned() } else { MISSING.to_owned() };
                let said =
                    if is_folder { format!("cat: {why}\n") } else { format!("cat: can't open '{path}': {why}\n") };
                ran.stderr.extend(said.bytes());
                ran.code = 1;
            }
        }
    }
    ran
}

fn ls(around: &Around, folder: &str, paths: &[&String], flags: &str) -> Ran {
    let own = ".".to_owned();
    let paths = if paths.is_empty() { vec![&own] } else { paths.to_vec() };
    let mut ran = Ran::default();
    for path in &paths {
        let whole = absolute(folder, path);
        let names: Vec<String> = match kind(around, &whole) {
            None => {
                ran.stderr.extend(format!("ls: {path}: {MISSING}\n").bytes());
                ran.code = 1;
                continue;
            }
            Some(Kind::File) => vec![(*path).clone()],
            Some(Kind::Folder) => children(around, &whole).into_iter().collect(),
        };
        if paths.len() > 1 {
            ran.stdout.extend(format!("{path}:\n").bytes());
        }
        for name in names {
            let line = if flags.contains('l') {
                let at = if name.starts_with('/') { name.clone() } else { absolute(&whole, &name) };
                match file(around, &at) {
                    Some(bytes) => format!("-rw-r--r--    1 root     root     {:>9} {name}\n", bytes.len()),
                    None => format!("drwxr-xr-x    2 root     root          4096 {name}\n"),
                }
            } else {
                format!("{name}\n")
            };
            ran.stdout.extend(line.bytes());
        }
    }
    ran
}

/// The names in a folder.
fn children(around: &Around, folder: &str) -> BTreeSet<String> {
    let below = format!("{}/", folder.trim_end_matches('/'));
    let image = ["bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var"];
    let mut names: BTreeSet<String> = listing(around, folder)
        .into_keys()
        .filter_map(|path| Some(path.strip_prefix(&below)?.split('/').next()?.to_owned()))
        .filter(|name| !name.is_empty())
        .collect();
    if folder == "/" {
        names.extend(image.map(str::to_owned));
    }
    names
}

fn copy(around: &Around, folder: &str, name: &str, paths: &[&String]) -> Ran {
    let [from, to] = paths else { return Ran::failed(format!("{name}: missing file operand\n"), 1) };
    let Some(bytes) = file(around, &absolute(folder, from)) else {
        return Ran::failed(format!("{name}: can't stat '{from}': {MISSING}\n"), 1);
    };
    let mut target = absolute(folder, to);
    if kind(around, &target) == Some(Kind::Folder) {
        target = absolute(&target, from.rsplit('/').next().unwrap_or_default());
    }
    around.disk.put(&target, Node::File(bytes));
    if name == "mv" {
        around.disk.remove(&absolute(folder, from));
    }
    Ran::default()
}

/// `test` and `[`.
fn test(around: &Around, folder: &str, arguments: &[String]) -> bool {
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "]").collect();
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    let is = |path: &str| kind(around, &absolute(folder, path));
    match words.as_slice() {
        ["!", ..] => !test(around, folder, arguments.get(1..).unwrap_or_default()),
        ["-d", path] => is(path) == Some(Kind::Folder),
        ["-f", path] => is(path) == Some(Kind::File),
        ["-e" | "-r" | "-w" | "-x", path] => is(path).is_some(),
        ["-s", path] => file(around, &absolute(folder, path)).is_some_and(|bytes| !bytes.is_empty()),
        ["-z", text] => text.is_empty(),
        ["-n", text] | [text] => !text.is_empty(),
        [a, "=" | "==", b] => a == b,
        [a, "!=", b] => a != b,
        [a, "-eq", b] => number(a) == number(b),
        [a, "-ne", b] => number(a) != number(b),
        [a, "-gt", b] => number(a) > number(b),
        [a, "-ge", b] => number(a) >= number(b),
        [a, "-lt", b] => number(a) < number(b),
        [a, "-le", b] => number(a) <= number(b),
        _ => false,
    }
}

/// What `tar` was told: letters, the archive, the folder, and the rest.
fn told(arguments: &[String]) -> (String, Option<&str>, Option<&str>, Vec<&str>) {
    let (mut letters, mut archive, mut folder, mut rest) = (String::new(), None, None, Vec::new());
    let mut words = arguments.iter().map(String::as_str).enumerate().peekable();
    while let Some((place, word)) = words.next() {
        let short = word.strip_prefix('-').filter(|rest| !rest.starts_with('-') && !rest.is_empty());
        match (word, short) {
            ("-C", _) => folder = words.next().map(|(_, word)| word),
            (_, Some(own)) => {
                letters.push_str(own);
                if own.ends_with('f') {
                    archive = words.next().map(|(_, word)| word);
                }
            }
            (_, None) if place == 0 => {
                letters.push_str(word);
                if word.ends_with('f') {
                    archive = words.next().map(|(_, word)| word);
                }
            }
            (word, None) if word.starts_with("--") && word.len() > 2 => {}
            ("--" | "-", None) => {}
            (word, None) => rest.push(word),
        }
    }
    (letters, archive, folder, rest)
}

/// Whether `tar` reads an archive from its input.
pub(super) fn extracts(arguments: &[String]) -> bool {
    let (letters, archive, _, _) = told(arguments);
    letters.contains(['x', 't']) && archive.is_none_or(|archive| archive == "-")
}

fn archive(around: &Around, folder: &str, arguments: &[String], input: &[u8]) -> Ran {
    let (letters, file_name, into, paths) = told(arguments);
    let folder = absolute(folder, into.unwrap_or("."));
    let stored = match file_name {
        Some(path) if path != "-" && letters.contains(['x', 't']) => match file(around, &absolute(&folder, path)) {
            Some(bytes) => bytes,
            None => return Ran::failed(format!("tar: can't open '{path}': {MISSING}\n"), 1),
        },
        _ => input.to_vec(),
    };
    if letters.contains(['x', 't']) {
        if kind(around, &folder) != Some(Kind::Folder) {
            return Ran::failed(format!("tar: can't change directory to '{folder}': {MISSING}\n"), 1);
        }
        let entries = match tar::read(&stored) {
            Ok(entries) => entries,
            Err(why) => return Ran::failed(format!("{why}\n"), 1),
        };
        let mut names = String::new();
        for entry in entries {
            names.push_str(&format!("{}\n", entry.name));
            if letters.contains('x') {
                let node = entry.bytes.map_or(Node::Folder, Node::File);
                around.disk.put(&absolute(&folder, entry.name.trim_start_matches('/')), node);
            }
        }
        return if letters.contains('t') { Ran::printed(names) } else { Ran::default() };
    }
    let (mut entries, mut ran) = (Vec::new(), Ran::default());
    for path in paths {
        if path.starts_with('/') && ran.stderr.is_empty() {
            ran.stderr.extend(b"tar: removing leading '/' from member names\n");
        }
        let whole = absolute(&folder, path);
        if kind(around, &whole).is_none() {
            ran.stderr.extend(format!("tar: {path}: {MISSING}\n").bytes());
            ran.code = 1;
        }
        // The name as it was given, without the first slash.
        let given = path.trim_start_matches('/').trim_end_matches('/');
        let named = |own: &str| format!("{given}{}", own.strip_prefix(whole.as_str()).unwrap_or_default());
        if let Some(bytes) = file(around, &whole) {
            entries.push(Entry { name: given.to_owned(), bytes: Some(bytes) });
            continue;
        }
        let mut folders = BTreeSet::from([given.to_owned()]);
        entries.push(Entry { name: given.to_owned(), bytes: None });
        for (own, node) in listing(around, &whole) {
            let name = named(&own);
            let parents: Vec<usize> = name.match_indices('/').map(|(at, _)| at).collect();
            for at in parents.into_iter().filter(|at| *at > given.len()) {
                if folders.insert(name[..at].to_owned()) {
                    entries.push(Entry { name: name[..at].to_owned(), bytes: None });
                }
            }
            match node {
                Node::File(bytes) => entries.push(Entry { name, bytes: Some(bytes) }),
                Node::Folder if folders.insert(name.clone()) => entries.push(Entry { name, bytes: None }),
                Node::Folder => {}
            }
        }
    }
    let written = tar::write(&entries, around.cluster.clock.now().as_second());
    match file_name {
        Some(path) if path != "-" => around.disk.put(&absolute(&folder, path), Node::File(written)),
        _ => ran.stdout = written,
    }
    ran
}

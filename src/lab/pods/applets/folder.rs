//! Programs that act on files and folders: `ls`, `mkdir`, `rm`, `cp`, `mv`, `touch`, `df`, `du`.

use super::{Context, Outcome, operands};

pub(super) fn run(context: &Context<'_>, name: &str, words: &[String], _input: &str) -> Option<Outcome> {
    let files = context.files();
    let paths = operands(words);
    let mut outcome = Outcome::default();
    let mut fail = |text: String| {
        outcome.err.push_str(&text);
        outcome.code = 1;
    };
    match name {
        "ls" => return Some(ls(context, words, &paths)),
        "mkdir" => {
            for path in &paths {
                if let Err(why) = files.make_folder(path) {
                    fail(format!("mkdir: can't create directory '{path}': {why}\n"));
                }
            }
        }
        "touch" => {
            for path in &paths {
                if let Err(why) = files.write(path, "", true) {
                    fail(format!("touch: {path}: {why}\n"));
                }
            }
        }
        "rm" | "rmdir" => {
            let force = words.iter().any(|word| word.starts_with('-') && word.contains('f'));
            for path in &paths {
                let whole = path.strip_suffix("/*");
                let removed = match whole {
                    Some(folder) => {
                        let names = files.list(folder).unwrap_or_default();
                        names.iter().map(|name| files.remove(&format!("{folder}/{name}"))).count() > 0
                    }
                    None => files.remove(path),
                };
                if !removed && !force {
                    fail(format!("{name}: can't remove '{path}': No such file or directory\n"));
                }
            }
        }
        "cp" | "mv" => {
            let [from @ .., to] = paths.as_slice() else {
                return Some(Outcome::failed(format!("Usage: {name} SOURCE... DEST\n"), 1));
            };
            for path in from {
                let Some(text) = files.read(path) else {
                    fail(format!("{name}: can't stat '{path}': No such file or directory\n"));
                    continue;
                };
                let last = path.rsplit('/').next().unwrap_or(path);
                let target =
                    if files.is_folder(to) { format!("{}/{last}", to.trim_end_matches('/')) } else { (*to).to_owned() };
                if let Err(why) = files.write(&target, &text, false) {
                    fail(format!("{name}: can't create '{target}': {why}\n"));
                } else if name == "mv" {
                    files.remove(path);
                }
            }
        }
        "df" => {
            outcome.out = "Filesystem           1K-blocks      Used Available Use% Mounted on\noverlay              499355648  38273024 461082624   8% /\n".into();
        }
        "du" => {
            let path = paths.first().copied().unwrap_or(".");
            outcome.out = format!("4\t{path}\n");
        }
        "find" => {
            let path = paths.first().copied().unwrap_or(".");
            let mut found = Vec::new();
            walk(context, path, &mut found);
            outcome.out = found.iter().map(|file| format!("{file}\n")).collect();
        }
        "stat" => {
            for path in &paths {
                match files.read(path) {
                    Some(text) => outcome.out.push_str(&format!("  File: {path}\n  Size: {}\n", text.len())),
                    None => {
                        return Some(Outcome::failed(
                            format!("stat: can't stat '{path}': No such file or directory\n"),
                            1,
                        ));
                    }
                }
            }
        }
        _ => return None,
    }
    Some(outcome)
}

fn walk(context: &Context<'_>, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    if found.len() < 10_000 {
        for name in context.files().list(path).unwrap_or_default() {
            walk(context, &format!("{}/{name}", path.trim_end_matches('/')), found);
        }
    }
}

fn ls(context: &Context<'_>, words: &[String], paths: &[&str]) -> Outcome {
    let files = context.files();
    let long = words.iter().any(|word| word.starts_with('-') && word.contains('l'));
    let mut outcome = Outcome::default();
    let paths = if paths.is_empty() { &["."][..] } else { paths };
    let mut show = |name: &str, whole: &str| {
        if long {
            let folder = files.is_folder(whole);
            let size = files.read(whole).map_or(4096, |text| text.len());
            let mode = if folder { "drwxr-xr-x" } else { "-rw-r--r--" };
            let day = context.now.strftime("%b %e %H:%M");
            outcome.out.push_str(&format!("{mode}    1 root     root     {size:>9} {day} {name}\n"));
        } else {
            outcome.out.push_str(&format!("{name}\n"));
        }
    };
    let mut missing = Vec::new();
    for path in paths {
        match files.list(path) {
            Some(names) => names.iter().for_each(|name| show(name, &format!("{}/{name}", path.trim_end_matches('/')))),
            None if files.read(path).is_some() => show(path, path),
            None => missing.push(format!("ls: {path}: No such file or directory\n")),
        }
    }
    outcome.code = i32::from(!missing.is_empty());
    outcome.err = missing.concat();
    outcome
}

//! Programs on text: `echo`, `printf`, `head`, `wc`, `sort`, `grep` …

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Ran, file};
use crate::lab::pods::disk::absolute;
use crate::lab::pods::shell::Around;

pub(super) const NAMES: [&str; 16] = [
    "echo",
    "printf",
    "head",
    "tail",
    "wc",
    "sort",
    "uniq",
    "grep",
    "seq",
    "true",
    "false",
    ":",
    "base64",
    "sha256sum",
    "tr",
    "cut",
];

pub(super) fn run(around: &Around, folder: &str, name: &str, arguments: &[String], input: &[u8]) -> Option<Ran> {
    let plain: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-') || *word == "-").collect();
    let flag = |letter: char| arguments.iter().any(|word| word.starts_with('-') && word.contains(letter));
    Some(match name {
        "true" | ":" => Ran::default(),
        "false" => Ran::ended(1),
        "echo" => echo(arguments),
        "printf" => printf(arguments),
        "seq" => {
            let numbers: Vec<i64> = plain.iter().filter_map(|word| word.parse().ok()).collect();
            let (first, last) = match numbers.as_slice() {
                [last] => (1, *last),
                [first, last] | [first, _, last] => (*first, *last),
                _ => return Some(Ran::failed("seq: missing operand\n", 1)),
            };
            Ran::printed((first..=last.min(first + 100_000)).map(|number| format!("{number}\n")).collect::<String>())
        }
        "head" | "tail" => {
            let (count, rest) = count(arguments);
            on(around, folder, &rest, input, name, |text| {
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                let many = count.min(lines.len());
                if name == "head" { lines[..many].concat() } else { lines[lines.len() - many..].concat() }
            })
        }
        "sort" => on(around, folder, &plain, input, name, |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            match flag('n') {
                true => lines.sort_by_key(|line| line.trim().parse::<i64>().unwrap_or(0)),
                false => lines.sort_unstable(),
            }
            if flag('r') {
                lines.reverse();
            }
            if flag('u') {
                lines.dedup();
            }
            joined(&lines)
        }),
        "uniq" => on(around, folder, &plain, input, name, |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.dedup();
            joined(&lines)
        }),
        "wc" => wc(around, folder, arguments, &plain, input),
        "grep" => grep(around, folder, arguments, &plain, input),
        "base64" => on(around, folder, &plain, input, name, |text| match flag('d') {
            true => {
                let packed: String = text.split_whitespace().collect();
                String::from_utf8_lossy(&STANDARD.decode(packed).unwrap_or_default()).into_owned()
            }
            false => STANDARD.encode(text) + "\n",
        }),
        "sha256sum" => on(around, folder, &plain, input, name, |text| {
            let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{digest}  {}\n", plain.first().unwrap_or(&"-"))
        }),
        "tr" => {
            let text = String::from_utf8_lossy(input);
            Ran::printed(match (flag('d'), plain.as_slice()) {
                (true, [set, ..]) => text.replace(|c: char| unescaped(set).contains(c), ""),
                (false, [from, to, ..]) => {
                    let (from, to): (Vec<char>, Vec<char>) =
                        (unescaped(from).chars().collect(), unescaped(to).chars().collect());
                    let other =
                        |c: char| from.iter().position(|f| *f == c).and_then(|at| to.get(at).or(to.last()).copied());
                    text.chars().map(|c| other(c).unwrap_or(c)).collect()
                }
                _ => return Some(Ran::failed("tr: missing operand\n", 1)),
            })
        }
        "cut" => {
            let after = |flag: &str| {
                let at = arguments.iter().position(|word| word.starts_with(flag))?;
                let own = arguments[at].strip_prefix(flag).filter(|rest| !rest.is_empty());
                own.or_else(|| arguments.get(at + 1).map(String::as_str))
            };
            let by = after("-d").and_then(|text| text.chars().next()).unwrap_or('\t');
            let field: usize = after("-f").and_then(|text| text.parse().ok()).unwrap_or(1);
            let text = String::from_utf8_lossy(input).into_owned();
            Ran::printed(
                text.lines()
                    .map(|line| format!("{}\n", line.split(by).nth(field - 1).unwrap_or_default()))
                    .collect::<String>(),
            )
        }
        _ => return None,
    })
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Does something with the text of files, or of the input.
fn on(around: &Around, folder: &str, paths: &[&str], input: &[u8], name: &str, what: impl Fn(&str) -> String) -> Ran {
    let mut ran = Ran::default();
    if paths.is_empty() {
        return Ran::printed(what(&String::from_utf8_lossy(input)));
    }
    for path in paths {
        match file(around, &absolute(folder, path)) {
            Some(bytes) => ran.stdout.extend(what(&String::from_utf8_lossy(&bytes)).bytes()),
            None => {
                ran.stderr.extend(format!("{name}: {path}: No such file or directory\n").bytes());
                ran.code = 1;
            }
        }
    }
    ran
}

fn echo(arguments: &[String]) -> Ran {
    let (mut end, mut escapes, mut rest) = ("\n", false, arguments);
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "-n" => end = "",
            "-e" => escapes = true,
            "-ne" | "-en" => (end, escapes) = ("", true),
            _ => break,
        }
        rest = others;
    }
    let text = rest.join(" ");
    Ran::printed(if escapes { unescaped(&text) } else { text } + end)
}

/// `\n`, `\t` and `\\` as what they stand for.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match (c, c == '\\') {
            (_, true) => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('0') => out.push('\0'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

fn printf(arguments: &[String]) -> Ran {
    let Some((form, values)) = arguments.split_first() else {
        return Ran::failed("Usage: printf FORMAT [ARG]...\n", 1);
    };
    let mut values = values.iter();
    let form = unescaped(form);
    let mut out = String::new();
    loop {
        let mut used = false;
        let mut letters = form.chars();
        while let Some(c) = letters.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match letters.find(|c| !c.is_ascii_digit() && *c != '-') {
                Some('%') => out.push('%'),
                Some('s' | 'd' | 'i') => {
                    used = true;
                    out.push_str(values.next().map(String::as_str).unwrap_or_default());
                }
                Some(other) => out.push(other),
                None => out.push('%'),
            }
        }
        if !used || values.len() == 0 {
            return Ran::printed(out);
        }
    }
}

/// `-n 5`, `-n5`, `-5`; and the files.
fn count(arguments: &[String]) -> (usize, Vec<&str>) {
    let (mut count, mut rest) = (10, Vec::new());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = match word.strip_prefix('-') {
            Some("n" | "c") => words.next().map(String::as_str),
            Some(own) => Some(own.trim_start_matches(['n', 'c'])),
            None => {
                rest.push(word.as_str());
                None
            }
        };
        count = text.and_then(|text| text.parse().ok()).unwrap_or(count);
    }
    (count, rest)
}

fn wc(around: &Around, folder: &str, arguments: &[String], paths: &[&str], input: &[u8]) -> Ran {
    let bytes = match paths.first() {
        Some(path) => match file(around, &absolute(folder, path)) {
            Some(bytes) => bytes,
            None => return Ran::failed(format!("wc: {path}: No such file or directory\n"), 1),
        },
        None => input.to_vec(),
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let name = paths.first().map(|path| format!(" {path}")).unwrap_or_default();
    let words = text.split_whitespace().count();
    Ran::printed(match arguments.iter().find(|word| word.starts_with('-')).map(String::as_str) {
        Some("-l") => format!("{lines}{name}\n"),
        Some("-w") => format!("{words}{name}\n"),
        Some("-c" | "-m") => format!("{}{name}\n", bytes.len()),
        _ => format!("{lines:>9} {words:>9} {:>9}{name}\n", bytes.len()),
    })
}

fn grep(around: &Around, folder: &str, arguments: &[String], plain: &[&str], input: &[u8]) -> Ran {
    let Some((pattern, paths)) = plain.split_first() else { return Ran::failed("Usage: grep PATTERN [FILE]...\n", 2) };
    let flags: String = arguments.iter().filter_map(|word| word.strip_prefix('-')).collect();
    let own = if flags.contains('F') { regex::escape(pattern) } else { (*pattern).to_owned() };
    let case = if flags.contains('i') { "(?i)" } else { "" };
    let Ok(pattern) = regex::Regex::new(&format!("{case}{own}")) else {
        return Ran::failed(format!("grep: bad regex '{pattern}'\n"), 2);
    };
    let mut ran = on(around, folder, paths, input, "grep", |text| {
        let fits = |line: &&str| pattern.is_match(line) != flags.contains('v');
        joined(&text.lines().filter(fits).collect::<Vec<_>>())
    });
    let found = ran.stdout.iter().filter(|byte| **byte == b'\n').count();
    if flags.contains('c') {
        ran.stdout = format!("{found}\n").into_bytes();
    } else if flags.contains('q') {
        ran.stdout.clear();
    }
    ran.code = if ran.stderr.is_empty() { i32::from(found == 0) } else { 2 };
    ran
}

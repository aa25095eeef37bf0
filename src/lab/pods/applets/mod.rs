//! The programs that containers have, as busybox has them: each a function of its words and its input.

mod curl;
mod disk;
mod folder;
mod net;
mod plain;
mod text;
mod web;
mod wget;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::files::Files;
use super::line::Line;
use super::platform;
use crate::lab::kube::cluster::World as Objects;

/// Where a program runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) objects: &'c Objects,
    pub(crate) pod: &'c Value,
    pub(crate) container: &'c Value,
    pub(crate) now: Timestamp,
    pub(crate) variables: &'c BTreeMap<String, String>,
    pub(crate) folder: &'c str,
    /// By which it asks others; none where nobody waits for an answer.
    pub(crate) line: Option<&'c Line>,
}

impl<'c> Context<'c> {
    pub(super) fn files(&self) -> Files<'c> {
        Files::of(self.objects, self.pod, self.container, self.folder)
    }
}

/// How long a program takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Takes {
    #[default]
    Nothing,
    Sleep(Duration),
    /// It serves, or waits, until it is told to end.
    Forever,
}

/// What a program wrote, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
    pub(crate) takes: Takes,
}

impl Outcome {
    pub(super) fn printed(text: impl Into<String>) -> Self {
        Self { out: text.into(), ..Self::default() }
    }

    pub(super) fn failed(text: impl Into<String>, code: i32) -> Self {
        Self { err: text.into(), code, ..Self::default() }
    }

    pub(super) fn ended(code: i32) -> Self {
        Self { code, ..Self::default() }
    }

    pub(super) fn takes(takes: Takes) -> Self {
        Self { takes, ..Self::default() }
    }
}

/// Runs a program: its name or path, and its words. None where there is no such program.
pub(crate) fn run(context: &Context<'_>, words: &[String], input: &str) -> Option<Outcome> {
    let (program, rest) = words.split_first()?;
    let name = program.rsplit('/').next()?;
    let name = if name == "busybox" { rest.first()?.as_str() } else { name };
    let rest = if program.ends_with("busybox") { &rest[1..] } else { rest };
    [plain::run, text::run, folder::run, net::run, disk::run]
        .iter()
        .find_map(|family| family(context, name, rest, input))
        .or_else(|| {
            let (out, err, code) = platform::run(context.objects, context.pod, words, input)?;
            Some(Outcome { out, err, code, ..Outcome::default() })
        })
}

/// Words without the flags in front of them.
fn operands(words: &[String]) -> Vec<&str> {
    let mut all = words.iter().map(String::as_str).peekable();
    while all.peek().is_some_and(|word| word.starts_with('-') && word.len() > 1) {
        if all.next() == Some("--") {
            break;
        }
    }
    all.collect()
}

/// The value of a flag: `-n 3`, `-n3`.
fn flag<'w>(words: &'w [String], flag: &str) -> Option<&'w str> {
    let at = words.iter().position(|word| word.starts_with(flag))?;
    match words[at].strip_prefix(flag) {
        Some("") => words.get(at + 1).map(String::as_str),
        value => value,
    }
}

/// The programs that there are.
const THERE: &[&str] = &[
    "true",
    ":",
    "false",
    "echo",
    "printf",
    "sleep",
    "usleep",
    "pause",
    "hostname",
    "whoami",
    "id",
    "pwd",
    "uname",
    "env",
    "printenv",
    "date",
    "test",
    "[",
    "expr",
    "seq",
    "timeout",
    "yes",
    "kill",
    "sync",
    "chmod",
    "chown",
    "ln",
    "mount",
    "clear",
    "reset",
    "stty",
    "which",
    "type",
    "nproc",
    "uptime",
    "ps",
    "cat",
    "tac",
    "head",
    "tail",
    "grep",
    "wc",
    "sort",
    "uniq",
    "tr",
    "cut",
    "rev",
    "tee",
    "sha256sum",
    "base64",
    "sed",
    "ls",
    "mkdir",
    "touch",
    "rm",
    "rmdir",
    "cp",
    "mv",
    "df",
    "du",
    "find",
    "stat",
    "nslookup",
    "dig",
    "wget",
    "curl",
    "nc",
    "netcat",
    "ping",
    "httpd",
    "ip",
    "ifconfig",
    "dd",
    "fio",
    "sh",
    "ash",
    "busybox",
];

/// Whether a program looks at its input, as it is called.
pub(crate) fn reads(words: &[String]) -> bool {
    let Some((name, arguments)) = words.split_first() else { return false };
    let plain: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-') || *word == "-").collect();
    let files = plain.iter().filter(|word| word.parse::<u64>().is_err()).count();
    match name.rsplit('/').next().unwrap_or_default() {
        "cat" => files == 0 || plain.contains(&"-"),
        "head" | "tail" | "wc" | "sort" | "uniq" | "base64" | "md5sum" | "sha256sum" | "tac" | "rev" => files == 0,
        "grep" | "sed" | "cut" => files <= 1,
        "tr" | "tee" | "xargs" => true,
        "curl" => arguments.iter().any(|word| word.ends_with("@-")),
        "sh" | "ash" | "bash" => match arguments.iter().find(|word| word.starts_with('-') && word.ends_with('c')) {
            // Whatever of it reads: it is asked for once somebody is sure to want it.
            Some(_) => arguments.get(1).is_some_and(|script| script_reads(script)),
            None => plain.is_empty(),
        },
        _ => platform::reads(words),
    }
}

/// Whether a script within a script looks at its input.
fn script_reads(script: &str) -> bool {
    script.split([';', '\n', '&']).any(|step| {
        let first = step.split('|').next().unwrap_or_default();
        let words: Vec<String> = first.split_whitespace().map(str::to_owned).collect();
        reads(&words)
    })
}

/// Whether there is a program of a name or path.
pub(crate) fn is_there(program: &str) -> bool {
    program.rsplit('/').next().is_some_and(|name| THERE.contains(&name))
}

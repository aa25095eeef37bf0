//! A script that runs: from operation to operation, standing still where it sleeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::expand::{self, Source};
use super::parse::{Command, Op, Pipeline, parse};
use crate::lab::pods::applets::{self, Context, Outcome, Takes};
use crate::lab::pods::files::Files;
use crate::lab::pods::line::{Came, Line, Wish};
use crate::lab::pods::log::Stream;

/// How far one run within another may go, and how many steps.
const DEPTH: usize = 8;
const STEPS: usize = 5_000;

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more to do at once.
    On,
    /// It stands still for so long.
    Sleep(Duration),
    /// It serves, and does not end by itself.
    Forever,
    Exit(i32),
    /// A program reads what there is to read, which [`Machine::give`] hands over; then it goes on.
    Reads,
    /// A program asks others, which [`Machine::wanted`] says; [`Machine::came`] hands over what came of it.
    Asks,
}

/// A script with its variables.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    ops: Arc<Vec<Op>>,
    at: usize,
    code: i32,
    variables: BTreeMap<String, String>,
    folder: String,
    lists: BTreeMap<usize, (Vec<String>, usize)>,
    strict: bool,
    /// A server was left running in the background.
    serving: bool,
    /// What is done when it is told to end; none where it does not hear of it.
    pub(crate) trap: Option<String>,
    exited: Option<i32>,
    out: Vec<(Stream, String)>,
    depth: usize,
    input: Input,
    line: Line,
}

/// What its programs read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Input {
    None,
    /// There is some, and nobody has asked for it yet.
    Open,
    /// Somebody wants it.
    Wanted,
    Given(String),
}

impl Machine {
    /// A script that is about to run.
    ///
    /// # Errors
    /// What a shell says of a script that it can't read.
    pub(crate) fn new(script: &str, variables: BTreeMap<String, String>, folder: &str) -> Result<Self, String> {
        Ok(Self {
            ops: Arc::new(parse(script)?),
            at: 0,
            code: 0,
            variables,
            folder: folder.to_owned(),
            lists: BTreeMap::new(),
            strict: false,
            serving: false,
            trap: None,
            exited: None,
            out: Vec::new(),
            depth: 0,
            input: Input::None,
            line: Line::default(),
        })
    }

    /// Goes on with another script, in the folder and with the variables that it has come to.
    ///
    /// # Errors
    /// What a shell says of a script that it can't read.
    pub(crate) fn go_on(&mut self, script: &str) -> Result<(), String> {
        (self.ops, self.at) = (Arc::new(parse(script)?), 0);
        self.lists.clear();
        self.exited = None;
        Ok(())
    }

    /// There is something to read, for those who do.
    pub(crate) fn open_input(&mut self) {
        self.input = Input::Open;
    }

    /// Lets its programs ask others: whoever runs it waits for what comes.
    pub(crate) fn connect(&mut self) {
        self.line.open();
    }

    /// What a program asks of others.
    pub(crate) fn wanted(&self) -> Option<Wish> {
        self.line.wanted()
    }

    /// Hands over what came of it.
    pub(crate) fn came(&mut self, came: Came) {
        self.line.give(came);
    }

    /// Hands over all that there is to read.
    pub(crate) fn give(&mut self, text: String) {
        self.input = Input::Given(text);
    }

    /// The folder that it has come to.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// The last exit code.
    pub(crate) fn code(&self) -> i32 {
        self.code
    }

    /// Whether `exit` was said.
    pub(crate) fn has_exited(&self) -> bool {
        self.exited.is_some()
    }

    /// Interrupts it: what it was about to do is not done.
    pub(crate) fn interrupt(&mut self) {
        self.code = 130;
    }

    /// What was written since the last time.
    pub(crate) fn written(&mut self) -> Vec<(Stream, String)> {
        std::mem::take(&mut self.out)
    }

    /// Does the next operation.
    pub(crate) fn step(&mut self, context: &Context<'_>) -> Step {
        if self.depth > 0 || !self.line.is_open() {
            return self.advance(context);
        }
        let before = self.clone();
        let step = self.advance(context);
        if self.line.waits() {
            *self = before;
            return Step::Asks;
        }
        if step != Step::Reads {
            self.line.through();
        }
        step
    }

    fn advance(&mut self, context: &Context<'_>) -> Step {
        if let Some(code) = self.exited {
            return Step::Exit(code);
        }
        let Some(op) = self.ops.get(self.at).cloned() else {
            return if self.serving { Step::Forever } else { Step::Exit(self.code) };
        };
        self.at += 1;
        match op {
            Op::Run(pipeline) => return self.pipeline(&pipeline, context),
            Op::Not => self.code = i32::from(self.code == 0),
            Op::Jump(to) => self.at = to,
            Op::IfFailed(to) => {
                if self.code != 0 {
                    self.at = to;
                }
            }
            Op::IfDone(to) => {
                if self.code == 0 {
                    self.at = to;
                }
            }
            Op::Begin { slot, words } => {
                let words = expand::words(&words, &mut Asking { machine: self, context });
                self.lists.insert(slot, (words, 0));
            }
            Op::Next { slot, variable, end } => match self.lists.get_mut(&slot) {
                Some((words, next)) if *next < words.len() => {
                    let word = words[*next].clone();
                    *next += 1;
                    self.variables.insert(variable, word);
                }
                _ => self.at = end,
            },
            Op::Code(code) => self.code = code,
        }
        Step::On
    }

    fn pipeline(&mut self, pipeline: &Pipeline, context: &Context<'_>) -> Step {
        let mut input = String::new();
        let mut slept = Duration::ZERO;
        let mut forever = false;
        for (at, command) in pipeline.commands.iter().enumerate() {
            let last = at + 1 == pipeline.commands.len();
            let outcome = self.command(command, &input, context, at == 0);
            if self.input == Input::Wanted {
                self.at -= 1;
                return Step::Reads;
            }
            if self.line.waits() {
                return Step::Asks;
            }
            match outcome.takes {
                Takes::Nothing => {}
                Takes::Sleep(span) => slept += span,
                Takes::Forever => forever = true,
            }
            self.code = outcome.code;
            if !outcome.err.is_empty() {
                self.out.push((Stream::Stderr, outcome.err));
            }
            if last {
                if !outcome.out.is_empty() {
                    self.out.push((Stream::Stdout, outcome.out));
                }
            } else {
                input = outcome.out;
            }
        }
        if pipeline.background {
            self.serving |= forever;
            self.code = 0;
            return Step::On;
        }
        if self.strict && self.code != 0 && !pipeline.tested && self.exited.is_none() {
            self.exited = Some(self.code);
        }
        if forever {
            return Step::Forever;
        }
        if slept > Duration::ZERO { Step::Sleep(slept) } else { Step::On }
    }

    fn command(&mut self, command: &Command, input: &str, context: &Context<'_>, first: bool) -> Outcome {
        let mut words = expand::words(&command.words, &mut Asking { machine: self, context });
        let assigned: Vec<(String, String)> = command
            .assignments
            .iter()
            .map(|(name, word)| (name.clone(), expand::one(word, &mut Asking { machine: self, context })))
            .collect();
        if words.is_empty() || self.line.waits() {
            self.variables.extend(assigned);
            return Outcome::default();
        }
        let kept = self.variables.clone();
        self.variables.extend(assigned.iter().cloned());
        let mut targets = Vec::new();
        let mut read = None;
        for redirect in &command.redirects {
            let target = expand::one(&redirect.target, &mut Asking { machine: self, context });
            if redirect.kind == "<" {
                match self.files(context).read(&target) {
                    Some(text) => read = Some(text),
                    None => {
                        let why = format!("sh: can't open {target}: no such file\n");
                        return Outcome { err: why, code: 1, ..Outcome::default() };
                    }
                }
            } else {
                targets.push((redirect.stream, redirect.kind, target));
            }
        }
        let given = match (&self.input, first && read.is_none() && applets::reads(&words)) {
            (Input::Open, true) => {
                self.input = Input::Wanted;
                return Outcome::default();
            }
            (Input::Given(_), true) => match std::mem::replace(&mut self.input, Input::None) {
                Input::Given(text) => Some(text),
                _ => None,
            },
            _ => None,
        };
        let input = given.as_deref().unwrap_or(input);
        let mut outcome = self.program(&mut words, read.as_deref().unwrap_or(input), context);
        if !assigned.is_empty() {
            self.variables = kept;
        }
        for (stream, kind, target) in targets {
            if self.line.waits() {
                break;
            }
            let line = self.line.clone();
            outcome = line.once(|| {
                self.redirect(&mut outcome, stream, kind, &target, context);
                outcome
            });
        }
        outcome
    }

    fn files<'c>(&self, context: &Context<'c>) -> Files<'c> {
        Files::of(context.objects, context.pod, context.container, &self.folder)
    }

    fn redirect(&self, outcome: &mut Outcome, stream: u8, kind: &str, target: &str, context: &Context<'_>) {
        let text = match (stream, kind, target) {
            (2, ">&", "1") => {
                let text = std::mem::take(&mut outcome.err);
                outcome.out.push_str(&text);
                return;
            }
            (1, ">&", "2") => {
                let text = std::mem::take(&mut outcome.out);
                outcome.err.push_str(&text);
                return;
            }
            (2, _, _) => std::mem::take(&mut outcome.err),
            (3, _, _) => [std::mem::take(&mut outcome.out), std::mem::take(&mut outcome.err)].concat(),
            _ => std::mem::take(&mut outcome.out),
        };
        // PID 1's own streams are the log.
        match target {
            "/dev/null" => return,
            "/dev/stdout" | "/proc/1/fd/1" => return outcome.out.push_str(&text),
            "/dev/stderr" | "/proc/1/fd/2" => return outcome.err.push_str(&text),
            _ => {}
        }
        if let Err(why) = self.files(context).write(target, &text, kind == ">>") {
            outcome.err.push_str(&format!("sh: can't create {target}: {why}\n"));
            outcome.code = 1;
        }
    }

    /// Runs a program, or what the shell does itself.
    fn program(&mut self, words: &mut Vec<String>, input: &str, context: &Context<'_>) -> Outcome {
        let ended = |code| Outcome { code, ..Outcome::default() };
        while matches!(words.first().map(String::as_str), Some("exec" | "nohup" | "time" | "command" | "sudo")) {
            let first = words.remove(0);
            if first == "exec" && !words.is_empty() {
                // What comes after it never runs.
                self.at = self.ops.len();
            }
        }
        let Some(first) = words.first().cloned() else { return ended(0) };
        let rest = &words[1..];
        match first.as_str() {
            "exit" => {
                let code = rest.first().map_or(self.code, |text| text.parse().unwrap_or(2));
                self.exited = Some(code & 0xff);
                ended(code)
            }
            "cd" => {
                self.folder = self.files(context).path(rest.first().map_or("/root", String::as_str));
                ended(0)
            }
            "export" => {
                for pair in rest.iter().filter_map(|word| word.split_once('=')) {
                    self.variables.insert(pair.0.to_owned(), pair.1.to_owned());
                }
                ended(0)
            }
            "unset" => {
                rest.iter().for_each(|name| {
                    self.variables.remove(name);
                });
                ended(0)
            }
            "set" => {
                for word in rest.iter().filter(|word| word.starts_with(['-', '+'])) {
                    if word.contains('e') && !word.starts_with("-o") {
                        self.strict = word.starts_with('-');
                    }
                }
                if rest.iter().any(|word| word == "errexit") {
                    self.strict = true;
                }
                ended(0)
            }
            "trap" => {
                if rest.iter().any(|word| matches!(word.trim_start_matches("SIG"), "TERM" | "15")) {
                    self.trap = rest.first().cloned();
                }
                ended(0)
            }
            "wait" if self.serving => Outcome { takes: Takes::Forever, ..Outcome::default() },
            "wait" | "shift" | "umask" | "ulimit" | "hash" | "." | "source" => ended(0),
            "eval" => self.inner(&rest.join(" "), input, context),
            "sh" | "bash" | "ash" | "/bin/sh" | "/bin/bash" | "/bin/ash" => match rest {
                [flag, script, ..] if flag.starts_with('-') && flag.ends_with('c') => {
                    self.inner(script, input, context)
                }
                [] => self.inner(input, "", context),
                [file, ..] => match self.files(context).read(file) {
                    Some(script) => self.inner(&script, input, context),
                    None => Outcome {
                        err: format!("sh: can't open '{file}': No such file or directory\n"),
                        code: 2,
                        ..Outcome::default()
                    },
                },
            },
            _ => {
                let line = Some(&self.line).filter(|line| line.is_open());
                let inside = Context { variables: &self.variables, folder: &self.folder, line, ..*context };
                self.line.once(|| {
                    applets::run(&inside, words, input).unwrap_or_else(|| Outcome {
                        err: format!("sh: {first}: not found\n"),
                        code: 127,
                        ..Outcome::default()
                    })
                })
            }
        }
    }

    /// Runs a script within this one, to its end: what it sleeps is slept behind it.
    fn inner(&self, script: &str, input: &str, context: &Context<'_>) -> Outcome {
        if self.depth >= DEPTH {
            return Outcome { err: "sh: too many shells within each other\n".into(), code: 2, ..Outcome::default() };
        }
        let mut machine = match Self::new(script, self.variables.clone(), &self.folder) {
            Ok(machine) => machine,
            Err(why) => return Outcome { err: format!("sh: {why}\n"), code: 2, ..Outcome::default() },
        };
        machine.depth = self.depth + 1;
        machine.input = Input::Given(input.to_owned());
        machine.line = self.line.clone();
        finish(&mut machine, context)
    }
}

/// Runs a machine to its end, as somebody who waits for it sees it.
pub(crate) fn finish(machine: &mut Machine, context: &Context<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut slept = Duration::ZERO;
    for _ in 0..STEPS {
        let step = machine.step(context);
        if machine.line.waits() {
            return Outcome::default();
        }
        for (stream, text) in machine.written() {
            if stream == Stream::Stdout { outcome.out.push_str(&text) } else { outcome.err.push_str(&text) }
        }
        match step {
            Step::On => {}
            Step::Sleep(span) => slept += span,
            Step::Forever => return Outcome { takes: Takes::Forever, ..outcome },
            // Nobody is there to be asked.
            Step::Reads | Step::Asks => machine.give(String::new()),
            Step::Exit(code) => {
                let takes = if slept > Duration::ZERO { Takes::Sleep(slept) } else { Takes::Nothing };
                return Outcome { code, takes, ..outcome };
            }
        }
    }
    // A loop that does not end by itself.
    Outcome { takes: Takes::Forever, ..outcome }
}

struct Asking<'a, 'c> {
    machine: &'a mut Machine,
    context: &'a Context<'c>,
}

impl Source for Asking<'_, '_> {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.machine.code.to_string()),
            "$" => Some("1".into()),
            "#" => Some("0".into()),
            "@" | "*" | "!" => Some(String::new()),
            "PWD" => Some(self.machine.folder.clone()),
            "RANDOM" => Some((self.context.now.as_nanosecond().unsigned_abs() / 1000 % 32768).to_string()),
            _ => self.machine.variables.get(name).cloned(),
        }
    }

    fn output(&mut self, script: &str) -> String {
        let outcome = self.machine.inner(script, "", self.context);
        if !outcome.err.is_empty() {
            self.machine.out.push((Stream::Stderr, outcome.err));
        }
        self.machine.code = outcome.code;
        outcome.out.trim_end_matches('\n').to_owned()
    }
}

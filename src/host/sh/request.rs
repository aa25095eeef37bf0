//! From a script's arguments to a program's: the real ones, and the same as they may be shown.

use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::json;

use crate::client::sh::{Command, MAX_OUTPUT, quoted};
use crate::config::units::show_duration;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::redact::programs;
use crate::host::values::{Secret, Size, to_array, type_name};
use crate::host::{Call, Context, Limit, Options, paths};

pub(super) const OPTIONS: &[&str] =
    &["dir", "env", "clear_env", "stdin", "within", "max_output", "check", "effect", "cluster", "undo"];
pub(super) const SCRIPT_OPTIONS: &[&str] =
    &["args", "dir", "env", "clear_env", "stdin", "within", "max_output", "check", "effect", "cluster", "undo"];

/// A program to run, and how the call stands before the gate.
pub(super) struct Request {
    function: &'static str,
    options: Options,
    command: Command,
    /// Program and arguments with secrets as their numbers.
    shown: Vec<String>,
    /// The environment, likewise.
    shown_env: Vec<(String, String)>,
    shown_stdin: Option<String>,
    effect: Effect,
    limit: Limit,
    cluster: Option<String>,
    check: bool,
    /// The bash script that undoes it.
    pub(super) undo: Option<String>,
}

impl Request {
    /// Reads the options, which `sh::run` and `sh::script` share.
    pub(super) fn new(
        cx: &Context,
        at: &NativeCallContext,
        function: &'static str,
        options: Map,
    ) -> Result<Self, Error> {
        let known = if function == "sh::script" { SCRIPT_OPTIONS } else { OPTIONS };
        let options = Options::new(options, function, known)?;
        let mut command = Command::new("", [] as [String; 0]);
        command.dir = options.string("dir")?.map(|dir| paths::resolve(cx, at, &dir));
        command.clear_env = options.bool("clear_env")?.unwrap_or(false);
        command.max_output = options.size("max_output")?.map_or(MAX_OUTPUT, |size| size.0);
        let mut shown_env = Vec::new();
        for (name, value) in options.map("env")?.unwrap_or_default() {
            let text = Text::of(&value).ok_or_else(|| options.wrong("env", "a map of strings and secrets", &value))?;
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Error::new(Kind::Script, format!("{function}: {name:?} is no name of a variable")));
            }
            let shown = programs::variable(&cx.world.redactor, &name, &text.shown).unwrap_or(text.shown);
            shown_env.push((name.to_string(), shown));
            command.env.insert(name.to_string(), text.real);
        }
        let stdin = options.value("stdin")?;
        let stdin = stdin
            .map(|value| Text::of(&value).ok_or_else(|| options.wrong("stdin", "a string or a secret", &value)))
            .transpose()?;
        let effect = match options.string("effect")? {
            None => Effect::Write,
            Some(word) => Effect::parse(&word).ok_or_else(|| {
                options.wrong("effect", "\"read\", \"write\", \"disrupt\" or \"destroy\"", &word.into())
            })?,
        };
        let limit = options.duration("within")?.map_or(Limit::Step, Limit::Within);
        let cluster = options.string("cluster")?;
        let check = options.bool("check")?.unwrap_or(true);
        let undo = options.string("undo")?.filter(|text| !text.trim().is_empty());
        let (real, shown) = stdin.map(|text| (text.real, text.shown)).unzip();
        command.stdin = real;
        Ok(Self {
            function,
            options,
            command,
            shown: Vec::new(),
            shown_env,
            shown_stdin: shown,
            effect,
            limit,
            cluster,
            check,
            undo,
        })
    }

    /// A program with its arguments.
    pub(super) fn program(mut self, program: &str, args: &Dynamic) -> Result<Self, Error> {
        if program.is_empty() {
            return Err(Error::new(Kind::Script, format!("{}: the program's name is empty", self.function)));
        }
        if program.contains(char::is_whitespace) {
            // A command line in one string is the mistake that everybody makes once.
            return Err(Error::new(Kind::Script, format!("{}: {program:?} is no name of a program", self.function))
                .hint("arguments are a list: sh::run(\"kubectl\", [\"get\", \"nodes\"])")
                .hint("a command line is what sh::script takes"));
        }
        self.command.program = program.into();
        self.shown.push(program.into());
        let args = to_array(args).ok_or_else(|| {
            Error::new(
                Kind::Script,
                format!("{}: the arguments are {}, expected a list", self.function, type_name(args)),
            )
        })?;
        self.add(&args)
    }

    /// A bash script; its arguments are an option.
    pub(super) fn script(mut self, text: &str) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Err(Error::new(Kind::Script, format!("{}: the script is empty", self.function)));
        }
        self.command.program = "bash".into();
        self.shown.push("bash".into());
        let args = self.options.list("args")?.unwrap_or_default();
        let mut words: Vec<Dynamic> = vec!["-euo".into(), "pipefail".into(), "-c".into(), text.into()];
        if !args.is_empty() {
            // The word after the script is `$0`.
            words.push("bash".into());
        }
        words.extend(args);
        self.add(&words)
    }

    fn add(mut self, args: &[Dynamic]) -> Result<Self, Error> {
        for (at, value) in args.iter().enumerate() {
            let text = Text::of(value).ok_or_else(|| {
                Error::new(
                    Kind::Script,
                    format!(
                        "{}: argument {} is {}, expected a string or a number",
                        self.function,
                        at + 1,
                        type_name(value)
                    ),
                )
            })?;
            self.command.args.push(text.real);
            self.shown.push(text.shown);
        }
        Ok(self)
    }

    /// The call for the gate, the program for the client, and whether its exit code is checked.
    pub(super) fn finish(mut self, cx: &Context) -> (Call, Command, bool) {
        let redactor = &cx.world.redactor;
        self.shown = programs::words(redactor, self.shown);
        self.shown_stdin = self.shown_stdin.map(|text| programs::text(redactor, &text));
        self.undo.iter().for_each(|script| drop(programs::text(redactor, script)));
        let args = json!({
            "command": self.shown,
            "dir": self.command.dir,
            "env": self.shown_env,
            "clear_env": self.command.clear_env,
            "stdin": self.shown_stdin,
            "check": self.check,
        });
        let mut call =
            Call::new(self.function, self.line()).effect(self.effect).usual(Effect::Write).args(args).limit(self.limit);
        call.cluster = self.cluster;
        if call.cluster.is_none() && self.effect >= Effect::Disrupt {
            call.cluster.clone_from(&cx.cluster);
        }
        (call, self.command, self.check)
    }

    /// What a person could type.
    fn line(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        if self.command.clear_env {
            words.extend(["env".into(), "-i".into()]);
        }
        words.extend(self.shown_env.iter().map(|(name, value)| format!("{name}={}", quoted(value))));
        words.push(line(&self.shown));
        let mut typed = words.join(" ");
        if let Some(stdin) = &self.shown_stdin {
            typed = format!("printf %s {} | {typed}", quoted(stdin));
        }
        match &self.command.dir {
            Some(dir) => format!("cd {} && {typed}", quoted(&dir.to_string_lossy())),
            None => typed,
        }
    }
}

/// Words as one command line.
pub(super) fn line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A text as the program gets it, and as it may be shown.
struct Text {
    real: String,
    shown: String,
}

impl Text {
    fn of(value: &Dynamic) -> Option<Self> {
        if let Some(secret) = value.read_lock::<Secret>() {
            return Some(Self { real: secret.expose().to_string(), shown: secret.to_string() });
        }
        let text = if let Some(span) = value.read_lock::<Duration>() {
            show_duration(*span)
        } else if value.is_string()
            || value.is_char()
            || value.is_int()
            || value.is_float()
            || value.is_bool()
            || value.is::<Size>()
        {
            match value.read_lock::<Size>() {
                Some(size) => size.to_string(),
                None => value.to_string(),
            }
        } else {
            return None;
        };
        Some(Self { real: text.clone(), shown: text })
    }
}

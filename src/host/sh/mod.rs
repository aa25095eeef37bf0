//! `sh::` — programs on this machine, without a shell or as a strict bash script.

mod request;

use rhai::{Array, Dynamic, Map, NativeCallContext};
use serde::{Deserialize, Serialize};

use super::redact::programs;
use super::{Call, Context, HostResult, Module, Needs, Registrar};
use crate::client::sh::{Command, last_lines, run as start, which};
use crate::error::{Error, Kind};
use crate::event::{Effect, Undo};
use request::{OPTIONS, Request, SCRIPT_OPTIONS};

pub(crate) const MODULE: Module =
    Module { name: "sh", about: "Programs on this machine", needs: Needs::Nothing, register };

/// Lines of standard error that an error shows.
const SHOWN: usize = 10;

fn register(m: &mut Registrar) {
    m.path("run")
        .sig("(program: string, args?: list, options?: map) -> map")
        .options(OPTIONS)
        .effect(Effect::Write)
        .doc(RUN)
        .example(r#"let r = sh::run("echo", ["two words", 3], #{ effect: "read" }); r.stdout == "two words 3" && r.code == 0"#)
        .add(|at: NativeCallContext, program: &str| run(&at, program, &Array::new().into(), Map::new()))
        .add(|at: NativeCallContext, program: &str, args: Dynamic| run(&at, program, &args, Map::new()))
        .add(|at: NativeCallContext, program: &str, args: Dynamic, options: Map| run(&at, program, &args, options));
    m.path("script")
        .sig("(text: string, options?: map) -> map")
        .options(SCRIPT_OPTIONS)
        .effect(Effect::Write)
        .doc("Runs a bash script with `-euo pipefail`: the first command that fails ends it, also inside a pipe, and an unset variable is an error. Options, result and errors are those of `sh::run`, and `args` (a list) is `$1`, `$2` … in the script: give values that way, not pasted into the text, and no quoting can go wrong. What the script leaves behind in the background ends with it, unless it put itself into a session of its own (`setsid`).")
        .example(r#"sh::script("printf %s \"$1\" | tr a-z A-Z", #{ args: ["it's"], effect: "read" }).stdout == "IT'S""#)
        .add(|at: NativeCallContext, text: &str| script(&at, text, Map::new()))
        .add(|at: NativeCallContext, text: &str, options: Map| script(&at, text, options));
    m.path("which")
        .sig("(name: string) -> string | ()")
        .effect(Effect::Read)
        .doc("The path of a program that is found in `PATH`, or `()`.")
        .example(r#"sh::which("bash").ends_with("/bash") && sh::which("no-such-program") == ()"#)
        .add(|at: NativeCallContext, name: &str| -> HostResult<Dynamic> {
            let cx = Context::current()?;
            let call = Call::new("sh::which", request::line(&["command".into(), "-v".into(), name.into()]))
                .args(serde_json::json!({ "name": name }));
            let found: Option<String> =
                cx.call(&at, call, async { Ok(which(name).map(|path| path.to_string_lossy().into_owned())) })?;
            Ok(found.map_or(Dynamic::UNIT, Into::into))
        });
}

const RUN: &str = "Runs a program without a shell: each argument reaches it as it is. `args` holds strings, numbers, bools, durations, sizes and secrets (a secret in `env` or `stdin` is safer: other users of the machine can see arguments). The result has `stdout` and `stderr` (strings, without the last newline; what is not UTF-8 becomes U+FFFD), `code`, `signal` (its number, or `()`; the code is then 128 more) and `time` (duration).\n\n\
`options`: `dir` the folder to run in (relative to the playbook's; default: where pb was started); `env` variables to set (map; secrets allowed); `clear_env: true` leaves it only those; `stdin` a string or secret (default: empty); `within` a duration (default: the step's deadline); `max_output` a size, for both streams together (default 16 MiB); `check: false` returns a non-zero code instead of throwing; `effect` what it does: `\"read\"`, `\"write\"` (the default), `\"disrupt\"` or `\"destroy\"`; `cluster` on which one (default: the step's); `undo` a bash script that undoes it, kept in the ledger before the program starts and run when the step ends, so it should do no harm when it runs twice.\n\n\
Throws `exit_code` with the last lines of `stderr`; `missing_tool`; `timeout`; `io` when it printed more than it may, which is never cut silently. At a deadline or an interruption the program and all its children get SIGTERM, and SIGKILL a second later.";

/// How a program ended: what is recorded, and what the script gets.
#[derive(Debug, Serialize, Deserialize)]
struct Ran {
    stdout: String,
    stderr: String,
    code: i32,
    signal: Option<i32>,
    seconds: f64,
}

impl Ran {
    fn map(self) -> Map {
        let mut map = Map::new();
        map.insert("stdout".into(), self.stdout.into());
        map.insert("stderr".into(), self.stderr.into());
        map.insert("code".into(), i64::from(self.code).into());
        map.insert("signal".into(), self.signal.map_or(Dynamic::UNIT, |signal| i64::from(signal).into()));
        let time = std::time::Duration::try_from_secs_f64(self.seconds).unwrap_or_default();
        map.insert("time".into(), Dynamic::from(time));
        map
    }

    fn summary(&self) -> String {
        format!("exit code {}, {} bytes", self.code, self.stdout.len() + self.stderr.len())
    }
}

fn run(at: &NativeCallContext, program: &str, args: &Dynamic, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let request = Request::new(&cx, at, "sh::run", options)?.program(program, args)?;
    perform(&cx, at, request)
}

fn script(at: &NativeCallContext, text: &str, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let request = Request::new(&cx, at, "sh::script", options)?.script(text)?;
    perform(&cx, at, request)
}

fn perform(cx: &Context, at: &NativeCallContext, request: Request) -> HostResult<Map> {
    let undo = request.undo.clone();
    let (call, command, check) = request.finish(cx);
    let what = call.line.clone();
    if let Some(script) = undo {
        // The row comes before the change, and not at all where the gate refuses it.
        cx.admit(&call)?;
        let args = ["-euo", "pipefail", "-c", &script].map(ToString::to_string).to_vec();
        cx.undo(&what, Undo::Command { program: "bash".into(), args })?;
    }
    let redactor = cx.world.redactor.clone();
    let ran = cx.call_with(at, call, Ran::summary, async move {
        let output = start(&command).await?;
        let ran = Ran {
            stdout: output.stdout,
            stderr: output.stderr,
            code: output.code,
            signal: output.signal,
            seconds: output.time.as_secs_f64(),
        };
        [&ran.stdout, &ran.stderr].into_iter().for_each(|text| programs::printed(&redactor, text));
        if check && ran.code != 0 { Err(exit_code(&command, &what, &ran)) } else { Ok(ran) }
    })?;
    Ok(ran.map())
}

/// The error of a program that ended badly, with the end of what it said.
fn exit_code(command: &Command, line: &str, ran: &Ran) -> Error {
    let ended = match ran.signal {
        Some(signal) => format!("was ended by signal {signal}"),
        None => format!("ended with exit code {}", ran.code),
    };
    let mut error = Error::new(Kind::ExitCode, format!("{} {ended}", command.program));
    let (stream, text) = if ran.stderr.trim().is_empty() { ("stdout", &ran.stdout) } else { ("stderr", &ran.stderr) };
    let said = last_lines(text, SHOWN);
    error = match said.is_empty() {
        true => error.because("it printed nothing"),
        false => error.because(format!("{stream} ends with:\n{}", said.join("\n"))),
    };
    if ran.code == 127 && command.program == "bash" {
        error = error.hint("127: bash did not find a program that the script names");
    }
    error.because(format!("ran: {line}")).hint("check: false returns the code instead of throwing")
}

#[cfg(test)]
mod tests;

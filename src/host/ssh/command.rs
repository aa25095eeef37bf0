//! `host.run`: a command through the gate, and what its end means.

use rhai::{Map, NativeCallContext};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::sessions::Sessions;
use super::{SshHost, route};
use crate::client::sh::without_newline;
use crate::client::ssh::{Command, Output};
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::call::{Call, Limit};
use crate::host::context::{Context, HostResult};
use crate::host::options::Options;
use crate::host::redact::programs;

/// The options of `host.run`.
pub(super) const OPTIONS: &[&str] = &["effect", "check", "within", "stdin", "shell", "keep_newline"];

/// What a command may print: a string of a script holds twice as much.
const OUTPUT_LIMIT: usize = 32 << 20;

/// What a command printed, as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<String>,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
        };
        Self { stdout: text(output.stdout), stderr: text(output.stderr), code: output.code, signal: output.signal }
    }
}

/// A command on its way.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) effect: Effect,
    /// What it counts as where nobody says what it does.
    pub(crate) usual: Effect,
    pub(crate) limit: Limit,
    pub(crate) stdin: String,
    pub(crate) shell: bool,
}

impl Request {
    /// A command that only looks.
    pub(crate) fn read(line: &str) -> Self {
        Self {
            line: line.into(),
            effect: Effect::Read,
            usual: Effect::Read,
            limit: Limit::Call,
            stdin: String::new(),
            shell: false,
        }
    }
}

/// Sends a command through the gate.
pub(crate) fn send(ctx: &NativeCallContext, host: &SshHost, request: Request) -> Result<Answer> {
    let context = Context::current()?;
    let way = route::to(&context.world, &host.name)?;
    let redactor = &context.world.redactor;
    let shown = programs::text(redactor, &request.line);
    let mut args = json!({ "host": host.name, "command": shown });
    if !request.stdin.is_empty() {
        args["stdin"] = programs::text(redactor, &request.stdin).into();
    }
    let call = Call::new("host.run", route::line(&*route::routes(&context.world)?, &way, &shown))
        .effect(request.effect)
        .usual(request.usual)
        .target(&host.name)
        .args(args)
        .limit(request.limit);
    let sessions = Sessions::of(&context);
    let command = Command {
        line: request.line,
        stdin: request.stdin.into_bytes(),
        output_limit: OUTPUT_LIMIT,
        shell: request.shell,
    };
    let summary = |answer: &Answer| match (&answer.signal, answer.code) {
        (Some(signal), _) => format!("ended by SIG{signal}"),
        (None, Some(code)) => format!("exit code {code}, {} bytes", answer.stdout.len()),
        (None, None) => format!("{} bytes", answer.stdout.len()),
    };
    context.call_with(ctx, call, summary, async {
        let answer = sessions.run(&context, &host.name, way, command).await.map(Answer::from)?;
        [&answer.stdout, &answer.stderr].into_iter().for_each(|text| programs::printed(redactor, text));
        Ok(answer)
    })
}

/// `host.run(command, options)`
pub(super) fn run(ctx: &NativeCallContext, host: &SshHost, line: &str, options: Map) -> HostResult<Map> {
    let options = Options::new(options, "host.run", OPTIONS)?;
    let effect = match options.string("effect")?.as_deref() {
        None | Some("write") => Effect::Write,
        Some("read") => Effect::Read,
        Some("disrupt") => Effect::Disrupt,
        Some("destroy") => Effect::Destroy,
        Some(other) => {
            return Err(Error::new(
                Kind::Script,
                format!("host.run: effect \"{other}\" is none of read, write, disrupt, destroy"),
            )
            .into());
        }
    };
    let request = Request {
        line: line.into(),
        effect,
        usual: Effect::Write,
        limit: options.duration("within")?.map_or(Limit::Call, Limit::Within),
        stdin: options.text("stdin")?.unwrap_or_default(),
        shell: options.bool("shell")?.unwrap_or(false),
    };
    let answer = send(ctx, host, request)?;
    if options.bool("check")?.unwrap_or(true) {
        check(host, line, &answer)?;
    }
    let keep = options.bool("keep_newline")?.unwrap_or(false);
    let text = |text: &str| if keep { text.to_string() } else { without_newline(text).to_string() };
    let mut map = Map::new();
    map.insert("stdout".into(), text(&answer.stdout).into());
    map.insert("stderr".into(), text(&answer.stderr).into());
    map.insert("code".into(), answer.code.map_or(rhai::Dynamic::UNIT, |code| i64::from(code).into()));
    Ok(map)
}

/// Lets a command pass that ended with 0, or on a host that tells no exit code.
pub(crate) fn check(host: &SshHost, line: &str, answer: &Answer) -> Result<()> {
    let how = match (&answer.signal, answer.code) {
        (Some(signal), _) => format!("was ended by SIG{signal}"),
        (None, Some(code)) if code != 0 => format!("ended with exit code {code}"),
        _ => return Ok(()),
    };
    let mut error = Error::new(Kind::ExitCode, format!("{}: \"{line}\" {how}", host.name));
    for text in [&answer.stderr, &answer.stdout] {
        if !text.trim().is_empty() {
            error = error.because(tail(text));
            break;
        }
    }
    Err(error.hint("check: false in the options gives the exit code instead of throwing"))
}

/// The last lines of what was printed.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

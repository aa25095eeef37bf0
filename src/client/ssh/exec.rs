//! One command over an exec channel: both streams drained side by side, its input fed, its exit status.

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Command, Failed, Inner, Output, auth, shell};
use crate::error::{Error, Kind, Result};

/// libssh2's `LIBSSH2_ERROR_EAGAIN`.
const AGAIN: i32 = -37;
/// `LIBSSH2_ERROR_CHANNEL_FAILURE`, `LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED`.
const DENIED: [i32; 2] = [-21, -22];
/// How long an idle connection may take to open a channel before it counts as dead.
const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// How long the goodbye of a channel may take once both streams have ended.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Runs a command to its end on this thread.
pub(super) fn run(inner: &Inner, command: &Command) -> Result<Output, Failed> {
    inner.session.set_blocking(false);
    if command.shell || inner.shell_only.load(Ordering::Relaxed) {
        let channel = open(inner).map_err(Failed::NotSent)?;
        return shell::run(inner, channel, command).map_err(Failed::Sent);
    }
    let mut channel = open(inner).map_err(Failed::NotSent)?;
    match ready(inner, None, || channel.exec(&command.line)) {
        Ok(()) => collect(inner, channel, command).map_err(Failed::Sent),
        Err(e) if is_code(&e, &DENIED) => {
            drop(channel);
            inner.shell_only.store(true, Ordering::Relaxed);
            let channel = open(inner).map_err(Failed::Sent)?;
            shell::run(inner, channel, command).map_err(Failed::Sent)
        }
        Err(e) => Err(Failed::Sent(auth::broke(&inner.target, "while the command was sent", &e))),
    }
}

fn open(inner: &Inner) -> Result<ssh2::Channel> {
    ready(inner, Some(Instant::now() + OPEN_LIMIT), || inner.session.channel_session())
        .map_err(|e| auth::broke(&inner.target, "before the command was sent", &e))
}

fn is_code(e: &ssh2::Error, codes: &[i32]) -> bool {
    matches!(e.code(), ssh2::ErrorCode::Session(code) if codes.contains(&code))
}

/// Repeats a call that does not block until it is through, the time is up, or the session is stopped.
pub(super) fn ready<T>(
    inner: &Inner,
    until: Option<Instant>,
    mut call: impl FnMut() -> std::result::Result<T, ssh2::Error>,
) -> std::result::Result<T, ssh2::Error> {
    loop {
        match call() {
            Err(e) if is_code(&e, &[AGAIN]) => {
                if inner.stop.stopped() || until.is_some_and(|until| Instant::now() >= until) {
                    // LIBSSH2_ERROR_TIMEOUT
                    return Err(ssh2::Error::new(ssh2::ErrorCode::Session(-9), "no answer in time"));
                }
                inner.wire.wait(&inner.session);
            }
            result => return result,
        }
    }
}

fn collect(inner: &Inner, mut channel: ssh2::Channel, command: &Command) -> Result<Output> {
    let mut output = Output::default();
    let mut errors = channel.stderr();
    let mut input = Some(command.stdin.as_slice());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if inner.stop.stopped() {
            return Err(Error::new(Kind::Cancelled, "the command was cut short"));
        }
        let mut moved = feed(inner, &mut channel, &mut input)?;
        moved |= drain(inner, &mut channel, &mut buffer, &mut output.stdout)?;
        moved |= drain(inner, &mut errors, &mut buffer, &mut output.stderr)?;
        let printed = output.stdout.len() + output.stderr.len();
        if printed > command.output_limit {
            return Err(too_much(inner, command, &output.stdout));
        }
        if channel.eof() {
            break;
        }
        if !moved {
            inner.wire.wait(&inner.session);
        }
    }
    let until = Some(Instant::now() + CLOSE_LIMIT);
    let ended = ready(inner, until, || channel.close()).and_then(|()| ready(inner, until, || channel.wait_close()));
    ended.map_err(|e| auth::broke(&inner.target, "before the exit status came", &e))?;
    output.code = channel.exit_status().ok();
    output.signal = channel.exit_signal().ok().and_then(|s| s.exit_signal);
    Ok(output)
}

/// More was printed than may be kept.
pub(super) fn too_much(inner: &Inner, command: &Command, shown: &[u8]) -> Error {
    let head: String = String::from_utf8_lossy(shown).lines().take(3).collect::<Vec<_>>().join("\n");
    let head = crate::error::beginning(&head, 200);
    inner
        .target
        .error(
            Kind::Unreadable,
            format!("the command printed more than {} bytes and was cut off", command.output_limit),
        )
        .because(format!("it began: {head}"))
        .hint("let the remote side filter what it prints")
}

fn drain(inner: &Inner, stream: &mut impl Read, buffer: &mut [u8], into: &mut Vec<u8>) -> Result<bool> {
    match stream.read(buffer) {
        Ok(n) => {
            into.extend_from_slice(&buffer[..n]);
            Ok(n > 0)
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(e) => Err(broke_while(inner, &e)),
    }
}

fn feed(inner: &Inner, channel: &mut ssh2::Channel, input: &mut Option<&[u8]>) -> Result<bool> {
    let Some(rest) = input else { return Ok(false) };
    if rest.is_empty() {
        return match channel.send_eof() {
            Ok(()) => {
                *input = None;
                Ok(true)
            }
            Err(e) if is_code(&e, &[AGAIN]) => Ok(false),
            Err(e) => Err(auth::broke(&inner.target, "while the command ran", &e)),
        };
    }
    match channel.write(rest) {
        Ok(n) => {
            *rest = &rest[n..];
            Ok(n > 0)
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(false),
        // The command ended, or closed its input, without reading all of it: its exit status tells.
        Err(_) if channel.eof() => {
            *input = None;
            Ok(true)
        }
        Err(e) => Err(broke_while(inner, &e)),
    }
}

/// The connection broke in the middle of a command.
pub(super) fn broke_while(inner: &Inner, e: &std::io::Error) -> Error {
    inner
        .target
        .error(Kind::Unreachable, format!("the connection to {} broke while the command ran", inner.target.shown()))
        .caused_by(e)
        .hint("it may have run to its end all the same")
}

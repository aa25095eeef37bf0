//! Routers without an exec channel: a command typed into a shell on a terminal, read up to the next prompt.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::exec::{broke_while, ready, too_much};
use super::{Command, Inner, Output, auth};
use crate::error::{Error, Kind, Result};

/// What turns paging and line folding off; routers that don't know one of them say so and go on.
const PREPARE: &[&str] = &["terminal length 0", "terminal width 511"];
/// A prompt counts when nothing follows it for so long.
const QUIET: Duration = Duration::from_millis(150);
/// The first prompt counts after a longer silence: banners come in pieces.
const FIRST_QUIET: Duration = Duration::from_millis(400);

/// Types the command and reads what it shows.
pub(super) fn run(inner: &Inner, mut channel: ssh2::Channel, command: &Command) -> Result<Output> {
    let setup = |e: ssh2::Error| auth::broke(&inner.target, "while a shell was asked for", &e);
    if command.line.contains('\n') || !command.stdin.is_empty() {
        return Err(inner.target.error(
            Kind::Script,
            "a host with a shell alone takes one line and no input (it has no exec channel, or shell: true was asked)",
        ));
    }
    ready(inner, None, || channel.request_pty("vt100", None, Some((511, 24, 0, 0)))).map_err(setup)?;
    ready(inner, None, || channel.shell()).map_err(setup)?;
    let mut shell = Shell { inner, channel, command, prompt: None };
    let greeting = shell.read()?;
    let prompt = last_line(&greeting).to_string();
    if !is_prompt(&prompt) {
        return Err(inner
            .target
            .error(Kind::Unreadable, "the shell showed no prompt that ends in >, # , $ or %")
            .because(format!("it showed: {greeting}")));
    }
    shell.prompt = Some(prompt);
    for line in PREPARE {
        shell.type_line(line)?;
        shell.read()?;
    }
    shell.type_line(&command.line)?;
    let shown = shell.read()?;
    let text = answer(&shown, shell.prompt.as_deref().unwrap_or_default());
    if text.contains("--More--") {
        return Err(inner
            .target
            .error(Kind::Unreadable, "the output was paged although paging was turned off")
            .because(text));
    }
    // The session goes on; only this shell ends.
    let _ = ready(inner, Some(Instant::now() + QUIET), || shell.channel.close());
    Ok(Output { stdout: text.into_bytes(), ..Output::default() })
}

struct Shell<'a> {
    inner: &'a Inner,
    channel: ssh2::Channel,
    command: &'a Command,
    prompt: Option<String>,
}

impl Shell<'_> {
    fn type_line(&mut self, line: &str) -> Result<()> {
        let mut rest = line.as_bytes().to_vec();
        rest.push(b'\n');
        let mut from = 0;
        while from < rest.len() {
            match self.channel.write(&rest[from..]) {
                Ok(n) => from += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock && !self.inner.stop.stopped() => {
                    self.inner.wire.wait(&self.inner.session);
                }
                Err(e) => return Err(broke_while(self.inner, &e)),
            }
        }
        Ok(())
    }

    /// Everything up to the prompt and including it.
    fn read(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 32 * 1024];
        let mut last = Instant::now();
        let mut text = String::new();
        loop {
            if self.inner.stop.stopped() {
                return Err(Error::new(Kind::Cancelled, "the command was cut short"));
            }
            match self.channel.read(&mut buffer) {
                Ok(0) if self.channel.eof() => {
                    return Err(self
                        .inner
                        .target
                        .error(Kind::Unreadable, "the shell ended before its prompt came back")
                        .because(format!("it showed: {}", plain(&bytes))));
                }
                Ok(n) => {
                    bytes.extend_from_slice(&buffer[..n]);
                    last = Instant::now();
                    if bytes.len() > self.command.output_limit {
                        return Err(too_much(self.inner, self.command, &bytes));
                    }
                    text.clear();
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Err(broke_while(self.inner, &e)),
            }
            if text.is_empty() {
                text = plain(&bytes);
            }
            let (there, quiet) = match &self.prompt {
                Some(prompt) => (last_line(&text) == prompt && text.contains('\n'), QUIET),
                None => (is_prompt(last_line(&text)), FIRST_QUIET),
            };
            if there && last.elapsed() >= quiet {
                return Ok(text);
            }
            if there {
                std::thread::sleep(Duration::from_millis(20));
            } else {
                self.inner.wire.wait(&self.inner.session);
            }
        }
    }
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

/// `edge-1#`, `edge-1>`, `edge-1(config)#`, `user@host:~$`.
fn is_prompt(line: &str) -> bool {
    let line = line.trim_end();
    line.len() <= 80 && line.len() > 1 && line.ends_with(['>', '#', '$', '%']) && !line.starts_with(char::is_whitespace)
}

/// The text without the echoed command before it and the prompt after it.
fn answer(shown: &str, prompt: &str) -> String {
    let body = shown.strip_suffix(prompt).unwrap_or(shown);
    body.split_once('\n').map(|(_, rest)| rest.to_string()).unwrap_or_default()
}

/// The text without terminal control: escape sequences, carriage returns, backspaces over what they rub out.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // CSI: parameters, then one letter.
                Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // OSC: up to BEL or ESC \.
                Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\\') {},
                _ => {}
            },
            '\r' | '\u{7}' => {}
            '\u{8}' => {
                if !out.ends_with('\n') {
                    out.pop();
                }
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_control_is_taken_out() {
        assert_eq!(plain(b"\x1b[?2004hedge-1# sho\x08\x08\x08show\r\n\x1b]0;t\x07a\r\n\x07"), "edge-1# show\na\n");
    }

    #[test]
    fn prompts_are_told_from_text() {
        for prompt in ["edge-1#", "edge-1# ", "edge-1>", "edge-1(config-if)#", "ada@host:~$ "] {
            assert!(is_prompt(prompt), "{prompt}");
        }
        for text in ["", "#", "  10.0.0.0/8 >", "hello", "% Unknown command."] {
            assert!(!is_prompt(text), "{text}");
        }
    }

    #[test]
    fn echo_and_prompt_are_cut_off() {
        assert_eq!(answer("show x\nline 1\nline 2\nedge-1# ", "edge-1# "), "line 1\nline 2\n");
        assert_eq!(answer("show x\nedge-1# ", "edge-1# "), "");
    }
}

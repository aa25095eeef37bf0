//! A shell that somebody types into, at a terminal or through a pipe.

use tokio::sync::mpsc;

use super::log::Stream;
use super::run::{self, Out, Place};
use super::script::Machine;
use crate::lab::kube::stream::Input;

/// Keys that a terminal takes for itself.
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// Whether a command is a shell that reads what to do.
pub(super) fn is_shell(command: &[String]) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    run::is_shell(program) && arguments.iter().all(|word| matches!(word.as_str(), "-i" | "-l" | "--login" | "-s"))
}

/// Does what is typed, line by line, up to `exit` or the end; the exit code.
pub(super) async fn shell(place: &Place, mut input: mpsc::UnboundedReceiver<Input>, out: &Out) -> i32 {
    let mut machine = match place.shell("") {
        Ok(machine) => machine,
        Err(why) => {
            out.write(Stream::Stderr, format!("sh: {why}\n")).await;
            return 2;
        }
    };
    let mut typed: Vec<u8> = Vec::new();
    prompt(&machine, out).await;
    while let Some(one) = input.recv().await {
        let bytes = match one {
            Input::Data(bytes) => bytes,
            Input::End => break,
            Input::Size => continue,
        };
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => {
                    echo(out, "\n").await;
                    let line = String::from_utf8_lossy(&std::mem::take(&mut typed)).into_owned();
                    if let Some(code) = line_of(place, &mut machine, &line, out).await {
                        return code;
                    }
                    prompt(&machine, out).await;
                }
                END if out.tty && typed.is_empty() => {
                    echo(out, "\n").await;
                    return machine.code();
                }
                INTERRUPT if out.tty => {
                    typed.clear();
                    machine.interrupt();
                    echo(out, "^C\n").await;
                    prompt(&machine, out).await;
                }
                BACKSPACE | DELETE if out.tty => {
                    if typed.pop().is_some() {
                        echo(out, "\x08 \x08").await;
                    }
                }
                byte => {
                    typed.push(byte);
                    if out.tty {
                        out.write(Stream::Stdout, vec![byte]).await;
                    }
                }
            }
        }
    }
    let line = String::from_utf8_lossy(&typed).into_owned();
    line_of(place, &mut machine, &line, out).await.unwrap_or_else(|| machine.code())
}

/// Runs a line; an exit code where it was the last one.
async fn line_of(place: &Place, machine: &mut Machine, line: &str, out: &Out) -> Option<i32> {
    if let Err(why) = machine.go_on(line) {
        out.write(Stream::Stderr, format!("sh: {why}\n")).await;
        return None;
    }
    let code = run::run(place, machine, None, out).await;
    machine.has_exited().then_some(code)
}

async fn prompt(machine: &Machine, out: &Out) {
    echo(out, &format!("{} # ", machine.folder())).await;
}

async fn echo(out: &Out, text: &str) {
    if out.tty {
        out.write(Stream::Stdout, text.to_owned()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;
    use crate::lab::kube::stream::Output;

    async fn typed(keys: &[&str], tty: bool) -> (String, i32) {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let pod = json!({ "metadata": { "name": "web-0" }, "spec": { "containers": [{ "name": "web" }] } });
        let place = Place { cluster, container: pod["spec"]["containers"][0].clone(), pod };
        let (to, input) = mpsc::unbounded_channel();
        for key in keys {
            to.send(Input::Data(bytes::Bytes::copy_from_slice(key.as_bytes()))).unwrap();
        }
        drop(to);
        let (output, mut shown) = mpsc::channel(100);
        let out = Out { to: output, tty, log: None };
        let code = shell(&place, input, &out).await;
        drop(out);
        let mut all = String::new();
        while let Some(Output::Stdout(bytes) | Output::Stderr(bytes)) = shown.recv().await {
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
        (all, code)
    }

    #[tokio::test]
    async fn a_terminal_shows_what_is_typed_and_what_comes_of_it() {
        let (shown, code) = typed(&["echo hx", "\x7fi\r", "nonesuch\x03", "cd /tmp\r", "exit 3\r"], true).await;
        let words = "/ # echo hx\x08 \x08i\r\nhi\r\n/ # nonesuch^C\r\n/ # cd /tmp\r\n/tmp # exit 3\r\n";
        assert_eq!((shown.as_str(), code), (words, 3));
        assert_eq!(typed(&["false\r", "\x04"], true).await.1, 1, "its last command's code is its own");
    }

    #[tokio::test]
    async fn through_a_pipe_nothing_is_shown_but_what_is_printed() {
        assert_eq!(typed(&["echo one\necho", " two; x=3\n", "echo $x"], false).await, ("one\ntwo\n3\n".into(), 0));
        assert!(is_shell(&["/bin/sh".into()]) && !is_shell(&["sh".into(), "-c".into(), "x".into()]));
    }
}

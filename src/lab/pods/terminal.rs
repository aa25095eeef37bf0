//! A shell that somebody types into, at a terminal or through a pipe.

use tokio::sync::mpsc;

use super::shell::{Ended, Out, Shell, Stdin};
use crate::lab::kube::stream::Input;

/// Keys that a terminal takes for itself.
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// Whether a command is a shell that reads what to do.
pub(super) fn is_shell(command: &[String]) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    let shell = matches!(program.rsplit('/').next(), Some("sh" | "ash" | "bash"));
    shell && arguments.iter().all(|word| matches!(word.as_str(), "-i" | "-l" | "--login" | "-s"))
}

/// Does what is typed, line by line, up to `exit` or the end; gives the exit code.
pub(super) async fn shell(
    shell: &mut Shell,
    mut input: mpsc::UnboundedReceiver<Input>,
    out: &mut Out,
    tty: bool,
) -> i32 {
    let mut typed: Vec<u8> = Vec::new();
    prompt(shell, out, tty).await;
    while let Some(one) = input.recv().await {
        let bytes = match one {
            Input::Data(bytes) => bytes,
            Input::End => break,
            Input::Size => continue,
        };
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => {
                    echo(out, tty, b"\n").await;
                    let line = String::from_utf8_lossy(&std::mem::take(&mut typed)).into_owned();
                    if let Some(code) = line_of(shell, &line, out).await {
                        return code;
                    }
                    prompt(shell, out, tty).await;
                }
                END if tty && typed.is_empty() => {
                    echo(out, tty, b"\n").await;
                    return shell.last;
                }
                INTERRUPT if tty => {
                    typed.clear();
                    shell.last = 130;
                    echo(out, tty, b"^C\n").await;
                    prompt(shell, out, tty).await;
                }
                BACKSPACE | DELETE if tty => {
                    if typed.pop().is_some() {
                        echo(out, tty, b"\x08 \x08").await;
                    }
                }
                byte => {
                    typed.push(byte);
                    echo(out, tty, &[byte]).await;
                }
            }
        }
    }
    let line = String::from_utf8_lossy(&typed).into_owned();
    match line_of(shell, &line, out).await {
        Some(code) => code,
        None => shell.last,
    }
}

/// Runs a line; an exit code where it was the last one.
async fn line_of(shell: &mut Shell, line: &str, out: &mut Out) -> Option<i32> {
    match shell.script(line, &mut Stdin::None, out).await {
        Ended::Exit(code) => Some(code),
        Ended::With(code) => {
            shell.last = code;
            None
        }
        Ended::Break | Ended::Continue => None,
    }
}

async fn prompt(shell: &Shell, out: &mut Out, tty: bool) {
    echo(out, tty, format!("{} # ", shell.folder).as_bytes()).await;
}

async fn echo(out: &mut Out, tty: bool, bytes: &[u8]) {
    if tty {
        out.write(false, bytes).await;
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
    use crate::lab::pods::disk::Disk;
    use crate::lab::pods::shell::Around;

    async fn typed(keys: &[&str], tty: bool) -> (String, i32) {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let pod = json!({ "metadata": { "name": "web-0" }, "spec": { "containers": [{ "name": "web" }] } });
        let around = Around { cluster, pod, container: "web".into(), disk: Arc::new(Disk::default()) };
        let (to, input) = mpsc::unbounded_channel();
        for key in keys {
            to.send(Input::Data(bytes::Bytes::copy_from_slice(key.as_bytes()))).unwrap();
        }
        drop(to);
        let (output, mut shown) = mpsc::channel(100);
        let mut out = Out::Live { to: output, tty };
        let code = shell(&mut Shell::new(around), input, &mut out, tty).await;
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

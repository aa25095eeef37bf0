//! `pods/exec` and `pods/attach`: a program in a container, with input, a terminal, and an exit code.
//!
//! Source: k8s.io/kubernetes `pkg/registry/core/pod/strategy.go` (`streamLocation`), k8s.io/kubelet
//! `pkg/cri/streaming/remotecommand`.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::container::Target;
use super::files::{self, Files};
use super::log::Stream;
use super::process::reads;
use super::run::{self, Out, Place};
use super::{archive, tar, terminal};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::stream::{self, Headers, Input, Offer, Output, Session, Upgrade, Wanted};
use crate::lab::kube::verbs::Query;

/// What is wanted of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To run a program of its own.
    Exec,
    /// To see what its program writes from now on.
    Attach,
}

/// Takes a request to talk to a program in a pod, and does so once the connection is upgraded.
pub(crate) fn start(
    cluster: &Arc<Cluster>,
    place: (&str, &str),
    ask: Ask,
    query: &Query,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Answer<Headers> {
    let target = Target::of(cluster, place, query.get("container"))?;
    let Some(node) = target.node() else {
        return Err(Refusal::bad_request(format!("pod {} does not have a host assigned", place.1)));
    };
    let command: Vec<String> = query.all("command").into_iter().map(str::to_owned).collect();
    let upgrade = Upgrade::of(headers, upgrade, &Offer::EXEC)?;
    cluster.reached(node, if ask == Ask::Exec { "exec" } else { "attach" })?;
    if ask == Ask::Exec && command.is_empty() {
        return Err(Refusal::bad_request("you must specify at least 1 command for the container"));
    }
    if !target.runs() {
        let (container, name) = (&target.container, place.1);
        return Err(Refusal::internal(match ask {
            Ask::Exec => format!("container not found ({container:?})"),
            Ask::Attach => format!("container {container} not found in pod {name}_{}", place.0),
        }));
    }
    let wanted = Wanted {
        stdin: query.is("stdin"),
        stdout: query.is("stdout"),
        stderr: query.is("stderr"),
        tty: query.is("tty"),
    };
    let (cluster, on, spoken) = (cluster.clone(), upgrade.on, upgrade.spoken);
    tokio::spawn(async move {
        // A client that breaks off is no matter of ours.
        // Whoever started the program waits for it.
        let _asked = cluster.clock.asked();
        let Ok(upgraded) = on.await else { return };
        let (session, far) = stream::pair();
        tokio::spawn(async move {
            match ask {
                Ask::Exec => exec(&cluster, target, command, wanted, session).await,
                Ask::Attach => match reads(target.spec()).filter(|_| wanted.stdin) {
                    Some(words) => feed(&cluster, target, &words, wanted, session).await,
                    None => attach(&cluster, &target, session).await,
                },
            }
        });
        stream::carry(TokioIo::new(upgraded), spoken, wanted, far).await;
    });
    Ok(upgrade.headers)
}

async fn exec(cluster: &Arc<Cluster>, target: Target, command: Vec<String>, wanted: Wanted, session: Session) {
    let place = Place { cluster: cluster.clone(), container: target.spec().clone(), pod: target.pod };
    // One that was there before anybody looked has its volumes, too.
    files::mount(&cluster.world(), &place.pod, &place.container);
    let Session { input, output } = session;
    if !place.has(&command) {
        let _ = output.send(Output::Status(no_program(&command))).await;
        return;
    }
    let out = Out { to: output.clone(), tty: wanted.tty, log: None };
    // A client that is gone takes its program along.
    let code = tokio::select! {
        code = program(&place, &command, wanted.stdin.then_some(input), &out) => code,
        () = output.closed() => return,
    };
    let _ = output.send(Output::Status(status(code))).await;
}

/// Runs a program to its end; the exit code.
async fn program(
    place: &Place,
    command: &[String],
    mut input: Option<mpsc::UnboundedReceiver<Input>>,
    out: &Out,
) -> i32 {
    let name = command.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    let interactive = terminal::is_shell(command);
    if let Some(input) = input.take_if(|_| interactive) {
        return terminal::shell(place, input, out).await;
    }
    if let Some(input) = input.take_if(|_| name == "cat" && command.len() == 1) {
        return copy(input, out).await;
    }
    if name == "tar" {
        let arguments = command.get(1..).unwrap_or_default();
        let stored = match &mut input {
            Some(input) if archive::extracts(arguments) => run::all(input, tar::ends).await,
            _ => Vec::new(),
        };
        let ran = {
            let world = place.cluster.world();
            let files = Files::of(&world, &place.pod, &place.container, place.folder());
            archive::run(&files, arguments, &stored, place.cluster.clock.now().as_second())
        };
        // What goes wrong is said first: a client may go once it has the archive.
        out.write(Stream::Stderr, ran.said).await;
        out.write(Stream::Stdout, ran.archive).await;
        return ran.code;
    }
    let mut machine = match place.shell(&run::line(command)) {
        Ok(machine) => machine,
        Err(why) => {
            out.write(Stream::Stderr, format!("sh: {why}\n")).await;
            return 2;
        }
    };
    if input.is_some() {
        machine.open_input();
    }
    run::run(place, &mut machine, input.as_mut(), out).await
}

/// `cat`, as it stands: what comes goes out at once.
async fn copy(mut input: mpsc::UnboundedReceiver<Input>, out: &Out) -> i32 {
    /// Ctrl-C and Ctrl-D, which a terminal takes for itself.
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    while let Some(one) = input.recv().await {
        let bytes = match one {
            Input::Data(bytes) => bytes,
            Input::End => return 0,
            Input::Size => continue,
        };
        if !out.tty {
            if !out.write(Stream::Stdout, bytes).await {
                return 0;
            }
            continue;
        }
        // A terminal shows what is typed; `cat` shows each line once more.
        let line: Vec<u8> = bytes.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect();
        let shown: Vec<u8> = line.iter().copied().filter(|byte| !matches!(*byte, INTERRUPT | END)).collect();
        out.write(Stream::Stdout, shown.clone()).await;
        if line.contains(&INTERRUPT) {
            return 130;
        }
        if shown.ends_with(b"\n") {
            out.write(Stream::Stdout, shown).await;
        }
        if line.contains(&END) {
            return 0;
        }
    }
    0
}

/// Types into a container's own program, which ends when whoever types does.
async fn feed(cluster: &Arc<Cluster>, target: Target, words: &[String], wanted: Wanted, session: Session) {
    let log = cluster.world().inside.logs.present(target.uid(), &target.container);
    let place = Place { cluster: cluster.clone(), container: target.spec().clone(), pod: target.pod };
    let Session { input, output } = session;
    let out = Out { to: output.clone(), tty: wanted.tty, log: Some((log.clone(), cluster.clone())) };
    // Whoever goes away takes the input along, which is the end of it.
    let code = tokio::select! {
        code = program(&place, words, Some(input), &out) => code,
        () = output.closed() => 0,
    };
    log.leave(code);
    let _ = output.send(Output::Status(status(0))).await;
}

async fn attach(cluster: &Arc<Cluster>, target: &Target, session: Session) {
    let log = cluster.world().inside.logs.present(target.uid(), &target.container);
    let mut bell = log.listen();
    let mut next = log.read(u64::MAX).next;
    let Session { mut input, output } = session;
    let mut listening = true;
    loop {
        let piece = log.read(next);
        next = piece.next;
        for line in piece.lines {
            let bytes = Bytes::from(line.text + "\n");
            let sent = match line.stream {
                Stream::Stdout => Output::Stdout(bytes),
                Stream::Stderr => Output::Stderr(bytes),
            };
            if output.send(sent).await.is_err() {
                return;
            }
        }
        if piece.ended {
            let _ = output.send(Output::Status(status(0))).await;
            return;
        }
        tokio::select! {
            changed = bell.changed() => if changed.is_err() { return },
            // Its program reads nothing: what is typed is lost.
            one = input.recv(), if listening => listening = one.is_some(),
            () = output.closed() => return,
        }
    }
}

/// How it ended, in the API's form.
fn status(code: i32) -> Value {
    if code == 0 {
        return json!({ "metadata": {}, "status": "Success" });
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: command terminated with exit code {code}"),
        "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
    })
}

fn no_program(command: &[String]) -> Value {
    let program = command.first().map(String::as_str).unwrap_or_default();
    let why = if program.contains('/') {
        format!("exec: {program:?}: stat {program}: no such file or directory")
    } else {
        format!("exec: {program:?}: executable file not found in $PATH")
    };
    json!({
        "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
        "message": format!(
            "Internal error occurred: error executing command in container: failed to exec in container: failed to start \
             exec: OCI runtime exec failed: exec failed: unable to start container process: {why}"
        ),
    })
}

//! Programs that somebody waits for: what they write goes out as it comes, and who sleeps does so by the lab's clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::applets::{self, Context};
use super::log::{Log, Stream};
use super::script::{Machine, Step};
use super::{ask, environment, platform, process};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::stream::{Input, Output};

/// How much a program may be told.
const MOST: usize = 64 << 20;
/// How many operations are done before others have their turn.
const AT_ONCE: usize = 200;

/// A container in which programs are run.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) cluster: Arc<Cluster>,
    pub(super) pod: Value,
    /// The container, as the pod has it.
    pub(super) container: Value,
}

impl Place {
    /// Where programs begin.
    pub(super) fn folder(&self) -> &str {
        self.container["workingDir"].as_str().unwrap_or("/")
    }

    /// A shell that is about to run a script here.
    pub(super) fn shell(&self, script: &str) -> Result<Machine, String> {
        let variables = environment::of(&self.cluster.world(), &self.pod, &self.container)?;
        Machine::new(script, variables, self.folder())
    }

    /// Whether there is such a program here.
    pub(super) fn has(&self, command: &[String]) -> bool {
        let Some(program) = command.first() else { return false };
        let name = program.rsplit('/').next().unwrap_or_default();
        matches!(name, "sh" | "ash" | "bash" | "tar")
            || applets::is_there(program)
            || platform::knows(&self.pod, program)
    }
}

/// A command as a line of a shell; what a shell is told to do, as it is.
pub(super) fn line(command: &[String]) -> String {
    match command {
        [shell, flag, script] if is_shell(shell) && flag.starts_with('-') && flag.ends_with('c') => script.clone(),
        words => words.iter().map(|word| process::quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

/// Whether a program is a shell.
pub(super) fn is_shell(program: &str) -> bool {
    matches!(program.rsplit('/').next(), Some("sh" | "ash" | "bash"))
}

/// All that a client writes, up to its end; or to where `whole` says that nothing more is needed.
pub(super) async fn all(input: &mut mpsc::UnboundedReceiver<Input>, whole: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(one) = input.recv().await {
        match one {
            Input::Data(bytes) => all.extend_from_slice(&bytes),
            Input::End => break,
            Input::Size => {}
        }
        if all.len() > MOST || whole(&all) {
            break;
        }
    }
    all
}

/// Where a program writes to; a terminal wants its lines ended its own way.
#[derive(Debug, Clone)]
pub(super) struct Out {
    pub(super) to: mpsc::Sender<Output>,
    pub(super) tty: bool,
    /// Where a container's own program is kept account of, too.
    pub(super) log: Option<(Arc<Log>, Arc<Cluster>)>,
}

impl Out {
    /// Writes; whether anybody is there to read it.
    pub(super) async fn write(&self, stream: Stream, bytes: impl Into<Bytes>) -> bool {
        let bytes: Bytes = bytes.into();
        if bytes.is_empty() {
            return true;
        }
        if let Some((log, cluster)) = self.log.as_ref().filter(|_| !self.tty) {
            log.append(cluster.clock.now(), stream, &String::from_utf8_lossy(&bytes));
        }
        let output = match stream {
            _ if self.tty => Output::Stdout(terminal(&bytes)),
            Stream::Stdout => Output::Stdout(bytes),
            Stream::Stderr => Output::Stderr(bytes),
        };
        self.to.send(output).await.is_ok()
    }
}

/// Lines as a terminal shows them.
fn terminal(bytes: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for byte in bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out.into()
}

/// Runs a script to its end; the exit code.
pub(super) async fn run(
    place: &Place,
    machine: &mut Machine,
    mut input: Option<&mut mpsc::UnboundedReceiver<Input>>,
    out: &Out,
) -> i32 {
    let variables = BTreeMap::new();
    let services = place.cluster.world().inside.services();
    if services.is_some() {
        machine.connect();
    }
    loop {
        let (written, step) = {
            let world = place.cluster.world();
            let now = place.cluster.clock.now();
            let (pod, container) = (&place.pod, &place.container);
            let context =
                Context { objects: &world, pod, container, now, variables: &variables, folder: "/", line: None };
            let mut step = machine.step(&context);
            for _ in 0..AT_ONCE {
                if step != Step::On {
                    break;
                }
                step = machine.step(&context);
            }
            (machine.written(), step)
        };
        for (stream, text) in written {
            if !out.write(stream, text).await {
                return 141;
            }
        }
        match step {
            Step::On => tokio::task::yield_now().await,
            Step::Sleep(span) => place.cluster.clock.sleep(span).await,
            Step::Forever => std::future::pending().await,
            Step::Exit(code) => return code,
            Step::Asks => {
                if let (Some(wish), Some(services)) = (machine.wanted(), &services) {
                    machine.came(ask::ask(services, &place.cluster, &place.pod, &wish).await);
                }
            }
            Step::Reads => {
                let bytes = match &mut input {
                    Some(input) => all(input, |_| false).await,
                    None => Vec::new(),
                };
                machine.give(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
}

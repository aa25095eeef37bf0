//! Stand-ins for the command-line tools of the platform: this program under their names, acting on the lab's world.
//!
//! A folder of the lab has a small script for each, and `pb.toml` names the folder in `[tools]`; a script calls
//! `pb lab tool NAME …`. What works on files alone ([`kustomize`], [`kubeconform`]) runs there; everything else is carried
//! to the open lab and runs beside its world ([`carried`]). What a stand-in does not know it says so, with exit code 64.

mod act;
pub mod carried;
mod cilium;
mod docker;
mod flux;
mod helm;
mod hubble;
pub mod kubeconform;
pub mod kustomize;
mod op;
mod scripts;
mod talosctl;
mod task;
mod teardown;
mod words;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

pub use scripts::write;

use super::kube::cluster::Cluster;
use super::services::Services;

/// The code of what the lab does not simulate: `EX_USAGE` of sysexits.h.
pub const NOT_SIMULATED: i32 = 64;

/// A tool.
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What `--version` prints.
    pub version: &'static str,
    run: Run,
}

/// What runs beside the lab's world; its exit code comes at its end.
type There = for<'a> fn(&'a Bench, &'a Call, &'a Say) -> Pin<Box<dyn Future<Output = i32> + Send + 'a>>;

/// Where a tool runs, and how.
enum Run {
    /// Where it was called.
    Here(fn(&Call) -> Ended),
    /// Beside the lab's world.
    There(There),
}

/// A call of a tool.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder that it was called in.
    pub dir: String,
    /// What it was given to read.
    pub stdin: String,
}

/// What a tool that runs where it was called has printed, and its exit code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The exit code.
    pub code: i32,
}

impl Ended {
    pub(crate) fn failed(code: i32, text: impl Into<String>) -> Self {
        Self { out: String::new(), err: text.into(), code }
    }
}

/// All of them.
pub static TOOLS: [Tool; 11] = [
    Tool {
        name: "flux",
        version: "flux version 2.7.0\n",
        run: Run::There(|bench, call, say| Box::pin(flux::run(bench, call, say))),
    },
    Tool {
        name: "cilium",
        version: "cilium-cli: v0.18.7 compiled with go1.25 on linux/amd64\ncilium image (default): v1.18.2\n",
        run: Run::There(|bench, call, say| Box::pin(cilium::run(bench, call, say))),
    },
    Tool {
        name: "hubble",
        version: "hubble v1.18.0\n",
        run: Run::There(|bench, call, say| Box::pin(hubble::run(bench, call, say))),
    },
    Tool {
        name: "task",
        version: "3.45.4\n",
        run: Run::There(|bench, call, say| Box::pin(task::run(bench, call, say))),
    },
    Tool {
        name: "docker",
        version: "Docker version 28.4.0, build lab\n",
        run: Run::There(|bench, call, say| Box::pin(docker::run(bench, call, say))),
    },
    Tool { name: "op", version: "2.32.0\n", run: Run::There(|bench, call, say| Box::pin(op::run(bench, call, say))) },
    Tool {
        name: "helm",
        version: "v3.19.0\n",
        run: Run::There(|bench, call, say| Box::pin(helm::run(bench, call, say))),
    },
    Tool {
        name: "helmfile",
        version: "helmfile version 1.1.7\n",
        run: Run::There(|bench, call, say| Box::pin(helm::file(bench, call, say))),
    },
    Tool {
        name: "talosctl",
        version: "Talos v1.11.2\n",
        run: Run::There(|bench, call, say| Box::pin(talosctl::run(bench, call, say))),
    },
    Tool { name: "kustomize", version: "v5.7.1\n", run: Run::Here(kustomize::run) },
    Tool { name: "kubeconform", version: "v0.7.0\n", run: Run::Here(kubeconform::run) },
];

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The tool of a name.
pub fn named(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

impl Tool {
    /// Runs it where it was called, if it can; none where it has to be carried to the lab.
    pub fn here(&self, call: &Call) -> Option<Ended> {
        if let [first] = call.args.as_slice()
            && matches!(first.as_str(), "--version" | "-v" | "version" | "-V")
            && (first != "version" || !matches!(self.name, "flux" | "docker" | "talosctl"))
        {
            return Some(Ended { out: self.version.into(), ..Ended::default() });
        }
        match self.run {
            Run::Here(run) => Some(run(call)),
            Run::There(_) => None,
        }
    }

    /// Runs it beside the lab's world; what it prints is told at once.
    pub(crate) async fn there(&self, bench: &Bench, call: &Call, say: &Say) -> i32 {
        match self.run {
            Run::There(run) => run(bench, call, say).await,
            Run::Here(run) => {
                let ended = run(call);
                say.out(ended.out);
                say.err(ended.err);
                ended.code
            }
        }
    }
}

/// What tools act on.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The services, with the world and its clusters.
    pub services: Arc<Services>,
    machine: Arc<Mutex<docker::Machine>>,
    talosconfig: Option<PathBuf>,
}

impl Bench {
    /// Of a lab's services.
    pub fn new(services: Arc<Services>) -> Self {
        Self { services, machine: Arc::default(), talosconfig: None }
    }

    /// With the talosconfig by which the machines are asked.
    #[must_use]
    pub fn with_talosconfig(self, file: PathBuf) -> Self {
        Self { talosconfig: Some(file), ..self }
    }

    /// The machine that `docker` runs on.
    pub(crate) fn machine(&self) -> MutexGuard<'_, docker::Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster that a context names, or the first one.
    ///
    /// # Errors
    /// There is none of that name, in `kubectl`'s words.
    pub(crate) fn cluster(&self, context: Option<&str>) -> Result<&Arc<Cluster>, String> {
        let clusters = &self.services.clusters;
        match context {
            Some(name) => clusters.get(name).ok_or_else(|| format!("context \"{name}\" does not exist")),
            None => clusters
                .get("infra")
                .or_else(|| clusters.values().next())
                .ok_or_else(|| "no configuration has been provided".into()),
        }
    }
}

/// Where a tool prints to.
#[derive(Debug, Clone)]
pub(crate) struct Say(mpsc::UnboundedSender<(bool, String)>);

impl Say {
    /// Something to print to, and what is printed: whether to standard error, and the text.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<(bool, String)>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(crate) fn out(&self, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            // Who does not listen any more is told nothing.
            let _ = self.0.send((false, text));
        }
    }

    pub(crate) fn err(&self, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            let _ = self.0.send((true, text));
        }
    }
}

/// What is not known: said, with the code for it.
pub(crate) fn not_simulated(say: &Say, call: &Call) -> i32 {
    say.err(format!("{} {}: not simulated by the lab\n", call.name, call.args.join(" ")));
    NOT_SIMULATED
}

#[cfg(test)]
mod tests;

//! `pb lab up`: a simulated platform, kept open for clients.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, getppid};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Outcome, runtime, say};
use crate::clock::Clock;
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::lab::clock::{LabClock, Pace};
use crate::lab::faults::timed;
use crate::lab::up::Lab;
use crate::lab::world::{read, stage};

/// How often it is looked whether the parent is still there.
const ORPHANED: Duration = Duration::from_millis(500);

/// `pb lab up`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The platform: a topology's name, or a file
    #[arg(value_name = "TOPOLOGY", default_value = read::DEFAULT, help = topologies())]
    topology: String,
    /// Where clients' configuration is written
    #[arg(long, value_name = "DIR", default_value = "lab")]
    dir: PathBuf,
    /// Break something, at once or after so long; pb lab faults lists what
    #[arg(long = "fault", value_name = "NAME[@30s]")]
    faults: Vec<String>,
    /// How far its clusters are built: a stage's name, as pb lab stages lists them
    #[arg(long, value_name = "STAGE", default_value = stage::COMPLETE)]
    stage: String,
    /// How fast its time goes, such as 60x
    #[arg(long, value_name = "RATE", default_value = "1x", value_parser = rate)]
    clock: Pace,
}

/// Whoever asks a lab that is kept open has a clock of its own: nobody could say what it waits for.
fn rate(text: &str) -> Result<Pace, String> {
    match text.parse()? {
        Pace::Skipping => Err("what uses a lab that is kept open goes by its own clock, and would see time leap: \
                               expected a rate, such as 60x; skip is for pb run --lab"
            .into()),
        pace => Ok(pace),
    }
}

/// `The platform: monosense, spec …, or a file.toml`
pub(crate) fn topologies() -> String {
    let names: Vec<&str> = read::EMBEDDED.iter().map(|(name, _)| *name).collect();
    format!("The platform: {}, or a FILE.toml", names.join(", "))
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let faults = timed::all(&args.faults)?;
    let topology = read::named(&args.topology, &environment.dir)?;
    let dir = environment.dir.join(&args.dir);
    let parent = parent();
    let runtime = runtime()?;
    runtime.block_on(async {
        let lab = Lab::open_at(topology, LabClock::at(args.clock), &dir, &args.stage).await.map_err(|e| vec![e])?;
        let clock: std::sync::Arc<dyn Clock> = std::sync::Arc::new(lab.clock.clone());
        crate::cli::inside::stand_ins(&dir).map_err(|e| vec![e])?;
        lab.faults.begin(&faults, &clock).map_err(|e| vec![e])?;
        for line in told(&lab, &dir, &args.faults) {
            say(out, line)?;
        }
        out.flush().map_err(|e| vec![Error::new(Kind::Io, "nothing can be written").caused_by(&e)])?;
        let unheard = |e: std::io::Error| vec![Error::new(Kind::Io, "no signal can be waited for").caused_by(&e)];
        let mut ended = signal(SignalKind::terminate()).map_err(unheard)?;
        tokio::select! {
            heard = tokio::signal::ctrl_c() => heard.map_err(unheard)?,
            _ = ended.recv() => {}
            () = orphaned(parent) => {}
        }
        drop(lab);
        Ok(0)
    })
}

/// Who started this process; none where that is the system itself, which stays.
fn parent() -> Option<Pid> {
    getppid().filter(|pid| *pid != Pid::INIT)
}

/// Ends when whoever started this process is gone, who alone knew of it.
async fn orphaned(parent: Option<Pid>) {
    let Some(parent) = parent else { return std::future::pending().await };
    while getppid() == Some(parent) {
        tokio::time::sleep(ORPHANED).await;
    }
}

/// What is open, and how it is used.
fn told(lab: &Lab, dir: &Path, faults: &[String]) -> Vec<String> {
    let topology = &lab.world.topology;
    let router = &topology.router;
    let mut lines = vec![format!("{}: {}", topology.name, topology.about)];
    lines.extend(lab.accesses.iter().map(|access| format!("  {:<10} {}", access.cluster, access.url)));
    lines.push(format!("  {:<10} {}, through socks5://{}", router.name, router.address, lab.socks));
    let broken = lab.faults.broken();
    lines.extend(broken.iter().map(|(name, broken)| format!("  broken     {name}: {}", broken.object)));
    let later = faults.iter().filter(|fault| fault.contains('@'));
    lines.extend(later.map(|fault| format!("  later      {fault}")));
    let first = lab.accesses.first().map(|access| access.cluster.as_str()).unwrap_or_default();
    lines.extend([
        String::new(),
        format!("  kubectl --kubeconfig {}/kubeconfig --context {first} get nodes", dir.display()),
        format!("  talosctl --talosconfig {}/talosconfig --context {first} version", dir.display()),
        format!("  ssh -F {}/ssh_config {} show ip bgp summary", dir.display(), router.name),
        format!(
            "  curl --proxy socks5h://{} --cacert {}/ca.crt https://grafana.monosense.io/api/health",
            lab.socks,
            dir.display()
        ),
        format!("  pb run t5 --config {}/pb.toml", dir.display()),
        format!("  pb lab fault bgp-agent-killed on --dir {}", dir.display()),
        String::new(),
        "Ctrl-C closes it.".into(),
    ]);
    lines
}

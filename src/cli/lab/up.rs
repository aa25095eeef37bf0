//! `pb lab up`: a simulated platform, kept open for clients.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::{Outcome, runtime, say};
use crate::clock::Clock;
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::lab::clock::LabClock;
use crate::lab::faults::timed;
use crate::lab::up::Lab;
use crate::lab::world::read;

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
    let runtime = runtime()?;
    runtime.block_on(async {
        let lab = Lab::open(topology, LabClock::real(), &dir).await.map_err(|e| vec![e])?;
        let clock: std::sync::Arc<dyn Clock> = std::sync::Arc::new(lab.clock.clone());
        lab.faults.begin(&faults, &clock).map_err(|e| vec![e])?;
        for line in told(&lab, &dir, &args.faults) {
            say(out, line)?;
        }
        out.flush().map_err(|e| vec![Error::new(Kind::Io, "nothing can be written").caused_by(&e)])?;
        tokio::signal::ctrl_c()
            .await
            .map_err(|e| vec![Error::new(Kind::Io, "no interrupt can be waited for").caused_by(&e)])?;
        drop(lab);
        Ok(0)
    })
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
        format!("  pb run t5 --config {}/pb.toml", dir.display()),
        format!("  pb lab fault bgp-agent-killed on --dir {}", dir.display()),
        String::new(),
        "Ctrl-C closes it.".into(),
    ]);
    lines
}

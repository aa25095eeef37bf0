//! `pb lab`: the simulated platform, kept open for clients.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Outcome, runtime, say};
use crate::clock::{Clock, System};
use crate::config::Environment;
use crate::error::{Error, Kind, Result};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::server::{Server, kubeconfig};

/// `pb lab`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Keep a simulated platform open until interrupted
    Up(Up),
}

#[derive(Debug, Clone, clap::Args)]
struct Up {
    /// Where clients' configuration is written
    #[arg(long, value_name = "DIR", default_value = "lab")]
    dir: PathBuf,
}

/// The clusters of the platform.
const CLUSTERS: [&str; 2] = ["infra", "apps"];

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let Command::Up(up) = &args.command;
    let dir = environment.dir.join(&up.dir);
    let runtime = runtime()?;
    runtime.block_on(async {
        let servers = open().await.map_err(|e| vec![e])?;
        let accesses: Vec<_> = servers.iter().map(|s| s.access.clone()).collect();
        let file = dir.join("kubeconfig");
        write(&file, &kubeconfig(&accesses)).map_err(|e| vec![e])?;
        for access in &accesses {
            say(out, format!("{:<6} {}", access.cluster, access.url))?;
        }
        say(out, format!("\n  export KUBECONFIG={}\n  kubectl --context infra get ns\n", file.display()))?;
        say(out, "Ctrl-C closes it.")?;
        let _ = out.flush();
        tokio::signal::ctrl_c()
            .await
            .map_err(|e| vec![Error::new(Kind::Io, "no interrupt can be waited for").caused_by(&e)])?;
        Ok(0)
    })
}

async fn open() -> Result<Vec<Server>> {
    let clock: Arc<dyn Clock> = Arc::new(System);
    let mut servers = Vec::new();
    for name in CLUSTERS {
        servers.push(Server::start(Cluster::new(name, Arc::clone(&clock)), 0).await?);
    }
    Ok(servers)
}

/// Writes a file that only its owner can read, since a key is in it.
fn write(file: &std::path::Path, text: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |e: std::io::Error| Error::new(Kind::Io, format!("{} can't be written", file.display())).caused_by(&e);
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    let mut opened =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file).map_err(failed)?;
    opened.write_all(text.as_bytes()).map_err(failed)
}

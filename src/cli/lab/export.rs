//! `pb lab export CLUSTER`: the lab's world as manifests that a real API server takes.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::topologies;
use crate::cli::{Outcome, inside, runtime, unwritten};
use crate::clock::Clock;
use crate::config::Environment;
use crate::error::{Error, Kind, did_you_mean};
use crate::lab::clock::LabClock;
use crate::lab::export::{Part, Version, export};
use crate::lab::faults::{settle, timed};
use crate::lab::up::Lab;
use crate::lab::world::read;

/// How long the world goes on, by its own clock, until what follows from faults has followed.
const SETTLED: Duration = Duration::from_secs(180);

/// `pb lab export`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
    /// The platform: a topology's name, or a file
    #[arg(long, value_name = "TOPOLOGY", default_value = read::DEFAULT, help = topologies())]
    topology: String,
    /// Write the API versions that a server of this version of Kubernetes has
    #[arg(long = "for", value_name = "VERSION", value_parser = Version::parse)]
    version: Option<Version>,
    /// A part of it alone; default: all three, one after the other
    #[arg(long, value_name = "definitions|objects|status", value_parser = part)]
    part: Option<Part>,
    /// Break something first, and let what follows follow
    #[arg(long = "fault", value_name = "NAME")]
    faults: Vec<String>,
}

fn part(word: &str) -> Result<Part, String> {
    let known = Part::ALL.map(Part::as_str).join(", ");
    let found = Part::ALL.into_iter().find(|part| part.as_str() == word);
    found.ok_or_else(|| format!("there is no part \"{word}\" (there are: {known})"))
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let faults = timed::all(&args.faults)?;
    let topology = read::named(&args.topology, &environment.dir)?;
    let known: Vec<&String> = topology.clusters.keys().collect();
    if !known.contains(&&args.cluster) {
        let names: Vec<&str> = known.into_iter().map(String::as_str).collect();
        let message =
            format!("topology {} has no cluster \"{}\" (it has: {})", topology.name, args.cluster, names.join(", "));
        return Err(vec![Error::new(Kind::Usage, message).maybe_hint(did_you_mean(&args.cluster, names))]);
    }
    let runtime = runtime()?;
    let folder = inside::Folder::new().map_err(|e| vec![e])?;
    let text = runtime
        .block_on(async {
            let lab = Lab::open(topology, LabClock::real(), folder.path()).await?;
            let clock: Arc<dyn Clock> = Arc::new(lab.clock.clone());
            lab.faults.begin(&faults, &clock)?;
            settle(&lab, SETTLED).await;
            let cluster = lab.clusters.get(&args.cluster);
            let exported = cluster.map(|cluster| export(cluster, args.version)).unwrap_or_default();
            exported.to_yaml(&args.part.map_or(Part::ALL.to_vec(), |part| vec![part]))
        })
        .map_err(|e| vec![e])?;
    runtime.shutdown_background();
    out.write_all(text.as_bytes()).map_err(|e| vec![unwritten(e)])?;
    Ok(0)
}

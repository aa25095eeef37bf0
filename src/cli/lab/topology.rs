//! `pb lab topology` and `pb lab stages`: what the simulated platforms are made of, to read and to change.

use std::io::Write;

use super::up::topologies;
use crate::cli::{Outcome, say};
use crate::config::Environment;
use crate::lab::world::{read, stage};

/// `pb lab topology`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The platform
    #[arg(value_name = "TOPOLOGY", default_value = read::DEFAULT, help = topologies())]
    topology: String,
    /// Also the stages in which it is built, to be changed
    #[arg(long)]
    stages: bool,
}

/// `pb lab stages`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Stages {
    /// The platform
    #[arg(value_name = "TOPOLOGY", default_value = read::DEFAULT, help = topologies())]
    topology: String,
}

/// Prints a topology that is right, as it was written.
pub(super) fn print(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    read::named(&args.topology, &environment.dir)?;
    let text = read::text(&args.topology, &environment.dir)?;
    say(out, text.trim_end())?;
    if args.stages && !text.contains("[[stages]]") {
        say(out, format!("\n{}", stage::TEXT.trim_end()))?;
    }
    Ok(0)
}

/// Lists the stages, in order.
pub(super) fn stages(args: &Stages, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let topology = read::named(&args.topology, &environment.dir)?;
    let width = topology.stages.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
    for stage in &topology.stages {
        say(out, format!("{:<width$}  {}", stage.name, stage.about))?;
    }
    Ok(0)
}

//! `pb lab`: the simulated platform — kept open, broken, proved with, exported.

mod course;
mod export;
mod fault;
mod faults;
mod kept;
mod prove;
mod told;
mod tool;
mod topology;
mod up;

use std::io::Write;

use up::topologies;

use super::Outcome;
use crate::config::Environment;

/// `pb lab`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// The subcommands. To add one: a file beside this one, and a row here and in [`run`].
#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Keep a simulated platform open until interrupted
    Up(up::Args),
    /// Print a topology, to be changed and opened with --lab=FILE
    Topology(topology::Args),
    /// List the stages in which a topology's clusters are built
    Stages(topology::Stages),
    /// List what can be broken
    Faults(faults::Args),
    /// Break something in an open lab, or mend it
    Fault(fault::Args),
    /// Show which fault each step catches, and which no fault makes fail
    Prove(prove::Args),
    /// Stand in for a command-line tool
    #[command(hide = true)]
    Tool(tool::Args),
    /// Print a cluster as manifests that a real API server takes
    Export(export::Args),
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    match &args.command {
        Command::Up(args) => up::run(args, environment, out),
        Command::Topology(args) => topology::print(args, environment, out),
        Command::Stages(args) => topology::stages(args, environment, out),
        Command::Faults(args) => faults::run(args, environment, out),
        Command::Fault(args) => fault::run(args, environment, out),
        Command::Prove(args) => prove::run(args, environment, out),
        Command::Tool(args) => tool::run(args, environment, out),
        Command::Export(args) => export::run(args, environment, out),
    }
}

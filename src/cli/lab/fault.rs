//! `pb lab fault NAME on|off`: breaks something in a lab that is open, or mends it.

use std::io::Write;
use std::path::PathBuf;

use crate::cli::{Outcome, say};
use crate::config::Environment;
use crate::lab::faults::{control, named};

/// `pb lab fault`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// What is to be broken; pb lab faults lists what can be
    #[arg(value_name = "NAME")]
    name: String,
    /// Break it, or mend it
    #[arg(value_name = "on|off")]
    switch: Switch,
    /// The folder that the lab was opened with
    #[arg(long, value_name = "DIR", default_value = "lab")]
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    // A name that no lab knows needs none that is open.
    let fault = named(&args.name).map_err(|e| vec![e])?;
    let dir = environment.dir.join(&args.dir);
    let on = args.switch == Switch::On;
    let told = control::switch(&dir, fault.name, on).map_err(|e| vec![e])?;
    match (on, told.changed) {
        (true, changed) => {
            let already = if changed { "" } else { ", as it was before" };
            say(out, format!("{}: {} is broken{already}", fault.name, told.object))?;
            say(out, format!("  {}", told.effect))?;
        }
        (false, true) => say(out, format!("{}: {} is mended", fault.name, told.object))?,
        (false, false) => say(out, format!("{}: it was not broken", fault.name))?,
    }
    Ok(0)
}

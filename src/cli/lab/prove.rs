//! `pb lab prove [TARGET…]`: which fault each step catches, and whether each can fail at all.

use std::io::Write;
use std::time::Instant;

use super::course::{self, Course};
use super::told;
use super::topologies;
use crate::cli::args::Configured;
use crate::cli::{Outcome, say};
use crate::config::Environment;
use crate::error::Error;
use crate::lab::clock::Pace;
use crate::lab::faults::{Fault, named, table};
use crate::lab::prove::Proof;
use crate::lab::world::read;
use crate::ui::Ui;

/// `pb lab prove`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Playbooks: files, folders, ids that pb list shows, or all
    #[arg(value_name = "TARGET", default_value = "all")]
    targets: Vec<String>,
    /// The platform
    #[arg(long, value_name = "TOPOLOGY", default_value = read::DEFAULT, help = topologies())]
    topology: String,
    /// Only steps whose id matches: bgp-*, t5/bgp-table
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    only: Vec<String>,
    /// Only these faults, by name or a part of it
    #[arg(long = "fault", value_name = "NAME", value_delimiter = ',')]
    faults: Vec<String>,
    /// Labs that are open side by side [default: one a processor, at most 4]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// How fast the labs' time goes: 20x, or skip, which shortens every wait that nothing but time can end
    #[arg(long, value_name = "RATE", default_value = "skip")]
    clock: Pace,
    /// Show every fault of every step, and what it said
    #[arg(short, long)]
    verbose: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let begun = Instant::now();
    let faults = faults(&args.faults)?;
    let course = Course {
        targets: &args.targets,
        topology: &args.topology,
        only: &args.only,
        configured: &args.configured,
        environment,
        clock: args.clock,
    };
    let mut proof = Proof::default();
    let healthy = course.healthy()?;
    healthy.results.iter().for_each(|result| proof.healthy(result));
    let jobs = args.jobs.unwrap_or_else(processors).max(1);
    for (fault, end) in course::side_by_side(&faults, jobs, |fault| course.under(fault, &healthy)) {
        match end? {
            Ok(under) => {
                proof.faults.insert(fault.name.into(), (under.broken.object.clone(), under.touched));
                under.results.iter().for_each(|result| proof.under(fault.name, &under.broken, result));
            }
            Err(why) => {
                proof.not_here.insert(fault.name.into(), why);
            }
        }
    }
    proof.seconds = begun.elapsed().as_secs_f64();
    if args.json {
        say(out, serde_json::to_string_pretty(&proof.to_json()).unwrap_or_default())?;
    } else {
        for line in told::told(&proof, Ui::stdout().measured(), args.verbose) {
            say(out, line)?;
        }
    }
    Ok(u8::from(!proof.unproven().is_empty()))
}

/// The faults that are meant, each by its name or a part of it.
fn faults(words: &[String]) -> Result<Vec<&'static Fault>, Vec<Error>> {
    if words.is_empty() {
        return Ok(table::all().collect());
    }
    let mut found: Vec<&'static Fault> = Vec::new();
    for word in words {
        let of_word: Vec<&'static Fault> = match named(word) {
            Ok(fault) => vec![fault],
            Err(unknown) => {
                let parts: Vec<_> = table::all().filter(|fault| fault.name.contains(word.as_str())).collect();
                if parts.is_empty() || word.is_empty() {
                    return Err(vec![unknown]);
                }
                parts
            }
        };
        found.extend(
            of_word.into_iter().filter(|fault| !found.iter().any(|other| other.name == fault.name)).collect::<Vec<_>>(),
        );
    }
    Ok(found)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(4))
}

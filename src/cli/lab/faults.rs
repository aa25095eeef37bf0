//! `pb lab faults`: what can be broken, and what it would break in a platform.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::topologies;
use crate::cli::{Outcome, say};
use crate::config::Environment;
use crate::error::Error;
use crate::lab::faults::{Broken, Fault, TABLE, control, in_topology};
use crate::lab::world::read;
use crate::ui::{Role, Ui, fitted, plural, wrap};

/// `pb lab faults`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The platform: a topology's name, or a file
    #[arg(value_name = "TOPOLOGY", default_value = read::DEFAULT, help = topologies())]
    topology: String,
    /// Show what follows from each, and what it would break
    #[arg(short, long)]
    verbose: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Mark those that are on in the lab that is open there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let topology = read::named(&args.topology, &environment.dir)?;
    let on = match &args.dir {
        Some(dir) => control::broken(&environment.dir.join(dir)).map_err(|e| vec![e])?,
        None => BTreeMap::new(),
    };
    let found = in_topology(&topology);
    if args.json {
        let rows: Vec<Value> = TABLE
            .iter()
            .flat_map(|(part, rows)| rows.iter().map(move |fault| (part, fault)))
            .map(|(part, fault)| as_json(part, fault, &found, args.dir.as_ref().map(|_| on.contains_key(fault.name))))
            .collect();
        let text = serde_json::to_string_pretty(&rows).unwrap_or_default();
        say(out, text)?;
        return Ok(0);
    }
    show(args, &found, &on, out)?;
    Ok(0)
}

type Found = BTreeMap<&'static str, Result<Broken, String>>;

fn as_json(part: &str, fault: &Fault, found: &Found, on: Option<bool>) -> Value {
    let mut row = json!({
        "name": fault.name, "part": part, "about": fault.about, "risk": fault.risk, "effect": fault.effect,
    });
    match found.get(fault.name) {
        Some(Ok(broken)) => {
            row["object"] = broken.object.as_str().into();
            row["names"] = json!(broken.names);
        }
        Some(Err(why)) => row["not_here"] = why.as_str().into(),
        None => {}
    }
    if let Some(on) = on {
        row["on"] = on.into();
    }
    row
}

fn show(args: &Args, found: &Found, on: &BTreeMap<String, String>, out: &mut dyn Write) -> Result<(), Vec<Error>> {
    let ui = Ui::stdout().measured();
    let mut count = 0;
    let widest = TABLE.iter().flat_map(|(_, rows)| rows.iter()).map(|fault| fault.name.len()).max().unwrap_or(0);
    for (part, faults) in TABLE {
        say(out, ui.paint(Role::Strong, part))?;
        let rows: Vec<Vec<String>> = faults.iter().map(|fault| row(ui, widest, fault, found, on)).collect();
        for (line, fault) in fitted(ui, 2, &rows).iter().zip(*faults) {
            say(out, format!("  {line}"))?;
            if args.verbose {
                for note in wrap(&notes(fault, found), ui.width.saturating_sub(6)) {
                    say(out, format!("      {}", ui.paint(Role::Quiet, note)))?;
                }
            }
        }
        say(out, "")?;
        count += faults.iter().filter(|fault| matches!(found.get(fault.name), Some(Ok(_)))).count();
    }
    let all: usize = TABLE.iter().map(|(_, rows)| rows.len()).sum();
    let not_here = if count == all { String::new() } else { format!(", {} not in this platform (–)", all - count) };
    say(out, format!("{}{not_here}; pb run TARGET --lab --fault NAME[@30s] breaks one", plural(all, "fault")))
}

fn row(ui: Ui, widest: usize, fault: &Fault, found: &Found, on: &BTreeMap<String, String>) -> Vec<String> {
    let mark = match found.get(fault.name) {
        _ if on.contains_key(fault.name) => ui.paint(Role::Bad, "on"),
        Some(Err(_)) => ui.paint(Role::Quiet, "–"),
        _ => String::new(),
    };
    let name = format!("{:<widest$}", fault.name);
    vec![ui.paint(Role::Name, name), ui.paint(Role::Quiet, format!("{:<3}", fault.risk)), mark, fault.about.to_owned()]
}

fn notes(fault: &Fault, found: &Found) -> String {
    let object = match found.get(fault.name) {
        Some(Ok(broken)) => format!("{}: ", broken.object),
        Some(Err(why)) => format!("not here, {why}: "),
        None => String::new(),
    };
    format!("{object}{}", fault.effect)
}

//! `pb doc [NAME]`: a function's page; without a name, all that scripts can call; with
//! `--definitions DIR`, the files that editors read.

use std::io::Write;
use std::path::PathBuf;

use super::args::Configured;
use super::{Outcome, prepare, say};
use crate::config::Environment;
use crate::error::{Error, Kind, did_you_mean};
use crate::script::reference::{Page, Reference};
use crate::ui::{Role, Ui, columns, wrap};

/// `pb doc`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// A function, method or module: expect, cluster.list, dns::lookup, bgp
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Write definition files (*.d.rhai) for editors into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    definitions: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::configured(&args.configured, environment)?;
    let reference = Reference::of(&prepared.loader).map_err(|e| vec![e])?;
    let ui = Ui::stdout().measured();
    if let Some(dir) = &args.definitions {
        let written = reference.write_definitions(&prepared.loader, dir).map_err(|e| vec![e])?;
        say(out, format!("{}: {}", dir.display(), written.join(", ")))?;
        return Ok(0);
    }
    match &args.name {
        None => overview(&reference, ui, out)?,
        Some(name) => {
            let found = reference.find(name);
            if found.is_empty() {
                let names = reference.names();
                return Err(vec![
                    Error::new(Kind::Usage, format!("scripts can call nothing named \"{name}\""))
                        .maybe_hint(did_you_mean(name, names.iter().map(String::as_str)))
                        .hint("pb doc lists everything"),
                ]);
            }
            for page in found {
                show(page, ui, out)?;
            }
        }
    }
    Ok(0)
}

fn overview(reference: &Reference, ui: Ui, out: &mut dyn Write) -> Result<(), Vec<Error>> {
    for (module, about) in reference.modules() {
        say(out, format!("{}  {}", ui.paint(Role::Strong, module), ui.paint(Role::Quiet, about)))?;
        let rows: Vec<Vec<String>> =
            reference.of_module(module).map(|p| vec![format!("  {}", p.name), p.summary().to_string()]).collect();
        for line in columns(&rows) {
            say(out, crate::ui::truncate(&line, ui.width))?;
        }
        say(out, "")?;
    }
    say(out, "pb doc NAME shows a page")
}

fn show(page: &Page, ui: Ui, out: &mut dyn Write) -> Result<(), Vec<Error>> {
    say(out, format!("{}{}", ui.paint(Role::Strong, &page.name), page.shown_signature()))?;
    if let Some(effect) = page.effect {
        say(out, ui.paint(Role::Quiet, format!("a host call; effect: {effect}")))?;
    }
    say(out, "")?;
    for paragraph in page.doc.split("\n\n") {
        for line in wrap(paragraph.trim(), ui.width.min(100).saturating_sub(2)) {
            say(out, format!("  {line}"))?;
        }
        say(out, "")?;
    }
    if !page.example.is_empty() {
        for line in page.example.trim().lines() {
            say(out, format!("    {}", ui.paint(Role::Quiet, line)))?;
        }
        say(out, "")?;
    }
    Ok(())
}

//! `pb doc [NAME]`: a function's page, or a module's; without a name, the modules. With `--definitions DIR` the files
//! that editors read, with `--markdown DIR` the pages of `docs/reference/`.

mod flow;
mod guide;
mod markdown;
mod show;

use std::io::Write;
use std::path::PathBuf;

use super::args::Configured;
use super::{Outcome, prepare, say};
use crate::config::Environment;
use crate::error::{Error, Kind, did_you_mean};
use crate::script::reference::Reference;
use crate::ui::Ui;

/// `pb doc`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// A function, method, type or module: expect, cluster.list, dns::lookup, expectation, bgp
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Write definition files (*.d.rhai) for editors into this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["name", "markdown"])]
    definitions: Option<PathBuf>,
    /// Write the whole reference as Markdown into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, command: &clap::Command, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::configured(&args.configured, environment)?;
    let reference = Reference::of(&prepared.loader).map_err(|e| vec![e])?;
    if let Some(dir) = &args.definitions {
        let written = reference.write_definitions(&prepared.loader, dir).map_err(|e| vec![e])?;
        say(out, format!("{}: {}", dir.display(), written.join(", ")))?;
        return Ok(0);
    }
    if let Some(dir) = &args.markdown {
        let pages = markdown::pages(&reference, command);
        markdown::write(dir, &pages).map_err(|e| vec![e])?;
        say(out, format!("{}: {} pages", dir.display(), pages.len()))?;
        return Ok(0);
    }
    let ui = Ui::stdout().measured();
    let lines = match &args.name {
        None => show::overview(ui, &reference),
        Some(name) => {
            let found = reference.find(name);
            if found.is_empty() {
                return Err(vec![unknown(&reference, name)]);
            }
            show::found(ui, &found)
        }
    };
    lines.iter().try_for_each(|line| say(out, line))?;
    Ok(0)
}

fn unknown(reference: &Reference, name: &str) -> Error {
    let names = reference.names();
    let error = Error::new(Kind::Usage, format!("scripts can call nothing named \"{name}\""))
        .maybe_hint(did_you_mean(name, names.iter().map(String::as_str)));
    let mentioning = reference.mentioning(name);
    match mentioning.len() {
        0 => error.hint("pb doc lists the modules"),
        1..=8 => error.hint(format!("mentioned by {}", mentioning.join(", "))),
        more => error.hint(format!("mentioned by {} and {} more", mentioning[..8].join(", "), more - 8)),
    }
}

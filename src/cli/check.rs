//! `pb check [TARGET…]`: everything that is wrong with playbooks, without a cluster, all at once.

use std::io::Write;
use std::time::Duration;

use super::args::Configured;
use super::{Outcome, prepare, say};
use crate::config::Environment;
use crate::error::{Error, Kind, did_you_mean};
use crate::playbook::plan::{Declared, Plan, Selection};
use crate::playbook::{PlaybookKind, Source};
use crate::script::check::{Checker, Level, known_boxes};
use crate::script::targets;
use crate::ui::{Role, Ui, plural, show_error, show_warning};

/// `pb check`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Playbooks: files, ids, folders; default: all, the procedures and the standard library too
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::configured(&args.configured, environment)?;
    let library = &prepared.loader.library;
    let checklist = library.checklist(prepared.config.checklist.as_deref()).map_err(|e| vec![e])?;
    let checker = Checker::new(&prepared.loader, known_boxes(&checklist)).map_err(|e| vec![e])?;
    let clusters: Vec<String> = prepared.config.clusters.keys().cloned().collect();

    let (sources, modules) = chosen(args, &prepared)?;
    let mut findings = Vec::new();
    let mut declared: Vec<Declared> = Vec::new();
    let mut steps = 0;
    for source in &sources {
        let checked = checker.playbook(source, &clusters);
        findings.extend(checked.findings);
        if let Some(loaded) = checked.loaded {
            steps += loaded.declared.steps.get(&None).map_or(0, Vec::len);
            declared.push(loaded.declared);
        }
    }
    for module in &modules {
        findings.extend(checker.module(module).findings);
    }
    let mut errors: Vec<Error> = findings.iter().filter(|f| f.level == Level::Error).map(|f| f.error.clone()).collect();
    let warnings: Vec<&Error> = findings.iter().filter(|f| f.level == Level::Warning).map(|f| &f.error).collect();
    let unknown = unknown_after(&declared, &prepared);
    let warnings: Vec<&Error> = warnings.into_iter().chain(&unknown).collect();
    errors.extend(planning(&declared, &clusters));
    errors.extend(prepared.wrong_settings());

    let ui = Ui::stdout().measured();
    for warning in &warnings {
        say(out, show_warning(ui, warning))?;
    }
    for error in &errors {
        say(out, show_error(ui, error))?;
    }
    let looked = format!(
        "{}, {}, {}",
        plural(sources.len(), "playbook"),
        plural(steps, "step"),
        plural(modules.len(), "module")
    );
    if errors.is_empty() && warnings.is_empty() {
        say(out, format!("{}  {looked}: nothing wrong", ui.paint(Role::Good, "ok")))?;
    } else {
        say(out, format!("{looked}: {}, {}", plural(errors.len(), "error"), plural(warnings.len(), "warning")))?;
    }
    Ok(if errors.is_empty() { 0 } else { 2 })
}

/// The playbooks, and the modules: named ones, or those beside the playbooks and the library's.
fn chosen(args: &Args, prepared: &prepare::Prepared) -> Result<(Vec<Source>, Vec<Source>), Vec<Error>> {
    let loader = &prepared.loader;
    let library = &loader.library;
    if !args.targets.is_empty() {
        let sources = targets::sources(loader, &args.targets)?;
        return Ok(sources.into_iter().partition(|s| !loader.is_module(s)));
    }
    let (playbooks, mut modules): (Vec<Source>, Vec<Source>) =
        library.playbooks().map_err(|e| vec![e])?.into_iter().partition(|s| !loader.is_module(s));
    let names = library.stdlib_names();
    for module in names.iter().filter_map(|n| library.stdlib(n).transpose()) {
        modules.push(module.map_err(|e| vec![e])?);
    }
    Ok((playbooks, modules))
}

/// Playbooks that others come after and that nobody knows. Those of the checklist (`t0` to `t15`) may
/// be left out of a library.
fn unknown_after(declared: &[Declared], prepared: &prepare::Prepared) -> Vec<Error> {
    let mut known = prepared.ids();
    known.extend(declared.iter().map(|d| d.playbook.id.clone()));
    let listed = |id: &str| id.strip_prefix('t').and_then(|n| n.parse::<u8>().ok()).is_some_and(|n| n <= 15);
    let unknown = |d: &Declared| {
        let after = d.playbook.after.iter().filter(|id| !known.contains(id) && !listed(id));
        let error = |id: &String| {
            Error::new(
                Kind::Playbook,
                format!("playbook \"{}\" comes after \"{id}\", which nobody knows", d.playbook.id),
            )
            .maybe_hint(did_you_mean(id, known.iter().map(String::as_str)))
            .at(d.playbook.place.clone())
        };
        after.map(error).collect::<Vec<_>>()
    };
    declared.iter().flat_map(unknown).collect()
}

/// Duplicate ids, unknown needs and clusters, cycles.
fn planning(declared: &[Declared], clusters: &[String]) -> Vec<Error> {
    let (procedures, rest): (Vec<Declared>, Vec<Declared>) =
        declared.iter().cloned().partition(|d| d.playbook.kind == PlaybookKind::Procedure);
    let groups = procedures.into_iter().map(|p| vec![p]).chain([rest]);
    groups
        .flat_map(|g| Plan::new(&g, clusters, &Selection::default(), Duration::ZERO).err().unwrap_or_default())
        .collect()
}

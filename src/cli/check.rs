//! `pb check [TARGET…]`: everything that is wrong with playbooks, without a cluster, all at once.

use std::collections::BTreeSet;
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
    /// Playbooks and modules: files, ids, folders; default: all, the procedures and the standard library too
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::configured(&args.configured, environment)?;
    let Looked { mut errors, warnings, looked, sources } = look(&prepared, &args.targets)?;
    prepare::add_new(&mut errors, prepared.wrong_settings(&sources));

    let ui = Ui::stdout().measured();
    for warning in &warnings {
        say(out, show_warning(ui, warning))?;
    }
    for error in &errors {
        say(out, show_error(ui, error))?;
    }
    if errors.is_empty() && warnings.is_empty() {
        say(out, format!("{}  {looked}: nothing wrong", ui.paint(Role::Good, "ok")))?;
    } else {
        say(out, format!("{looked}: {}, {}", plural(errors.len(), "error"), plural(warnings.len(), "warning")))?;
    }
    Ok(if errors.is_empty() { 0 } else { 2 })
}

/// What was found, and in what: `3 playbooks, 12 steps, 1 module`.
pub(super) struct Looked {
    pub(super) errors: Vec<Error>,
    pub(super) warnings: Vec<Error>,
    pub(super) looked: String,
    /// The playbooks that were looked at.
    pub(super) sources: Vec<Source>,
}

/// Looks playbooks and modules over: those that are named, or all. The configured settings are not part of it.
pub(super) fn look(prepared: &prepare::Prepared, targets: &[String]) -> Result<Looked, Vec<Error>> {
    let checklist = prepared.loader.library.checklist(prepared.config.checklist.as_deref()).map_err(|e| vec![e])?;
    let clusters: Vec<String> = prepared.config.clusters.keys().cloned().collect();
    let (sources, modules) = chosen(targets, prepared)?;
    let checker = Checker::new(&prepared.loader, known_boxes(&checklist)).map_err(|e| vec![e])?;
    let checker = checker.together_with(&sources);
    let named: Vec<Source> = sources.iter().chain(&modules).cloned().collect();
    let modules: Vec<Source> = modules.into_iter().chain(checker.reached(&named)).collect();
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
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.into_iter().partition(|f| f.level == Level::Error);
    let mut errors: Vec<Error> = errors.into_iter().map(|f| f.error).collect();
    let mut warnings: Vec<Error> = warnings.into_iter().map(|f| f.error).collect();
    warnings.extend(unknown_after(&declared, prepared));
    errors.extend(same_ids(&declared));
    errors.extend(planning(&declared, &clusters));
    let files: Vec<String> = sources.iter().chain(&modules).map(|s| s.name.clone()).collect();
    in_order(&mut errors, &files);
    in_order(&mut warnings, &files);
    let (playbooks, modules) = (plural(sources.len(), "playbook"), plural(modules.len(), "module"));
    let looked = format!("{playbooks}, {}, {modules}", plural(steps, "step"));
    Ok(Looked { errors, warnings, looked, sources })
}

/// By file and line, each once: a module is told of by itself and by who imports it, a step by each cluster's plan.
fn in_order(errors: &mut Vec<Error>, files: &[String]) {
    errors.sort_by_key(|e| {
        let place = e.place.as_ref();
        let file = place.and_then(|p| files.iter().position(|f| *f == p.file));
        (place.is_none(), file.unwrap_or(files.len()), place.map(|p| (p.line, p.column)))
    });
    let mut told = BTreeSet::new();
    errors.retain(|e| told.insert((e.place.as_ref().map(ToString::to_string), e.message.clone())));
}

/// Two playbooks with one id.
fn same_ids(declared: &[Declared]) -> Vec<Error> {
    let again = |(at, one): (usize, &Declared)| {
        let first = declared[..at].iter().find(|d| d.playbook.id == one.playbook.id)?;
        let message =
            format!("another playbook has the id \"{}\", too: {}", one.playbook.id, first.playbook.place.file);
        Some(Error::new(Kind::Playbook, message).at(one.playbook.place.clone()))
    };
    declared.iter().enumerate().filter_map(again).collect()
}

/// The playbooks, and the modules: named ones, or those beside the playbooks and the library's.
fn chosen(targets: &[String], prepared: &prepare::Prepared) -> Result<(Vec<Source>, Vec<Source>), Vec<Error>> {
    let loader = &prepared.loader;
    let library = &loader.library;
    if !targets.is_empty() {
        let sources = targets::sources(loader, targets)?;
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

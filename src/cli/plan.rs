//! `pb plan TARGET…`: what would run, in what order, with which effects and settings.

use std::io::Write;

use super::args::Wanted;
use super::prepare::{self, Planned, all_settings};
use super::{Outcome, say};
use crate::config::Environment;
use crate::event::{Effect, short};
use crate::host::call::STEP_LIMIT;
use crate::playbook::plan::Planned as Step;
use crate::ui::{Role, Ui, clean, fitted, plural, truncate, wrap};

/// `pb plan`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Playbooks: files, folders, ids that pb list shows, or all
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    wanted: Wanted,
    /// Show every setting, not only those that differ from their defaults
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::inside(&args.wanted.inside, &args.wanted.configured, environment)?;
    let planned = prepared.plan(&args.targets, &args.wanted.selected, STEP_LIMIT)?;
    let ui = Ui::stdout().measured();
    for id in &planned.plan.playbooks {
        let Some(loaded) = planned.loaded.iter().find(|l| l.info.id == *id) else { continue };
        let from = format!("{}, {} {}", loaded.info.path, loaded.info.source, &loaded.info.sha256[..12]);
        say(
            out,
            format!("{}  {}  {}", ui.paint(Role::Strong, id), clean(&loaded.info.title), ui.paint(Role::Quiet, from)),
        )?;
        let steps: Vec<(usize, &Step)> =
            planned.plan.steps.iter().enumerate().filter(|(_, s)| s.info.playbook == *id).collect();
        let rows: Vec<Vec<String>> = steps.iter().map(|(at, step)| row(ui, *at, step)).collect();
        for (line, (_, step)) in fitted(ui, 2, &rows).iter().zip(&steps) {
            say(out, format!("  {line}"))?;
            for note in wrap(&notes(step, &planned), ui.width.saturating_sub(7)) {
                say(out, format!("       {}", ui.paint(Role::Quiet, note)))?;
            }
        }
        say(out, "")?;
    }
    settings(args, &planned, ui, out)?;
    summary(&planned, out)?;
    Ok(0)
}

fn row(ui: Ui, at: usize, step: &Step) -> Vec<String> {
    let effect = match step.info.effect {
        Effect::Read => ui.paint(Role::Quiet, "read"),
        Effect::Write => "write".to_string(),
        strong => ui.paint(Role::Warned, strong.as_str()),
    };
    vec![
        ui.paint(Role::Quiet, format!("{:>3}", at + 1)),
        step.info.id.clone(),
        step.info.priority.clone(),
        effect,
        clean(&step.info.title),
    ]
}

/// What is particular to the step: what it needs, its deadline, whether it is alone.
fn notes(step: &Step, planned: &Planned) -> String {
    let mut notes = Vec::new();
    let name = |i: &usize| planned.plan.steps[*i].info.id.clone();
    if !step.needs.is_empty() {
        notes.push(format!("needs {}", step.needs.iter().map(name).collect::<Vec<_>>().join(", ")));
    }
    if step.decl.alone || step.info.effect >= Effect::Disrupt {
        notes.push("alone on its cluster".into());
    }
    if step.decl.guarded {
        notes.push("guarded".into());
    }
    if let Some(retry) = step.decl.retry {
        notes.push(format!("up to {} attempts", retry.times + 1));
    }
    if let Some(later) = step.decl.later {
        notes.push(format!("checked {} later", short(later.after)));
    }
    if step.decl.timeout.is_some() {
        notes.push(format!("within {}", short(step.timeout)));
    }
    if step.decl.manual.is_some() {
        notes.push("manual".into());
    }
    notes.join(" · ")
}

fn settings(args: &Args, planned: &Planned, ui: Ui, out: &mut dyn Write) -> Result<(), Vec<crate::error::Error>> {
    let all = all_settings(&planned.loaded);
    let shown: Vec<_> = all.iter().filter(|s| args.verbose || s.value != s.default).collect();
    if shown.is_empty() {
        return say(out, format!("{}, each with its default (-v shows them)\n", plural(all.len(), "setting")));
    }
    say(out, if args.verbose { "settings" } else { "settings that differ from their defaults (-v shows all)" })?;
    let most = if ui.width == Ui::UNLIMITED { ui.width } else { ui.width / 3 };
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|s| {
            let name = format!("{}.{}", s.playbook, s.name);
            let name = s.cluster.as_ref().map_or(name.clone(), |c| format!("{name} @{c}"));
            let from = if s.from == "default" { s.from.clone() } else { format!("{}; default {}", s.from, s.default) };
            vec![ui.paint(Role::Name, name), truncate(&clean(&s.value.to_string()), most), clean(&from)]
        })
        .collect();
    for line in fitted(ui, 2, &rows) {
        say(out, format!("  {line}"))?;
    }
    say(out, "")
}

fn summary(planned: &Planned, out: &mut dyn Write) -> Result<(), Vec<crate::error::Error>> {
    let steps = &planned.plan.steps;
    let mut words = vec![plural(steps.len(), "step")];
    for effect in Effect::ALL {
        let count = steps.iter().filter(|s| s.info.effect == effect).count();
        if count > 0 {
            words.push(format!("{count} {effect}"));
        }
    }
    say(out, words.join(" · "))?;
    if steps.iter().any(|s| s.info.effect >= Effect::Disrupt) {
        say(out, "skipped unless allowed: disrupt (--allow disrupt), destroy (--allow destroy=CLUSTER)")?;
    }
    Ok(())
}

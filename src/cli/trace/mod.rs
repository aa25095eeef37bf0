//! `pb trace [TARGET…]`: the matrix from the checklist's boxes to the steps that cover them, and to what judges each.

mod json;
mod markdown;
mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::Write;

use globset::Glob;

use super::args::Configured;
use super::{Outcome, prepare, say};
use crate::config::Environment;
use crate::error::{Error, Kind, did_you_mean};
use crate::playbook::checklist::{CheckBox, boxes};
use crate::playbook::matrix::{Judged, Matrix, Row, State};
use crate::script::check::judged;
use crate::script::targets;
use crate::ui::Ui;

/// `pb trace`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Playbooks: files, ids, folders; default: all. Of named ones only the boxes are shown that they cover
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Only boxes whose id or group matches, also those that nobody covers: 'T5.*', 'BGP*'
    #[arg(long, value_name = "GLOB", value_delimiter = ',', help_heading = "Selection")]
    only: Vec<String>,
    /// Only what is uncovered
    #[arg(long, help_heading = "Selection")]
    uncovered: bool,
    /// As JSON
    #[arg(long, help_heading = "Output", conflicts_with = "markdown")]
    json: bool,
    /// As a table in Markdown
    #[arg(long, help_heading = "Output")]
    markdown: bool,
    #[command(flatten)]
    configured: Configured,
}

/// What the forms show.
struct Traced<'a> {
    matrix: Matrix<'a>,
    /// How many boxes the checklist has.
    listed: usize,
    /// Whether only what is uncovered is wanted.
    uncovered: bool,
}

impl<'a> Traced<'a> {
    /// The boxes to show.
    fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.matrix.rows.iter().filter(|row| !self.uncovered || row.state() == State::Uncovered)
    }

    /// `397 boxes: 380 judged, 12 by a person, 5 uncovered`
    fn counts(&self) -> String {
        let counts = self.matrix.counts();
        let of = if counts.boxes < self.listed { format!(" (of {})", self.listed) } else { String::new() };
        format!("{counts}{of}")
    }
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let (text, code) = told(args, environment, Ui::stdout().measured())?;
    say(out, text)?;
    Ok(code)
}

/// The matrix in the form that is asked for, and the exit code.
fn told(args: &Args, environment: &Environment, ui: Ui) -> Result<(String, u8), Vec<Error>> {
    let prepared = prepare::configured(&args.configured, environment)?;
    let checklist = prepared.loader.library.checklist(prepared.config.checklist.as_deref()).map_err(|e| vec![e])?;
    let listed = boxes(&checklist);
    let clusters: Vec<String> = prepared.config.clusters.keys().cloned().collect();
    let named = if args.targets.is_empty() { vec!["all".to_string()] } else { args.targets.clone() };
    let loaded = targets::load(&prepared.loader, &named, &clusters)?;
    let steps: Vec<Judged> = loaded.iter().flat_map(|playbook| judged(&prepared.loader, playbook)).collect();
    let whole = named.iter().any(|target| target == "all");
    let chosen = choose(&listed, &args.only, &steps, whole)?;
    if chosen.is_empty() {
        let message = format!("{}: no step covers a box of {}", named.join(" "), checklist.name);
        let hint = "covers: [\"…\"] in a step's options names its boxes; --only 'T5.*' shows those that nobody covers";
        return Err(vec![Error::new(Kind::Usage, message).hint(hint)]);
    }
    let matrix = Matrix::new(&chosen, &steps);
    let traced = Traced { matrix, listed: listed.len(), uncovered: args.uncovered };
    let text = match (args.json, args.markdown) {
        (true, _) => json::render(&traced)?,
        (_, true) => markdown::render(&traced),
        _ => terminal::render(ui, &traced),
    };
    Ok((text, u8::from(traced.matrix.counts().uncovered > 0)))
}

/// The boxes that are asked for: by id or group, else those that the named playbooks cover, else all.
fn choose<'a>(
    listed: &'a [CheckBox],
    only: &[String],
    steps: &[Judged],
    whole: bool,
) -> Result<Vec<&'a CheckBox>, Vec<Error>> {
    if only.is_empty() {
        let covered: BTreeSet<&String> = steps.iter().flat_map(|step| &step.decl.covers).collect();
        return Ok(listed.iter().filter(|of| whole || covered.contains(&of.id)).collect());
    }
    let mut chosen = BTreeSet::new();
    let mut problems = Vec::new();
    for pattern in only {
        let glob = match Glob::new(pattern) {
            Ok(glob) => glob.compile_matcher(),
            Err(why) => {
                problems.push(Error::new(Kind::Usage, format!("--only {pattern}: not a glob")).because(why));
                continue;
            }
        };
        let fits = |of: &CheckBox| glob.is_match(&of.id) || glob.is_match(&of.group);
        let found: Vec<usize> = (0..listed.len()).filter(|at| fits(&listed[*at])).collect();
        if found.is_empty() {
            let names = listed.iter().flat_map(|of| [of.id.as_str(), of.group.as_str()]);
            let message = format!("--only {pattern}: the checklist has no such box and no such group");
            problems.push(Error::new(Kind::Usage, message).maybe_hint(did_you_mean(pattern, names)));
        }
        chosen.extend(found);
    }
    if problems.is_empty() { Ok(chosen.into_iter().map(|at| &listed[at]).collect()) } else { Err(problems) }
}

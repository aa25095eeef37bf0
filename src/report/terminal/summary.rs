//! The end of a run: what is not well and what did not run, by name; the rest as numbers; what is left, where the
//! record is, and what the exit code means.

use std::time::Duration;

use super::layout::{STATUS, entry, status, time};
use super::step::{margin, reason};
use super::word;
use crate::event::{Former, How, Outcome, StepResult, short};
use crate::report::{Run, exit_words};
use crate::ui::{Role, Ui, clean, left, plural, truncate, width, wrap};

/// The order in which they are named: the gravest last, next to the result, where the eye is.
const NAMED: [Outcome; 7] = [
    Outcome::Skipped,
    Outcome::Blocked,
    Outcome::Manual,
    Outcome::Warned,
    Outcome::Inconclusive,
    Outcome::Errored,
    Outcome::Failed,
];

/// Lines that say what a person has to do: they stand nowhere else at the end.
const MOST: usize = 6;
/// Less room than this beside a step's id is too little for instructions.
const NARROW: usize = 32;
/// With less room than this a reason may take a second line.
const SHORT: usize = 100;

pub(super) fn lines(ui: Ui, run: &Run, ids: usize) -> Vec<String> {
    let results = run.results();
    let columns = if ui.width == Ui::UNLIMITED { 72 } else { ui.width.min(72) };
    let mut lines = vec![ui.paint(Role::Quiet, "─".repeat(columns))];
    for outcome in NAMED {
        for group in groups(results.iter().map(|(_, r)| r).filter(|r| r.outcome == outcome)) {
            lines.extend(named(ui, outcome, &group, ids));
        }
    }
    if lines.len() > 1 {
        lines.push(String::new());
    }
    for outcome in Outcome::ALL {
        let of = || results.iter().filter(|(_, r)| r.outcome == outcome);
        let count = of().count();
        if count > 0 {
            let taken = of().filter(|(_, r)| r.taken_from.is_some()).count();
            let taken = if taken > 0 { format!(" ({taken} taken over)") } else { String::new() };
            lines.push(format!("{} {outcome}{taken}", status(ui, outcome.into(), &count.to_string())));
        }
    }
    let seconds = run.finished.as_ref().map_or(0.0, |f| f.seconds);
    let took = if seconds < 60.0 { time(seconds) } else { short(Duration::from_secs(seconds.round() as u64)) };
    let total = format!("{} in {took}", plural(run.steps.len(), "step"));
    let (number, words) = total.split_once(' ').unwrap_or((&total, ""));
    lines.push(format!("{} {words}", status(ui, Role::Strong, number)));
    lines.push(String::new());
    for (at, what) in run.finished.iter().flat_map(|f| &f.left).enumerate() {
        lines.extend(entry(ui, Role::Bad, if at == 0 { "left behind" } else { "" }, what));
    }
    if run.finished.as_ref().is_some_and(|f| !f.left.is_empty()) {
        lines.extend(entry(
            ui,
            Role::Hint,
            "hint",
            &format!(
                "pb clean {} tries to undo it again; the record's ledger.jsonl has every change with its undo",
                run.id
            ),
        ));
    }
    if let Some(former) = &run.former {
        lines.extend(outstanding(ui, run, former));
    }
    if let Some(record) = &run.record {
        lines.extend(entry(ui, Role::Quiet, "record", record));
    }
    let role = match run.exit_code() {
        0 => Role::Good,
        1 | 2 => Role::Bad,
        _ => Role::Unknown,
    };
    let words = exit_words(run);
    let indent = STATUS + 1;
    for (at, line) in wrap(&words, ui.width.saturating_sub(indent)).iter().enumerate() {
        let before = if at == 0 { status(ui, Role::Quiet, "result") } else { " ".repeat(STATUS) };
        lines.push(format!("{before} {}", ui.paint(role, line)));
    }
    lines
}

/// What still has to pass, of both runs.
fn outstanding(ui: Ui, run: &Run, former: &Former) -> Vec<String> {
    if former.how == How::Resumes && former.outstanding.is_empty() {
        // The result is that of the whole: the lines above say it.
        return Vec::new();
    }
    let open: Vec<String> = run.outstanding().iter().map(ToString::to_string).collect();
    match open.len() {
        0 => entry(ui, Role::Good, "outstanding", &format!("nothing of run {}", former.run)),
        n => entry(ui, Role::Unknown, "outstanding", &format!("{}: {}", plural(n, "step"), open.join(", "))),
    }
}

/// Steps that ended the same way for the same reason stand together. What a person has to do is told for each.
fn groups<'a>(results: impl Iterator<Item = &'a StepResult>) -> Vec<Vec<&'a StepResult>> {
    let mut groups: Vec<Vec<&StepResult>> = Vec::new();
    for result in results {
        let alike = |first: &StepResult| {
            result.outcome != Outcome::Manual && word(first) == word(result) && reason(first) == reason(result)
        };
        match groups.iter_mut().find(|g| g.first().is_some_and(|first| alike(first))) {
            Some(group) => group.push(result),
            None => groups.push(vec![result]),
        }
    }
    groups
}

fn named(ui: Ui, outcome: Outcome, group: &[&StepResult], ids: usize) -> Vec<String> {
    let Some(first) = group.first() else { return Vec::new() };
    let label = status(ui, outcome.into(), word(first));
    if group.len() > 1 {
        let text = format!("{}: {}", plural(group.len(), "step"), reason(first));
        let text = brief(&text, ui.width.saturating_sub(STATUS + 1)).join("\n");
        let mut lines = entry(ui, outcome.into(), word(first), &text);
        let all: Vec<&str> = group.iter().map(|r| r.id.as_str()).collect();
        for line in wrap(&all.join(", "), ui.width.saturating_sub(STATUS + 1)) {
            lines.push(format!("{}{}", margin(), ui.paint(Role::Name, line)));
        }
        return lines;
    }
    let id = left(&clean(&first.id), ids);
    let beside = STATUS + 1 + width(&id) + 2;
    // On a narrow terminal a text that does not fit beside the id begins below it, where it has more room.
    let right = ui.width.saturating_sub(beside);
    let fits = match outcome {
        Outcome::Manual => right >= NARROW,
        _ => right >= SHORT || width(&reason(first)) <= right,
    };
    let indent = if fits { beside } else { STATUS + 3 };
    let room = ui.width.saturating_sub(indent);
    let todo = clean(first.instructions.as_deref().unwrap_or_default());
    let mut text = match outcome {
        Outcome::Manual => first_lines(wrap(&todo, room), MOST, room),
        _ => Vec::new(),
    };
    if !todo.starts_with(&reason(first)) || text.is_empty() {
        text.splice(0..0, brief(&reason(first), room));
    }
    let mut text = text.into_iter();
    let head = if indent == beside { text.next().unwrap_or_default() } else { String::new() };
    let mut lines = vec![format!("{label} {}  {head}", ui.paint(Role::Name, id)).trim_end().to_string()];
    lines.extend(text.map(|line| format!("{}{line}", " ".repeat(indent))));
    lines
}

/// A reason, told in full above, in a line or two.
fn brief(text: &str, room: usize) -> Vec<String> {
    first_lines(wrap(text, room), if room < SHORT { 2 } else { 1 }, room)
}

/// The first lines; the last ends in `…` where more would follow.
fn first_lines(mut lines: Vec<String>, most: usize, room: usize) -> Vec<String> {
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            // An ellipsis that always shows: the line may be full.
            *last = truncate(&format!("{last} …"), room.max(2));
        }
    }
    lines
}

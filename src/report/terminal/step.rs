//! A step's end: its line, and for what is not well everything that explains it, at once.

use super::layout::{BODY, NO_TIME, STATUS, bracket, detail, metric, status, step_line};
use super::{Detail, is_stopped, word};
use crate::error::Place;
use crate::event::{Failure, Outcome, StepInfo, StepResult};
use crate::ui::{Role, Ui, clean, plural, snippet};

/// Lines of one value that are shown; the rest stands in the record.
const MOST: usize = 12;
/// Lines of a difference that are shown.
const MOST_DIFF: usize = 40;

/// Whether an outcome is shown at once even under `-q`. What did not run stands in the summary.
pub(super) fn is_problem(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Warned | Outcome::Failed | Outcome::Errored | Outcome::Inconclusive)
}

/// The line of a step that ended, and what explains it.
pub(super) fn ended(ui: Ui, how_much: Detail, ids: usize, info: &StepInfo, result: &StepResult) -> Vec<String> {
    let role = Role::from(result.outcome);
    let time = if result.attempts == 0 { NO_TIME.to_string() } else { bracket(result.seconds) };
    let title = match (result.outcome, result.attempts) {
        // Why it did not run says more than what it would have looked at.
        (Outcome::Skipped | Outcome::Blocked, _) => reason(result),
        (_, _) if let Some(run) = &result.taken_from => format!("{} (from run {run})", info.title),
        (_, 0 | 1) => info.title.clone(),
        (_, n) => format!("{} (attempt {n})", info.title),
    };
    let status = status(ui, role, word(result));
    let mut lines = vec![step_line(ui, &status, &time, &result.id, ids, &title)];
    match result.outcome {
        Outcome::Passed | Outcome::Warned | Outcome::Skipped | Outcome::Blocked => {}
        _ if is_stopped(result) => lines.extend(detail(ui, Role::Plain, "because", &reason(result))),
        Outcome::Manual => {
            let text = result.instructions.as_deref().unwrap_or(&result.message);
            lines.extend(detail(ui, Role::Plain, "to do", text));
        }
        _ => lines.extend(why(ui, info, result)),
    }
    for warning in &result.warnings {
        lines.extend(detail(ui, Role::Warned, "warning", warning));
    }
    if how_much == Detail::Verbose || is_problem(result.outcome) {
        for note in &result.notes {
            lines.extend(detail(ui, Role::Plain, "note", note));
        }
        if !result.metrics.is_empty() {
            let all: Vec<String> = result.metrics.iter().map(metric).collect();
            lines.extend(detail(ui, Role::Plain, "measured", &all.join(" · ")));
        }
        if !result.evidence.is_empty() {
            lines.extend(detail(ui, Role::Quiet, "evidence", &result.evidence.join(", ")));
        }
    }
    // What is explained stands apart from what comes next; a note or two below a step that passed does not.
    if lines.len() > if is_problem(result.outcome) { 1 } else { 3 } {
        lines.push(String::new());
    }
    lines
}

fn why(ui: Ui, info: &StepInfo, result: &StepResult) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &result.failures {
        lines.extend(failure(ui, one));
    }
    match &result.error {
        // The error of an expectation says again what the failure said.
        Some(error) if error.failure.is_none() || result.failures.is_empty() => {
            lines.extend(detail(ui, Role::Strong, "error", &error.message));
            if let Some(failure) = &error.failure {
                lines.extend(values(ui, failure));
            }
            for cause in &error.causes {
                lines.extend(detail(ui, Role::Plain, "because", cause));
            }
            lines.extend(error.place.iter().flat_map(|place| source(ui, place)));
            for call in &error.stack {
                lines.extend(detail(ui, Role::Quiet, "called by", call));
            }
            for hint in &error.hints {
                lines.extend(detail(ui, Role::Hint, "hint", hint));
            }
        }
        Some(error) => {
            for hint in &error.hints {
                lines.extend(detail(ui, Role::Hint, "hint", hint));
            }
        }
        None if result.failures.is_empty() => lines.extend(detail(ui, Role::Strong, "because", &result.message)),
        None => {}
    }
    for (at, look) in info.if_fails.iter().enumerate() {
        lines.extend(detail(ui, Role::Hint, if at == 0 { "look at" } else { "" }, look));
    }
    if let Some(risk) = &info.risk {
        lines.extend(detail(ui, Role::Plain, "risk", risk));
    }
    lines
}

fn failure(ui: Ui, failure: &Failure) -> Vec<String> {
    let mut lines = detail(ui, Role::Strong, "", &failure.label);
    lines.extend(values(ui, failure));
    lines.extend(failure.at.iter().flat_map(|place| source(ui, place)));
    lines
}

fn values(ui: Ui, failure: &Failure) -> Vec<String> {
    let mut lines = cut(ui, detail(ui, Role::Good, "expected", &failure.expected), MOST);
    lines.extend(cut(ui, detail(ui, Role::Bad, "actual", &failure.actual), MOST));
    if let Some(object) = &failure.object {
        lines.extend(detail(ui, Role::Plain, "object", object));
    }
    let mut diff = Vec::new();
    for (at, line) in failure.diff.iter().enumerate() {
        let role = match line.chars().next() {
            Some('-') => Role::Bad,
            Some('+') => Role::Good,
            _ => Role::Quiet,
        };
        diff.extend(detail(ui, role, if at == 0 { "diff" } else { "" }, line));
    }
    lines.extend(cut(ui, diff, MOST_DIFF));
    lines
}

/// The script line with its caret, below the place.
fn source(ui: Ui, place: &Place) -> Vec<String> {
    let mut lines = snippet(ui, place, BODY - 2).into_iter();
    let mut out = detail(ui, Role::Plain, "at", &place.to_string());
    // The snippet's own first lines are the place and an empty bar.
    lines.next();
    lines.next();
    out.extend(lines);
    out
}

fn cut(ui: Ui, mut lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.len() > most {
        let more = lines.len() - most + 1;
        lines.truncate(most - 1);
        let text = format!("… {} more, in the record", plural(more, "line"));
        lines.push(format!("{}{}", " ".repeat(BODY), ui.paint(Role::Quiet, text)));
    }
    lines
}

/// One line for the summary: why.
pub(super) fn reason(result: &StepResult) -> String {
    let text = match (&result.message, result.failures.first(), &result.error) {
        (message, _, _) if !message.is_empty() => message.clone(),
        (_, Some(first), _) => format!("{}: expected {}, got {}", first.label, first.expected, first.actual),
        (_, None, Some(error)) => error.message.clone(),
        _ => String::new(),
    };
    clean(&text).lines().next().unwrap_or_default().to_string()
}

/// Spaces up to where text after a status word begins.
pub(super) fn margin() -> String {
    " ".repeat(STATUS + 1)
}

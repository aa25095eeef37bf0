//! `pb trace --markdown`: the matrix as a table, for a pull request.

use super::Traced;
use crate::playbook::matrix::{Judge, Judged, Row, State};

pub(super) fn render(traced: &Traced<'_>) -> String {
    let mut lines = vec!["| Box | | Steps | Judged by |".to_string(), "|---|---|---|---|".to_string()];
    lines.extend(traced.rows().map(row));
    if lines.len() == 2 {
        lines = Vec::new();
    } else {
        lines.push(String::new());
    }
    for (step, judge) in &traced.matrix.computed {
        lines.push(format!("- {} names boxes that are computed ({}): it counts for none.", step.id(), at(judge)));
    }
    if !traced.matrix.computed.is_empty() {
        lines.push(String::new());
    }
    lines.push(traced.counts());
    lines.join("\n")
}

fn row(row: &Row<'_>) -> String {
    let steps: Vec<String> = row.steps.iter().map(|(step, _)| declared(step)).collect();
    let mut by: Vec<String> = row.steps.iter().flat_map(|(_, judges)| judges.iter().map(|judge| told(judge))).collect();
    match row.state() {
        State::Judged => {}
        State::Person => by.push("*a person*".into()),
        State::Uncovered => by.push(format!("**uncovered**: {}", plain(&row.lacks()))),
    }
    format!("| {} | {} | {} | {} |", plain(&row.of.id), plain(&row.of.text), steps.join("<br>"), by.join("<br>"))
}

fn declared(step: &Judged) -> String {
    let manual = if step.decl.manual.is_some() { ", manual" } else { "" };
    format!("{} ({}, {}{manual})", plain(&step.id()), step.decl.priority, step.decl.effect)
}

fn told(judge: &Judge) -> String {
    format!("{} ({})", plain(&judge.label), at(judge))
}

fn at(judge: &Judge) -> String {
    format!("`{}:{}`", judge.place.file, judge.place.line)
}

/// A text whose characters mean themselves, on one line.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '\n' => out.push(' '),
            '|' | '*' | '_' | '`' | '\\' | '[' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

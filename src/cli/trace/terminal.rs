//! `pb trace` for a person: each box with its steps and what judges it, and at the end what is uncovered.

use super::Traced;
use crate::playbook::matrix::{Judge, Judged, Row, State};
use crate::ui::{Role, Ui, clean, left, truncate, width};

/// So many are shown of what judges one box in one step.
const MOST: usize = 3;
/// What a label has to have beside its step; with less it has a line of its own.
const LABEL: usize = 28;

/// The columns that all boxes share.
struct Columns {
    ui: Ui,
    /// Where steps begin.
    indent: usize,
    /// The ids of steps, and all that is said of a step.
    id: usize,
    step: usize,
    label: usize,
    /// Whether labels stand beside their steps.
    beside: bool,
}

pub(super) fn render(ui: Ui, traced: &Traced<'_>) -> String {
    let mut lines = Vec::new();
    let columns = Columns::of(ui, traced);
    if !traced.uncovered {
        let mut group = None;
        for row in traced.matrix.rows.iter().filter(|row| row.state() != State::Uncovered) {
            if group != Some(&row.of.group) {
                if group.is_some() {
                    lines.push(String::new());
                }
                lines.push(ui.paint(Role::Name, truncate(&clean(&row.of.group), ui.width)));
                group = Some(&row.of.group);
            }
            columns.row(row, &mut lines);
        }
    }
    columns.uncovered(traced, &mut lines);
    for (step, judge) in &traced.matrix.computed {
        let text = format!("{}: the boxes named at {} are computed, and count for none", step.id(), at(judge));
        lines.push(ui.paint(Role::Warned, truncate(&text, ui.width)));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(traced.counts());
    lines.join("\n")
}

impl Columns {
    fn of(ui: Ui, traced: &Traced<'_>) -> Self {
        let rows = &traced.matrix.rows;
        let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
        let steps = || rows.iter().flat_map(|row| &row.steps);
        let id = widest(&mut rows.iter().map(|row| width(&row.of.id)));
        let of_step = widest(&mut steps().map(|(step, _)| width(&step.id())));
        let step = widest(&mut steps().map(|(step, _)| width(&declared(step, of_step))));
        let place = widest(&mut steps().flat_map(|(_, judges)| judges.iter().map(|judge| width(&at(judge)))));
        let label = widest(&mut steps().flat_map(|(_, judges)| judges.iter().map(|judge| width(&judge.label))));
        let indent = 2 + id + 2;
        let room = ui.width.saturating_sub(indent + step + 2 + place + 2);
        let beside = room >= LABEL;
        let room = if beside { room } else { ui.width.saturating_sub(indent + 2 + place + 2) };
        Self { ui, indent, id: of_step, step, label: label.min(room), beside }
    }

    /// A box, its steps, and what judges it in each.
    fn row(&self, row: &Row<'_>, lines: &mut Vec<String>) {
        self.head(row, lines);
        for (step, judges) in &row.steps {
            let head = left(&declared(step, self.id), self.step);
            let mut told: Vec<String> = judges.iter().take(MOST).map(|judge| self.judge(judge)).collect();
            if judges.len() > MOST {
                told.push(format!("and {} more", judges.len() - MOST));
            }
            if told.is_empty() {
                let words = if step.decl.manual.is_some() { "a person judges it" } else { "no expectation names it" };
                told.push(words.to_string());
            }
            let room = self.ui.width.saturating_sub(self.indent);
            let (before, after) = if self.beside { (head.as_str(), "") } else { ("", "  ") };
            if !self.beside {
                lines.push(format!("{}{}", " ".repeat(self.indent), truncate(head.trim_end(), room)));
            }
            for (at, told) in told.iter().enumerate() {
                let first = if at == 0 { before.to_string() } else { " ".repeat(width(before)) };
                let gap = if self.beside { "  " } else { after };
                let line = truncate(format!("{first}{gap}{told}").trim_end(), room);
                lines.push(format!("{}{line}", " ".repeat(self.indent)));
            }
        }
    }

    fn head(&self, row: &Row<'_>, lines: &mut Vec<String>) {
        let id = left(&row.of.id, self.indent - 4);
        let text = truncate(&clean(&row.of.text), self.ui.width.saturating_sub(self.indent));
        lines.push(format!("  {}  {text}", self.ui.paint(Role::Strong, id)).trim_end().to_string());
    }

    fn judge(&self, judge: &Judge) -> String {
        format!("{}  {}", left(&truncate(&clean(&judge.label), self.label), self.label), at(judge))
    }

    /// What nobody judges: first what no step covers, then what steps cover without saying how they judge it.
    fn uncovered(&self, traced: &Traced<'_>, lines: &mut Vec<String>) {
        let all: Vec<&Row<'_>> = traced.rows().filter(|row| row.state() == State::Uncovered).collect();
        let (claimed, bare): (Vec<&Row<'_>>, Vec<&Row<'_>>) = all.into_iter().partition(|row| !row.steps.is_empty());
        for (heading, rows) in [("uncovered: no step", bare), ("uncovered: a step, but nothing that judges", claimed)] {
            if rows.is_empty() {
                continue;
            }
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(self.ui.paint(Role::Bad, truncate(heading, self.ui.width)));
            for row in rows {
                self.head(row, lines);
                if !row.steps.is_empty() {
                    let text = truncate(&row.lacks(), self.ui.width.saturating_sub(self.indent));
                    lines.push(format!("{}{text}", " ".repeat(self.indent)));
                }
            }
        }
    }
}

/// `t5/bgp-table  P1 read`
fn declared(step: &Judged, id: usize) -> String {
    let manual = if step.decl.manual.is_some() { " manual" } else { "" };
    format!("{}  {} {}{manual}", left(&step.id(), id), step.decl.priority, step.decl.effect)
}

fn at(judge: &Judge) -> String {
    format!("{}:{}", clean(&judge.place.file), judge.place.line)
}

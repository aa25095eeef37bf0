//! The table that `pb doctor` shows: sections of aligned rows, a mark before what was looked at.

use crate::error::Error;
use crate::ui::{Role, Ui, left, width};

/// How a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is just said.
    Plain,
    /// Looked at, and well.
    Good,
    /// Not there, and nothing configured needs it.
    Absent,
    /// Not well.
    Bad,
}

/// A line, with notes below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: State,
    pub(super) cells: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Row {
    pub(super) fn new(state: State, cells: Vec<String>) -> Self {
        Self { state, cells, notes: Vec::new() }
    }

    pub(super) fn plain<const N: usize>(cells: [String; N]) -> Self {
        Self::new(State::Plain, cells.into())
    }

    /// A name and what is wrong with it; place, source line and hints become notes.
    pub(super) fn of_error(name: &str, error: &Error) -> Self {
        let mut cells = vec![error.to_string()];
        if !name.is_empty() {
            cells.insert(0, name.into());
        }
        let mut notes = Vec::new();
        if let Some(place) = &error.place {
            let source = place.source.as_ref().map(|source| format!("  {}", source.trim())).unwrap_or_default();
            notes.push(format!("{place}{source}"));
        }
        notes.extend(error.hints.iter().map(|hint| format!("→ {hint}")));
        Self { state: State::Bad, cells, notes }
    }
}

/// Rows under a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row>,
}

/// The whole table as text.
pub(super) fn show(sections: &[Section], verdict: &str, ui: Ui) -> String {
    let mut out = String::new();
    for section in sections.iter().filter(|section| !section.rows.is_empty()) {
        out.push_str(&ui.paint(Role::Strong, section.title));
        out.push('\n');
        let widths = widths(&section.rows);
        for row in &section.rows {
            let (mark, role) = match row.state {
                State::Plain => (" ", Role::Plain),
                State::Good => ("✓", Role::Good),
                State::Absent => ("–", Role::Quiet),
                State::Bad => ("✗", Role::Bad),
            };
            let cells: Vec<String> = row.cells.iter().zip(&widths).map(|(cell, width)| left(cell, *width)).collect();
            let line = format!("  {} {}", ui.paint(role, mark), cells.join("  "));
            out.push_str(line.trim_end());
            out.push('\n');
            for note in &row.notes {
                out.push_str(&format!(
                    "      {}\n",
                    ui.paint(if note.starts_with('→') { Role::Hint } else { Role::Quiet }, note)
                ));
            }
        }
        out.push('\n');
    }
    out.push_str(verdict);
    out.push('\n');
    out
}

/// The width of each column; a row's last cell may run on, and widens none.
fn widths(rows: &[Row]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.cells.iter().enumerate() {
            if widths.len() <= column {
                widths.push(0);
            }
            if column + 1 < row.cells.len() {
                widths[column] = widths[column].max(width(cell));
            }
        }
    }
    widths
}

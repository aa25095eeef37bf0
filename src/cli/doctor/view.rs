//! The table that `pb doctor` shows: sections of aligned rows, a mark before what was looked at.

use crate::error::Error;
use crate::ui::{Role, Ui, left, width, wrap};

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
            let mut lines = laid_out(ui, &row.cells, &widths).into_iter();
            let first = lines.next().unwrap_or_default();
            out.push_str(&format!("  {} {}\n", ui.paint(role, mark), first));
            out.extend(lines.map(|line| format!("    {line}\n")));
            for note in &row.notes {
                let role = if note.starts_with('→') { Role::Hint } else { Role::Quiet };
                let lines = wrap(note, ui.width.saturating_sub(6));
                out.extend(lines.iter().map(|line| format!("      {}\n", ui.paint(role, line))));
            }
        }
        out.push('\n');
    }
    out.push_str(verdict);
    out.push('\n');
    out
}

/// The cells beside each other, the last one continued below itself, or where that would be a narrow column, below all.
fn laid_out(ui: Ui, cells: &[String], widths: &[usize]) -> Vec<String> {
    let Some((last, before)) = cells.split_last() else { return Vec::new() };
    let before: String = before.iter().zip(widths).map(|(cell, width)| format!("{}  ", left(cell, *width))).collect();
    let room = ui.width.saturating_sub(4 + width(&before));
    if width(last) > room && room < 24 {
        let below = wrap(last, ui.width.saturating_sub(6)).into_iter().map(|line| format!("  {line}"));
        return std::iter::once(before.trim_end().to_string()).chain(below).collect();
    }
    let indent = " ".repeat(width(&before));
    let lines = wrap(last, room);
    if lines.is_empty() {
        return vec![before.trim_end().to_string()];
    }
    lines.iter().enumerate().map(|(at, line)| format!("{}{line}", if at == 0 { &before } else { &indent })).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_last_cell_goes_on_below_itself_or_below_all() {
        let cells = ["edge-1", "netops@10.99.0.1", "logged in after a while"].map(String::from);
        let at = |columns: usize| laid_out(Ui::fixed(false, columns, false), &cells, &[6, 16, 0]);
        assert_eq!(at(80), ["edge-1  netops@10.99.0.1  logged in after a while"]);
        assert_eq!(at(40), ["edge-1  netops@10.99.0.1", "  logged in after a while"]);
        let cells = ["edge-1", "it could not be reached because nothing answers there"].map(String::from);
        let lines = laid_out(Ui::fixed(false, 44, false), &cells, &[8, 0]);
        assert_eq!(lines, ["edge-1    it could not be reached", "          because nothing answers there"]);
    }
}

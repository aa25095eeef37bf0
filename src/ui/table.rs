//! Tables without lines around them: columns two spaces apart, nothing after the last.

use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

use super::text::{truncate, width};
use super::{Role, Ui};

/// Rows in aligned columns; cells may hold colours. Rows may have different lengths.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let wide = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut builder = Builder::default();
    for row in rows {
        let blank = std::iter::repeat_n(String::new(), wide - row.len());
        builder.push_record(row.iter().cloned().chain(blank));
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    table.to_string().lines().map(|line| line.trim_end().to_string()).collect()
}

/// Rows in aligned columns that stay within the terminal, so many columns being taken on the left: the last cell gives
/// way. It is plain text; the others may hold colours.
pub fn fitted(ui: Ui, taken: usize, rows: &[Vec<String>]) -> Vec<String> {
    let last = rows.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
    let widest = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| shown_width(c)).max().unwrap_or(0);
    let before: usize = (0..last).map(|column| widest(column) + 2).sum();
    let room = ui.width.saturating_sub(taken + before).max(1);
    let cut = |row: &Vec<String>| {
        let mut row = row.clone();
        if let Some(cell) = row.get_mut(last) {
            *cell = truncate(cell, room);
        }
        row
    };
    columns(&rows.iter().map(cut).collect::<Vec<_>>())
}

/// The width of a text that may hold colours.
fn shown_width(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let plain = width(parts.next().unwrap_or_default());
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| width(rest))).sum::<usize>()
}

/// A table with a heading, cut to the terminal's width at its last column. Cells are plain text.
pub fn table(ui: Ui, heading: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut before = 0;
    for (column, name) in heading.iter().enumerate().take(heading.len().saturating_sub(1)) {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
        before += cells.chain([width(name)]).max().unwrap_or(0) + 2;
    }
    let last = ui.width.saturating_sub(before).max(8);
    let cut = |row: &Vec<String>| -> Vec<String> {
        let mut row = row.clone();
        if row.len() == heading.len()
            && let Some(cell) = row.last_mut()
        {
            *cell = truncate(cell, last);
        }
        row
    };
    let mut all = vec![heading.iter().map(ToString::to_string).collect()];
    all.extend(rows.iter().map(cut));
    let mut lines = columns(&all);
    if let Some(first) = lines.first_mut() {
        *first = ui.paint(Role::Quiet, &first);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_are_aligned_by_display_width_and_colours_count_nothing() {
        let painted = Ui::fixed(true, 80, false).paint(Role::Good, "ok");
        let lines = columns(&[row(&["日本", &painted, "x"]), row(&["a", "bcd"])]);
        assert_eq!(lines, [format!("日本  {painted}   x"), "a     bcd".to_string()]);
    }

    #[test]
    fn rows_stay_within_the_terminal_and_colours_take_no_room() {
        let painted = Ui::fixed(true, 80, false).paint(Role::Good, "id");
        let lines = fitted(Ui::fixed(true, 20, false), 2, &[row(&[&painted, "A title that is long"])]);
        assert_eq!(lines, [format!("{painted}  A title that…")]);
        assert_eq!(fitted(Ui::plain(), 2, &[row(&["a", "b c"])]), ["a  b c"]);
    }

    #[test]
    fn the_last_column_gives_way() {
        let lines = table(Ui::fixed(false, 20, false), &["NAME", "TITLE"], &[row(&["t5", "A long title that is cut"])]);
        assert_eq!(lines, ["NAME  TITLE", "t5    A long title…"]);
    }
}

//! The two columns that everything stands on, and numbers as a person reads them.

use std::time::Duration;

use crate::event::{Metric, StepInfo, short};
use crate::ui::{Role, Ui, clean, left, right, truncate, width, wrap};

/// Where status words end: the longest is `INCONCLUSIVE`.
pub(super) const STATUS: usize = 12;
/// Where a step's id begins: after the status word and `[  0.21s]`.
pub(super) const BODY: usize = 23;

/// A status word, right-aligned.
pub(super) fn status(ui: Ui, role: Role, word: &str) -> String {
    format!("{}{}", " ".repeat(STATUS.saturating_sub(width(word))), ui.paint(role, word))
}

/// A label in the status column and what it is about, continued below itself.
pub(super) fn entry(ui: Ui, role: Role, label: &str, text: &str) -> Vec<String> {
    hang(ui, &status(ui, role, label), STATUS + 1, Role::Plain, text)
}

/// A key that ends before the second column, and its text from there on.
pub(super) fn detail(ui: Ui, role: Role, key: &str, text: &str) -> Vec<String> {
    let key = if key.is_empty() { String::new() } else { format!("{key}:") };
    let label = format!("{}{}", " ".repeat((BODY - 1).saturating_sub(width(&key))), ui.paint(Role::Quiet, &key));
    hang(ui, &label, BODY, role, text)
}

fn hang(ui: Ui, label: &str, indent: usize, role: Role, text: &str) -> Vec<String> {
    let mut lines = wrap(&clean(text), ui.width.saturating_sub(indent));
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| match at {
            0 => format!("{label} {}", ui.paint(role, line)).trim_end().to_string(),
            _ => format!("{}{}", " ".repeat(indent), ui.paint(role, line)),
        })
        .collect()
}

/// The width of the column of step ids: the longest, but never so much that no title fits.
pub(super) fn id_width(ui: Ui, steps: &[StepInfo]) -> usize {
    let longest = steps.iter().map(|s| width(&s.id)).max().unwrap_or(0);
    if ui.width == Ui::UNLIMITED { longest } else { longest.min((ui.width.saturating_sub(BODY)) * 3 / 5).max(12) }
}

/// `PASS [  0.21s] t5/bgp-table@infra  title`
pub(super) fn step_line(ui: Ui, status: &str, time: &str, id: &str, ids: usize, text: &str) -> String {
    let mut id = left(&clean(id), ids);
    if width(&id) > ids {
        // An id is what a person copies: it is shown whole, and the title gives way.
        id = id.trim_end().to_string();
    }
    let room = ui.width.saturating_sub(BODY + width(&id) + 2);
    let text = if room < 6 { String::new() } else { truncate(&clean(text).replace('\n', " "), room) };
    let line = format!("{status} {} {}  {text}", ui.paint(Role::Quiet, time), ui.paint(Role::Name, &id));
    match text.is_empty() {
        true => format!("{status} {} {}", ui.paint(Role::Quiet, time), ui.paint(Role::Name, id.trim_end())),
        false => line,
    }
}

/// `[  0.21s]`, `[ 2m30s]`; always nine columns.
pub(super) fn bracket(seconds: f64) -> String {
    format!("[{}]", right(&time(seconds), 7))
}

/// Nine columns for a step that did not run.
pub(super) const NO_TIME: &str = "         ";

/// `0.21s`, `12.34s`, `2m30s`
pub(super) fn time(seconds: f64) -> String {
    if seconds < 99.995 {
        return format!("{seconds:.2}s");
    }
    short(Duration::from_secs(Duration::try_from_secs_f64(seconds.round()).map_or(0, |d| d.as_secs())))
}

/// `pod start p99 2.31 s (at most 5 s)`
pub(super) fn metric(metric: &Metric) -> String {
    let value = quantity(metric.value, &metric.unit);
    match metric.max {
        Some(max) => format!("{} {value} (at most {})", metric.name, quantity(max, &metric.unit)),
        None => format!("{} {value}", metric.name),
    }
}

fn quantity(value: f64, unit: &str) -> String {
    const BINARY: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    if unit == "B" {
        let mut value = value;
        let mut at = 0;
        while value.abs() >= 1024.0 && at + 1 < BINARY.len() {
            value /= 1024.0;
            at += 1;
        }
        return format!("{} {}", number(value), BINARY[at]);
    }
    if unit.is_empty() || unit == "1" { number(value) } else { format!("{} {unit}", number(value)) }
}

/// Three digits after the point below 10, fewer above, none that say nothing.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not a number".into();
    }
    let digits = match value.abs() {
        v if v < 10.0 => 3,
        v if v < 100.0 => 2,
        v if v < 1000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_seven_columns() {
        assert_eq!(bracket(0.2149), "[  0.21s]");
        assert_eq!(bracket(99.99), "[ 99.99s]");
        assert_eq!(bracket(150.4), "[  2m30s]");
        assert_eq!(bracket(100.0), "[  1m40s]");
        assert_eq!(bracket(36_000.0 + 59.0 * 60.0), "[ 10h59m]");
        assert_eq!(NO_TIME.len(), bracket(1.0).len());
    }

    #[test]
    fn numbers_say_what_they_know() {
        assert_eq!(quantity(2.3144, "s"), "2.314 s");
        assert_eq!(quantity(48.0, "1"), "48");
        assert_eq!(quantity(1536.0, "B"), "1.5 KiB");
        assert_eq!(quantity(12345.6, "ms"), "12346 ms");
        assert_eq!(quantity(f64::NAN, "s"), "not a number s");
        assert_eq!(number(100.0), "100");
    }
}

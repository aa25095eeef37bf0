//! How an error is shown: heading, place, the source line with a caret, causes, the call stack, what to do next.

use super::text::{clean, head_and_tail, width, wrap};
use super::{Role, Ui};
use crate::error::{Error, Kind, Place};

/// The word that stands for a kind in headings and in a script's `error.kind`: `not_found`.
pub fn kind_name(kind: Kind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{kind:?}").to_lowercase(),
    }
}

/// An error as lines of text, ending with a line end.
pub fn show_error(ui: Ui, error: &Error) -> String {
    show(ui, error, &format!("error[{}]", kind_name(error.kind)), Role::Bad)
}

/// The same as a warning: what a lint says.
pub fn show_warning(ui: Ui, error: &Error) -> String {
    show(ui, error, "warning", Role::Warned)
}

fn show(ui: Ui, error: &Error, heading: &str, role: Role) -> String {
    let mut lines = Vec::new();
    let message = clean(&error.message);
    let mut wrapped = wrap(&format!("{heading}: {message}"), ui.width).into_iter();
    if let Some(first) = wrapped.next() {
        let rest = first.get(heading.len()..).unwrap_or_default();
        lines.push(format!("{}{}", ui.paint(role, heading), ui.paint(Role::Strong, rest)));
    }
    lines.extend(wrapped.map(|line| ui.paint(Role::Strong, format!("  {line}"))));
    if let Some(place) = &error.place {
        lines.extend(snippet(ui, place, 4));
    }
    if let Some(failure) = &error.failure {
        let mut row = |key: &str, text: &str| lines.extend(entry(ui, key, Role::Quiet, text));
        row("expected", &failure.expected);
        row("actual", &failure.actual);
        if let Some(object) = &failure.object {
            row("object", object);
        }
        for line in &failure.diff {
            let line = clean(line);
            lines.push(format!("    {}", ui.paint(diff_role(&line), &line)));
        }
    }
    for cause in &error.causes {
        lines.extend(entry(ui, "because", Role::Quiet, cause));
    }
    for call in &error.stack {
        lines.extend(entry(ui, "called by", Role::Quiet, call));
    }
    for hint in &error.hints {
        lines.extend(entry(ui, "hint", Role::Hint, hint));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The colour of a line of a difference.
fn diff_role(line: &str) -> Role {
    match line.chars().next() {
        Some('-') => Role::Bad,
        Some('+') => Role::Good,
        _ => Role::Quiet,
    }
}

fn entry(ui: Ui, key: &str, role: Role, text: &str) -> Vec<String> {
    let indent = 2 + key.len() + 2;
    let lines = wrap(&clean(text), ui.width.saturating_sub(indent));
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| match at {
            0 => format!("  {} {line}", ui.paint(role, format!("{key}:"))),
            _ => format!("{}{line}", " ".repeat(indent)),
        })
        .collect()
}

/// A place with its source line and a caret; the line's number ends before column `gutter`.
///
/// A line that is too long for the terminal is shown around the caret.
pub fn snippet(ui: Ui, place: &Place, gutter: usize) -> Vec<String> {
    let number = place.line.to_string();
    let gutter = gutter.max(number.len() + 1);
    let bar = |left: &str| ui.paint(Role::Quiet, format!("{left:>gutter$} |"));
    let arrow = ui.paint(Role::Quiet, format!("{:>1$}", "-->", gutter + 2));
    let mut lines = vec![format!("{arrow} {}", clean(&place.to_string()))];
    let Some(source) = &place.source else { return lines };
    // The column counts characters from 1 in the line as it stands; the indentation is left out, so that more fits.
    let chars: Vec<char> = source.trim_end().chars().collect();
    let indent = chars.iter().take_while(|c| c.is_whitespace()).count();
    let caret = place.column.saturating_sub(1).clamp(indent, chars.len().max(indent));
    let before = clean(&chars[indent.min(chars.len())..caret.min(chars.len())].iter().collect::<String>());
    let after = clean(&chars[caret.min(chars.len())..].iter().collect::<String>());
    let (text, at) = head_and_tail(&before, &after, ui.width.saturating_sub(gutter + 3));
    lines.push(bar(""));
    lines.push(format!("{} {text}", bar(&number)));
    if place.column > 0 {
        lines.push(format!("{} {}{}", bar(""), " ".repeat(at), ui.paint(Role::Bad, "^")));
    }
    debug_assert!(at <= width(&text));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Failure;

    fn sample() -> Error {
        let mut error = Error::new(Kind::Playbook, "unknown function bgp::rutes")
            .at(Place {
                file: "playbooks/t5-networking.rhai".into(),
                line: 14,
                column: 17,
                source: Some("    let table = bgp::rutes(ssh(router));".into()),
            })
            .because("no module of that name has it")
            .hint("did you mean \"routes\"?")
            .hint("pb doc bgp lists what the module has");
        error.stack = vec!["check_table (playbooks/lib/net.rhai:3:1)".into()];
        error
    }

    #[test]
    fn an_error_is_shown_like_a_good_compiler_does() {
        insta::assert_snapshot!("plain", show_error(Ui::plain(), &sample()));
        let colored = show_error(Ui::fixed(true, 80, false), &sample());
        insta::assert_snapshot!("colored", colored.replace('\u{1b}', "\\e"));
        insta::assert_snapshot!("narrow", show_error(Ui::fixed(false, 44, false), &sample()));
    }

    #[test]
    fn an_expectation_says_what_was_there() {
        let mut error = Error::new(Kind::Expectation, "replicas: expected 3, got 2");
        error.failure = Some(Box::new(Failure {
            label: "replicas".into(),
            expected: "3".into(),
            actual: "2".into(),
            object: Some("Deployment web/shop".into()),
            diff: vec!["- 3".into(), "+ 2".into()],
            ..Failure::default()
        }));
        insta::assert_snapshot!("expectation", show_error(Ui::plain(), &error));
    }

    #[test]
    fn a_long_line_is_shown_around_the_caret() {
        let source = format!("    {}WRONG{}", "a + ".repeat(40), " + b".repeat(40));
        let place = Place { file: "x.rhai".into(), line: 7, column: 165, source: Some(source) };
        let lines = snippet(Ui::fixed(false, 60, false), &place, 4);
        assert!(lines.iter().all(|l| width(l) <= 60), "{lines:#?}");
        let caret = lines[3].find('^').expect("a caret");
        let under: String = lines[2].chars().skip(caret).take(5).collect();
        assert_eq!(under, "WRONG", "{lines:#?}");
    }

    #[test]
    fn a_column_beyond_the_line_points_at_its_end() {
        let place = Place { file: "x.rhai".into(), line: 1, column: 99, source: Some("let x = ".into()) };
        assert_eq!(snippet(Ui::plain(), &place, 4)[3], "     |        ^");
    }

    #[test]
    fn every_kind_has_a_name() {
        assert_eq!(kind_name(Kind::NotFound), "not_found");
        assert_eq!(kind_name(Kind::Io), "io");
    }
}

//! The arguments of a call as they are written: for labels.

use rhai::Position;

use crate::playbook::Source;
use crate::script::check::tree::offset;

/// The texts between the parentheses of the call at a place, separated at their commas.
pub(super) fn arguments(source: &Source, call: Position) -> Vec<&str> {
    let text = source.text.as_ref();
    let Some(open) = offset(text, call).and_then(|from| Some(from + text[from..].find('(')? + 1)) else {
        return Vec::new();
    };
    let (mut depth, mut from, mut found) = (0_usize, open, Vec::new());
    let mut at = open;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '"' | '`' => {
                at = past_string(text, at, c);
                continue;
            }
            '/' if text[at..].starts_with("//") => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' | ',' if depth == 0 => {
                found.push(text[from..at].trim());
                from = at + 1;
                if c == ')' {
                    break;
                }
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    found.retain(|argument| !argument.is_empty());
    found
}

/// Where a string that begins here has ended; within backticks `${…}` may hold further strings.
fn past_string(text: &str, from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while let Some(c) = text[at..].chars().next() {
        if c == quote {
            return at + 1;
        }
        at += match c {
            '\\' if quote == '"' => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            '$' if quote == '`' && text[at..].starts_with("${") => past_braces(text, at + 1) - at,
            c => c.len_utf8(),
        };
    }
    text.len()
}

fn past_braces(text: &str, from: usize) -> usize {
    let (mut depth, mut at) = (0_usize, from);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '"' | '`' => {
                at = past_string(text, at, c);
                continue;
            }
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
        at += c.len_utf8();
    }
    text.len()
}

/// An argument as a label: a string without its quotes, anything else as it is written, on one line.
pub(super) fn label(argument: &str) -> String {
    let inside = ['"', '`'].iter().find_map(|quote| argument.strip_prefix(*quote)?.strip_suffix(*quote));
    // Of two strings that are joined the inner quotes would be left.
    let inside = inside.filter(|inside| !inside.contains(['"', '`']) || argument.starts_with('`'));
    inside.unwrap_or(argument).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Origin;

    #[test]
    fn arguments_end_at_their_own_commas() {
        let text = "x;\n  f(a.map(|p| `${p[\"a, b\"]}, ${g(`}`)}`), \"a \\\", b\", // c, d\n    #{ e: 1 })";
        let source = Source { name: "p.rhai".into(), text: text.into(), origin: Origin::Embedded };
        let found = arguments(&source, Position::new(2, 3));
        assert_eq!(found, ["a.map(|p| `${p[\"a, b\"]}, ${g(`}`)}`)", "\"a \\\", b\"", "// c, d\n    #{ e: 1 }"]);
        assert!(arguments(&source, Position::new(9, 1)).is_empty());
    }

    #[test]
    fn a_label_is_the_string_or_the_expression() {
        assert_eq!(label("`routes of ${router},\n   all`"), "routes of ${router}, all");
        assert_eq!(label("\"nodes\""), "nodes");
        assert_eq!(label("pods.len()"), "pods.len()");
        assert_eq!(label("\"a\" + \"b\""), "\"a\" + \"b\"");
    }
}

//! The label of an `expect` that has none: what stands between its parentheses.

use crate::error::Place;

/// The text of the first argument, as far as the line has it.
pub(super) fn from_source(place: Option<&Place>) -> String {
    let text = place.and_then(|place| {
        let line = place.source.as_deref()?;
        let from: usize = line.char_indices().nth(place.column.checked_sub(1)?)?.0;
        let inside = line.get(from..)?.strip_prefix("expect")?.trim_start().strip_prefix('(')?;
        Some(first_argument(inside).trim().to_string())
    });
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "the value".into())
}

fn first_argument(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '`' => quote = Some(c),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => return &text[..at],
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => return &text[..at],
                _ => {}
            },
        }
    }
    text
}

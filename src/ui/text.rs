//! Text in columns: its width on a terminal, cutting, wrapping, filling up.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that the text takes; without control codes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Text from elsewhere, safe to show: control characters become visible (`^[`), tabs become spaces.
///
/// What a cluster or a router answers may hold escape codes that would move the cursor or change colours.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            c if (c as u32) < 0x20 => {
                out.push('^');
                out.push(char::from(c as u8 + 0x40));
            }
            '\u{7f}' => out.push_str("^?"),
            // C1 controls, and what turns the writing direction around.
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The text, cut to so many columns, with `…` where something is missing.
pub fn truncate(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let mut out = head(text, columns.saturating_sub(1)).to_string();
    if columns > 0 {
        out.truncate(out.trim_end().len());
        out.push('…');
    }
    out
}

/// The longest beginning of the text that fits.
fn head(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += c.width().unwrap_or(0);
        if taken > columns {
            return &text[..at];
        }
    }
    text
}

/// A line and the column of the point between `before` and `after`, cut on both sides so that the point shows.
pub(super) fn head_and_tail(before: &str, after: &str, columns: usize) -> (String, usize) {
    if width(before) + width(after) <= columns {
        return (format!("{before}{after}"), width(before));
    }
    let room = columns / 2;
    let before = if width(before) > room {
        let mut skip = width(before) - room.saturating_sub(1);
        let tail: String = before
            .chars()
            .skip_while(|c| {
                let cut = skip > 0;
                skip = skip.saturating_sub(c.width().unwrap_or(0));
                cut
            })
            .collect();
        format!("…{tail}")
    } else {
        before.to_string()
    };
    let at = width(&before);
    (format!("{before}{}", truncate(after, columns.saturating_sub(at))), at)
}

/// The text in lines of at most so many columns, broken between words, within a word only where it must be.
/// Its own line ends stay, and a line's indentation is kept where it is continued.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut out = Vec::new();
    for line in text.lines() {
        if width(line) <= columns {
            out.push(line.trim_end().to_string());
            continue;
        }
        let indent: String = line.chars().take_while(|c| *c == ' ').take(columns / 2).collect();
        let mut current = indent.clone();
        for word in line.split(' ').filter(|w| !w.is_empty()) {
            let mut word = word;
            let gap = usize::from(current.len() > indent.len());
            if width(&current) + gap + width(word) <= columns {
                current.push_str(&" "[..gap]);
                current.push_str(word);
                continue;
            }
            if current.len() > indent.len() {
                out.push(std::mem::replace(&mut current, indent.clone()));
            }
            while width(&current) + width(word) > columns {
                let part = head(word, columns - width(&current));
                // A character wider than the line would never fit: it goes alone.
                let at = if part.is_empty() { word.chars().next().map_or(0, char::len_utf8) } else { part.len() };
                out.push(format!("{current}{}", &word[..at]));
                word = &word[at..];
                current.clone_from(&indent);
            }
            current.push_str(word);
        }
        if current.len() > indent.len() {
            out.push(current);
        }
    }
    out
}

/// Spaces before the text, up to so many columns.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Spaces after the text, up to so many columns.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `1 step`, `2 steps`.
pub fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn joined<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_string(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_columns_not_bytes() {
        assert_eq!(truncate("short", 5), "short");
        assert_eq!(truncate("日本語です", 7), "日本語…");
        assert_eq!(truncate("日本語です", 6), "日本…");
        assert_eq!(truncate("a word", 3), "a…");
        assert_eq!(truncate("abc", 0), "");
    }

    #[test]
    fn wrapping_breaks_between_words_and_keeps_lines() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("a\n  b c", 40), ["a", "  b c"]);
        assert_eq!(wrap("  an indented line goes on", 14), ["  an indented", "  line goes on"]);
        assert_eq!(wrap("x 0123456789abcdef", 8), ["x", "01234567", "89abcdef"]);
        assert!(wrap("", 10).is_empty());
    }

    #[test]
    fn no_wrapped_line_is_too_wide_and_no_letter_is_lost() {
        let text = "日本語の 長い文章 mixed with words and averyveryverylongwordthatmustbebroken";
        for columns in 8..60 {
            let lines = wrap(text, columns);
            assert!(lines.iter().all(|l| width(l) <= columns), "{columns}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
        assert_eq!(wrap(text, usize::MAX), [text]);
    }

    #[test]
    fn control_codes_from_elsewhere_become_visible() {
        assert_eq!(clean("a\u{1b}[31mb\r\nc\td\u{9b}e\u{202e}"), "a^[[31mb\nc    d\u{fffd}e\u{fffd}");
    }

    #[test]
    fn words_for_numbers_and_lists() {
        assert_eq!(plural(1, "step"), "1 step");
        assert_eq!(plural(0, "step"), "0 steps");
        assert_eq!(joined(&["a", "b", "c"]), "a, b and c");
    }
}

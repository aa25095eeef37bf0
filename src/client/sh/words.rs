//! Words of a command line, and the text that a program prints.

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    // An equals sign means something only at a word's beginning, and reads better bare.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.to_string();
    }
    if word.contains('\0') {
        // It can't stand on a command line at all; the line is for reading then.
        return format!("{word:?}");
    }
    if word.chars().any(unseen) {
        return escaped(word);
    }
    // Always in the same way, since it also tells the redactor how a secret looks on such a line.
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a terminal would act upon instead of showing it, and what would therefore not be pasted as it is.
fn unseen(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The word in `$'…'`, which bash, zsh and POSIX 2024 read.
fn escaped(word: &str) -> String {
    let mut out = String::from("$'");
    for c in word.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\'' | '\\' => out.extend(['\\', c]),
            c if unseen(c) && c.is_ascii() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if unseen(c) => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// A text without its last newline, as `$(…)` in a shell has it, but one alone.
pub fn without_newline(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_read_otherwise_is_quoted() {
        for (word, shown) in [
            ("app=web,tier!=db", "'app=web,tier!=db'"),
            ("a=b", "a=b"),
            ("=ls", "'=ls'"),
            ("", "''"),
            ("a b", "'a b'"),
            ("a\0b", r#""a\0b""#),
            ("it's \"a\"", r#"'it'\''s "a"'"#),
            ("a\nb", "'a\nb'"),
            ("it's\ta\u{1b}[1m\n\\\u{202e}\u{9b}", r"$'it\'s\ta\x1b[1m\n\\\u202e\u009b'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }

    #[test]
    fn one_newline_goes() {
        assert_eq!(["a\n", "a\r\n", "a\n\n", "a\r", "a"].map(without_newline), ["a", "a", "a\n", "a\r", "a"]);
    }
}

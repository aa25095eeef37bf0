//! Words of a command line, and the text that a program prints.

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    // An equals sign means something only at a word's beginning, and reads better bare.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.to_string();
    }
    // A NUL can't stand on a command line at all; the line is for reading then.
    shlex::try_quote(word).map_or_else(|_| format!("{word:?}"), Into::into)
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
        ] {
            assert_eq!(quoted(word), shown);
        }
    }

    #[test]
    fn one_newline_goes() {
        assert_eq!(["a\n", "a\r\n", "a\n\n", "a\r", "a"].map(without_newline), ["a", "a", "a\n", "a\r", "a"]);
    }
}

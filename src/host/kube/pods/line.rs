//! `--explain`: the words of the `kubectl` line that a person could type.

use crate::client::sh::quoted as quote;

/// What stands after `kubectl --context infra`: `-n web …`, quoted for a shell.
pub(super) fn kubectl<'a>(namespace: Option<&'a str>, words: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = Vec::new();
    if let Some(namespace) = namespace {
        all.extend(["-n", namespace]);
    }
    all.extend(words);
    quoted(&all)
}

/// Words as one shell line.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted(&["sh", "-c", "echo a b"]), "sh -c 'echo a b'");
    }
}

//! Whole words in a text: what letters, digits and `_` do not go on with.

/// Where the word stands in the text as a whole one.
fn places<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !goes_on(text[..*at].chars().next_back()) && !goes_on(text[at + word.len()..].chars().next()))
}

/// Whether it does.
pub(super) fn has(text: &str, word: &str) -> bool {
    places(text, word).next().is_some()
}

/// The text with another word in its place.
pub(super) fn replace(text: &str, word: &str, with: &str) -> String {
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for at in places(text, word) {
        out.push_str(&text[done..at]);
        out.push_str(with);
        done = at + word.len();
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(replace("ab abc ab", "ab", "x"), "x abc x");
        assert_eq!(replace("ä-ab_b (ab)", "ab", "x"), "ä-ab_b (x)");
        assert!(!has("cab", "ab") && has("\"ab\"", "ab"));
    }
}

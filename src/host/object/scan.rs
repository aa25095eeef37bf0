//! Finding fields and elements in JSON text without building a tree: the places of values are byte
//! ranges, and a value that nobody asks for is only skipped.
//!
//! The text is taken to be well-formed: whoever makes a document checked it. On text that is not, a
//! scan ends early and finds nothing; it never panics.

use std::borrow::Cow;
use std::ops::Range;

/// The first place from `at` on that is no white space.
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
        at += 1;
    }
    at
}

/// The place after the string that begins at `at` with its quotation mark.
fn skip_string(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// The place after the value that begins at `at`.
pub(super) fn skip_value(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'"') => skip_string(text, at),
        Some(b'{' | b'[') => {
            let mut depth = 0_usize;
            let mut at = at;
            while let Some(byte) = text.get(at) {
                match byte {
                    b'"' => {
                        at = skip_string(text, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return at + 1;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            text.len()
        }
        Some(_) => {
            let rest = text.get(at..).unwrap_or_default();
            let end = rest.iter().position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\t' | b'\r'));
            end.map_or(text.len(), |end| at + end)
        }
        None => text.len(),
    }
}

/// The fields of an object: each key as it is written (without quotation marks) and the value's place.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    text: &'a str,
    at: usize,
}

/// The fields of the object that begins at `start`; none if no object begins there.
pub(super) fn fields(text: &str, start: usize) -> Fields<'_> {
    let at = if text.as_bytes().get(start) == Some(&b'{') { start + 1 } else { text.len() };
    Fields { text, at }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let mut at = skip_space(bytes, self.at);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
        if bytes.get(at) != Some(&b'"') {
            self.at = bytes.len();
            return None;
        }
        let key_end = skip_string(bytes, at);
        let key = self.text.get(at + 1..key_end - 1)?;
        let colon = skip_space(bytes, key_end);
        let start = skip_space(bytes, colon + 1);
        let end = skip_value(bytes, start);
        self.at = end;
        (start < end).then_some((key, start..end))
    }
}

/// The elements of an array: their places.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    text: &'a [u8],
    at: usize,
}

/// The elements of the array that begins at `start`; none if no array begins there.
pub(super) fn elements(text: &str, start: usize) -> Elements<'_> {
    let at = if text.as_bytes().get(start) == Some(&b'[') { start + 1 } else { text.len() };
    Elements { text: text.as_bytes(), at }
}

impl Iterator for Elements<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut at = skip_space(self.text, self.at);
        if self.text.get(at) == Some(&b',') {
            at = skip_space(self.text, at + 1);
        }
        if matches!(self.text.get(at), None | Some(b']')) {
            self.at = self.text.len();
            return None;
        }
        let end = skip_value(self.text, at);
        self.at = end;
        (at < end).then_some(at..end)
    }
}

/// The place of the value under `key` in the object that begins at `start`.
pub(super) fn field(text: &str, start: usize, key: &str) -> Option<Range<usize>> {
    fields(text, start).find(|(written, _)| is_key(written, key)).map(|(_, place)| place)
}

/// Whether a key as it is written is this one.
fn is_key(written: &str, key: &str) -> bool {
    written == key || (written.contains('\\') && unescape(written) == key)
}

/// The text between a string's quotation marks, its escapes resolved.
pub(super) fn unescape(written: &str) -> Cow<'_, str> {
    if !written.contains('\\') {
        return Cow::Borrowed(written);
    }
    serde_json::from_str(&format!("\"{written}\"")).map_or(Cow::Borrowed(written), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#" {"a" : {"b":[1, {"c":"x}\"]"},[]]}, "d\"e":-1.5e3,"f":null} "#;

    #[test]
    fn fields_are_found_past_nested_values_and_strings_that_look_like_brackets() {
        let start = skip_space(TEXT.as_bytes(), 0);
        let at = |key| field(TEXT, start, key).map(|place| &TEXT[place]);
        assert_eq!(at("d\"e"), Some("-1.5e3"));
        assert_eq!(at("f"), Some("null"));
        assert_eq!(at("b"), None);
        let a = field(TEXT, start, "a").expect("a");
        let b = field(TEXT, a.start, "b").expect("b");
        let found: Vec<_> = elements(TEXT, b.start).map(|place| &TEXT[place]).collect();
        assert_eq!(found, ["1", r#"{"c":"x}\"]"}"#, "[]"]);
    }

    #[test]
    fn broken_text_finds_nothing_and_does_not_panic() {
        for text in ["{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"\\", "[1,", "[{", "", "{]", "{\"a\":}", "[}"] {
            assert_eq!(field(text, 0, "zz"), None, "{text}");
            assert!(elements(text, 0).count() <= 1, "{text}");
        }
    }
}

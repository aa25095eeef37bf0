//! Secrets in base64 that is broken into lines, as programs write a longer text that a secret is a part of: no form of the
//! secret stands in any of the lines, so the text is put together and decoded.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::{Captures, Regex};

use super::patterns::pattern;

/// A line has so many letters at least; `base64`, PEM and `openssl` break at 76 and 64.
const NARROWEST: usize = 16;

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// Whether there is such a text, with its line ends as they are or as JSON writes them.
pub(super) fn suspects(text: &str) -> bool {
    let bytes = text.as_bytes();
    let broken = |at: usize, end: &str| {
        let before = &bytes[..at];
        let before = before.strip_suffix(b"\r").or_else(|| before.strip_suffix(b"\\r")).unwrap_or(before);
        before.len() >= NARROWEST
            && before[before.len() - NARROWEST..].iter().copied().all(is_letter)
            && bytes.get(at + end.len()).copied().is_some_and(is_letter)
    };
    ["\n", "\\n"].iter().any(|end| text.match_indices(end).any(|(at, _)| broken(at, end)))
}

/// The text with each of these replaced in which `found`, decoded, has a secret: its number.
pub(super) fn hide(text: &str, found: impl Fn(&str) -> Option<usize>) -> Cow<'_, str> {
    if !suspects(text) {
        return Cow::Borrowed(text);
    }
    BLOCK.replace_all(text, |block: &Captures<'_>| match decoded(&block[0]).find_map(|plain| found(&plain)) {
        Some(secret) => format!("<secret:{secret}>"),
        None => block[0].to_string(),
    })
}

/// What the lines may mean: what stands before the first letter of base64 may look like some more of it.
fn decoded(block: &str) -> impl Iterator<Item = String> {
    let letters: Vec<u8> = block
        .bytes()
        .filter(|b| is_letter(*b))
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            b => b,
        })
        .collect();
    (0..4).filter_map(move |from| {
        let letters = letters.get(from..)?;
        // One letter alone is no byte.
        let end = letters.len() - usize::from(letters.len() % 4 == 1);
        let bytes = ENGINE.decode(&letters[..end]).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    })
}

/// Whatever is behind the last whole byte, with or without padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

static BLOCK: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:[A-Za-z0-9+/_-]{16,}\r?\n)+[A-Za-z0-9+/_-]+={0,2}"));

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;
    use crate::host::redact::Redactor;

    #[test]
    fn a_part_of_a_longer_text_is_found_wherever_its_lines_break() {
        let redactor = Redactor::default();
        redactor.register("planted-9f8e7d6c");
        for before in [0, 1, 2, 40, 50, 51, 52, 56, 57] {
            let plain = format!("{}planted-9f8e7d6c and a longer text behind it, of words", "x".repeat(before));
            for (engine, width, end) in
                [(&STANDARD, 76, "\n"), (&STANDARD, 64, "\r\n"), (&URL_SAFE, 76, "\n"), (&STANDARD, 20, "\n")]
            {
                let text = engine.encode(&plain);
                let lines: Vec<&str> = text.as_bytes().chunks(width).filter_map(|l| str::from_utf8(l).ok()).collect();
                let text = format!("said: {}\nend\n", lines.join(end));
                let json = serde_json::Value::from(text.as_str()).to_string();
                assert!(redactor.suspects(&text) && redactor.suspects(&json), "{text}");
                let shown = redactor.redact(&text);
                assert!(shown.contains("<secret:1>"), "{before}: {shown}");
                let rest: String = shown.split("<secret:1>").collect();
                assert!(!decoded(&rest).any(|plain| plain.contains("9f8e7d6c")), "{before}: {shown}");
            }
        }
    }

    #[test]
    fn other_lines_stay() {
        let redactor = Redactor::default();
        redactor.register("planted-9f8e7d6c");
        let text = format!("{}\n{}\nabcdefghijklmnopqrstuvw\nnext\n", "a".repeat(76), STANDARD.encode("nothing here"));
        assert_eq!(redactor.redact(&text), text);
        assert!(!redactor.suspects("a line\nand another one\n{\"a\": 1}\n"));
    }
}

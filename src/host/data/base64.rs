//! `base64::` — text and bytes in base64, as Kubernetes and HTTP headers carry them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rhai::Blob;

use crate::error::{Error, Kind};
use crate::host::{HostResult, Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "base64", about: "Text and bytes in base64", needs: Needs::Nothing, register };

/// With or without `=` at the end: both are found in the wild.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn register(m: &mut Registrar) {
    m.path("encode")
        .sig("(value: string | blob) -> string")
        .doc("The value in base64 with the standard alphabet and padding, on one line.")
        .example(r#"base64::encode("hello") == "aGVsbG8=""#)
        .add(|text: &str| STANDARD.encode(text))
        .add(|bytes: Blob| STANDARD.encode(bytes));
    m.path("encode_url")
        .sig("(value: string | blob) -> string")
        .doc("The value in base64 with the alphabet that is safe in URLs and file names, without padding.")
        .example(r#"base64::encode_url("??>") == "Pz8-""#)
        .add(|text: &str| URL_SAFE_NO_PAD.encode(text))
        .add(|bytes: Blob| URL_SAFE_NO_PAD.encode(bytes));
    m.path("decode")
        .sig("(text: string) -> string")
        .doc("The text behind base64 of either alphabet, with or without padding; line breaks and spaces are passed over. What is not base64, and bytes that are not UTF-8, are errors (`base64::decode_bytes` takes those). For a Secret of a cluster use `secret::kube`, which keeps the value hidden.")
        .example(r#"base64::decode("aGVsbG8=") == "hello" && base64::decode("Pz8-") == "??>""#)
        .add(|text: &str| -> HostResult<String> { Ok(decode_text(text)?) });
    m.path("decode_bytes")
        .sig("(text: string) -> blob")
        .doc("The bytes behind base64 of either alphabet.")
        .example(r#"base64::decode_bytes("/wA=").len() == 2"#)
        .add(|text: &str| -> HostResult<Blob> { Ok(decode(text)?) });
}

/// The bytes behind base64 of either alphabet.
///
/// # Errors
/// [`Kind::Unreadable`] with the place of the character that does not belong there.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    LENIENT.decode(&plain).map_err(|e| Error::new(Kind::Unreadable, "the text is not base64").because(e))
}

fn decode_text(text: &str) -> Result<String, Error> {
    String::from_utf8(decode(text)?).map_err(|e| {
        Error::new(Kind::Unreadable, "what is behind the base64 is not UTF-8 text")
            .because(e.utf8_error())
            .hint("base64::decode_bytes gives the bytes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_padding_or_not_and_line_breaks() {
        for text in ["//79", "__79", " //\n79 "] {
            assert_eq!(decode(text).unwrap(), [0xff, 0xfe, 0xfd]);
        }
        assert_eq!(decode_text("aGk").unwrap(), "hi");
        assert_eq!(decode_text("aGk=").unwrap(), "hi");
    }

    #[test]
    fn what_is_not_base64_or_not_text_says_so() {
        assert_eq!(decode("a*b=").unwrap_err().kind, Kind::Unreadable);
        let error = decode_text("/w==").unwrap_err();
        assert!(error.message.contains("not UTF-8"), "{error}");
    }
}

//! `hash::` — digests of text and bytes.

use rhai::Blob;
use sha2::{Digest as _, Sha256};

use crate::host::{Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "hash", about: "Digests of text and bytes", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.path("sha256")
        .sig("(value: string | blob) -> string")
        .doc("The SHA-256 digest (FIPS 180-4) in 64 lower-case hexadecimal digits. A string counts as its UTF-8 bytes.")
        .example(r#"hash::sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#)
        .add(|text: &str| sha256(text.as_bytes()))
        .add(|bytes: Blob| sha256(&bytes));
}

/// The digest in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn the_standard_s_test_vectors() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(
            sha256(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }
}

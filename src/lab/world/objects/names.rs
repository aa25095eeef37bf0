//! Names and ids that look drawn by lot, and are the same each time the lab starts.

use sha2::{Digest, Sha256};

/// The letters that Kubernetes makes suffixes of: no vowels, nothing that looks like another.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().into()
}

/// A version 4 UUID in form.
pub(in crate::lab) fn uid(parts: &[&str]) -> String {
    let mut bytes = hash(parts);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// So many letters, as at the end of a pod's name.
pub(in crate::lab) fn suffix(parts: &[&str], letters: usize) -> String {
    hash(parts).iter().take(letters).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

/// So many hexadecimal digits, as digests and commits have them.
pub(in crate::lab) fn hex(parts: &[&str], digits: usize) -> String {
    let bytes = hash(parts);
    bytes
        .iter()
        .chain(&bytes)
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(digits)
        .map(|n| char::from(b"0123456789abcdef"[usize::from(n)]))
        .collect()
}

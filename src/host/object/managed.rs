//! Cutting `metadata.managedFields` out of an object's text.

use super::scan;

/// The text without `metadata.managedFields`, which nobody reads and which is a third of an object.
pub(super) fn without_managed_fields(mut text: String) -> String {
    let start = scan::skip_space(text.as_bytes(), 0);
    let Some(metadata) = scan::field(&text, start, "metadata") else { return text };
    let Some(place) = scan::field(&text, metadata.start, "managedFields") else { return text };
    // From the key's quotation mark on; then one comma too many is on one side or the other.
    let bytes = text.as_bytes();
    let Some(key) = text.get(..place.start).and_then(|before| before.rfind("\"managedFields\"")) else { return text };
    let after = scan::skip_space(bytes, place.end);
    let (from, to) = if bytes.get(after) == Some(&b',') {
        (key, scan::skip_space(bytes, after + 1))
    } else {
        match text.get(..key).and_then(|before| before.rfind([',', '{'])) {
            Some(at) if bytes.get(at) == Some(&b',') => (at, place.end),
            _ => (key, place.end),
        }
    };
    text.replace_range(from..to, "");
    text
}

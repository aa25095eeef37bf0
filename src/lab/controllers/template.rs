//! Pods made from a template, and the hash that tells templates apart.

use serde_json::{Value, json};

use super::fields::{self, owner_reference};

/// The letters that Kubernetes writes numbers with, so that no words appear.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A pod of a template, owned by its set; its name is left to `generateName`.
pub(super) fn pod(owner: &Value, template: &Value) -> Value {
    let mut metadata = json!({
        "namespace": fields::namespace(owner), "generateName": format!("{}-", fields::name(owner)),
        "ownerReferences": [owner_reference(owner)],
    });
    for key in ["labels", "annotations", "finalizers"] {
        if !template["metadata"][key].is_null() {
            metadata[key] = template["metadata"][key].clone();
        }
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] })
}

/// The hash of a template, as it stands in names and labels: FNV-1a of 32 bits, in letters. `collisions` makes another
/// one where this one was taken.
pub(super) fn hash(template: &Value, collisions: i64) -> String {
    let mut text = template.to_string();
    if collisions > 0 {
        text.push_str(&collisions.to_string());
    }
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect()
}

/// A template as it was before a set put its own label in.
pub(super) fn bare(template: &Value) -> Value {
    let mut template = template.clone();
    fields::unset(&mut template, "/metadata/labels", "pod-template-hash");
    if template["metadata"]["creationTimestamp"].is_null() {
        fields::unset(&mut template, "/metadata", "creationTimestamp");
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_told_apart_by_their_hash() {
        let (a, b) = (json!({ "spec": { "image": "a" } }), json!({ "spec": { "image": "b" } }));
        assert_eq!(hash(&a, 0), hash(&a, 0));
        assert_ne!(hash(&a, 0), hash(&b, 0));
        assert_ne!(hash(&a, 0), hash(&a, 1));
        assert!(hash(&a, 0).len() <= 10);
        let mut labelled = json!({ "metadata": { "labels": { "app": "x" }, "creationTimestamp": null } });
        let plain = bare(&labelled);
        labelled["metadata"]["labels"]["pod-template-hash"] = json!("h");
        assert_eq!(bare(&labelled), plain);
    }
}

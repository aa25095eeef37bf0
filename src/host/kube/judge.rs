//! The gate's judgement of a change: by verb and object, not by the script's word.

use serde_json::Value;

use crate::event::{Effect, ObjectRef};
use crate::host::context::Context;

/// Annotations that ask a controller to look again, and change nothing themselves.
const REFRESH: &[&str] = &[
    "reconcile.fluxcd.io/requestedAt",
    "reconcile.fluxcd.io/forceAt",
    "reconcile.fluxcd.io/resetAt",
    "force-sync",
    "external-secrets.io/force-sync",
];

/// Changing an object that may be there before.
pub(crate) fn changing(cx: &Context, object: &ObjectRef) -> Effect {
    if cx.world.ledger.is_ours(object) { Effect::Write } else { Effect::Disrupt }
}

/// Deleting an object.
pub(crate) fn deleting(cx: &Context, object: &ObjectRef) -> Effect {
    if cx.world.ledger.is_ours(object) { Effect::Write } else { Effect::Destroy }
}

/// Merging a patch into an object: only asking for a refresh is no more than `write`.
pub(crate) fn merging(cx: &Context, object: &ObjectRef, patch: &Value) -> Effect {
    if only_refreshes(patch) { Effect::Write } else { changing(cx, object) }
}

/// Whether a merge patch sets nothing but annotations that ask for a refresh.
pub(crate) fn only_refreshes(patch: &Value) -> bool {
    let only = |value: &'_ Value, key: &str| -> Option<Value> {
        let map = value.as_object()?;
        if map.len() == 1 { map.get(key).cloned() } else { None }
    };
    let annotations = only(patch, "metadata").and_then(|m| only(&m, "annotations"));
    annotations.as_ref().and_then(Value::as_object).is_some_and(|annotations| {
        !annotations.is_empty()
            && annotations.iter().all(|(key, value)| REFRESH.contains(&key.as_str()) && value.is_string())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_patch_of_refresh_annotations_alone_is_harmless() {
        let asked = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
        assert!(only_refreshes(&asked));
        for more in [
            json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now", "x": "y" } } }),
            json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" }, "labels": {} } }),
            json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } }, "spec": {} }),
            json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": null } } }),
            json!({ "metadata": { "annotations": {} } }),
            json!({}),
        ] {
            assert!(!only_refreshes(&more), "{more}");
        }
    }
}

//! Changing fields of an object: looked at and tried out first, so that each field can be put back.

use rhai::NativeCallContext;
use serde_json::{Value, json};

use super::answer::Found;
use super::apply::parsed;
use super::change::Trial;
use super::cluster::{ClusterHandle, Spot};
use super::{change, owners, secrets};
use crate::client::kube::{Cluster, PatchKind};
use crate::error::Result;
use crate::event::Effect;
use crate::host::context::Context;
use crate::host::object::Object;

/// A change of fields on its way.
pub(super) struct Edit<'a> {
    pub(super) function: &'static str,
    /// `patch`, for the ledger: `patch Deployment web/shop`.
    pub(super) verb: &'static str,
    pub(super) spot: &'a Spot,
    pub(super) name: &'a str,
    pub(super) subresource: Option<&'a str>,
    pub(super) kind: PatchKind,
    pub(super) patch: Value,
    /// What stands after `kubectl --context infra`.
    pub(super) line: String,
    pub(super) effect: Effect,
    pub(super) undo: How,
}

/// Where the fields to put back come from.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum How {
    /// Nothing is put back: it only asked for something.
    Nothing,
    /// From the patch itself, which is a merge patch whose values the server takes as they are.
    Patch,
    /// From trying it out first.
    Trial,
}

/// Makes the change: looks, tries out, notes the undo, does it.
pub(super) fn edit(cx: &Context, at: &NativeCallContext, k: &ClusterHandle, edit: &Edit<'_>) -> Result<Object> {
    let spot = edit.spot;
    spot.resource.check(spot.namespace.as_deref(), edit.name)?;
    let object = k.object(spot, edit.name);
    let secret = spot.resource.kind == secrets::KIND;
    secrets::learn(&cx.world.redactor, &edit.patch, secret);
    let call = k.call(edit.function, edit.effect, &edit.line).args(json!({
        "resource": spot.resource.qualified(), "namespace": spot.namespace, "name": edit.name,
        "subresource": edit.subresource, "type": edit.kind, "patch": secrets::masked(edit.patch.clone(), secret),
    }));
    cx.check()?;
    cx.admit(&call)?;
    let ours = cx.world.ledger.is_ours(&object);
    let found = cx.call_with(at, call, |_: &Found| format!("{} {object}", edit.verb), async {
        let cluster = k.connection(cx).await?;
        let send = |dry| {
            let (namespace, patch) = (spot.namespace.as_deref(), edit.patch.to_string());
            cluster.patch(&spot.resource, namespace, edit.name, edit.subresource, edit.kind, patch, dry)
        };
        let row = if ours || edit.undo == How::Nothing {
            None
        } else {
            let trial = trial_of(cx, &cluster, edit, send(true)).await?;
            let row = change::changing(cx, &cluster, edit.verb, &object, edit.subresource, &trial).await?;
            row.map(|row| (row, trial))
        };
        let result = send(false).await;
        if let Some((row, trial)) = &row {
            change::changed(cx, Some(row), &trial.before, &result);
        }
        Found::changed(cx, result?, &spot.resource)
    })?;
    found.object(k.name())
}

/// The object as it is, and what the edit changes in it.
async fn trial_of(
    cx: &Context,
    cluster: &Cluster,
    edit: &Edit<'_>,
    trial: impl Future<Output = Result<String>>,
) -> Result<Trial> {
    let spot = edit.spot;
    let before = cluster.get_whole(&spot.resource, spot.namespace.as_deref(), edit.name, edit.subresource).await?;
    let before = parsed(&before)?;
    secrets::learn(&cx.world.redactor, &before, spot.resource.kind == secrets::KIND);
    if edit.undo == How::Patch {
        let mut trial = Trial::of_merge(before, &edit.patch, edit.subresource);
        if edit.subresource == Some(change::SCALE)
            && let Ok(whole) = cluster.get_whole(&spot.resource, spot.namespace.as_deref(), edit.name, None).await
        {
            trial.owners = owners::of_scaling(&parsed(&whole)?);
        }
        return Ok(trial);
    }
    match trial.await {
        Ok(after) => Ok(Trial::of(before, parsed(&after)?, &edit.patch, edit.subresource)),
        // Some webhooks can't be asked without consequences, and the server then refuses every trial.
        Err(e) if edit.kind == PatchKind::Merge && e.message.contains("dry run") => {
            Ok(Trial::of_merge(before, &edit.patch, edit.subresource))
        }
        Err(e) => Err(e),
    }
}

//! What tools do to a cluster's objects: through the API server's own verbs, with everything that it checks.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::store::Place;
use crate::lab::kube::verbs::{self, Asked, Payload, Query, Sub};

/// The objects of a resource, in a namespace or in all.
pub(super) fn list(cluster: &Cluster, resource: &str, namespace: Option<&str>) -> Vec<Value> {
    let world = cluster.world();
    world.store.list(resource, namespace.unwrap_or_default()).map(|(_, stored)| stored.value.clone()).collect()
}

/// One object.
pub(super) fn get(cluster: &Cluster, resource: &str, namespace: &str, name: &str) -> Option<Value> {
    cluster.world().store.get(&Place::new(resource, namespace, name)).map(|stored| stored.value.clone())
}

/// Changes an object by a merge patch, as a tool's user.
///
/// # Errors
/// The API server's words.
pub(super) fn patch(cluster: &Arc<Cluster>, object: &Value, tool: &str, patch: &Value) -> Result<(), String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
    let payload = Payload { bytes: patch.to_string().into_bytes(), media: "application/merge-patch+json".into() };
    let (answered, revision) = {
        let mut world = cluster.world();
        let kind = world.kinds.of(&json!({ "apiVersion": object["apiVersion"], "kind": object["kind"] }));
        let kind =
            kind.ok_or_else(|| format!("no matches for kind {} in version {}", object["kind"], object["apiVersion"]))?;
        let asked = Asked {
            kind,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            sub: Sub::Whole,
            query: Query::default(),
            agent: tool.into(),
            user: "kubernetes-admin".into(),
            now: cluster.clock.now(),
        };
        (verbs::patch(&mut world, &asked, &payload), world.store.revision())
    };
    cluster.ring(revision);
    answered.map(|_| ()).map_err(|refused| refused.message.clone())
}

/// Waits until something holds, or the time is over; whether it came to hold.
pub(super) async fn until(cluster: &Arc<Cluster>, limit: std::time::Duration, holds: impl Fn() -> bool + Send) -> bool {
    let mut changes = cluster.listen();
    let late = cluster.clock.sleep(limit);
    tokio::pin!(late);
    loop {
        changes.mark_unchanged();
        if holds() {
            return true;
        }
        tokio::select! {
            () = &mut late => return false,
            changed = changes.changed() => if changed.is_err() { return false },
        }
    }
}

/// A condition of an object: its status, reason and message.
pub(super) fn condition<'v>(object: &'v Value, kind: &str) -> Option<(&'v str, &'v str, &'v str)> {
    let one = object["status"]["conditions"].as_array()?.iter().find(|one| one["type"] == kind)?;
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    Some((text("status"), text("reason"), text("message")))
}

/// Deletes an object, and what belongs to it after it.
///
/// # Errors
/// The API server's words.
pub(super) fn delete(cluster: &Arc<Cluster>, object: &Value, tool: &str) -> Result<(), String> {
    let options = json!({ "propagationPolicy": "Background" }).to_string().into_bytes();
    let payload = Payload { bytes: options, media: "application/json".into() };
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
    let (answered, revision) = {
        let mut world = cluster.world();
        let kind = world.kinds.of(&json!({ "apiVersion": object["apiVersion"], "kind": object["kind"] }));
        let kind = kind.ok_or_else(|| format!("no matches for kind {}", object["kind"]))?;
        let asked = Asked {
            kind,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            sub: Sub::Whole,
            query: Query::default(),
            agent: tool.into(),
            user: "kubernetes-admin".into(),
            now: cluster.clock.now(),
        };
        (verbs::delete(&mut world, &asked, &payload), world.store.revision())
    };
    cluster.ring(revision);
    answered.map(|_| ()).map_err(|refused| refused.message.clone())
}

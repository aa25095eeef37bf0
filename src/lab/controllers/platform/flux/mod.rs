//! Flux: sources, Kustomizations, HelmReleases, and the objects that only say that they are well.

mod build;
mod fetched;
mod health;
mod instance;
mod kustomization;
mod release;
mod release_history;
mod release_objects;
mod release_source;
mod simple;
mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::conditions::Condition;
use super::site::span;
use super::upstream::Upstream;
use super::{Hand, conditions};

/// What asks for a reconciliation, and what answers it.
const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

pub(super) fn rows(upstream: &Arc<Upstream>) -> Vec<Hand> {
    vec![
        ("source-controller", sources::WATCHES, Box::new(sources::Sources::new(upstream.clone()))),
        (
            "kustomize-controller",
            kustomization::WATCHES,
            Box::new(kustomization::Kustomizations::new(upstream.clone())),
        ),
        ("helm-controller", release::WATCHES, Box::new(release::Releases::default())),
        ("notification-controller", simple::RECEIVERS, Box::new(simple::Receivers)),
        ("flux-operator", simple::INSTANCES, Box::new(simple::Instances)),
    ]
}

/// What a person asked for that was not answered yet.
fn requested(object: &Value) -> Option<String> {
    let asked = object["metadata"]["annotations"][REQUESTED].as_str()?;
    (object["status"]["lastHandledReconcileAt"] != asked).then(|| asked.to_owned())
}

/// Notes that a request was answered.
fn handled(object: &mut Value) {
    let asked = object["metadata"]["annotations"][REQUESTED].clone();
    if !asked.is_null() {
        object["status"]["lastHandledReconcileAt"] = asked;
    }
}

/// A span of an object, or what it is by default.
fn every(value: &Value, default: Duration) -> Duration {
    value.as_str().and_then(span).unwrap_or(default)
}

/// Whether an object's status is about what is wanted now.
fn observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// Sets `Ready`.
fn ready(object: &mut Value, status: &str, reason: &str, message: &str, stamp: &str) {
    Condition::new("Ready", status, reason, message).set(object, stamp);
}

/// When an object was last tried, and for what.
#[derive(Debug, Clone, PartialEq)]
struct Tried {
    at: Timestamp,
    generation: Value,
    revision: String,
}

//! Evictions, and the budgets that stand against them.
//!
//! `Eviction` is `policy/v1` since 1.22 and `policy/v1beta1` before; `PodDisruptionBudget` went the same way in 1.21.

use serde_json::{Value, json};

use super::rest::{self, pod_path, segment};
use super::target::label_selector;
use super::{Cluster, Query};
use crate::error::{Error, Kind, Result};

/// A pod by name and uid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid: a pod of the same name that comes later is another one.
    pub uid: String,
}

impl std::fmt::Display for PodRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What became of an eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evicted {
    /// The server accepted it; the pod ends now.
    Accepted,
    /// The pod is gone already.
    Gone,
    /// A budget does not allow it now; the server's words.
    Blocked(String),
}

/// The version of `Eviction` that the server takes.
///
/// # Errors
/// As the API server answers; [`Kind::UnknownKind`] where it knows no evictions.
pub async fn version(cluster: &Cluster) -> Result<String> {
    let core = rest::get(cluster, "/api/v1", "the kinds of core/v1").await?;
    let resources = core.get("resources").and_then(Value::as_array);
    let eviction = resources.into_iter().flatten().find(|r| r.get("name").is_some_and(|n| n == "pods/eviction"));
    let Some(eviction) = eviction else {
        return Err(Error::new(Kind::UnknownKind, format!("cluster {} knows no pods/eviction", cluster.name())));
    };
    let version = eviction.get("version").and_then(Value::as_str).unwrap_or("v1beta1");
    Ok(format!("policy/{version}"))
}

/// Asks for a pod's eviction, once. `grace` in seconds; none is the pod's own.
///
/// # Errors
/// As the API server answers; a budget that blocks is no error but [`Evicted::Blocked`].
pub async fn evict(cluster: &Cluster, pod: &PodRef, version: &str, grace: Option<u64>) -> Result<Evicted> {
    let mut options = json!({ "preconditions": { "uid": pod.uid } });
    if let Some(grace) = grace {
        options["gracePeriodSeconds"] = grace.into();
    }
    let body = json!({ "apiVersion": version, "kind": "Eviction",
        "metadata": { "name": pod.name, "namespace": pod.namespace }, "deleteOptions": options });
    let path = format!("{}/eviction", pod_path(&pod.namespace, &pod.name)?);
    let what = format!("the eviction of Pod {pod}");
    match rest::post(cluster, &path, &body, &what).await {
        Ok(_) => Ok(Evicted::Accepted),
        Err(e) if e.kind == Kind::NotFound => Ok(Evicted::Gone),
        // The uid is another one: the pod that was meant is gone.
        Err(e) if e.kind == Kind::Conflict && e.message.contains("Precondition failed") => Ok(Evicted::Gone),
        Err(e) if e.message.contains("disruption budget") => Ok(Evicted::Blocked(e.to_string())),
        // 429 without a budget's name: the server is busy, or counts the disruptions of a budget right now.
        Err(e) if e.message.contains("429") => Ok(Evicted::Blocked(e.to_string())),
        Err(e) => Err(e),
    }
}

/// The budgets that apply to a pod, each with its numbers in one line.
///
/// # Errors
/// As the API server answers.
pub async fn budgets_of(cluster: &Cluster, pod: &PodRef) -> Result<Vec<String>> {
    let namespace = Some(segment(&pod.namespace)?.to_string());
    let budgets = rest::list(cluster, "poddisruptionbudgets", &Query { namespace, ..Query::default() }).await?;
    let mut lines = Vec::new();
    for budget in &budgets {
        if applies(cluster, budget, pod).await? {
            lines.push(numbers(budget));
        }
    }
    Ok(lines)
}

/// The server itself judges the selector, so that its rules are the ones that count.
async fn applies(cluster: &Cluster, budget: &Value, pod: &PodRef) -> Result<bool> {
    let terms = budget.pointer("/spec/selector").map(label_selector).unwrap_or_default();
    let query = Query {
        namespace: Some(segment(&pod.namespace)?.into()),
        labels: Some(terms.join(",")).filter(|l| !l.is_empty()),
        fields: Some(format!("metadata.name={}", pod.name)),
        limit: None,
    };
    Ok(!rest::list(cluster, "pods", &query).await?.is_empty())
}

fn numbers(budget: &Value) -> String {
    let text = |pointer: &str| budget.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let wants = |key: &str| budget.pointer(&format!("/spec/{key}")).map(|v| format!("{key} {}", plain(v)));
    let number = |key: &str| budget.pointer(&format!("/status/{key}")).and_then(Value::as_i64).unwrap_or(0);
    format!(
        "PodDisruptionBudget {}/{} ({}) allows {} disruptions: {} of {} pods are healthy, {} must be",
        text("/metadata/namespace"),
        text("/metadata/name"),
        wants("minAvailable").or_else(|| wants("maxUnavailable")).unwrap_or_else(|| "without a number".into()),
        number("disruptionsAllowed"),
        number("currentHealthy"),
        number("expectedPods"),
        number("desiredHealthy"),
    )
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_told_with_its_numbers() {
        let budget = json!({ "metadata": { "namespace": "web", "name": "shop" }, "spec": { "minAvailable": "50%" },
            "status": { "disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 3 } });
        assert_eq!(
            numbers(&budget),
            "PodDisruptionBudget web/shop (minAvailable 50%) allows 0 disruptions: 2 of 3 pods are healthy, 2 must be"
        );
    }
}

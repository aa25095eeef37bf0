//! From `deploy/shop`, `svc/shop` or `shop` to pods.

use serde_json::Value;

use super::rest::{self, segment};
use super::{Cluster, Query};
use crate::error::{Error, Kind, Result, did_you_mean};

/// What can be named, with the path of its collection below `/api` or `/apis`.
const KINDS: &[(&[&str], &str, &str)] = &[
    (&["pod", "pods", "po"], "Pod", "/api/v1"),
    (&["service", "services", "svc"], "Service", "/api/v1"),
    (&["deployment", "deployments", "deploy"], "Deployment", "/apis/apps/v1"),
    (&["statefulset", "statefulsets", "sts"], "StatefulSet", "/apis/apps/v1"),
    (&["daemonset", "daemonsets", "ds"], "DaemonSet", "/apis/apps/v1"),
    (&["replicaset", "replicasets", "rs"], "ReplicaSet", "/apis/apps/v1"),
    (&["job", "jobs"], "Job", "/apis/batch/v1"),
];

/// A pod, a service or a workload in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `Pod`, `Service`, `Deployment` …
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    base: &'static str,
    plural: &'static str,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Target {
    /// Reads `shop` (a pod) or `deploy/shop`.
    ///
    /// # Errors
    /// [`Kind::Invalid`] for a kind that has no pods.
    pub fn parse(text: &str, namespace: &str) -> Result<Self> {
        let (kind, name) = text.split_once('/').unwrap_or(("pod", text));
        let wanted = kind.to_lowercase();
        let Some((names, kind, base)) = KINDS.iter().find(|(names, ..)| names.contains(&wanted.as_str())) else {
            let known = KINDS.iter().flat_map(|(names, ..)| names.iter().copied());
            return Err(Error::new(Kind::Invalid, format!("\"{text}\": pods can't be found by \"{kind}\""))
                .maybe_hint(did_you_mean(&wanted, known))
                .hint("NAME for a pod, else deploy/, sts/, ds/, rs/, job/ or svc/NAME"));
        };
        segment(namespace)?;
        Ok(Self { kind, namespace: namespace.into(), name: segment(name)?.into(), base, plural: names[1] })
    }

    /// As `kubectl` takes it: `pod/shop`, `deployment/shop`.
    pub fn slashed(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }

    /// The object itself.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and others, as the API server answers.
    pub async fn get(&self, cluster: &Cluster) -> Result<Value> {
        let path = format!("{}/namespaces/{}/{}/{}", self.base, self.namespace, self.plural, self.name);
        rest::get(cluster, &path, &self.to_string()).await
    }

    /// Its pods: itself, or what its selector finds, in order of their names.
    ///
    /// # Errors
    /// [`Kind::NotFound`] where it doesn't exist or has no pod.
    pub async fn pods(&self, cluster: &Cluster) -> Result<Vec<Value>> {
        let object = self.get(cluster).await?;
        if self.kind == "Pod" {
            return Ok(vec![object]);
        }
        let selector = selector(&object).ok_or_else(|| {
            Error::new(Kind::Invalid, format!("{}: {self} has no selector, so it has no pods", cluster.name()))
        })?;
        let (namespace, labels) = (Some(self.namespace.clone()), Some(selector.clone()));
        let pods = rest::list(cluster, "pods", &Query { namespace, labels, ..Query::default() }).await?;
        if pods.is_empty() {
            return Err(Error::new(
                Kind::NotFound,
                format!("{}: {self} has no pods (its selector is {selector})", cluster.name()),
            ));
        }
        Ok(pods)
    }
}

/// The selector of a workload or a service, as the API takes it in a query.
pub fn selector(object: &Value) -> Option<String> {
    let selector = object.pointer("/spec/selector")?.as_object()?;
    let structured = selector.contains_key("matchLabels") || selector.contains_key("matchExpressions");
    let terms = if structured { label_selector(object.pointer("/spec/selector")?) } else { equalities(selector) };
    (!terms.is_empty()).then(|| terms.join(","))
}

/// The terms of a `LabelSelector`; empty for one that selects everything.
pub fn label_selector(selector: &Value) -> Vec<String> {
    let mut terms = selector.get("matchLabels").and_then(Value::as_object).map(equalities).unwrap_or_default();
    for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
        let values: Vec<&str> = expression
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let values = values.join(",");
        terms.push(match expression.get("operator").and_then(Value::as_str) {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_string(),
        });
    }
    terms
}

fn equalities(labels: &serde_json::Map<String, Value>) -> Vec<String> {
    labels.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn targets_are_read_as_kubectl_does() {
        assert_eq!(Target::parse("shop", "web").expect("a pod").slashed(), "pod/shop");
        assert_eq!(Target::parse("deploy/shop", "web").expect("a deployment").to_string(), "Deployment web/shop");
        let error = Target::parse("deplyo/shop", "web").expect_err("a typing error");
        assert_eq!(error.hints[0], "did you mean \"deploy\"?");
    }

    #[test]
    fn selectors_of_workloads_and_services() {
        let deployment = json!({ "spec": { "selector": { "matchLabels": { "app": "x" },
            "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["a", "b"] }, { "key": "old", "operator": "DoesNotExist" }] } } });
        assert_eq!(selector(&deployment).as_deref(), Some("app=x,tier in (a,b),!old"));
        let service = json!({ "spec": { "selector": { "app": "x" } } });
        assert_eq!(selector(&service).as_deref(), Some("app=x"));
        assert_eq!(selector(&json!({ "spec": {} })), None);
    }
}

//! What a workload leaves behind: its pods, which would end in their own time, and a StatefulSet's volume claims.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::delete::text;
use crate::client::kube::{Cluster, Query, rest};
use crate::error::{Kind, Result};
use crate::event::ObjectRef;

/// The dependants of one workload that a run created.
pub(super) struct Dependants {
    namespace: String,
    /// `app=web,tier=front`, from the workload's selector; the owner decides, this only makes the lists short.
    selector: Option<String>,
    /// The kind that stands between the workload and its pods.
    between: Option<&'static str>,
    /// The uids of the workload and of what stands between.
    owners: BTreeSet<String>,
    /// `data-shop-`: how the names of a StatefulSet's claims begin.
    claims: Vec<String>,
    /// When the workload was created, RFC 3339 in UTC, which sorts as text.
    since: String,
}

impl Dependants {
    /// None for what is no workload.
    pub(super) fn of(object: &ObjectRef, there: &Value) -> Option<Self> {
        let between = match object.kind.as_str() {
            "Deployment" => Some("replicasets"),
            "CronJob" => Some("jobs"),
            "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "ReplicationController" => None,
            _ => return None,
        };
        let labels = there.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        let pairs: Vec<String> = labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
            .collect();
        let templates = there.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
        let claims = templates.into_iter().flatten();
        Some(Self {
            namespace: object.namespace.clone()?,
            selector: (!pairs.is_empty()).then(|| pairs.join(",")),
            between,
            owners: BTreeSet::from([text(there, "/metadata/uid")]),
            claims: claims.map(|claim| format!("{}-{}-", text(claim, "/metadata/name"), object.name)).collect(),
            since: text(there, "/metadata/creationTimestamp"),
        })
    }

    /// Ends the workload's pods at once; how many there still are. Where they can't be listed, their own time has to do.
    pub(super) async fn end_pods(&mut self, cluster: &Cluster) -> Result<usize> {
        if let Some(kind) = self.between {
            for middle in self.list(cluster, kind, self.selector.clone()).await? {
                if self.owns(&middle) {
                    self.owners.insert(text(&middle, "/metadata/uid"));
                }
            }
        }
        let pods = self.list(cluster, "pods", self.selector.clone()).await?;
        let mine: Vec<&Value> = pods.iter().filter(|pod| self.owns(pod)).collect();
        for pod in &mine {
            self.remove(cluster, "pods", pod, &json!({ "gracePeriodSeconds": 0 })).await?;
        }
        Ok(mine.len())
    }

    /// Deletes the claims that a StatefulSet made, which Kubernetes keeps; how many there still are.
    pub(super) async fn end_claims(&self, cluster: &Cluster) -> Result<usize> {
        if self.claims.is_empty() {
            return Ok(0);
        }
        let claims = self.list(cluster, "persistentvolumeclaims", None).await?;
        let mine: Vec<&Value> = claims.iter().filter(|claim| self.claimed(claim)).collect();
        for claim in &mine {
            self.remove(cluster, "persistentvolumeclaims", claim, &json!({})).await?;
        }
        Ok(mine.len())
    }

    fn owns(&self, object: &Value) -> bool {
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        owners.into_iter().flatten().any(|owner| self.owners.contains(&text(owner, "/uid")))
    }

    fn claimed(&self, claim: &Value) -> bool {
        let name = text(claim, "/metadata/name");
        let number = |stem: &String| name.strip_prefix(stem.as_str()).is_some_and(|n| n.parse::<u32>().is_ok());
        self.claims.iter().any(number) && text(claim, "/metadata/creationTimestamp") >= self.since
    }

    async fn list(&self, cluster: &Cluster, kind: &str, labels: Option<String>) -> Result<Vec<Value>> {
        let query = Query { namespace: Some(self.namespace.clone()), labels, ..Query::default() };
        match rest::list(cluster, kind, &query).await {
            Err(e) if e.kind == Kind::Forbidden => Ok(Vec::new()),
            other => other,
        }
    }

    async fn remove(&self, cluster: &Cluster, plural: &str, object: &Value, options: &Value) -> Result<()> {
        let name = text(object, "/metadata/name");
        let path = format!("/api/v1/namespaces/{}/{plural}/{}", rest::segment(&self.namespace)?, rest::segment(&name)?);
        let mut options = options.clone();
        options["preconditions"] = json!({ "uid": text(object, "/metadata/uid") });
        match rest::delete(cluster, &path, &options, &format!("{plural} {}/{name}", self.namespace)).await {
            Err(e) if !matches!(e.kind, Kind::NotFound | Kind::Conflict | Kind::Forbidden) => Err(e),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str) -> ObjectRef {
        ObjectRef {
            cluster: "infra".into(),
            api_version: "apps/v1".into(),
            kind: kind.into(),
            plural: "things".into(),
            namespace: Some("web".into()),
            name: "shop".into(),
            uid: None,
        }
    }

    #[test]
    fn only_what_the_workload_owns_or_made_is_its_own() {
        let there = json!({ "metadata": { "uid": "u1", "creationTimestamp": "2026-01-02T00:00:00Z" },
            "spec": { "selector": { "matchLabels": { "app": "shop" } }, "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] } });
        let all = Dependants::of(&object("StatefulSet"), &there).expect("a workload");
        assert_eq!(all.selector.as_deref(), Some("app=shop"));
        assert!(all.owns(&json!({ "metadata": { "ownerReferences": [{ "uid": "u1" }] } })));
        assert!(!all.owns(&json!({ "metadata": { "ownerReferences": [{ "uid": "u2" }] } })));
        assert!(!all.owns(&json!({ "metadata": {} })));
        let claim =
            |name: &str, at: &str| all.claimed(&json!({ "metadata": { "name": name, "creationTimestamp": at } }));
        assert!(claim("data-shop-0", "2026-01-02T00:00:00Z"));
        assert!(!claim("data-shop-0", "2026-01-01T00:00:00Z"), "it was there before");
        assert!(!claim("data-shop-two-0", "2026-01-02T00:00:00Z"));
        assert!(Dependants::of(&object("ConfigMap"), &there).is_none());
    }
}

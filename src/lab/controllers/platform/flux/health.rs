//! Whether an object is what it is wanted to be, as Flux' health checks see it.
//!
//! The rules are those of kstatus (sigs.k8s.io/cli-utils `pkg/kstatus`).

use serde_json::Value;

use super::super::conditions::text;
use super::super::site::{Site, is};
use super::super::upstream::Item;

/// How an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Current,
    InProgress,
    Failed,
    NotFound,
}

impl Health {
    /// As messages have it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Current => "Current",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::NotFound => "NotFound",
        }
    }
}

/// How something is that a folder of the repository or a health check names.
pub(super) fn of(site: &Site<'_>, item: &Item) -> Health {
    let named = serde_json::json!({ "apiVersion": item.version, "kind": item.kind });
    let Some(kind) = site.objects.kinds.of(&named) else { return Health::NotFound };
    match site.get(&kind.resource(), &item.namespace, &item.name) {
        Some(stored) => judge(&stored.value),
        None => Health::NotFound,
    }
}

/// How an object is.
pub(super) fn judge(object: &Value) -> Health {
    let (spec, status) = (&object["spec"], &object["status"]);
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let when = |right: bool| if right { Health::Current } else { Health::InProgress };
    let seen =
        status["observedGeneration"].is_null() || status["observedGeneration"] == object["metadata"]["generation"];
    if !object["metadata"]["deletionTimestamp"].is_null() || !seen {
        return Health::InProgress;
    }
    match object["kind"].as_str() {
        Some("Deployment") => {
            let wanted = spec["replicas"].as_u64().unwrap_or(1);
            if text(object, "Progressing", "reason") == "ProgressDeadlineExceeded" {
                return Health::Failed;
            }
            let has = ["updatedReplicas", "availableReplicas", "readyReplicas"];
            when(has.iter().all(|key| number(&status[*key]) >= wanted) && number(&status["replicas"]) <= wanted)
        }
        Some("StatefulSet") => {
            let wanted = spec["replicas"].as_u64().unwrap_or(1);
            when(number(&status["readyReplicas"]) >= wanted)
        }
        Some("DaemonSet") => when(number(&status["numberReady"]) >= number(&status["desiredNumberScheduled"])),
        Some("PersistentVolumeClaim") => when(status["phase"] == "Bound"),
        Some("Job") if is(object, "Failed") => Health::Failed,
        Some("Job") => when(is(object, "Complete") || !status["startTime"].is_null()),
        _ if is(object, "Stalled") => Health::Failed,
        _ if is(object, "Reconciling") => Health::InProgress,
        _ => when(text(object, "Ready", "status") != "False" && text(object, "Ready", "status") != "Unknown"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_judged_by_their_status() {
        let mut deployment = json!({
            "kind": "Deployment", "metadata": { "generation": 2 }, "spec": { "replicas": 2 },
            "status": { "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2 },
        });
        assert_eq!(judge(&deployment), Health::Current);
        deployment["status"]["readyReplicas"] = 1.into();
        assert_eq!(judge(&deployment), Health::InProgress);
        let custom = |kind: &str, status: &str| {
            judge(&json!({ "kind": "X", "status": { "conditions": [{ "type": kind, "status": status }] } }))
        };
        assert_eq!(custom("Ready", "True"), Health::Current);
        assert_eq!(custom("Ready", "False"), Health::InProgress);
        assert_eq!(custom("Stalled", "True"), Health::Failed);
        assert_eq!(judge(&json!({ "kind": "ConfigMap" })), Health::Current);
    }
}

//! Whether an object is ready, by the rules of its kind, and its conditions.

use rhai::Dynamic;
use serde_json::Value;

use super::{List, Missing, Object};

/// Whether an object is ready, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it is.
    pub ready: bool,
    /// What was looked at: `2 of 3 replicas are ready`, `condition Ready is "False": …`.
    pub why: String,
    /// Whether it is so because nothing of it is wanted: no replica, no node.
    pub of_none: bool,
}

impl Readiness {
    fn of(ready: bool, why: impl Into<String>) -> Self {
        Self { ready, why: why.into(), of_none: false }
    }
}

impl Object {
    /// The condition of a type, or a [`Missing`].
    pub fn condition(&self, kind: &str) -> Dynamic {
        self.find_condition(kind)
            .map_or_else(|| Dynamic::from(Missing::path(self, &format!("status.conditions[{kind}]"))), Dynamic::from)
    }

    /// The condition of a type.
    pub fn find_condition(&self, kind: &str) -> Option<Self> {
        let conditions = self.path("status.conditions")?;
        let conditions = conditions.read_lock::<List>()?;
        let objects = conditions.items().iter().filter_map(|item| item.read_lock::<Self>().map(|o| o.clone()));
        objects.into_iter().find(|condition| condition.string("/type").as_deref() == Some(kind))
    }

    /// Whether it is ready, by the rules of its kind; other kinds by their condition `Ready`, `Available`,
    /// `Established` or `Healthy`. Status that was made for an earlier generation does not count.
    pub fn readiness(&self) -> Readiness {
        if let (Some(generation), Some(observed)) =
            (self.count("/metadata/generation"), self.count("/status/observedGeneration"))
            && observed < generation
        {
            return Readiness::of(false, format!("its status is of generation {observed}, the object of {generation}"));
        }
        // As `kubectl rollout status`: what no controller has seen is not rolled out, also with no replicas wanted.
        let rolled_out = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];
        if self.kind().is_some_and(|kind| rolled_out.contains(&kind.as_str()))
            && self.count("/metadata/generation").is_some()
            && self.count("/status/observedGeneration").is_none()
        {
            return Readiness::of(false, "no controller has seen it yet: it has no status.observedGeneration");
        }
        if self.string("/metadata/deletionTimestamp").is_some() {
            return Readiness::of(false, "it is being deleted");
        }
        match self.kind().as_deref() {
            Some("Pod") => self.pod_readiness(),
            Some("Deployment") => self.replicas("replicas", &["updatedReplicas", "availableReplicas"], true),
            Some("StatefulSet") => self.replicas("replicas", &["updatedReplicas", "readyReplicas"], false),
            Some("ReplicaSet" | "ReplicationController") => self.replicas("replicas", &["readyReplicas"], false),
            Some("DaemonSet") => self.daemon_readiness(),
            Some("Job") => self.job_readiness(),
            Some("PersistentVolumeClaim" | "PersistentVolume") => self.phase(&["Bound", "Available"]),
            Some("Namespace") => self.phase(&["Active"]),
            Some("CustomResourceDefinition") => self.by_condition(&["Established"]),
            Some("APIService") => self.by_condition(&["Available"]),
            Some("Service") => self.service_readiness(),
            _ => self.by_condition(&["Ready", "Available", "Established", "Healthy"]),
        }
    }

    fn count(&self, pointer: &str) -> Option<i64> {
        self.pointer(pointer).as_ref().and_then(Value::as_i64)
    }

    fn by_condition(&self, kinds: &[&str]) -> Readiness {
        let Some(condition) = kinds.iter().find_map(|kind| self.find_condition(kind)) else {
            return Readiness::of(false, format!("it has no condition {}", kinds.join(", ")));
        };
        let kind = condition.string("/type").unwrap_or_default();
        let status = condition.string("/status").unwrap_or_default();
        let mut why = format!("condition {kind} is \"{status}\"");
        if status != "True" {
            for detail in ["/reason", "/message"] {
                if let Some(text) = condition.string(detail).filter(|text| !text.is_empty()) {
                    why.push_str(": ");
                    why.push_str(&text);
                }
            }
        }
        Readiness::of(status == "True", why)
    }

    fn phase(&self, good: &[&str]) -> Readiness {
        let phase = self.string("/status/phase");
        match phase {
            Some(phase) => Readiness::of(good.contains(&phase.as_str()), format!("its phase is {phase}")),
            None => Readiness::of(false, "it has no status.phase"),
        }
    }

    /// A pod is ready by its condition; one that ran to its end and succeeded counts as ready.
    fn pod_readiness(&self) -> Readiness {
        match self.string("/status/phase").as_deref() {
            Some("Succeeded") => return Readiness::of(true, "it succeeded"),
            Some("Failed") => {
                let reason = self.string("/status/reason").map(|r| format!(": {r}")).unwrap_or_default();
                return Readiness::of(false, format!("its phase is Failed{reason}"));
            }
            _ => {}
        }
        let readiness = self.by_condition(&["Ready"]);
        if readiness.ready {
            return readiness;
        }
        let waiting = self.waiting_containers();
        let why =
            if waiting.is_empty() { readiness.why } else { format!("{} ({})", readiness.why, waiting.join("; ")) };
        Readiness::of(false, why)
    }

    /// `app: CrashLoopBackOff`, for each container that waits.
    fn waiting_containers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for list in ["/status/initContainerStatuses", "/status/containerStatuses"] {
            let Some(Value::Array(statuses)) = self.pointer(list) else { continue };
            for status in &statuses {
                let reason = status.pointer("/state/waiting/reason").and_then(Value::as_str);
                if let (Some(name), Some(reason)) = (status["name"].as_str(), reason) {
                    found.push(format!("{name}: {reason}"));
                }
            }
        }
        found
    }

    fn replicas(&self, wanted: &str, counters: &[&str], surplus: bool) -> Readiness {
        let wanted = self.count(&format!("/spec/{wanted}")).unwrap_or(1);
        for counter in counters {
            let count = self.count(&format!("/status/{counter}")).unwrap_or(0);
            if count < wanted {
                return Readiness::of(false, format!("{counter} is {count} of {wanted}"));
            }
        }
        // While a rollout goes on, replicas of the old template still run.
        let running = self.count("/status/replicas").unwrap_or(0);
        if surplus && running > wanted {
            return Readiness::of(false, format!("{running} replicas run, {wanted} are wanted: a rollout goes on"));
        }
        Readiness { of_none: wanted == 0, ..Readiness::of(true, format!("{wanted} of {wanted} replicas are ready")) }
    }

    fn daemon_readiness(&self) -> Readiness {
        let Some(wanted) = self.count("/status/desiredNumberScheduled") else {
            return Readiness::of(false, "it has no status.desiredNumberScheduled");
        };
        for counter in ["updatedNumberScheduled", "numberAvailable"] {
            let count = self.count(&format!("/status/{counter}")).unwrap_or(0);
            if count < wanted {
                return Readiness::of(false, format!("{counter} is {count} of {wanted}"));
            }
        }
        Readiness { of_none: wanted == 0, ..Readiness::of(true, format!("{wanted} of {wanted} nodes run it")) }
    }

    fn job_readiness(&self) -> Readiness {
        let failed = self.find_condition("Failed").filter(|c| c.string("/status").as_deref() == Some("True"));
        if let Some(failed) = failed {
            let reason = failed.string("/reason").unwrap_or_default();
            return Readiness::of(false, format!("it failed: {reason}"));
        }
        match self.find_condition("Complete").and_then(|c| c.string("/status")).as_deref() {
            Some("True") => Readiness::of(true, "it is complete"),
            _ => Readiness::of(false, "it is not complete yet"),
        }
    }

    /// A Service of type LoadBalancer needs an address; of others nothing can be awaited.
    fn service_readiness(&self) -> Readiness {
        if self.string("/spec/type").as_deref() != Some("LoadBalancer") {
            return Readiness::of(true, "it needs no address from outside");
        }
        match self.pointer("/status/loadBalancer/ingress/0") {
            Some(_) => Readiness::of(true, "it has an address"),
            None => Readiness::of(false, "status.loadBalancer.ingress is absent"),
        }
    }
}

//! What an operator works with: a cluster's objects, the world around it, and a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::egress;
use crate::lab::kube::cluster::{World as Objects, time};
use crate::lab::kube::store::{Place, Stored};
use crate::lab::world::topology::Cluster;
use crate::lab::world::{World, Wrong};

/// One look of an operator.
pub(crate) struct Site<'s> {
    pub(crate) world: &'s World,
    /// The cluster's name.
    pub(crate) cluster: &'s str,
    pub(crate) objects: &'s mut Objects,
    pub(crate) now: Timestamp,
    /// Whether anything was changed.
    pub(super) changed: bool,
    /// When to look again at the latest.
    pub(super) due: Option<Timestamp>,
}

impl<'s> Site<'s> {
    pub(super) fn new(world: &'s World, cluster: &'s str, objects: &'s mut Objects, now: Timestamp) -> Self {
        Self { world, cluster, objects, now, changed: false, due: None }
    }

    /// The time as the API writes it.
    pub(crate) fn stamp(&self) -> String {
        time(self.now)
    }

    /// What the topology says of this cluster.
    pub(crate) fn topology(&self) -> Option<&'s Cluster> {
        self.world.topology.clusters.get(self.cluster)
    }

    /// The objects of a kind, `kustomizations.kustomize.toolkit.fluxcd.io`, in one namespace, or all where that is empty.
    pub(crate) fn all(&self, resource: &str, namespace: &str) -> Vec<(Place, Arc<Stored>)> {
        self.objects.store.list(resource, namespace).map(|(place, stored)| (place.clone(), stored.clone())).collect()
    }

    /// An object.
    pub(crate) fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Stored>> {
        self.objects.store.get(&Place::new(resource, namespace, name)).cloned()
    }

    /// Keeps an object, if it is not as it was; a new one only where its namespace does not end.
    pub(crate) fn put(&mut self, place: &Place, value: Value) {
        let changes = match self.objects.store.get(place) {
            Some(old) => old.value != value,
            None => !self.objects.ends(&place.namespace),
        };
        if changes {
            self.objects.store.put(place.clone(), value);
            self.changed = true;
        }
    }

    /// Makes an object of a kind that is served, unless it is there.
    pub(crate) fn create(&mut self, object: &Value) {
        let Some(kind) = self.objects.kinds.of(object) else { return };
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        if self.objects.store.get(&Place::new(&kind.resource(), text("namespace"), text("name"))).is_none() {
            self.objects.plant(object, self.now);
            self.changed = true;
        }
    }

    /// Deletes an object: at once, or by saying that it has to go where somebody has to agree, or it is a pod.
    pub(crate) fn delete(&mut self, place: &Place) {
        let Some(stored) = self.objects.store.get(place) else { return };
        let held = stored.value["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        if !held && place.resource != "pods" {
            self.objects.store.remove(place);
        } else if stored.value["metadata"]["deletionTimestamp"].is_null() {
            let mut value = stored.value.clone();
            value["metadata"]["deletionTimestamp"] = self.stamp().into();
            value["metadata"]["deletionGracePeriodSeconds"] = 0.into();
            self.objects.store.put(place.clone(), value);
        } else {
            return;
        }
        self.changed = true;
    }

    /// Looks again after so long, even if nothing changes.
    pub(crate) fn again(&mut self, span: Duration) {
        self.at(after(self.now, span));
    }

    /// Looks again at a time.
    pub(crate) fn at(&mut self, time: Timestamp) {
        self.due = Some(self.due.map_or(time, |other| other.min(time)));
    }

    /// Why a service outside does not answer an operator, in Go's words: `app` is the label of the operator's pods, `at`
    /// the service's host, with its port where that is not 443. None where it answers.
    pub(crate) fn outside(&self, service: &str, app: &str, at: &str) -> Option<String> {
        let name = at.split(':').next().unwrap_or(at);
        let port = if at.contains(':') { at.to_owned() } else { format!("{at}:443") };
        match egress::way(self, app, name) {
            egress::Way::NoNames => return Some(format!("dial tcp: lookup {name}: i/o timeout")),
            egress::Way::Dropped => return Some(format!("dial tcp {port}: i/o timeout")),
            egress::Way::Open => {}
        }
        if !self.world.reaches(self.cluster, name) {
            return Some(format!("dial tcp {port}: i/o timeout"));
        }
        self.world.service(service).into_iter().find_map(|wrong| match wrong {
            Wrong::Down => Some(format!("dial tcp {port}: connect: connection refused")),
            Wrong::Hangs => Some("context deadline exceeded (Client.Timeout exceeded while awaiting headers)".into()),
            Wrong::Status(code) => Some(format!("status {code}: {}", word(code))),
            Wrong::TooMany(_) => Some(format!("status 429: {}", word(429))),
            Wrong::Unavailable(_) => Some(format!("status 503: {}", word(503))),
            Wrong::Reset => Some("unexpected EOF".into()),
            _ => None,
        })
    }

    /// The pods that are ready of the workload that is called so, in whatever namespace.
    pub(crate) fn ready_pods(&self, app: &str) -> Vec<Arc<Stored>> {
        let pods = self.objects.store.list("pods", "").map(|(_, pod)| pod);
        pods.filter(|pod| pod.value["metadata"]["labels"]["app.kubernetes.io/name"] == app && is_ready(&pod.value))
            .cloned()
            .collect()
    }

    /// Tells an event about an object, as its controller would.
    pub(crate) fn event(&mut self, of: &Value, warning: bool, reason: &str, message: &str, from: &str) {
        let (stamp, metadata) = (self.stamp(), &of["metadata"]);
        let name = metadata["name"].as_str().unwrap_or_default();
        let namespace = metadata["namespace"].as_str().unwrap_or("default");
        let own = format!("{name}.{:016x}", self.objects.naming.next());
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": own, "namespace": namespace },
            "involvedObject": {
                "apiVersion": of["apiVersion"], "kind": of["kind"], "name": name, "namespace": metadata["namespace"],
                "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
            },
            "type": if warning { "Warning" } else { "Normal" }, "reason": reason, "message": message, "count": 1,
            "firstTimestamp": stamp, "lastTimestamp": stamp, "eventTime": null,
            "source": { "component": from }, "reportingComponent": from, "reportingInstance": "",
        });
        self.objects.plant(&event, self.now);
        self.changed = true;
    }
}

fn word(code: u16) -> &'static str {
    http::StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()).unwrap_or("Unknown")
}

/// Whether an object's condition `Ready` is true.
pub(crate) fn is_ready(object: &Value) -> bool {
    is(object, "Ready") && object["metadata"]["deletionTimestamp"].is_null()
}

/// Whether a condition of an object is true.
pub(crate) fn is(object: &Value, condition: &str) -> bool {
    let all = object["status"]["conditions"].as_array();
    all.is_some_and(|all| all.iter().any(|one| one["type"] == condition && one["status"] == "True"))
}

/// A time so much later.
pub(crate) fn after(time: Timestamp, span: Duration) -> Timestamp {
    SignedDuration::try_from(span).ok().and_then(|span| time.checked_add(span).ok()).unwrap_or(time)
}

/// A time that the API wrote.
pub(crate) fn parsed(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A span as Go writes and reads it: `1h30m`, `5m0s`, `500ms`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * seconds;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(sum).ok())?
}

/// The same the other way round: `1h0m0s`, `5m0s`, `30s`.
pub(crate) fn go(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.subsec_millis());
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let rest = if millis > 0 { format!("{rest}.{millis:03}s") } else { format!("{rest}s") };
    match (hours, minutes) {
        (0, 0) => rest,
        (0, _) => format!("{minutes}m{rest}"),
        _ => format!("{hours}h{minutes}m{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_as_go_does() {
        for (text, seconds, written) in [("1h30m", 5400, "1h30m0s"), ("5m0s", 300, "5m0s"), ("30s", 30, "30s")] {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)));
            assert_eq!(go(Duration::from_secs(seconds)), written);
        }
        assert_eq!(span("500ms"), Some(Duration::from_millis(500)));
        assert_eq!((span("5"), span("x"), span("")), (None, None, None));
    }
}

//! Events, as the controllers write them: the same thing once more is counted, and an hour later it is forgotten.
//!
//! Source: k8s.io/client-go `tools/record`.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fields::{name, namespace, text, uid};
use super::scene::Source;
use crate::lab::kube::cluster::{World, time};
use crate::lab::kube::store::Place;

/// How long an API server keeps events.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// The events that were told, by what they say.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    known: HashMap<String, Place>,
    /// When each is to be looked at for being forgotten.
    old: VecDeque<(Timestamp, String, Place)>,
}

impl Journal {
    /// Tells of something.
    #[allow(clippy::too_many_arguments)] // an event is that many things
    pub(super) fn tell(
        &mut self,
        objects: &mut World,
        now: Timestamp,
        about: &Value,
        who: &Source<'_>,
        kind: &str,
        reason: &str,
        message: &str,
    ) {
        let stamp = time(now);
        let key = [uid(about), who.component, who.host, who.field, kind, reason, message].join("\0");
        if let Some(place) = self.known.get(&key)
            && let Some(stored) = objects.store.get(place)
        {
            let mut event = stored.value.clone();
            event["count"] = json!(event["count"].as_i64().unwrap_or(1) + 1);
            event["lastTimestamp"] = json!(stamp);
            let place = place.clone();
            objects.store.put(place, event);
            return;
        }
        // What belongs to no namespace is told of in the default one.
        let space = Some(namespace(about)).filter(|space| !space.is_empty()).unwrap_or("default").to_owned();
        let ending = objects.store.get(&Place::new("namespaces", "", &space));
        if ending.is_none_or(|there| super::fields::is_ending(&there.value)) {
            return;
        }
        let own = format!("{}.{:016x}", name(about), objects.naming.next() >> 4);
        let mut involved = json!({
            "kind": about["kind"], "namespace": namespace(about), "name": name(about), "uid": uid(about),
            "apiVersion": about["apiVersion"], "resourceVersion": text(about, "/metadata/resourceVersion"),
            "fieldPath": who.field,
        });
        if let Some(map) = involved.as_object_mut() {
            map.retain(|_, value| value.as_str().is_some_and(|text| !text.is_empty()));
        }
        let mut source = json!({ "component": who.component });
        if !who.host.is_empty() {
            source["host"] = json!(who.host);
        }
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": own, "namespace": space, "uid": objects.naming.uid(), "creationTimestamp": stamp },
            "involvedObject": involved, "reason": reason, "message": message, "source": source,
            "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1, "type": kind, "eventTime": null,
            "reportingComponent": who.component, "reportingInstance": who.host,
        });
        let place = Place::new("events", &space, &own);
        objects.store.put(place.clone(), event);
        self.known.insert(key.clone(), place.clone());
        self.old.push_back((now + KEPT, key, place));
    }

    /// Forgets what is an hour old, counted from when it last happened.
    pub(super) fn sweep(&mut self, objects: &mut World, now: Timestamp) {
        while self.old.front().is_some_and(|(due, _, _)| *due <= now) {
            let Some((_, key, place)) = self.old.pop_front() else { return };
            let last = objects.store.get(&place).and_then(|event| text(&event.value, "/lastTimestamp").parse().ok());
            match last.map(|last: Timestamp| last + KEPT) {
                Some(due) if due > now => self.old.push_back((due, key, place)),
                _ => {
                    objects.store.remove(&place);
                    self.known.remove(&key);
                }
            }
        }
    }

    /// When something is to be forgotten next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.old.front().map(|(due, _, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;

    #[test]
    fn the_same_is_counted_and_an_hour_later_forgotten() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let (mut objects, mut journal, now) = (cluster.world(), Journal::default(), Timestamp::UNIX_EPOCH);
        let about = json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "p", "namespace": "default", "uid": "u" } });
        let who = Source { component: "kubelet", host: "a", field: "spec.containers{web}" };
        let later = now + SignedDuration::from_mins(30);
        for at in [now, later] {
            journal.tell(&mut objects, at, &about, &who, "Warning", "BackOff", "again");
        }
        let events: Vec<Value> = objects.store.list("events", "").map(|(_, event)| event.value.clone()).collect();
        assert_eq!(events.len(), 1);
        assert_eq!((&events[0]["count"], &events[0]["lastTimestamp"]), (&json!(2), &json!("1970-01-01T00:30:00Z")));
        assert_eq!(events[0]["involvedObject"]["fieldPath"], "spec.containers{web}");
        journal.sweep(&mut objects, now + KEPT);
        assert_eq!(objects.store.list("events", "").count(), 1, "it happened half an hour ago");
        journal.sweep(&mut objects, later + KEPT);
        assert_eq!(objects.store.list("events", "").count(), 0);
    }
}

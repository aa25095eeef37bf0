//! What a controller has at hand for one step: the objects, the look-up tables, the time; and what it can do.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::events::Journal;
use super::fields;
use super::index::Index;
use super::manager::{Key, Timers};
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::patch::Managers;
use crate::lab::kube::store::{Place, Stored};
use crate::lab::kube::verbs::{Asked, by_controller, endings, object_in};
use crate::lab::world::World;

/// One step's surroundings.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    /// The platform, and what is wrong with it.
    pub(crate) world: &'a World,
    pub(crate) objects: &'a mut Objects,
    pub(crate) index: &'a Index,
    pub(crate) now: Timestamp,
    /// The time as objects have it.
    pub(crate) stamp: String,
    pub(super) timers: &'a mut Timers,
    pub(super) journal: &'a mut Journal,
}

impl Scene<'_> {
    pub(crate) fn get(&self, place: &Place) -> Option<Arc<Stored>> {
        self.objects.store.get(place).cloned()
    }

    /// Looks at a key once more at a time.
    pub(crate) fn at(&mut self, time: Timestamp, key: Key) {
        self.timers.add(time, key);
    }

    /// Whether a key waits for its time.
    pub(crate) fn is_due(&self, key: &Key) -> bool {
        self.timers.has(key)
    }

    /// Makes an object, as a client of the API server would: with defaults, and refused where it is wrong.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn create(&mut self, mut object: Value) -> Result<Arc<Stored>, String> {
        let Some(kind) = self.objects.kinds.of(&object) else {
            return Err(format!("no matches for kind {}", object["kind"]));
        };
        let resource = kind.resource();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.retain(|_, value| !value.is_null());
        }
        let asked = Asked::by_controller(kind, fields::namespace(&object), fields::name(&object), self.now);
        let made = object_in(self.objects, &asked, object, Some(Managers::default()), false);
        let made = made.map_err(|refusal| refusal.message)?;
        let place = fields::place(&resource, &made);
        self.get(&place).ok_or_else(|| format!("{resource} {:?} is gone already", place.name))
    }

    /// Changes an object as it is now. Whether anything changed by it.
    pub(crate) fn change(&mut self, place: &Place, how: impl FnOnce(&mut Value)) -> bool {
        let Some(stored) = self.get(place) else { return false };
        let mut value = stored.value.clone();
        how(&mut value);
        if value == *stored.value {
            return false;
        }
        if value["spec"] != stored.value["spec"]
            && let Some(generation) = value["metadata"]["generation"].as_i64()
        {
            value["metadata"]["generation"] = json!(generation + 1);
        }
        if endings::is_over(&value) {
            endings::remove(self.objects, place);
        } else {
            self.objects.store.put(place.clone(), value);
        }
        true
    }

    /// Writes a status where it differs.
    pub(crate) fn status(&mut self, place: &Place, status: Value) -> bool {
        self.change(place, |object| object["status"] = status)
    }

    /// Deletes an object, in the background, with its own time to end.
    pub(crate) fn delete(&mut self, place: &Place) -> bool {
        self.delete_by(place, None, None)
    }

    /// Deletes an object in a way of propagation, or with another time to end.
    pub(crate) fn delete_by(&mut self, place: &Place, propagation: Option<&str>, grace: Option<i64>) -> bool {
        let Some(stored) = self.get(place) else { return false };
        let Some(kind) = self.objects.kinds.of(&stored.value) else { return false };
        let asked = Asked::by_controller(kind, &place.namespace, &place.name, self.now);
        by_controller(self.objects, &asked, propagation, grace).is_ok()
    }

    /// Tells of something that happened to an object: `kind` is `Normal` or `Warning`.
    pub(crate) fn event(&mut self, about: &Value, who: &Source<'_>, kind: &str, reason: &str, message: &str) {
        self.journal.tell(self.objects, self.now, about, who, kind, reason, message);
    }

    pub(crate) fn normal(&mut self, about: &Value, component: &str, reason: &str, message: &str) {
        self.event(about, &Source { component, host: "", field: "" }, "Normal", reason, message);
    }

    pub(crate) fn warning(&mut self, about: &Value, component: &str, reason: &str, message: &str) {
        self.event(about, &Source { component, host: "", field: "" }, "Warning", reason, message);
    }
}

/// Who tells of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// `deployment-controller`
    pub(crate) component: &'a str,
    /// The node, where it is a kubelet.
    pub(crate) host: &'a str,
    /// The part of the object, `spec.containers{web}`.
    pub(crate) field: &'a str,
}

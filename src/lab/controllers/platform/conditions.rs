//! Conditions of objects, as controllers set them.

use serde_json::{Value, json};

/// A condition that an object is to have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition<'c> {
    pub(crate) kind: &'c str,
    /// `True`, `False`, `Unknown`
    pub(crate) status: &'c str,
    pub(crate) reason: &'c str,
    pub(crate) message: &'c str,
}

impl<'c> Condition<'c> {
    pub(crate) fn new(kind: &'c str, status: &'c str, reason: &'c str, message: &'c str) -> Self {
        Self { kind, status, reason, message }
    }

    /// Sets it in an object's `status.conditions`. Its time moves only where its status does.
    pub(crate) fn set(&self, object: &mut Value, stamp: &str) {
        let generation = object["metadata"]["generation"].clone();
        self.set_in(&mut object["status"]["conditions"], &generation, stamp);
    }

    /// Sets it in a list of conditions.
    pub(crate) fn set_in(&self, list: &mut Value, generation: &Value, stamp: &str) {
        let mut one = json!({
            "type": self.kind, "status": self.status, "reason": self.reason, "message": self.message,
            "lastTransitionTime": stamp,
        });
        if !generation.is_null() {
            one["observedGeneration"] = generation.clone();
        }
        if !list.is_array() {
            *list = json!([]);
        }
        let Some(all) = list.as_array_mut() else { return };
        match all.iter_mut().find(|old| old["type"] == self.kind) {
            Some(old) => {
                if old["status"] == one["status"] {
                    one["lastTransitionTime"] = old["lastTransitionTime"].clone();
                }
                *old = one;
            }
            None => all.push(one),
        }
    }
}

/// Takes a condition away.
pub(crate) fn clear(object: &mut Value, kind: &str) {
    if let Some(all) = object["status"]["conditions"].as_array_mut() {
        all.retain(|one| one["type"] != kind);
    }
}

/// A condition of an object.
pub(crate) fn find<'o>(object: &'o Value, kind: &str) -> Option<&'o Value> {
    object["status"]["conditions"].as_array()?.iter().find(|one| one["type"] == kind)
}

/// The text of a condition's field, empty where there is none.
pub(crate) fn text<'o>(object: &'o Value, kind: &str, field: &str) -> &'o str {
    find(object, kind).and_then(|one| one[field].as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_condition_moves_with_its_status() {
        let mut object = json!({ "metadata": { "generation": 2 } });
        Condition::new("Ready", "False", "Wrong", "a").set(&mut object, "1");
        Condition::new("Ready", "False", "Wrong", "b").set(&mut object, "2");
        assert_eq!(text(&object, "Ready", "lastTransitionTime"), "1");
        assert_eq!(text(&object, "Ready", "message"), "b");
        Condition::new("Ready", "True", "Right", "c").set(&mut object, "3");
        assert_eq!(text(&object, "Ready", "lastTransitionTime"), "3");
        assert_eq!(object["status"]["conditions"].as_array().unwrap().len(), 1);
        assert_eq!(find(&object, "Ready").unwrap()["observedGeneration"], 2);
        clear(&mut object, "Ready");
        assert!(find(&object, "Ready").is_none());
    }
}

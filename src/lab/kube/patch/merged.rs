//! What is applied, laid over what is there; and what is no longer applied, taken out of it.

use std::sync::Arc;

use serde_json::Value;

use super::compare::{child, items, step};
use super::fields::{self, Fields};
use crate::lab::kube::kinds::{ListKind, Schema};

/// `applied` laid over `live`.
pub(super) fn over(schema: &Schema, live: &Value, applied: &Value) -> Value {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) if !schema.atomic => {
            let mut merged = live.clone();
            for (key, value) in applied {
                let below = live.get(key).map_or_else(|| value.clone(), |l| over(&child(schema, key), l, value));
                merged.insert(key.clone(), below);
            }
            Value::Object(merged)
        }
        (Value::Array(live), Value::Array(applied)) => match (items(schema, live), items(schema, applied)) {
            (Some((kind, item)), Some(_)) => Value::Array(lists(kind, &item, live, applied)),
            _ => Value::Array(applied.clone()),
        },
        _ => applied.clone(),
    }
}

/// Items that are there already keep their place; new ones come last.
fn lists(kind: &ListKind, item: &Arc<Schema>, live: &[Value], applied: &[Value]) -> Vec<Value> {
    let mut merged: Vec<Value> = live.to_vec();
    for value in applied {
        let key = step(kind, value);
        match merged.iter_mut().find(|m| step(kind, m) == key) {
            Some(there) => *there = over(item, there, value),
            None => merged.push(value.clone()),
        }
    }
    merged
}

/// Takes fields out: `gone` are those that a manager let go, `kept` what anybody owns still.
pub(super) fn take_out(schema: &Schema, value: &mut Value, gone: &Fields, kept: Option<&Fields>) {
    match value {
        Value::Object(map) if !schema.atomic => {
            for (step_to, below) in &gone.below {
                let Some(name) = step_to.strip_prefix("f:") else { continue };
                let kept = kept.and_then(|k| k.below.get(step_to));
                let Some(inner) = map.get_mut(name) else { continue };
                if below.own && kept.is_none_or(Fields::is_empty) {
                    map.remove(name);
                    continue;
                }
                take_out(&child(schema, name), inner, below, kept);
                // What holds nothing any more, and belongs to nobody, goes too.
                let hollow = inner.as_object().is_some_and(serde_json::Map::is_empty)
                    || inner.as_array().is_some_and(Vec::is_empty);
                if hollow && kept.is_none_or(Fields::is_empty) {
                    map.remove(name);
                }
            }
        }
        Value::Array(list) => {
            let Some((kind, item)) = items(schema, list) else { return };
            list.retain_mut(|value| {
                let key = step(kind, value);
                let Some(below) = gone.below.get(&key) else { return true };
                let kept = kept.and_then(|k| k.below.get(&key));
                if below.own && kept.is_none_or(Fields::is_empty) {
                    return false;
                }
                take_out(&item, value, below, kept);
                true
            });
        }
        _ => {}
    }
}

/// The first item that is there twice, as a message names it, with the place of its list.
pub(super) fn twice(schema: &Schema, value: &Value, place: &str) -> Option<(String, String)> {
    match value {
        Value::Object(map) if !schema.atomic => map.iter().find_map(|(key, value)| {
            twice(&child(schema, key), value, &format!("{place}{}", fields::shown(&fields::field(key))))
        }),
        Value::Array(list) => {
            let (kind, item) = items(schema, list)?;
            let mut seen = Vec::new();
            for value in list {
                let key = step(kind, value);
                if seen.contains(&key) {
                    return Some((place.to_owned(), fields::shown(&key)));
                }
                if let Some(found) = twice(&item, value, &format!("{place}{}", fields::shown(&key))) {
                    return Some(found);
                }
                seen.push(key);
            }
            None
        }
        _ => None,
    }
}

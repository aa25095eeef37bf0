//! Which fields an object has, and which of them are added, changed or gone between two.
//!
//! Source: sigs.k8s.io/structured-merge-diff, `typed/tofieldset.go` and `typed/merge.go`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::fields::{self, Fields};
use crate::lab::kube::kinds::{ListKind, Schema, Type};

/// What differs between two objects.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) added: Fields,
    pub(super) changed: Fields,
    pub(super) gone: Fields,
}

impl Difference {
    pub(super) fn is_none(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.gone.is_empty()
    }
}

/// How the items of a list are known, where the list is not one value.
pub(super) fn items<'a>(schema: &'a Schema, list: &[Value]) -> Option<(&'a ListKind, Arc<Schema>)> {
    let known = match &schema.list {
        ListKind::Atomic => false,
        ListKind::Set => list.iter().all(|i| !i.is_object() && !i.is_array()),
        ListKind::Map(_) => list.iter().all(Value::is_object),
    };
    let item = schema.items.clone().unwrap_or_else(|| Arc::new(Schema::anything()));
    known.then_some((&schema.list, item))
}

/// The step to an item.
pub(super) fn step(kind: &ListKind, item: &Value) -> String {
    match kind {
        ListKind::Map(keys) => fields::keys(item, keys),
        _ => fields::value(item),
    }
}

/// The shape of a field; of unknown ones nothing is known.
pub(super) fn child(schema: &Schema, key: &str) -> Arc<Schema> {
    schema.field(key).cloned().unwrap_or_else(|| Arc::new(Schema::anything()))
}

/// The fields that are named in what somebody applies.
pub(super) fn applied(schema: &Schema, value: &Value) -> Fields {
    let mut fields = Fields::default();
    match value {
        Value::Object(map) if !schema.atomic => {
            for (key, value) in map {
                let below = child(schema, key);
                let entry = fields.at(fields::field(key));
                *entry = applied(&below, value);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                entry.own |= empty || (schema.of == Type::Map && !value.is_object());
            }
        }
        Value::Array(list) => match items(schema, list) {
            Some((kind, item)) => {
                for value in list {
                    let entry = fields.at(step(kind, value));
                    *entry = applied(&item, value);
                    entry.own = true;
                }
            }
            None => fields.own = true,
        },
        _ => fields.own = true,
    }
    fields
}

/// What differs.
pub(super) fn compare(schema: &Schema, old: &Value, new: &Value) -> Difference {
    let mut difference = Difference::default();
    let Difference { added, changed, gone } = &mut difference;
    walk(schema, Some(old), Some(new), added, changed, gone);
    let Difference { added, changed, gone } = difference;
    Difference { added: added.tidy(), changed: changed.tidy(), gone: gone.tidy() }
}

fn walk(
    schema: &Schema,
    old: Option<&Value>,
    new: Option<&Value>,
    added: &mut Fields,
    changed: &mut Fields,
    gone: &mut Fields,
) {
    match (old, new) {
        (None, None) => return,
        (None, Some(_)) => added.own = true,
        (Some(_), None) => gone.own = true,
        (Some(old), Some(new)) => {
            let leaf = match (old, new) {
                (Value::Object(_), Value::Object(_)) => schema.atomic,
                (Value::Array(a), Value::Array(b)) => items(schema, a).is_none() || items(schema, b).is_none(),
                _ => true,
            };
            if leaf {
                changed.own = old != new;
                return;
            }
        }
    }
    if schema.atomic {
        return;
    }
    let (was, is) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
    if was.is_some() || is.is_some() {
        let nothing = Map::new();
        let (was, is) = (was.unwrap_or(&nothing), is.unwrap_or(&nothing));
        for key in was.keys().chain(is.keys().filter(|k| !was.contains_key(*k))) {
            let below = child(schema, key);
            let nothing = Value::Object(Map::new());
            // A part that is there even when it is empty is neither added nor gone.
            let always = below.by_value && old.is_some() && new.is_some();
            let nothing = if below.of == Type::Array { Value::Array(Vec::new()) } else { nothing };
            let was = was.get(key).or(always.then_some(&nothing));
            let is = is.get(key).or(always.then_some(&nothing));
            let key = fields::field(key);
            walk(&below, was, is, added.at(&key), changed.at(&key), gone.at(&key));
        }
    }
    let (was, is) = (old.and_then(Value::as_array), new.and_then(Value::as_array));
    if was.is_none() && is.is_none() {
        return;
    }
    let nothing = Vec::new();
    let (was, is) = (was.unwrap_or(&nothing), is.unwrap_or(&nothing));
    let (Some((kind, item)), Some(_)) = (items(schema, was), items(schema, is)) else { return };
    for value in is {
        let key = step(kind, value);
        let before = was.iter().find(|w| step(kind, w) == key);
        walk(&item, before, Some(value), added.at(&key), changed.at(&key), gone.at(&key));
    }
    for value in was {
        let key = step(kind, value);
        if !is.iter().any(|i| step(kind, i) == key) {
            walk(&item, Some(value), None, added.at(&key), changed.at(&key), gone.at(&key));
        }
    }
}

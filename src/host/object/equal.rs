//! Equality by value: objects with maps, lists with arrays, whole numbers with broken ones.

use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use super::{List, Missing, Object};
use crate::host::values::{Secret, Size, number};

/// Whether two values are the same, whatever holds them. A string never equals a number.
pub fn equal(a: &Dynamic, b: &Dynamic) -> bool {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return a == b;
    }
    if let (Ok(a), Ok(b)) = (a.as_immutable_string_ref(), b.as_immutable_string_ref()) {
        return *a == *b;
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (items(a), items(b)) {
        return a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| equal(a, b));
    }
    if let (Some(a), Some(b)) = (fields(a), fields(b)) {
        return a.len() == b.len() && a.iter().zip(&b).all(|((k, a), (l, b))| k == l && equal(a, b));
    }
    if (a.is_string() || a.is_char()) && (b.is_string() || b.is_char()) {
        return a.to_string() == b.to_string();
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Missing>(), b.read_lock::<Missing>()) {
        return a.to_string() == b.to_string();
    }
    (a.is_unit() && b.is_unit())
        || a.as_bool().is_ok_and(|a| b.as_bool() == Ok(a))
        || same::<Duration>(a, b)
        || same::<Size>(a, b)
        || same::<Secret>(a, b)
        || same::<rhai::Blob>(a, b)
}

fn same<T: PartialEq + Clone + rhai::Variant>(a: &Dynamic, b: &Dynamic) -> bool {
    match (a.read_lock::<T>(), b.read_lock::<T>()) {
        (Some(a), Some(b)) => *a == *b,
        _ => false,
    }
}

/// The items of an array or a list.
pub(crate) fn items(value: &Dynamic) -> Option<Vec<Dynamic>> {
    if let Some(items) = value.read_lock::<Array>() {
        return Some(items.clone());
    }
    value.read_lock::<List>().map(|list| list.items().to_vec())
}

/// The fields of a map or an object, by name.
pub(crate) fn fields(value: &Dynamic) -> Option<Vec<(String, Dynamic)>> {
    if let Some(map) = value.read_lock::<Map>() {
        return Some(map.iter().map(|(key, value)| (key.to_string(), value.clone())).collect());
    }
    let object = value.read_lock::<Object>()?;
    let mut fields = object.fields();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    Some(fields)
}

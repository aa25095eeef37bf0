//! From script values to JSON and back, and from any kind of list to an array.

use std::time::Duration;

use rhai::{Dynamic, Map};
use serde_json::Value;

use super::{Secret, Size};
use crate::host::bgp::Routes;
use crate::host::data::time::Time;
use crate::host::object::{List, Missing, Object};

/// Plain data as a script value: maps, arrays, strings, numbers, `()`.
pub fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(yes) => (*yes).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().map_or(Dynamic::UNIT, Into::into),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => Dynamic::from_array(items.iter().map(to_dynamic).collect()),
        Value::Object(fields) => {
            let map: Map = fields.iter().map(|(key, value)| (key.as_str().into(), to_dynamic(value))).collect();
            map.into()
        }
    }
}

/// A script value as JSON. Durations, sizes and times are their texts (`1m30s`, `10Gi`), a secret is `<secret:N>`,
/// what is missing is `null`, and what has no JSON form is its text in angle brackets.
pub fn from_dynamic(value: &Dynamic) -> Value {
    if value.is_unit() || value.is::<Missing>() {
        return Value::Null;
    }
    if let Ok(yes) = value.as_bool() {
        return yes.into();
    }
    if let Ok(number) = value.as_int() {
        return number.into();
    }
    if let Ok(number) = value.as_float() {
        return number.into();
    }
    if value.is_string() || value.is_char() {
        return value.to_string().into();
    }
    if let Some(items) = value.read_lock::<rhai::Array>() {
        return items.iter().map(from_dynamic).collect();
    }
    if let Some(fields) = value.read_lock::<Map>() {
        let fields = fields.iter().map(|(key, value)| (key.to_string(), from_dynamic(value)));
        return Value::Object(fields.collect());
    }
    if let Some(object) = value.read_lock::<Object>() {
        return object.to_json();
    }
    if let Some(list) = value.read_lock::<List>() {
        return list.items().iter().map(from_dynamic).collect();
    }
    if let Some(routes) = value.read_lock::<Routes>() {
        return routes.to_json();
    }
    if let Some(span) = value.read_lock::<Duration>() {
        return crate::config::units::show_duration(*span).into();
    }
    if let Some(size) = value.read_lock::<Size>() {
        return size.to_string().into();
    }
    if let Some(secret) = value.read_lock::<Secret>() {
        return secret.to_string().into();
    }
    if let Some(time) = value.read_lock::<Time>() {
        return time.to_string().into();
    }
    if let Some(range) = value.read_lock::<std::ops::Range<i64>>() {
        return range.clone().collect();
    }
    if let Some(range) = value.read_lock::<std::ops::RangeInclusive<i64>>() {
        return range.clone().collect();
    }
    if let Some(bytes) = value.read_lock::<rhai::Blob>() {
        return bytes.iter().copied().collect();
    }
    format!("<{}>", value.type_name()).into()
}

/// The items of an array, a [`List`] or a table of [`Routes`]; none where it is none of them.
pub fn to_array(value: &Dynamic) -> Option<Vec<Dynamic>> {
    if let Some(items) = value.read_lock::<rhai::Array>() {
        return Some(items.clone());
    }
    if let Some(routes) = value.read_lock::<Routes>() {
        return Some(routes.items());
    }
    value.read_lock::<List>().map(|list| list.items().to_vec())
}

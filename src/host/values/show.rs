//! Values in messages: short, with their types told apart, secrets hidden.

use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use super::{Secret, Size};
use crate::event::short;
use crate::host::data::time::Time;
use crate::host::object::{List, Missing, Object};

/// Characters of a value in a message.
const WIDTH: usize = 160;
/// Items of a list in a message.
const ITEMS: usize = 8;

/// A value in a message: strings in quotation marks, objects by kind and name, long lists and texts cut.
pub fn show(value: &Dynamic) -> String {
    let shown = show_whole(value);
    if shown.chars().count() <= WIDTH {
        return shown;
    }
    let total = shown.chars().count();
    let head: String = shown.chars().take(WIDTH).collect();
    format!("{head}… ({total} characters)")
}

fn show_whole(value: &Dynamic) -> String {
    if value.is_unit() {
        return "nothing: ()".into();
    }
    if value.is_string() {
        return quoted(&value.to_string());
    }
    if let Some(items) = value.read_lock::<Array>() {
        return show_items(&items);
    }
    if let Some(list) = value.read_lock::<List>() {
        return show_items(list.items());
    }
    if let Some(object) = value.read_lock::<Object>() {
        return if object.is_whole() { object.describe() } else { object.text().to_string() };
    }
    if let Some(missing) = value.read_lock::<Missing>() {
        return missing.to_string();
    }
    if let Some(map) = value.read_lock::<Map>() {
        let fields: Vec<_> = map.iter().map(|(key, value)| format!("{key}: {}", show(value))).collect();
        return format!("#{{{}}}", fields.join(", "));
    }
    if let Some(span) = value.read_lock::<Duration>() {
        return short(*span);
    }
    if let Some(size) = value.read_lock::<Size>() {
        return size.to_string();
    }
    if let Some(secret) = value.read_lock::<Secret>() {
        return secret.to_string();
    }
    if let Some(time) = value.read_lock::<Time>() {
        return time.to_string();
    }
    value.to_string()
}

fn show_items(items: &[Dynamic]) -> String {
    if items.is_empty() {
        return "an empty list".into();
    }
    let mut shown: Vec<_> = items.iter().take(ITEMS).map(show).collect();
    if items.len() > ITEMS {
        shown.push(format!("… {} more", items.len() - ITEMS));
    }
    format!("[{}]", shown.join(", "))
}

/// A string as a script would write it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a value is, in a message: `a string`, `a whole number`, `a list`.
pub fn type_name(value: &Dynamic) -> &'static str {
    if value.is_unit() {
        "nothing: ()"
    } else if value.is_string() {
        "a string"
    } else if value.is_int() {
        "a whole number"
    } else if value.is_float() {
        "a number"
    } else if value.is_bool() {
        "a bool"
    } else if value.is_char() {
        "a character"
    } else if value.is::<Array>() || value.is::<List>() {
        "a list"
    } else if value.is::<Map>() {
        "a map"
    } else if value.is::<Object>() {
        "an object"
    } else if value.is::<Missing>() {
        "a missing field"
    } else if value.is::<Duration>() {
        "a duration"
    } else if value.is::<Size>() {
        "a size"
    } else if value.is::<Secret>() {
        "a secret"
    } else if value.is::<Time>() {
        "a time"
    } else if value.is_fnptr() {
        "a closure"
    } else {
        "a value of another type"
    }
}

/// A whole or broken number.
pub fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|number| number as f64))
}

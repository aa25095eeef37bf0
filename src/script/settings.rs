//! Between a setting's value in the script and in the configuration.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use super::declare::Resolve;
use crate::config::{Config, Value};
use crate::error::{Error, Kind};
use crate::host::values::Size;

/// What gives settings their values: the configuration.
pub fn from_config(config: Arc<Config>) -> Arc<Resolve> {
    Arc::new(move |playbook, name, cluster, default| {
        let default = to_config(default).ok_or_else(|| {
            Error::new(
                Kind::Playbook,
                format!("the setting \"{name}\" has a default of type {}", crate::host::values::type_name(default)),
            )
            .hint("a default is a number, string, bool, list, map, duration(\"…\") or size(\"…\")")
        })?;
        let resolved = config.settings.resolve(playbook, name, cluster, &default)?;
        Ok((to_script(&resolved.value), resolved.origin.to_string()))
    })
}

/// A script's value as a setting's; none for what no setting can hold.
pub fn to_config(value: &Dynamic) -> Option<Value> {
    let value = value.flatten_clone();
    if let Ok(int) = value.as_int() {
        return Some(Value::Int(int));
    }
    if let Ok(float) = value.as_float() {
        return Some(Value::Float(float));
    }
    if let Ok(flag) = value.as_bool() {
        return Some(Value::Bool(flag));
    }
    if let Some(span) = value.read_lock::<Duration>() {
        return Some(Value::Duration(*span));
    }
    if let Some(size) = value.read_lock::<Size>() {
        return Some(Value::Size(size.0));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return items.iter().map(to_config).collect::<Option<_>>().map(Value::List);
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map.iter().map(|(k, v)| Some((k.to_string(), to_config(v)?))).collect::<Option<_>>().map(Value::Map);
    }
    value.into_string().ok().map(Value::String)
}

/// A setting's value as a script's.
pub fn to_script(value: &Value) -> Dynamic {
    match value {
        Value::Int(int) => Dynamic::from(*int),
        Value::Float(float) => Dynamic::from(*float),
        Value::Bool(flag) => Dynamic::from(*flag),
        Value::String(text) => Dynamic::from(text.clone()),
        Value::Duration(span) => Dynamic::from(*span),
        Value::Size(bytes) => Dynamic::from(Size(*bytes)),
        Value::List(items) => items.iter().map(to_script).collect::<Array>().into(),
        Value::Map(map) => map.iter().map(|(k, v)| (k.as_str().into(), to_script(v))).collect::<Map>().into(),
    }
}

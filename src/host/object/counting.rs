//! How many are in an array, a map or a text, and which: answers that hand on what the value rests on.
//!
//! They are asked in loops, so that they do not walk an array.

use std::any::TypeId;

use rhai::{Array, Dynamic, FuncRegistration, ImmutableString, Map, Module, NativeCallContext, RhaiFunc, Shared};

use super::operators_marked::raw;
use super::population::{Look, compared, content, look, resting};

pub(super) fn register(module: &mut Module) {
    let (array, map, text) = (TypeId::of::<Array>(), TypeId::of::<Map>(), TypeId::of::<ImmutableString>());
    for kind in [array, text] {
        property(module, kind, "len", |value| resting(length(value), look(value)));
        property(module, kind, "is_empty", |value| resting(!content(value), look(value)));
    }
    raw(module, "len", [array], false, |args| Ok(resting(length(args[0]), look(args[0]))));
    raw(module, "len", [text], false, |args| Ok(resting(length(args[0]), look(args[0]))));
    raw(module, "len", [map], false, |args| Ok(resting(length(args[0]), look(args[0]))));
    for kind in [array, text, map] {
        raw(module, "is_empty", [kind], false, |args| Ok(resting(!content(args[0]), look(args[0]))));
    }
    raw(module, "contains", [text, text], false, |args| {
        let (Ok(whole), Ok(part)) = (args[0].as_immutable_string_ref(), args[1].as_immutable_string_ref()) else {
            return Ok(false.into());
        };
        Ok(resting(whole.contains(part.as_str()), compared(args[0], args[1])))
    });
    raw(module, "contains", [map, text], false, |args| {
        let (Some(map), Ok(key)) = (args[0].read_lock::<Map>(), args[1].as_immutable_string_ref()) else {
            return Ok(false.into());
        };
        Ok(resting(map.contains_key(key.as_str()), look(args[0])))
    });
    // A map that was made of nothing has no keys that were looked at.
    raw(module, "keys", [map], false, |args| {
        let keys = args[0].read_lock::<Map>().map(|map| map.keys().map(|key| key.as_str().into()).collect::<Array>());
        Ok(in_it(keys, args[0]))
    });
    raw(module, "values", [map], false, |args| {
        let values = args[0].read_lock::<Map>().map(|map| map.values().cloned().collect::<Array>());
        Ok(in_it(values, args[0]))
    });
}

fn in_it(items: Option<Array>, of: &Dynamic) -> Dynamic {
    let look = if content(of) { Look::Unknown } else { look(of) };
    resting(items.unwrap_or_default(), look)
}

fn property(module: &mut Module, kind: TypeId, name: &str, of: fn(&Dynamic) -> Dynamic) {
    let func = Shared::new(move |_: Option<NativeCallContext<'_>>, args: &mut [&mut Dynamic]| Ok(of(args[0])));
    let func = RhaiFunc::Method { func, has_context: false, is_pure: true, is_volatile: false };
    let _ = FuncRegistration::new_getter(name).in_global_namespace().set_into_module_raw(module, [kind], func);
}

fn length(value: &Dynamic) -> i64 {
    let length = if let Some(items) = value.read_lock::<Array>() {
        items.len()
    } else if let Some(map) = value.read_lock::<Map>() {
        map.len()
    } else {
        value.as_immutable_string_ref().map_or(0, |text| text.chars().count())
    };
    i64::try_from(length).unwrap_or(i64::MAX)
}

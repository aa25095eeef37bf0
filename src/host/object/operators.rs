//! What scripts do with values without calling a function by name: indexing, comparing, iterating, printing.

use std::any::TypeId;

use rhai::{Dynamic, FLOAT, INT, ImmutableString, Module, NativeCallContext};

use super::{List, Missing, Object, computed, counting, equal, missing, misspelt, operators_marked, seen};
use crate::error::{Error, Kind};
use crate::host::values::show;
use crate::host::{HostResult, place};

/// Operators that compute: with a missing value they fail.
const COMPUTING: [&str; 14] = ["+", "-", "*", "/", "%", "**", "<", "<=", ">", ">=", "+=", "-=", "*=", "/="];

/// Objects and lists: indexers, equality, iteration, text.
pub(super) fn register(module: &mut Module) {
    module.set_indexer_get_fn(|object: &mut Object, key: ImmutableString| {
        let value = object.get(&key);
        seen::note(object, &value);
        Ok(value)
    });
    module.set_indexer_set_fn(|object: &mut Object, key: ImmutableString, value: Dynamic| {
        unchanged(&object.get(&key), &value, || format!("{key} of {}", object.describe()))
    });
    module.set_indexer_get_fn(|list: &mut List, index: INT| Ok(list.item(index)));
    module.set_indexer_set_fn(|list: &mut List, index: INT, value: Dynamic| {
        unchanged(&list.item(index), &value, || format!("[{index}] of {}", list.what()))
    });
    module.set_iter(TypeId::of::<List>(), |list| {
        let list = list.cast::<List>();
        Box::new((0..list.len()).map(move |at| list.items()[at].clone()))
    });

    operators_marked::register(module);
    computed::register(module);
    counting::register(module);
    for name in ["to_string", "to_debug", "print", "debug"] {
        module.set_native_fn(name, |object: &mut Object| Ok(object.describe()));
        module.set_native_fn(name, |list: &mut List| Ok(show(&Dynamic::from(list.clone()))));
    }
    register_missing(module);
    refuse_orders(module);
}

/// A setter that only lets pass what Rhai writes back unasked after reading.
fn unchanged(before: &Dynamic, after: &Dynamic, what: impl FnOnce() -> String) -> HostResult<()> {
    let same = match (before.read_lock::<Object>(), after.read_lock::<Object>()) {
        (Some(before), Some(after)) => before.is_same(&after),
        _ => equal(before, after),
    };
    if same {
        return Ok(());
    }
    Err(Error::new(Kind::Script, format!("{} cannot be set: objects and their lists are read-only", what()))
        .hint("object.to_map() and list.to_array() make copies that can be changed")
        .into())
}

fn register_missing(module: &mut Module) {
    module.set_indexer_get_fn(|missing: &mut Missing, key: ImmutableString| Ok(missing.further(&key)));
    module.set_indexer_get_fn(|missing: &mut Missing, index: INT| Ok(missing.further_at(index)));
    // Rhai writes a property back after reading beneath it; only an assignment by the script is wrong.
    module.set_indexer_set_fn(|missing: &mut Missing, key: ImmutableString, value: Dynamic| {
        written(&missing.further(&key), &value)
    });
    module.set_indexer_set_fn(|missing: &mut Missing, index: INT, value: Dynamic| {
        written(&missing.further_at(index), &value)
    });
    module.set_iter_result(TypeId::of::<Missing>(), |missing| {
        Box::new(std::iter::once(Err(missing.cast::<Missing>().error().into())))
    });
    for name in COMPUTING {
        module.set_native_fn(name, |a: &mut Missing, _: Dynamic| fail(a));
        module.set_native_fn(name, |_: Dynamic, b: Missing| fail(&b));
        module.set_native_fn(name, |a: &mut Missing, _: Missing| fail(a));
        module.set_native_fn(name, |_: &mut ImmutableString, b: Missing| fail(&b));
        module.set_native_fn(name, |a: &mut Missing, _: ImmutableString| fail(a));
        module.set_native_fn(name, |_: &mut INT, b: Missing| fail(&b));
        module.set_native_fn(name, |_: &mut FLOAT, b: Missing| fail(&b));
    }
    for name in ["-", "+", "!"] {
        module.set_native_fn(name, |a: &mut Missing| fail(a));
    }
    module.set_native_fn("contains", |a: &mut Missing, _: Dynamic| fail(a));
    misspelt::register(module);
    for name in ["to_string", "print"] {
        module.set_native_fn(name, |at: NativeCallContext, missing: &mut Missing| {
            missing::printed(missing, place::of(&at));
            fail(missing).map(|()| String::new())
        });
    }
    for name in ["to_debug", "debug"] {
        module.set_native_fn(name, |missing: &mut Missing| Ok(format!("<{missing}>")));
    }
}

fn fail(missing: &Missing) -> HostResult<()> {
    Err(missing.error().into())
}

fn written(missing: &Missing, value: &Dynamic) -> HostResult<()> {
    if value.is::<Missing>() { Ok(()) } else { fail(missing) }
}

/// `"10" < 9` is silently false in Rhai; here it is an error.
fn refuse_orders(module: &mut Module) {
    for name in ["<", "<=", ">", ">="] {
        module.set_native_fn(name, |a: ImmutableString, b: INT| refuse(&a.into(), &b.into()));
        module.set_native_fn(name, |a: ImmutableString, b: FLOAT| refuse(&a.into(), &b.into()));
        module.set_native_fn(name, |a: INT, b: ImmutableString| refuse(&a.into(), &b.into()));
        module.set_native_fn(name, |a: FLOAT, b: ImmutableString| refuse(&a.into(), &b.into()));
    }
}

fn refuse(a: &Dynamic, b: &Dynamic) -> HostResult<bool> {
    Err(Error::new(Kind::Script, format!("a string and a number have no order: {} and {}", show(a), show(b)))
        .hint("parse_int(text), parse_float(text), size(text) or duration(text) make a value that has one")
        .into())
}

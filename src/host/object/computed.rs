//! Rhai's own functions of numbers, texts and ranges that hand on what their arguments rest on (see `population.rs`):
//! `max(n, 0)`, `-n`, `n ** 2`, `n.to_string()`, `text.to_upper()`, `n in 0..5`.
//!
//! What they compute, and their errors, come from an engine that has none of our functions.

use std::any::TypeId;
use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

use rhai::{AST, Array, Dynamic, Engine, FLOAT, FnPtr, INT, ImmutableString, Module, NativeCallContext};

use super::operators_marked::{raw, raw_at};
use super::population::{Look, combined, look, questioned, resting, together, unmarked};
use super::{Missing, equal};
use crate::host::HostResult;

/// An operator of two bools.
type OfBools = fn(bool, bool) -> bool;

static PLAIN: LazyLock<(Engine, AST)> = LazyLock::new(|| {
    let mut engine = Engine::new();
    engine.register_fn("one", |at: NativeCallContext, name: &str, a: Dynamic| native(&at, name, vec![a]));
    engine
        .register_fn("two", |at: NativeCallContext, name: &str, a: Dynamic, b: Dynamic| native(&at, name, vec![a, b]));
    engine.register_fn("three", |at: NativeCallContext, name: &str, a: Dynamic, b: Dynamic, c: Dynamic| {
        native(&at, name, vec![a, b, c])
    });
    (engine, AST::empty())
});

fn native(at: &NativeCallContext, name: &str, mut args: Vec<Dynamic>) -> HostResult<Dynamic> {
    let mut args: Vec<&mut Dynamic> = args.iter_mut().collect();
    at.call_native_fn_raw(name, false, &mut args)
}

/// What Rhai's own function of that name gives.
fn plain(name: &'static str, args: &[&mut Dynamic]) -> HostResult<Dynamic> {
    let mut given: Vec<Dynamic> = vec![name.into()];
    given.extend(args.iter().map(|arg| {
        let mut arg = arg.flatten_clone();
        unmarked(&mut arg);
        arg
    }));
    let by_count = match args.len() {
        1 => "one",
        2 => "two",
        _ => "three",
    };
    let (engine, ast) = &*PLAIN;
    FnPtr::new(by_count)?.call(engine, ast, given)
}

/// Registers a function of that name: `rests` says what its result rests on.
fn computed<const N: usize>(
    module: &mut Module,
    name: &'static str,
    types: [TypeId; N],
    rests: fn(&[&mut Dynamic]) -> Look,
) {
    raw_at(module, name, types, false, move |_, args| Ok(resting(plain(name, args)?, rests(args))));
}

pub(super) fn register(module: &mut Module) {
    let (int, float) = (TypeId::of::<INT>(), TypeId::of::<FLOAT>());
    let text = TypeId::of::<ImmutableString>();
    let first = |args: &[&mut Dynamic]| look(args[0]);
    let both = |args: &[&mut Dynamic]| combined(args[0], args[1]);
    for name in ["-", "+", "abs", "sign", "is_zero"] {
        computed(module, name, [int], first);
        computed(module, name, [float], first);
    }
    computed(module, "to_float", [int], first);
    for name in ["to_int", "floor", "ceiling", "round", "int", "fraction"] {
        computed(module, name, [float], first);
    }
    for name in ["is_odd", "is_even"] {
        computed(module, name, [int], first);
    }
    for name in ["**", "max", "min"] {
        for types in [[int, int], [int, float], [float, int], [float, float]] {
            computed(module, name, types, both);
        }
    }
    for name in ["max", "min"] {
        computed(module, name, [text, text], both);
    }
    for types in [[int, float], [float, int], [float, float]] {
        computed(module, "%", types, both);
    }
    for name in ["<<", ">>", "&", "|", "^"] {
        computed(module, name, [int, int], both);
    }
    for name in ["to_upper", "to_lower"] {
        computed(module, name, [text], first);
    }
    for name in ["starts_with", "ends_with", "index_of"] {
        computed(module, name, [text, text], first);
    }
    computed(module, "sub_string", [text, int], first);
    computed(module, "sub_string", [text, int, int], first);
    bools(module);
    texts(module);
    ranges(module);
    searching(module);
    growing(module);
}

fn bools(module: &mut Module) {
    let bool = TypeId::of::<bool>();
    const BOTH: [(&str, &str, OfBools); 3] =
        [("&", "&=", |a, b| a & b), ("|", "|=", |a, b| a | b), ("^", "^=", |a, b| a ^ b)];
    for (name, assigning, compute) in BOTH {
        let made = move |args: &[&mut Dynamic]| {
            let (a, b) = (args[0].as_bool().unwrap_or_default(), args[1].as_bool().unwrap_or_default());
            resting(compute(a, b), combined(args[0], args[1]))
        };
        raw_at(module, name, [bool, bool], false, move |_, args| Ok(made(args)));
        raw_at(module, assigning, [bool, bool], true, move |_, args| {
            *args[0] = made(args);
            Ok(Dynamic::UNIT)
        });
    }
}

fn text_of(value: &Dynamic) -> ImmutableString {
    match value.as_immutable_string_ref() {
        Ok(text) => (*text).clone(),
        Err(_) => value.to_string().into(),
    }
}

/// `+` and `+=` of a text with what has one.
fn texts(module: &mut Module) {
    let text = TypeId::of::<ImmutableString>();
    let others = [TypeId::of::<INT>(), TypeId::of::<FLOAT>(), TypeId::of::<bool>()];
    for types in others.into_iter().flat_map(|other| [[text, other], [other, text]]).chain([[text, text]]) {
        raw(module, "+", types, false, |args| {
            Ok(resting(text_of(args[0]) + text_of(args[1]), together(args[0], args[1])))
        });
    }
    for kind in others.into_iter().chain([text]) {
        raw(module, "to_string", [kind], false, |args| Ok(resting(text_of(args[0]), look(args[0]))));
    }
    for other in others.into_iter().chain([text]) {
        raw(module, "+=", [text, other], true, |args| {
            let look = together(args[0], args[1]);
            let more = text_of(args[1]);
            if let Some(mut whole) = args[0].write_lock::<ImmutableString>() {
                *whole += more;
            }
            super::population::rest(args[0], look);
            Ok(Dynamic::UNIT)
        });
    }
}

fn ranges(module: &mut Module) {
    let int = TypeId::of::<INT>();
    raw(module, "contains", [TypeId::of::<Range<INT>>(), int], false, |args| {
        let wanted = args[1].as_int().unwrap_or_default();
        let found = args[0].read_lock::<Range<INT>>().is_some_and(|range| range.contains(&wanted));
        Ok(resting(found, look(args[1])))
    });
    raw(module, "contains", [TypeId::of::<RangeInclusive<INT>>(), int], false, |args| {
        let wanted = args[1].as_int().unwrap_or_default();
        let found = args[0].read_lock::<RangeInclusive<INT>>().is_some_and(|range| range.contains(&wanted));
        Ok(resting(found, look(args[1])))
    });
}

/// `contains` and `index_of` of arrays.
fn searching(module: &mut Module) {
    let types = [TypeId::of::<Array>(), TypeId::of::<Dynamic>()];
    raw_at(module, "contains", types, false, |at, args| {
        let found = position(at, args)?;
        Ok(resting(found.is_some(), sought(args)))
    });
    raw_at(module, "index_of", types, false, |at, args| {
        let found = position(at, args)?.map_or(-1, |found| i64::try_from(found).unwrap_or(i64::MAX));
        Ok(resting(found, sought(args)))
    });
}

fn sought(args: &[&mut Dynamic]) -> Look {
    if look(args[1]) == Look::Nothing { Look::Nothing } else { questioned(args[0]) }
}

/// Asks `==` for each item, as Rhai does: values of different types that have none are not the same.
fn position(at: Option<&NativeCallContext>, args: &[&mut Dynamic]) -> HostResult<Option<usize>> {
    let items = args[0].read_lock::<Array>().map(|items| items.clone()).unwrap_or_default();
    for (n, mut item) in items.into_iter().enumerate() {
        let Some(at) = at else {
            if equal(&item, args[1]) {
                return Ok(Some(n));
            }
            continue;
        };
        let mut wanted = args[1].flatten_clone();
        let other_type = item.type_id() != wanted.type_id();
        match at.call_native_fn_raw("==", true, &mut [&mut item, &mut wanted]) {
            Ok(same) if same.as_bool() == Ok(true) => return Ok(Some(n)),
            Ok(_) => {}
            Err(error) => match *error {
                rhai::EvalAltResult::ErrorFunctionNotFound(ref name, _) if name.starts_with("==") && other_type => {}
                _ => return Err(error),
            },
        }
    }
    Ok(None)
}

/// What fills an array by hand: what it was filtered from says nothing of it any longer.
fn growing(module: &mut Module) {
    let (array, any) = (TypeId::of::<Array>(), TypeId::of::<Dynamic>());
    raw(module, "push", [array, any], true, |args| {
        let item = std::mem::take(args[1]).flatten();
        filled(args[0], |items| items.push(item));
        Ok(Dynamic::UNIT)
    });
    raw(module, "+=", [array, any], true, |args| {
        if let Some(missing) = args[1].read_lock::<Missing>() {
            return Err(missing.error().into());
        }
        let item = std::mem::take(args[1]).flatten();
        filled(args[0], |items| items.push(item));
        Ok(Dynamic::UNIT)
    });
    raw(module, "insert", [array, TypeId::of::<INT>(), any], true, |args| {
        let (at, item) = (args[1].as_int().unwrap_or_default(), std::mem::take(args[2]).flatten());
        filled(args[0], |items| {
            let at = match at {
                // From the end.
                ..0 => items.len().saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
                _ => usize::try_from(at).unwrap_or(usize::MAX).min(items.len()),
            };
            items.insert(at, item);
        });
        Ok(Dynamic::UNIT)
    });
}

fn filled(array: &mut Dynamic, fill: impl FnOnce(&mut Array)) {
    if let Some(mut items) = array.write_lock::<Array>() {
        fill(&mut items);
    }
    unmarked(array);
}

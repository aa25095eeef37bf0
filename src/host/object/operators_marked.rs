//! Operators of plain values that hand on what their operands rest on (see `population.rs`): without them
//! `pods.len() == 0` and `!pods.any(…)` would be a bare `true` over no pods at all.
//!
//! They compute what Rhai's own compute, with the same errors. Each is found by its types like those, so that they cost
//! nothing where no operand has a mark.

use std::any::TypeId;

use rhai::{
    Array, Dynamic, EvalAltResult, FLOAT, FuncRegistration, INT, ImmutableString, Map, Module, NativeCallContext,
    Position, RhaiFunc, Shared,
};

use super::population::{Look, compared, content, look, rest, resting, taken_from, together};
use super::{List, Missing, Object, equal};
use crate::host::{HostResult, place};

/// A function of values as they are, with their marks.
type Raw = fn(&mut [&mut Dynamic]) -> HostResult<Dynamic>;

/// A comparison of two broken numbers.
type Relation = fn(&FLOAT, &FLOAT) -> bool;

/// Registers a function that sees its arguments with their marks.
pub(super) fn raw<const N: usize>(module: &mut Module, name: &str, types: [TypeId; N], changes: bool, call: Raw) {
    raw_at(module, name, types, changes, move |_, args| call(args));
}

/// The same for one that calls others.
pub(super) fn raw_at<const N: usize>(
    module: &mut Module,
    name: &str,
    types: [TypeId; N],
    changes: bool,
    call: impl Fn(Option<&NativeCallContext<'_>>, &mut [&mut Dynamic]) -> HostResult<Dynamic> + Send + Sync + 'static,
) {
    let func = Shared::new(move |at: Option<NativeCallContext<'_>>, args: &mut [&mut Dynamic]| {
        // A loop may call nothing else: what ends it from outside says where it was.
        at.iter().for_each(place::passed);
        call(at.as_ref(), args)
    });
    let func = RhaiFunc::Method { func, has_context: true, is_pure: !changes, is_volatile: false };
    let _ = FuncRegistration::new(name).in_global_namespace().set_into_module_raw(module, types, func);
}

pub(super) fn register(module: &mut Module) {
    equality(module);
    orders(module);
    arithmetic(module);
    concatenation(module);
    raw(module, "!", [TypeId::of::<bool>()], false, |args| {
        Ok(resting(!args[0].as_bool().unwrap_or_default(), look(args[0])))
    });
}

fn equality(module: &mut Module) {
    let (array, list) = (TypeId::of::<Array>(), TypeId::of::<List>());
    let (map, object) = (TypeId::of::<Map>(), TypeId::of::<Object>());
    let (missing, unit) = (TypeId::of::<Missing>(), TypeId::of::<()>());
    let (int, bool, text) = (TypeId::of::<INT>(), TypeId::of::<bool>(), TypeId::of::<ImmutableString>());
    let values = [[int, int], [bool, bool], [text, text], [unit, unit]];
    // Rhai compares arrays and maps item by item with the types that it knows; ours lie in them too.
    let lists = [[list, list], [list, array], [array, list], [array, array]];
    let objects = [[object, object], [object, map], [map, object], [map, map], [missing, missing]];
    for types in values.into_iter().chain(lists).chain(objects) {
        raw(module, "==", types, false, |args| Ok(resting(equal(args[0], args[1]), compared(args[0], args[1]))));
        raw(module, "!=", types, false, |args| Ok(resting(!equal(args[0], args[1]), compared(args[0], args[1]))));
    }
    // Nothing is there: so it is with `()`, and a script that asks for `!= ()` must not be told yes.
    for types in [[missing, unit], [unit, missing]] {
        raw(module, "==", types, false, |args| Ok(resting(true, compared(args[0], args[1]))));
        raw(module, "!=", types, false, |args| Ok(resting(false, compared(args[0], args[1]))));
    }
}

fn orders(module: &mut Module) {
    let (int, text) = (TypeId::of::<INT>(), TypeId::of::<ImmutableString>());
    for types in [[int, int], [text, text]] {
        raw(module, "<", types, false, |args| ordered(args, std::cmp::Ordering::is_lt));
        raw(module, "<=", types, false, |args| ordered(args, std::cmp::Ordering::is_le));
        raw(module, ">", types, false, |args| ordered(args, std::cmp::Ordering::is_gt));
        raw(module, ">=", types, false, |args| ordered(args, std::cmp::Ordering::is_ge));
    }
}

fn ordered(args: &[&mut Dynamic], right: fn(std::cmp::Ordering) -> bool) -> HostResult<Dynamic> {
    let found = super::order(args[0], args[1]).is_some_and(right);
    Ok(resting(found, compared(args[0], args[1])))
}

fn arithmetic(module: &mut Module) {
    const WHOLE: [(&str, &str, Raw); 5] = [
        ("+", "+=", |args| whole(args, INT::checked_add, "Addition overflow", '+').map(|n| sum(n, args))),
        ("-", "-=", |args| whole(args, INT::checked_sub, "Subtraction overflow", '-').map(|n| difference(n, args))),
        ("*", "*=", |args| whole(args, INT::checked_mul, "Multiplication overflow", '*').map(|n| product(n, args))),
        ("/", "/=", |args| {
            let wrong = if args[1].as_int() == Ok(0) { "Division by zero" } else { "Division overflow" };
            whole(args, INT::checked_div, wrong, '/').map(|n| product(n, args))
        }),
        ("%", "%=", |args| {
            whole(args, INT::checked_rem, "Modulo division by zero or overflow", '%').map(|n| product(n, args))
        }),
    ];
    const BROKEN: [(&str, Relation); 6] = [
        ("==", FLOAT::eq),
        ("!=", FLOAT::ne),
        ("<", FLOAT::lt),
        ("<=", FLOAT::le),
        (">", FLOAT::gt),
        (">=", FLOAT::ge),
    ];
    let (int, float) = (TypeId::of::<INT>(), TypeId::of::<FLOAT>());
    for (name, assigning, call) in WHOLE {
        raw(module, name, [int, int], false, call);
        raw_at(module, assigning, [int, int], true, move |_, args| {
            *args[0] = call(args)?;
            Ok(Dynamic::UNIT)
        });
    }
    for types in [[int, float], [float, int], [float, float]] {
        raw(module, "+", types, false, |args| Ok(sum(broken(args[0]) + broken(args[1]), args)));
        raw(module, "-", types, false, |args| Ok(difference(broken(args[0]) - broken(args[1]), args)));
        raw(module, "*", types, false, |args| Ok(product(broken(args[0]) * broken(args[1]), args)));
        raw(module, "/", types, false, |args| Ok(product(broken(args[0]) / broken(args[1]), args)));
        for (name, holds) in BROKEN {
            raw_at(module, name, types, false, move |_, args| {
                Ok(resting(holds(&broken(args[0]), &broken(args[1])), compared(args[0], args[1])))
            });
        }
    }
}

fn whole(
    args: &[&mut Dynamic],
    compute: fn(INT, INT) -> Option<INT>,
    wrong: &str,
    sign: char,
) -> Result<INT, Box<EvalAltResult>> {
    let (a, b) = (args[0].as_int().unwrap_or_default(), args[1].as_int().unwrap_or_default());
    compute(a, b)
        .ok_or_else(|| EvalAltResult::ErrorArithmetic(format!("{wrong}: {a} {sign} {b}"), Position::NONE).into())
}

fn broken(value: &Dynamic) -> FLOAT {
    crate::host::values::number(value).unwrap_or_default()
}

fn sum(value: impl Into<Dynamic>, args: &[&mut Dynamic]) -> Dynamic {
    resting(value, together(args[0], args[1]))
}

/// A difference of 0 says that both are the same; another rests on what was looked at.
fn difference(value: impl Into<Dynamic>, args: &[&mut Dynamic]) -> Dynamic {
    let value = value.into();
    let look = if content(&value) { together(args[0], args[1]) } else { compared(args[0], args[1]) };
    resting(value, look)
}

/// Nothing times or by anything is nothing.
fn product(value: impl Into<Dynamic>, args: &[&mut Dynamic]) -> Dynamic {
    let look = match (look(args[0]), look(args[1])) {
        (Look::Nothing, _) | (_, Look::Nothing) => Look::Nothing,
        (Look::Unknown, Look::Unknown) => Look::Unknown,
        _ => Look::Something,
    };
    resting(value, look)
}

/// `+` and `+=` of arrays and lists, and `append`.
fn concatenation(module: &mut Module) {
    let (array, list) = (TypeId::of::<Array>(), TypeId::of::<List>());
    for types in [[array, array], [array, list]] {
        raw(module, "+", types, false, |args| Ok(joined(args)));
    }
    for types in [[list, list], [list, array]] {
        raw(module, "+", types, false, |args| {
            let what = args[0].read_lock::<List>().map(|list| list.what()).unwrap_or_default();
            let look = together(args[0], args[1]);
            let items = both(args);
            if !items.is_empty() {
                return Ok(Dynamic::from(List::new(items, &what)));
            }
            let of = |value: &Dynamic| value.read_lock::<List>().and_then(|list| list.taken_from());
            let from = of(args[0]).unwrap_or(0) + of(args[1]).or_else(|| taken_from(args[1])).unwrap_or(0);
            Ok(Dynamic::from(match look {
                Look::Nothing => List::of_population(items, 0, &what),
                Look::Something if from > 0 => List::of_population(items, from, &what),
                Look::Something => List::new(items, &what),
                Look::Unknown => List::loose(items, &what),
            }))
        });
    }
    for (name, types) in
        [("+=", [array, array]), ("+=", [array, list]), ("append", [array, array]), ("append", [array, list])]
    {
        raw(module, name, types, true, |args| {
            let look = together(args[0], args[1]);
            let more = super::items(args[1]).unwrap_or_default();
            if let Some(mut items) = args[0].write_lock::<Array>() {
                items.extend(more);
            }
            let look = if content(args[0]) { Look::Unknown } else { look };
            rest(args[0], look);
            Ok(Dynamic::UNIT)
        });
    }
}

fn joined(args: &[&mut Dynamic]) -> Dynamic {
    let look = together(args[0], args[1]);
    let items: Dynamic = both(args).into();
    if content(&items) { items } else { resting(items, look) }
}

fn both(args: &[&mut Dynamic]) -> Array {
    args.iter().flat_map(|arg| super::items(arg).unwrap_or_default()).collect()
}

//! What Rhai's own arrays do otherwise here: they know what they were filtered from, and what a closure throws, or
//! gives that is no bool, is never passed over.

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext};

use super::population::{Look, content, marked, population, questioned, resting, taken_from};
use super::{Missing, take_absence};
use crate::error::{Error, Kind};
use crate::host::values::{show, type_name};
use crate::host::{HostResult, Registrar};

pub(super) fn register(m: &mut Registrar) {
    m.method("array", "filter")
        .sig("(test: closure) -> array")
        .doc("The items for which the closure gives true. The array remembers how many there were, as a list does.")
        .example("[1, 2, 3].filter(|x| x > 1) == [2, 3]")
        .add_for_array(|at: NativeCallContext, items: &mut Dynamic, f: FnPtr| -> HostResult<Dynamic> {
            let from = taken_from(items);
            let (kept, _) = split(&at, &array(items), &f)?;
            Ok(match from {
                Some(from) => marked(kept.into(), from),
                None => kept.into(),
            })
        });
    m.method("array", "map")
        .sig("(make: closure) -> array")
        .doc("What the closure gives for each item, in order.")
        .example("[1, 2].map(|x| x * 2) == [2, 4]")
        .add_for_array(|at: NativeCallContext, items: &mut Dynamic, f: FnPtr| -> HostResult<Dynamic> {
            let from = if content(items) { population(items) } else { taken_from(items) };
            let items = array(items).into_iter().enumerate();
            let made: Array = items.map(|(n, item)| asked(&at, &f, n, &item)).collect::<HostResult<_>>()?;
            Ok(match from {
                Some(from) => marked(made.into(), from),
                None => made.into(),
            })
        });
    m.method("array", "all")
        .sig("(test: closure) -> bool")
        .doc("Whether the closure gives true for every item: also true for an empty array, and then `expect` of it is inconclusive. To judge, use `expect(items).all(…)`.")
        .example("[1, 2].all(|x| x > 0)")
        .add_for_array(|at: NativeCallContext, items: &mut Dynamic, f: FnPtr| -> HostResult<Dynamic> {
            for (n, item) in array(items).iter().enumerate() {
                if !holds(&at, &f, n, item)? {
                    return Ok(resting(false, Look::Something));
                }
            }
            Ok(resting(true, questioned(items)))
        });
    finding(m);
    taking(m);
}

fn finding(m: &mut Registrar) {
    m.method("array", "find")
        .sig("(test: closure) -> value")
        .doc("The first item for which the closure gives true; `()` if there is none.")
        .example("[1, 2, 3].find(|x| x > 1) == 2")
        .add_for_array(|at: NativeCallContext, items: &mut Dynamic, f: FnPtr| -> HostResult<Dynamic> {
            let found = first(&at, &array(items), &f)?;
            Ok(found.unwrap_or_else(|| resting(Dynamic::UNIT, questioned(items))))
        });
    m.method("array", "some")
        .sig("(test: closure) -> bool")
        .doc("Whether the closure gives true for at least one item: `any`, as Rhai calls it.")
        .example("[1, 2].some(|x| x > 1)")
        .add_for_array(|at: NativeCallContext, items: &mut Dynamic, f: FnPtr| -> HostResult<Dynamic> {
            Ok(resting(first(&at, &array(items), &f)?.is_some(), questioned(items)))
        });
    m.method("array", "reduce")
        .sig("(step: closure, first: value) -> value")
        .doc("Calls `step(so_far, item)` for each item, beginning with `first`; the last result.")
        .example("[1, 2, 3].reduce(|sum, x| sum + x, 0) == 6")
        .add_for_array(|at: NativeCallContext, items: &mut Dynamic, f: FnPtr, first: Dynamic| -> HostResult<Dynamic> {
            let made = array(items).into_iter().enumerate().try_fold(first, |so_far, (n, mut item)| {
                let index = [i64::try_from(n).unwrap_or(i64::MAX).into()];
                let made = f.call_raw_with_extra_args(at.fn_name(), &at, Some(&mut item), [so_far], index, Some(1))?;
                take_absence().map_or(Ok(made), |error| Err(Box::<EvalAltResult>::from(error)))
            })?;
            Ok(if taken_from(items) == Some(0) { marked(made, 0) } else { made })
        });
}

fn first(at: &NativeCallContext, items: &[Dynamic], test: &FnPtr) -> HostResult<Option<Dynamic>> {
    for (n, item) in items.iter().enumerate() {
        if holds(at, test, n, item)? {
            return Ok(Some(item.clone()));
        }
    }
    Ok(None)
}

fn taking(m: &mut Registrar) {
    m.method("array", "drain")
        .sig("(test: closure) -> array")
        .doc("Takes the items for which the closure gives true out of the array, and gives them. What the closure throws leaves the array as it was.")
        .example("let a = [1, 2, 3]; a.drain(|x| x > 2) == [3] && a == [1, 2]")
        .add(|at: NativeCallContext, items: &mut Array, f: FnPtr| -> HostResult<Array> {
            let (taken, left) = split(&at, items, &f)?;
            *items = left;
            Ok(taken)
        });
    m.method("array", "retain")
        .sig("(test: closure) -> array")
        .doc("Keeps the items for which the closure gives true in the array, and gives the others. What the closure throws leaves the array as it was.")
        .example("let a = [1, 2, 3]; a.retain(|x| x > 2) == [1, 2] && a == [3]")
        .add(|at: NativeCallContext, items: &mut Array, f: FnPtr| -> HostResult<Array> {
            let (kept, gone) = split(&at, items, &f)?;
            *items = kept;
            Ok(gone)
        });
    m.method("array", "dedup")
        .sig("(same: closure)")
        .doc("Takes each item out for which the closure, asked with the item before it and itself, gives true. What the closure throws leaves the array as it was.")
        .example("let a = [1, 3, 4]; a.dedup(|x, y| x % 2 == y % 2); a == [1, 4]")
        .add(|at: NativeCallContext, items: &mut Array, f: FnPtr| -> HostResult<()> {
            let mut kept: Array = Vec::with_capacity(items.len());
            for item in items.iter() {
                let same = match kept.last() {
                    Some(before) => yes(&at, &super::call(&at, &f, (before.clone(), item.clone()))?, item)?,
                    None => false,
                };
                if !same {
                    kept.push(item.clone());
                }
            }
            *items = kept;
            Ok(())
        });
}

fn array(items: &Dynamic) -> Array {
    items.read_lock::<Array>().map(|items| items.clone()).unwrap_or_default()
}

/// The items for which the closure gives true, and the others.
fn split(at: &NativeCallContext, items: &[Dynamic], test: &FnPtr) -> HostResult<(Array, Array)> {
    let (mut yes, mut no) = (Array::new(), Array::new());
    for (n, item) in items.iter().enumerate() {
        if holds(at, test, n, item)? { yes.push(item.clone()) } else { no.push(item.clone()) }
    }
    Ok((yes, no))
}

fn holds(at: &NativeCallContext, test: &FnPtr, n: usize, item: &Dynamic) -> HostResult<bool> {
    yes(at, &asked(at, test, n, item)?, item)
}

/// Asks a closure as Rhai does: with the item, which is also its `this`, and its index if it wants one.
fn asked(at: &NativeCallContext, call: &FnPtr, n: usize, item: &Dynamic) -> HostResult<Dynamic> {
    let index = [i64::try_from(n).unwrap_or(i64::MAX).into()];
    let value = call.call_raw_with_extra_args(at.fn_name(), at, Some(&mut item.clone()), [], index, Some(0))?;
    match take_absence() {
        Some(error) => Err(error.into()),
        None => Ok(value),
    }
}

fn yes(at: &NativeCallContext, given: &Dynamic, item: &Dynamic) -> HostResult<bool> {
    if let Ok(yes) = given.as_bool() {
        return Ok(yes);
    }
    if let Some(missing) = given.read_lock::<Missing>() {
        return Err(missing.error().into());
    }
    let text = format!("{}: its closure must give true or false, and gave {}", at.fn_name(), type_name(given));
    Err(Error::new(Kind::Script, text).because(format!("for {}", show(item))).into())
}

//! What lists do with closures and values, apart from how scripts call it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::time::Duration;

use rhai::{Dynamic, FnPtr, FuncArgs, Map, NativeCallContext};

use super::population::marked;
use super::{List, Missing, Object, equal, take_absence};
use crate::error::{Error, Kind};
use crate::host::HostResult;
use crate::host::values::{Size, from_dynamic, number, show, to_array, type_name};

/// Calls a closure; a missing value that went into a text inside it fails here, at its place.
pub(crate) fn call(ctx: &NativeCallContext, closure: &FnPtr, args: impl FuncArgs) -> HostResult<Dynamic> {
    let value = closure.call_within_context::<Dynamic>(ctx, args)?;
    match take_absence() {
        Some(error) => Err(error.into()),
        None => Ok(value),
    }
}

/// Calls a closure that answers yes or no.
pub(super) fn test(ctx: &NativeCallContext, closure: &FnPtr, item: &Dynamic) -> HostResult<bool> {
    let answer = call(ctx, closure, (item.clone(),))?;
    if let Ok(answer) = answer.as_bool() {
        return Ok(answer);
    }
    if let Some(missing) = answer.read_lock::<Missing>() {
        return Err(missing.error().into());
    }
    let name = ctx.fn_name();
    Err(Error::new(
        Kind::Script,
        format!("{name}: its closure must give true or false, and gave {}", type_name(&answer)),
    )
    .because(format!("for {}", show(item)))
    .into())
}

pub(super) fn filter(ctx: &NativeCallContext, list: &List, closure: &FnPtr) -> HostResult<List> {
    let mut kept = Vec::new();
    for item in list.items() {
        if test(ctx, closure, item)? {
            kept.push(item.clone());
        }
    }
    Ok(list.derive(kept))
}

pub(super) fn map(ctx: &NativeCallContext, list: &List, closure: &FnPtr) -> HostResult<List> {
    let made: HostResult<Vec<_>> = list.items().iter().map(|item| call(ctx, closure, (item.clone(),))).collect();
    Ok(list.made(made?))
}

pub(super) fn flat_map(ctx: &NativeCallContext, list: &List, closure: &FnPtr) -> HostResult<List> {
    let mut made = Vec::new();
    for item in list.items() {
        let value = call(ctx, closure, (item.clone(),))?;
        if let Some(missing) = value.read_lock::<Missing>() {
            return Err(missing.error().into());
        }
        let Some(items) = to_array(&value) else {
            return Err(Error::new(
                Kind::Script,
                format!("flat_map: its closure must give a list, and gave {}", type_name(&value)),
            )
            .hint("map takes a closure that gives one value")
            .into());
        };
        made.extend(items);
    }
    Ok(list.made(made))
}

pub(super) fn position(
    ctx: &NativeCallContext,
    list: &List,
    closure: &FnPtr,
    wanted: bool,
) -> HostResult<Option<usize>> {
    for (at, item) in list.items().iter().enumerate() {
        if test(ctx, closure, item)? == wanted {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

pub(super) fn reduce(ctx: &NativeCallContext, list: &List, closure: &FnPtr, first: Dynamic) -> HostResult<Dynamic> {
    let made = list.items().iter().try_fold(first, |so_far, item| call(ctx, closure, (so_far, item.clone())))?;
    Ok(if list.of_none() { marked(made, 0) } else { made })
}

pub(super) fn sort_by(ctx: &NativeCallContext, list: &List, closure: &FnPtr) -> HostResult<List> {
    let mut keyed = Vec::with_capacity(list.len());
    for item in list.items() {
        keyed.push((call(ctx, closure, (item.clone(),))?, item.clone()));
    }
    sort(&mut keyed)?;
    Ok(list.made(keyed.into_iter().map(|(_, item)| item).collect()))
}

/// Sorts by the keys; those that have no order among each other are an error.
fn sort(keyed: &mut [(Dynamic, Dynamic)]) -> HostResult<()> {
    if let Some(missing) = keyed.iter().find_map(|(key, _)| key.read_lock::<Missing>().map(|m| m.clone())) {
        return Err(missing.error().into());
    }
    let mut wrong = None;
    keyed.sort_by(|(a, _), (b, _)| {
        order(a, b).unwrap_or_else(|| {
            wrong.get_or_insert_with(|| (a.clone(), b.clone()));
            Ordering::Equal
        })
    });
    match wrong {
        Some((a, b)) => Err(no_order(&a, &b).into()),
        None => Ok(()),
    }
}

/// Sorts an array by a closure of two items. Rhai's own swallows what the closure throws.
pub(super) fn sort_with(ctx: &NativeCallContext, items: &mut [Dynamic], closure: &FnPtr) -> HostResult<()> {
    let mut wrong = None;
    let mut sorted = items.to_vec();
    // Merges keep to the comparisons they make, so that a closure without an order cannot make this panic.
    merge_sort(&mut sorted, &mut |a, b| {
        if wrong.is_some() {
            return false;
        }
        after(ctx, closure, a, b).unwrap_or_else(|error| {
            wrong = Some(error);
            false
        })
    });
    match wrong {
        Some(error) => Err(error),
        None => {
            items.clone_from_slice(&sorted);
            Ok(())
        }
    }
}

/// Whether the first comes after the second.
fn after(ctx: &NativeCallContext, closure: &FnPtr, a: &Dynamic, b: &Dynamic) -> HostResult<bool> {
    let answer = call(ctx, closure, (a.clone(), b.clone()))?;
    if let Some(missing) = answer.read_lock::<Missing>() {
        return Err(missing.error().into());
    }
    if let Ok(yes) = answer.as_bool() {
        return Ok(yes);
    }
    answer.as_int().map(|order| order > 0).map_err(|_| {
        let got = type_name(&answer);
        Error::new(Kind::Script, format!("sort: its closure must give a whole number or true or false, and gave {got}"))
            .hint("sort(|a, b| a.count - b.count), or sort_by(|x| x.count)")
            .into()
    })
}

fn merge_sort(items: &mut Vec<Dynamic>, after: &mut impl FnMut(&Dynamic, &Dynamic) -> bool) {
    if items.len() < 2 {
        return;
    }
    let mut right = items.split_off(items.len() / 2);
    merge_sort(items, after);
    merge_sort(&mut right, after);
    let mut left = std::mem::take(items).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if after(a, b) { right.next() } else { left.next() };
        items.extend(next);
    }
    items.extend(left);
    items.extend(right);
}

fn no_order(a: &Dynamic, b: &Dynamic) -> Error {
    Error::new(Kind::Script, format!("no order between {} {} and {} {}", type_name(a), show(a), type_name(b), show(b)))
}

/// The order of two values of one type; none between types.
pub(crate) fn order(a: &Dynamic, b: &Dynamic) -> Option<Ordering> {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Some(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a.partial_cmp(&b);
    }
    if let (Ok(a), Ok(b)) = (a.as_immutable_string_ref(), b.as_immutable_string_ref()) {
        return Some(a.as_str().cmp(b.as_str()));
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Some(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Duration>(), b.read_lock::<Duration>()) {
        return Some(a.cmp(&b));
    }
    let (a, b) = (a.read_lock::<Size>()?, b.read_lock::<Size>()?);
    Some(a.cmp(&b))
}

/// A map that knows, as a list does, how many items it was made of.
pub(super) fn group_by(ctx: &NativeCallContext, list: &List, closure: &FnPtr) -> HostResult<Dynamic> {
    let mut groups: std::collections::BTreeMap<String, Vec<Dynamic>> = std::collections::BTreeMap::new();
    for item in list.items() {
        let key = call(ctx, closure, (item.clone(),))?;
        if let Some(missing) = key.read_lock::<Missing>() {
            return Err(missing.error().into());
        }
        if !(key.is_string() || key.is_int() || key.is_bool()) {
            let text = format!("group_by: its closure must give a string, and gave {}", type_name(&key));
            return Err(Error::new(Kind::Script, text).into());
        }
        groups.entry(key.to_string()).or_default().push(item.clone());
    }
    let groups = groups.into_iter().map(|(key, items)| (key.into(), Dynamic::from(list.derive(items))));
    let groups = groups.collect::<Map>().into();
    Ok(match list.taken_from() {
        Some(population) => marked(groups, population),
        None => groups,
    })
}

pub(super) fn names(list: &List) -> HostResult<List> {
    let name = |item: &Dynamic| match item.read_lock::<Object>() {
        Some(object) => Ok(object.get("name")),
        None => Err(Error::new(Kind::Script, format!("names: expected objects, got {}", type_name(item)))),
    };
    let names: Result<Vec<_>, Error> = list.items().iter().map(name).collect();
    Ok(list.made(names?))
}

pub(super) fn contains(list: &[Dynamic], wanted: &Dynamic) -> bool {
    list.iter().any(|item| equal(item, wanted))
}

pub(super) fn unique(list: &List) -> List {
    let mut seen = HashSet::new();
    let first = |item: &&Dynamic| seen.insert((type_name(item), from_dynamic(item).to_string()));
    list.made(list.items().iter().filter(first).cloned().collect())
}

pub(super) fn join(list: &List, separator: &str) -> HostResult<String> {
    let mut texts = Vec::with_capacity(list.len());
    for item in list.items() {
        if let Some(missing) = item.read_lock::<Missing>() {
            return Err(missing.error().into());
        }
        texts.push(if item.is_string() { item.to_string() } else { show(item) });
    }
    Ok(texts.join(separator))
}

/// The sum of numbers, durations or sizes; 0 of an empty list.
pub(super) fn sum(list: &List) -> HostResult<Dynamic> {
    let items = list.items();
    if let Some(missing) = items.iter().find_map(|item| item.read_lock::<Missing>().map(|m| m.clone())) {
        return Err(missing.error().into());
    }
    let wrong = |item: &Dynamic| {
        Error::new(Kind::Script, format!("sum: expected numbers, durations or sizes, got {}", show(item)))
    };
    let too_great = || Error::new(Kind::Script, "sum: the result is too great");
    if items.iter().all(Dynamic::is_int) {
        let sum = items.iter().try_fold(0_i64, |sum, item| sum.checked_add(item.as_int().unwrap_or_default()));
        return Ok(sum.ok_or_else(too_great)?.into());
    }
    if items.iter().all(|item| number(item).is_some()) {
        return Ok(items.iter().filter_map(number).sum::<f64>().into());
    }
    if items.iter().all(Dynamic::is::<Duration>) {
        let spans = items.iter().filter_map(|item| item.read_lock::<Duration>().map(|span| *span));
        let sum = spans.into_iter().try_fold(Duration::ZERO, Duration::checked_add);
        return Ok(Dynamic::from(sum.ok_or_else(too_great)?));
    }
    if items.iter().all(Dynamic::is::<Size>) {
        let sizes = items.iter().filter_map(|item| item.read_lock::<Size>().map(|size| size.0));
        let sum = sizes.into_iter().try_fold(0_u64, u64::checked_add);
        return Ok(Dynamic::from(Size(sum.ok_or_else(too_great)?)));
    }
    let odd = items.iter().find(|item| number(item).is_none()).cloned().unwrap_or_default();
    Err(wrong(&odd).into())
}

/// The least (or greatest) item; missing of an empty list.
pub(super) fn extreme(list: &List, wanted: Ordering) -> HostResult<Dynamic> {
    let Some(first) = list.items().first() else { return Ok(list.item(0)) };
    let mut best = first.clone();
    for item in list.items() {
        if let Some(missing) = item.read_lock::<Missing>() {
            return Err(missing.error().into());
        }
        match order(item, &best) {
            Some(found) if found == wanted => best = item.clone(),
            Some(_) => {}
            None => return Err(no_order(item, &best).into()),
        }
    }
    Ok(best)
}

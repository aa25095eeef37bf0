//! The functions of lists, as scripts see them.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use super::population::{Look, answered, look, marked, population, resting};
use super::{List, Missing, arrays, list_ops as ops};
use crate::error::{Error, Kind};
use crate::host::{HostResult, Module, Needs, Registrar};

/// The row of the table.
pub(crate) const MODULE: Module = Module {
    name: "list",
    about: "Lists of objects and of what is in them: read-only, with what they were filtered from.",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.global("list")
        .sig("(items: array, what?: string) -> list")
        .doc("Makes a list of an array. `what` says in messages what it holds. A list knows what it was filtered from, so that `expect` can tell a clean result from an empty one.")
        .example(r#"list([3, 1, 2]).sort_by(|x| x) == [1, 2, 3]"#)
        .add(|items: Array| List::new(items, "the list"))
        .add(|items: Array, what: &str| List::new(items, what));
    choosing(m);
    making(m);
    asking(m);
    arrays::register(m);
}

fn choosing(m: &mut Registrar) {
    m.method("list", "filter")
        .sig("(test: closure) -> list")
        .doc("The items for which the closure gives true. The result remembers how many there were.")
        .example("list([1, 2, 3]).filter(|x| x > 1) == [2, 3]")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| ops::filter(&ctx, list, &f));
    m.method("list", "find")
        .sig("(test: closure) -> value")
        .doc("The first item for which the closure gives true; `()` if there is none.")
        .example("list([1, 2, 3]).find(|x| x > 1) == 2")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| -> HostResult<Dynamic> {
            let found = ops::position(&ctx, list, &f, true)?;
            Ok(found.map_or_else(|| resting(Dynamic::UNIT, list.questioned()), |at| list.items()[at].clone()))
        });
    m.method("list", "first")
        .sig("() -> value")
        .doc("The first item; missing if the list is empty.")
        .example("list([1, 2]).first() == 1")
        .add(|list: &mut List| list.item(0))
        .add_for_array(|items: &mut Dynamic| of(items).item(0));
    m.method("list", "last")
        .sig("() -> value")
        .doc("The last item; missing if the list is empty.")
        .example("list([1, 2]).last() == 2")
        .add(|list: &mut List| list.item(-1))
        .add_for_array(|items: &mut Dynamic| of(items).item(-1));
    m.method("list", "take")
        .sig("(count: int) -> list")
        .doc("The first `count` items, or fewer if there are fewer.")
        .example("list([1, 2, 3]).take(2) == [1, 2]")
        .add(|list: &mut List, count: i64| {
            let count = usize::try_from(count).unwrap_or(0);
            if count == 0 {
                return List::of_nothing(&list.what(), "take(0) takes nothing");
            }
            list.derive(list.items().iter().take(count).cloned().collect())
        });
    m.method("list", "unique")
        .sig("() -> list")
        .doc("Each value once, at its first place; compared by value.")
        .example("list([1, 2, 1]).unique() == [1, 2]")
        .add(|list: &mut List| ops::unique(list))
        .add_for_array(|items: &mut Dynamic| ops::unique(&of(items)));
    m.method("list", "sort_by")
        .sig("(key: closure) -> list")
        .doc("Sorted by what the closure gives for each item: numbers, strings, durations or sizes. Items with the same key keep their order. The list itself stays as it is.")
        .example(r#"list(["bb", "a"]).sort_by(|s| s.len())[0] == "a""#)
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| ops::sort_by(&ctx, list, &f))
        .add_for_array(|ctx: NativeCallContext, items: &mut Dynamic, f: FnPtr| ops::sort_by(&ctx, &of(items), &f));
    m.method("array", "sort")
        .sig("(compare: closure)")
        .doc("Sorts an array in place by a closure of two items: it gives a whole number (below 0 where the first comes first) or true where the first comes after the second. What it throws ends the sorting. `sort_by` sorts by a key, and `sort()` without a closure by the items.")
        .example("let a = [3, 1, 2]; a.sort(|x, y| x - y); a == [1, 2, 3]")
        .add(|ctx: NativeCallContext, items: &mut Array, f: FnPtr| ops::sort_with(&ctx, items, &f));
    m.method("list", "group_by")
        .sig("(key: closure) -> map")
        .doc("A map from what the closure gives (a string) to the list of those items.")
        .example(r#"list([1, 2, 3]).group_by(|x| if x > 1 { "many" } else { "few" }).many == [2, 3]"#)
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| ops::group_by(&ctx, list, &f))
        .add_for_array(|ctx: NativeCallContext, items: &mut Dynamic, f: FnPtr| ops::group_by(&ctx, &of(items), &f));
}

fn making(m: &mut Registrar) {
    m.method("list", "map")
        .sig("(make: closure) -> list")
        .doc("What the closure gives for each item, in order.")
        .example("list([1, 2]).map(|x| x * 2) == [2, 4]")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| ops::map(&ctx, list, &f));
    m.method("list", "flat_map")
        .sig("(make: closure) -> list")
        .doc("The items of the lists that the closure gives, one after the other.")
        .example("list([1, 2]).flat_map(|x| [x, x]) == [1, 1, 2, 2]")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| ops::flat_map(&ctx, list, &f))
        .add_for_array(|ctx: NativeCallContext, items: &mut Dynamic, f: FnPtr| ops::flat_map(&ctx, &of(items), &f));
    m.method("list", "names")
        .sig("() -> list")
        .doc("The names of the objects in the list.")
        .example(r#"list([object(#{ metadata: #{ name: "a" } })]).names() == ["a"]"#)
        .add(|list: &mut List| ops::names(list))
        .add_for_array(|items: &mut Dynamic| ops::names(&of(items)));
    m.method("list", "reduce")
        .sig("(step: closure, first: value) -> value")
        .doc("Calls `step(so_far, item)` for each item, beginning with `first`; the last result.")
        .example("list([1, 2, 3]).reduce(|sum, x| sum + x, 0) == 6")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr, first: Dynamic| ops::reduce(&ctx, list, &f, first));
    m.method("list", "join")
        .sig("(separator: string) -> string")
        .doc("The items as one text.")
        .example(r#"list(["a", "b"]).join(", ") == "a, b""#)
        .add(|list: &mut List, separator: &str| joined(list, separator))
        .add_for_array(|items: &mut Dynamic, separator: &str| joined(&of(items), separator));
    m.method("list", "sum")
        .sig("() -> value")
        .doc("The sum of numbers, durations or sizes; 0 of an empty list.")
        .example("list([1, 2, 3]).sum() == 6")
        .add(|list: &mut List| sum(list))
        .add_for_array(|items: &mut Dynamic| sum(&of(items)));
    m.method("list", "min")
        .sig("() -> value")
        .doc("The least item; missing if the list is empty.")
        .example("list([2, 1]).min() == 1")
        .add(|list: &mut List| ops::extreme(list, Ordering::Less))
        .add_for_array(|items: &mut Dynamic| ops::extreme(&of(items), Ordering::Less));
    m.method("list", "max")
        .sig("() -> value")
        .doc("The greatest item; missing if the list is empty.")
        .example("list([1, 2]).max() == 2")
        .add(|list: &mut List| ops::extreme(list, Ordering::Greater))
        .add_for_array(|items: &mut Dynamic| ops::extreme(&of(items), Ordering::Greater));
    m.method("list", "to_array")
        .sig("() -> array")
        .doc("A copy as an array, which can be changed.")
        .example("let a = list([1]).to_array(); a.push(2); a == [1, 2]")
        .add(|list: &mut List| {
            let items = Dynamic::from_array(list.items().to_vec());
            match list.population() {
                Some(population) => marked(items, population),
                None if list.look() == Look::Something => answered(items),
                None => items,
            }
        });
}

fn asking(m: &mut Registrar) {
    m.method("list", "len")
        .sig("() -> int")
        .doc("The number of items. Where the list was filtered from nothing, an `expect` that its 0 satisfies is inconclusive.")
        .example("list([1, 2]).len() == 2")
        .add(|list: &mut List| length(list));
    m.property("list", "len")
        .sig("int")
        .doc("The number of items. Where the list was filtered from nothing, an `expect` that its 0 satisfies is inconclusive.")
        .example("list([1, 2]).len == 2")
        .add(|list: &mut List| length(list));
    m.method("list", "is_empty")
        .sig("() -> bool")
        .doc("Whether there is no item.")
        .example("list([]).is_empty()")
        .add(|list: &mut List| resting(list.is_empty(), list.look()));
    m.method("list", "contains")
        .sig("(value) -> bool")
        .doc("Whether an item is the same by value; `value in list` asks the same.")
        .example("2 in list([1, 2]) && list([1, 2]).contains(1)")
        .add(|list: &mut List, wanted: Dynamic| -> HostResult<Dynamic> {
            Ok(resting(holds(list, &wanted)?, list.questioned()))
        });
    m.method("list", "all")
        .sig("(test: closure) -> bool")
        .doc("Whether the closure gives true for every item: also true for an empty list, and then `expect` of it is inconclusive. To judge, use `expect(list).all(…)`, which names the offenders.")
        .example("list([1, 2]).all(|x| x > 0)")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| -> HostResult<Dynamic> {
            Ok(resting(!some(&ctx, list, &f, false)?, list.questioned()))
        });
    m.method("list", "any")
        .sig("(test: closure) -> bool")
        .doc("Whether the closure gives true for at least one item. `expect` of what an empty list answers is inconclusive, unless it fails.")
        .example("list([1, 2]).any(|x| x > 1)")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| -> HostResult<Dynamic> {
            Ok(resting(some(&ctx, list, &f, true)?, list.questioned()))
        })
        .add_for_array(|ctx: NativeCallContext, items: &mut Dynamic, f: FnPtr| -> HostResult<Dynamic> {
            let list = of(items);
            Ok(resting(some(&ctx, &list, &f, true)?, list.questioned()))
        });
    m.method("list", "none")
        .sig("(test: closure) -> bool")
        .doc("Whether the closure gives true for no item: also true for an empty list, and then `expect` of it is inconclusive.")
        .example("list([1, 2]).none(|x| x > 2)")
        .add(|ctx: NativeCallContext, list: &mut List, f: FnPtr| -> HostResult<Dynamic> {
            Ok(resting(!some(&ctx, list, &f, true)?, list.questioned()))
        })
        .add_for_array(|ctx: NativeCallContext, items: &mut Dynamic, f: FnPtr| -> HostResult<Dynamic> {
            let list = of(items);
            Ok(resting(!some(&ctx, &list, &f, true)?, list.questioned()))
        });
}

/// An array as a list: what arrays of Rhai lack (`any`, `none`, `join`, `sort_by` …) they have from here.
fn of(items: &Dynamic) -> List {
    let array = items.read_lock::<Array>().map(|items| items.clone()).unwrap_or_default();
    match population(items) {
        Some(population) => List::of_population(array, population, "the array"),
        None if look(items) == Look::Something => List::new(array, "the array"),
        None => List::loose(array, "the array"),
    }
}

fn length(list: &List) -> Dynamic {
    resting(i64::try_from(list.len()).unwrap_or(i64::MAX), list.look())
}

fn joined(list: &List, separator: &str) -> HostResult<Dynamic> {
    Ok(resting(ops::join(list, separator)?, of_all(list)))
}

fn sum(list: &List) -> HostResult<Dynamic> {
    Ok(resting(ops::sum(list)?, of_all(list)))
}

/// What is made of all items rests on what they are: counts of nothing make a sum of nothing.
fn of_all(list: &List) -> Look {
    let of_nothing = !list.is_empty() && list.items().iter().all(|item| look(item) == Look::Nothing);
    if of_nothing { Look::Nothing } else { list.look() }
}

/// Whether the closure gives `wanted` for at least one item; what a list without items answers is marked so.
fn some(at: &NativeCallContext, list: &List, test: &FnPtr, wanted: bool) -> HostResult<bool> {
    Ok(ops::position(at, list, test, wanted)?.is_some())
}

fn holds(list: &List, wanted: &Dynamic) -> HostResult<bool> {
    match wanted.read_lock::<Missing>() {
        Some(missing) => Err(missing.error().into()),
        None if wanted.is_fnptr() => Err(Error::new(Kind::Script, "contains: expected a value, got a closure")
            .hint("any takes a closure")
            .into()),
        None => Ok(ops::contains(list.items(), wanted)),
    }
}

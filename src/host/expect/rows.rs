//! `expect` and its matchers, as scripts see them.

use std::cmp::Ordering::{Equal, Greater, Less};

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use super::Expectation;
use super::each::Share;
use crate::event::Effect;
use crate::host::{Module, Needs, Registrar, covers};

/// The row of the table.
pub(crate) const MODULE: Module = Module {
    name: "expect",
    about: "Expectations: what a step judges. A failure names label, expected, actual, object and line.",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.global("expect")
        .sig("(value, label?: string) -> expectation")
        .effect(Effect::Read)
        .doc("Takes up a value for one matcher: `expect(pods.len(), \"pods\").to_be(3)`. Modifiers come first: `.softly()`, `.or_none()`, `.covers(…)`. Without a label the failure shows the expression. An `expect` without a matcher is an error of the playbook.")
        .example(r#"expect(1 + 1, "the sum").to_be(2); true"#)
        .add(|at: NativeCallContext, value: Dynamic| Expectation::new(&at, &value, None))
        .add(|at: NativeCallContext, value: Dynamic, label: &str| Expectation::new(&at, &value, Some(label)));
    m.method("expectation", "softly")
        .sig("() -> expectation")
        .doc("A failure is recorded, and the step goes on; it fails at its end.")
        .example(r#"expect(2, "two").softly().to_be(2); true"#)
        .add(|e: &mut Expectation| Expectation { soft: true, ..e.clone() });
    m.method("expectation", "or_none")
        .sig("() -> expectation")
        .doc("An empty list is fine: without it, matchers that look at every item say nothing of an empty list, and the step is inconclusive.")
        .example(r#"expect([], "leftovers").or_none().all(|x| x > 0); true"#)
        .add(|e: &mut Expectation| Expectation { or_none: true, ..e.clone() });
    covers(m);
    comparing(m);
    holding(m);
    each(m);
}

fn covers(m: &mut Registrar) {
    let of = |e: &mut Expectation, ids: &[&str]| e.covering(&ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    m.method("expectation", "covers")
        .sig("(id: string | list, id2?: string, id3?: string, id4?: string, id5?: string, id6?: string) -> expectation")
        .doc("Says which of the boxes that the step covers this expectation judges: one id, several, or a list of them. `pb trace` shows the expectation beside each of them, and a failure carries them. In a step that covers one box it can be left out. An id that the step does not cover is an error of the playbook.")
        .example(r#"expect(["10.0.0.1/32"], "routes").covers("T5.12", "AC2.10").not_to_be_empty(); true"#)
        .add(move |e: &mut Expectation, a: &str| of(e, &[a]))
        .add(move |e: &mut Expectation, a: &str, b: &str| of(e, &[a, b]))
        .add(move |e: &mut Expectation, a: &str, b: &str, c: &str| of(e, &[a, b, c]))
        .add(move |e: &mut Expectation, a: &str, b: &str, c: &str, d: &str| of(e, &[a, b, c, d]))
        .add(move |e: &mut Expectation, a: &str, b: &str, c: &str, d: &str, f: &str| of(e, &[a, b, c, d, f]))
        .add(move |e: &mut Expectation, a: &str, b: &str, c: &str, d: &str, f: &str, g: &str| of(e, &[a, b, c, d, f, g]))
        .add(|e: &mut Expectation, ids: Array| e.covering(&covers::ids(&format!("expect(…, \"{}\").covers", e.label), &ids)?));
}

fn comparing(m: &mut Registrar) {
    m.method("expectation", "to_be")
        .sig("(expected)")
        .doc("The same by value. A string and a number are not compared: that is an error.")
        .example(r#"expect("a", "letter").to_be("a"); true"#)
        .add(|e: &mut Expectation, expected: Dynamic| e.judge(|e| e.same("to_be", &expected)));
    m.method("expectation", "to_equal")
        .sig("(expected)")
        .doc("The same by value, for maps, lists and objects: a failure shows each path that differs.")
        .example(r#"expect(#{ a: [1, 2] }, "map").to_equal(#{ a: [1, 2] }); true"#)
        .add(|e: &mut Expectation, expected: Dynamic| e.judge(|e| e.same("to_equal", &expected)));
    m.method("expectation", "to_be_at_least")
        .sig("(least)")
        .doc("A number, duration, size or string that is `least` or greater.")
        .example(r#"expect(3, "nodes").to_be_at_least(3); true"#)
        .add(|e: &mut Expectation, x: Dynamic| {
            e.judge(|e| e.ordered("to_be_at_least", "at least", &[Greater, Equal], &x))
        });
    m.method("expectation", "to_be_at_most")
        .sig("(most)")
        .doc("A number, duration, size or string that is `most` or less.")
        .example(r#"expect(ms(3), "latency").to_be_at_most(duration("1s")); true"#)
        .add(|e: &mut Expectation, x: Dynamic| e.judge(|e| e.ordered("to_be_at_most", "at most", &[Less, Equal], &x)));
    m.method("expectation", "to_be_above")
        .sig("(limit)")
        .doc("Greater than `limit`.")
        .example(r#"expect(size("2Gi"), "free").to_be_above(size("1Gi")); true"#)
        .add(|e: &mut Expectation, x: Dynamic| e.judge(|e| e.ordered("to_be_above", "above", &[Greater], &x)));
    m.method("expectation", "to_be_below")
        .sig("(limit)")
        .doc("Less than `limit`.")
        .example(r#"expect(0.5, "share").to_be_below(1); true"#)
        .add(|e: &mut Expectation, x: Dynamic| e.judge(|e| e.ordered("to_be_below", "below", &[Less], &x)));
    m.method("expectation", "to_be_between")
        .sig("(low, high)")
        .doc("From `low` to `high`, both included.")
        .example(r#"expect(3, "replicas").to_be_between(1, 5); true"#)
        .add(|e: &mut Expectation, low: Dynamic, high: Dynamic| e.judge(|e| e.between(&low, &high)));
    m.method("expectation", "to_match")
        .sig("(pattern: string)")
        .doc("A text in which the regular expression finds something; `^…$` ties it to the whole text.")
        .example(r#"expect("v1.20.4", "version").to_match(`^v1\.2\d`); true"#)
        .add(|e: &mut Expectation, pattern: &str| e.judge(|e| e.matches(pattern)));
}

fn holding(m: &mut Registrar) {
    m.method("expectation", "to_contain")
        .sig("(wanted)")
        .doc("A list with that item, a text with that part, a map or object with that key. That a text contains an empty one says nothing: inconclusive.")
        .example(r#"expect([1, 2], "numbers").to_contain(2); true"#)
        .add(|e: &mut Expectation, wanted: Dynamic| e.judge(|e| e.contains(&wanted)));
    m.method("expectation", "to_contain_all")
        .sig("(wanted: list)")
        .doc("Contains every one of the wanted; a failure names those that are not there. An empty list of the wanted says nothing: inconclusive.")
        .example(r#"expect([1, 2, 3], "numbers").to_contain_all([3, 1]); true"#)
        .add(|e: &mut Expectation, wanted: Dynamic| e.judge(|e| e.contains_all(&wanted)));
    m.method("expectation", "not_to_contain")
        .sig("(unwanted)")
        .doc("Does not contain it. An empty list that was not filtered from anything says nothing, and neither does an empty text: inconclusive.")
        .example(r#"expect([1, 2], "numbers").not_to_contain(3); true"#)
        .add(|e: &mut Expectation, unwanted: Dynamic| e.judge(|e| e.contains_not(&unwanted)));
    m.method("expectation", "to_be_empty")
        .sig("()")
        .doc("Nothing in the list, text, map or object. A list that was filtered from nothing is inconclusive, and so is `()`, which a map gives for a key that it does not have: `to_be(())` says that it is so.")
        .example(r#"expect(list([1]).filter(|x| x > 1), "big ones").to_be_empty(); true"#)
        .add(|e: &mut Expectation| e.judge(|e| e.empty(true)));
    m.method("expectation", "not_to_be_empty")
        .sig("()")
        .doc("Something in the list, text, map or object.")
        .example(r#"expect([1], "numbers").not_to_be_empty(); true"#)
        .add(|e: &mut Expectation| e.judge(|e| e.empty(false)));
    m.method("expectation", "to_have_length")
        .sig("(length: int)")
        .doc("That many items, characters or fields.")
        .example(r#"expect([1, 2], "numbers").to_have_length(2); true"#)
        .add(|e: &mut Expectation, length: i64| e.judge(|e| e.has_length(length)));
}

fn each(m: &mut Registrar) {
    m.method("expectation", "to_be_ready")
        .sig("()")
        .doc("The object, or every object of the list, is ready by the rules of its kind (see `object.ready`). An empty list is inconclusive, and so is what is to have no replicas at all.")
        .example(r#"expect(object(#{ kind: "Namespace", status: #{ phase: "Active" } }), "namespace").to_be_ready(); true"#)
        .add(|e: &mut Expectation| e.judge(Expectation::ready));
    m.method("expectation", "to_have_condition")
        .sig("(type: string, status?: string)")
        .doc("The object, or every object of the list, has the condition with that status; without one, `\"True\"`.")
        .example(r#"expect(object(#{ status: #{ conditions: [#{ type: "Ready", status: "True" }] } }), "it").to_have_condition("Ready"); true"#)
        .add(|e: &mut Expectation, kind: &str| e.judge(|e| e.has_condition(kind, "True")))
        .add(|e: &mut Expectation, kind: &str, status: &str| e.judge(|e| e.has_condition(kind, status)));
    m.method("expectation", "all")
        .sig("(test: |item|)")
        .doc("The closure gives true for every item; a failure names every offender. An empty list is inconclusive.")
        .example(r#"expect([1, 2], "numbers").all(|x| x > 0); true"#)
        .add(|at: NativeCallContext, e: &mut Expectation, f: FnPtr| e.judge(|e| e.share(&at, Share::All, &f)));
    m.method("expectation", "any")
        .sig("(test: |item|)")
        .doc("The closure gives true for at least one item; an empty list fails.")
        .example(r#"expect([1, 2], "numbers").any(|x| x > 1); true"#)
        .add(|at: NativeCallContext, e: &mut Expectation, f: FnPtr| e.judge(|e| e.share(&at, Share::Any, &f)));
    m.method("expectation", "none")
        .sig("(test: |item|)")
        .doc("The closure gives true for no item; a failure names those for which it does. An empty list is inconclusive.")
        .example(r#"expect([1, 2], "numbers").none(|x| x > 2); true"#)
        .add(|at: NativeCallContext, e: &mut Expectation, f: FnPtr| e.judge(|e| e.share(&at, Share::None, &f)));
}

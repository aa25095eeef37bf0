//! The words of each matcher's failure, and what counts as judged.

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::event::{Effect, Failure};
use crate::host::Context;
use crate::host::state::StepState;
use crate::host::testing::world;

const OBJECTS: &str = r#"
let pod = |name, status| object(#{ kind: "Pod", metadata: #{ name: name, namespace: "web" }, status: #{ phase: "Running", conditions: [#{ type: "Ready", status: status, reason: "R" }] } });
let up = pod.call("up", "True");
let down = pod.call("down", "False");
let pods = list([up, down], "pods in web");
let text = "10";
"#;

/// Runs a script as a step; what it found and how it ended.
fn run(script: &str) -> (StepState, Option<Error>) {
    let world = world(Config::default());
    let engine = crate::script::engine::build();
    let context = Context::new(world.clone(), "t/s", None, Effect::Read, None);
    let entered = context.enter();
    let script = format!("{OBJECTS}{script}");
    let mut ast = engine.compile(&script).expect("it parses");
    ast.set_source("test.rhai");
    world.sources.lock().expect("not poisoned").insert("test.rhai".into(), script.as_str().into());
    let error = engine.eval_ast::<rhai::Dynamic>(&ast).err();
    drop(entered);
    let state = std::mem::take(&mut *context.state());
    (state, error.map(|e| crate::script::diagnose::from_rhai(&e, Some("test.rhai"))))
}

/// The one failure of a script, which must also have been thrown.
fn failure(script: &str) -> Failure {
    let (state, error) = run(script);
    let error = error.unwrap_or_else(|| panic!("{script} passed"));
    assert_eq!(error.kind, Kind::Expectation, "{script}: {error:?}");
    assert_eq!(state.failures.len(), 1, "{script}");
    assert_eq!(error.failure.as_deref(), state.failures.first(), "{script}");
    assert_eq!((state.judged, state.unmatched.len()), (1, 0), "{script}");
    state.failures.into_iter().next().expect("one")
}

fn words(script: &str) -> String {
    let failure = failure(script);
    format!("{}: expected {}, is {}", failure.label, failure.expected, failure.actual)
}

#[test]
fn each_matcher_says_what_was_expected_and_what_was_there() {
    for (script, expected) in [
        (r#"expect(2, "replicas").to_be(3)"#, "replicas: expected 3, is 2"),
        (r#"expect("a", "x").to_be("b")"#, r#"x: expected "b", is "a""#),
        (r#"expect((), "x").to_be("b")"#, r#"x: expected "b", is nothing: ()"#),
        (r#"expect([1, 2], "x").to_equal([1, 3])"#, "x: expected [1, 3], is [1, 2]"),
        (r#"expect(2, "x").to_be_at_least(3)"#, "x: expected at least 3, is 2"),
        (r#"expect(ms(1500), "latency").to_be_at_most(duration("1s"))"#, "latency: expected at most 1s, is 1.5s"),
        (r#"expect(3, "x").to_be_above(3)"#, "x: expected above 3, is 3"),
        (r#"expect(size("2Gi"), "used").to_be_below(size("1Gi"))"#, "used: expected below 1Gi, is 2Gi"),
        (r#"expect(6, "x").to_be_between(1, 5)"#, "x: expected between 1 and 5, is 6"),
        (r#"expect(["a"], "routes").to_contain("b")"#, r#"routes: expected to contain "b", is ["a"]"#),
        (r#"expect("log line", "log").to_contain("panic")"#, r#"log: expected to contain "panic", is "log line""#),
        (r#"expect(["a", "b"], "hops").not_to_contain("b")"#, r#"hops: expected not to contain "b", is ["a", "b"]"#),
        (
            r#"expect(["a"], "routes").to_contain_all(["a", "b", "c"])"#,
            r#"routes: expected to contain ["a", "b", "c"], is 2 of 3 not there: "b", "c"; is ["a"]"#,
        ),
        (
            r#"expect([], "routes").to_contain_all(["a"])"#,
            r#"routes: expected to contain ["a"], is 1 of 1 not there: "a"; is an empty list"#,
        ),
        (r#"expect("v1.20", "version").to_match(`^v2`)"#, r#"version: expected a text that matches ^v2, is "v1.20""#),
        (r#"expect([1], "left").to_be_empty()"#, "left: expected nothing in it, is 1 item: [1]"),
        (r#"expect([], "found").not_to_be_empty()"#, "found: expected something in it, is an empty list"),
        (r#"expect([1], "x").to_have_length(2)"#, "x: expected 2 items, is 1 item: [1]"),
        (r#"expect("abc", "x").to_have_length(1)"#, r#"x: expected 1 characters, is 3 characters: "abc""#),
        (r#"expect(down, "pod").to_be_ready()"#, r#"pod: expected ready, is condition Ready is "False": R"#),
        (
            r#"expect(pods, "pods").to_be_ready()"#,
            r#"pods: expected all ready, is 1 of 2 not: Pod web/down (condition Ready is "False": R)"#,
        ),
        (
            r#"expect(up, "pod").to_have_condition("Ready", "False")"#,
            r#"pod: expected condition Ready = "False", is condition Ready is "True": R"#,
        ),
        (
            r#"expect(pods, "pods").to_have_condition("Established")"#,
            r#"pods: expected all condition Established = "True", is 2 of 2 not: Pod web/up (it has no condition Established), Pod web/down (it has no condition Established)"#,
        ),
        (
            r#"expect(pods, "pods").all(|p| p.ready())"#,
            "pods: expected to hold for all of them, is not so for 1 of 2: Pod web/down",
        ),
        (
            r#"expect(pods, "pods").any(|p| p.status.phase == "Failed")"#,
            "pods: expected to hold for at least one of them, is not so for 2 of 2: Pod web/up, Pod web/down",
        ),
        (
            r#"expect(pods, "pods").none(|p| p.ready())"#,
            "pods: expected to hold for none of them, is so for 1 of 2: Pod web/up",
        ),
        (r#"expect([], "x").any(|x| true)"#, "x: expected to hold for at least one of them, is an empty list"),
    ] {
        assert_eq!(words(script), expected, "{script}");
    }
}

#[test]
fn a_failure_names_object_and_line_and_prunes_what_is_the_same() {
    let found = failure(r#"expect(up, "pod").to_equal(down)"#);
    assert_eq!(found.object.as_deref(), Some("Pod web/up"));
    let place = found.at.expect("a place");
    assert_eq!((place.file.as_str(), place.line, place.column), ("test.rhai", 7, 1));
    assert_eq!(place.source.as_deref(), Some(r#"expect(up, "pod").to_equal(down)"#));
    assert_eq!(
        found.diff,
        [r#"metadata.name: expected "down", is "up""#, r#"status.conditions[0].status: expected "False", is "True""#]
    );
    let found = failure(r#"expect(#{ a: 1, b: 2 }, "map").to_equal(#{ a: 1, c: [3] })"#);
    assert_eq!(found.diff, ["c: expected [3], is absent", "b: not expected, is 2"]);
    assert_eq!(failure(r#"expect(up.status.conditions, "c").to_have_length(2)"#).object.as_deref(), Some("Pod web/up"));
}

#[test]
fn without_a_label_the_expression_is_the_label() {
    assert_eq!(
        words(r#"expect(pods.map(|p| `${p.name}, x`).len()).to_be(3)"#),
        "pods.map(|p| `${p.name}, x`).len(): expected 3, is 2"
    );
}

#[test]
fn every_offender_is_named_up_to_a_bound() {
    let text = words(r#"let many = []; for i in 0..57 { many.push(i) }; expect(many, "numbers").all(|x| x < 0)"#);
    assert!(text.contains("not so for 57 of 57: 0, 1, 2"), "{text}");
    assert!(text.ends_with("19 and 37 more"), "{text}");
}

#[test]
fn a_missing_value_fails_in_its_own_words_whatever_the_matcher() {
    let absent = "status.loadBalancer is absent on Pod web/up (wanted status.loadBalancer.ingress)";
    for matcher in [
        "to_be(1)",
        "to_equal([])",
        "to_be_at_least(1)",
        "to_be_between(1, 2)",
        "to_contain(1)",
        "not_to_contain(1)",
        "to_contain_all([1])",
        "to_match(`a`)",
        "to_be_empty()",
        "not_to_be_empty()",
        "to_have_length(0)",
        "to_be_ready()",
        "to_have_condition(\"Ready\")",
        "all(|x| true)",
        "any(|x| true)",
        "none(|x| true)",
    ] {
        let found = failure(&format!("expect(up.status.loadBalancer.ingress, \"address\").{matcher}"));
        assert_eq!(found.actual, absent, "{matcher}");
        assert_eq!(found.object.as_deref(), Some("Pod web/up"), "{matcher}");
    }
    let found = failure(r#"expect(["a"], "table").to_contain_all(pods.map(|p| p.status.podIP))"#);
    assert_eq!(found.actual, "status.podIP is absent on Pod web/up");
    assert_eq!(found.object.as_deref(), Some("Pod web/up"));
    let found = failure(r#"expect(pods, "pods").all(|p| p.spec.hostNetwork)"#);
    assert!(
        found.actual.contains("Pod web/up (spec is absent on Pod web/up (wanted spec.hostNetwork))"),
        "{}",
        found.actual
    );
}

#[test]
fn a_string_is_never_compared_with_a_number() {
    for (script, message) in [
        (r#"expect(text, "x").to_be(10)"#, "to_be: a string is not compared with a whole number: \"10\" and 10"),
        (r#"expect(10, "x").to_be("10")"#, "to_be: a whole number is not compared with a string: 10 and \"10\""),
        (
            r#"expect(text, "x").to_be_at_least(9)"#,
            "to_be_at_least: a string is not compared with a whole number: \"10\" and 9",
        ),
        (
            r#"expect([text], "x").to_contain(10)"#,
            "to_contain: a string is not compared with a whole number: \"10\" and 10",
        ),
        (
            r#"expect([text], "x").not_to_contain(10)"#,
            "not_to_contain: a string is not compared with a whole number: \"10\" and 10",
        ),
        (r#"expect("True", "x").to_be(true)"#, "to_be: a string is not compared with a bool: \"True\" and true"),
        (
            r#"expect(ms(3), "x").to_be_below(4)"#,
            "to_be_below: a duration is not compared with a whole number: 3ms and 4",
        ),
        (r#"expect([1], "x").all(|x| 1)"#, "all: its closure must give true or false, and gave a whole number"),
        (r#"expect(1, "x").all(|x| true)"#, "all: expected a list, got a whole number: 1"),
        (r#"expect("a", "x").to_match("(")"#, "to_match: not a regular expression: ("),
        (r#"expect(3, "x").to_be_between(5, 1)"#, "to_be_between: 5 is above 1"),
    ] {
        let (state, error) = run(script);
        let error = error.unwrap_or_else(|| panic!("{script} passed"));
        assert_eq!((error.kind, error.message.as_str()), (Kind::Script, message), "{script}");
        assert_eq!((state.judged, state.failures.len()), (0, 0), "{script}");
    }
    assert!(run(r#"expect(10, "x").to_be(10.0)"#).1.is_none());
}

#[test]
fn nothing_to_look_at_is_inconclusive_and_or_none_makes_it_fine() {
    let nothing = "list([], \"pods in web\").filter(|p| true)";
    for (script, why) in [
        (r#"expect([], "x").all(|x| true)"#.to_string(), "x: the list is empty"),
        (r#"expect([], "x").none(|x| true)"#.into(), "x: the list is empty"),
        (r#"expect(pods.filter(|p| false), "x").all(|x| true)"#.into(), "x: the list is empty, filtered from 2"),
        (r#"expect([1], "x").to_contain_all([])"#.into(), "x: the list of what is wanted is empty"),
        (r#"expect([], "x").not_to_contain(1)"#.into(), "x: the list is empty, so that it could not contain 1"),
        (
            r#"expect(#{ items: [1] }.itmes, "x").to_be_empty()"#.into(),
            "x: it is (), as of a key that a map does not have: to_be(()) says that it is so",
        ),
        (
            r#"expect(object(#{ kind: "Deployment", spec: #{ replicas: 0 } }), "x").to_be_ready()"#.into(),
            "x: it is to have no replicas and runs on no node: nothing had to be ready",
        ),
        (
            r#"expect([object(#{ kind: "DaemonSet", status: #{ desiredNumberScheduled: 0 } })], "x").to_be_ready()"#
                .into(),
            "x: it is to have no replicas and runs on no node: nothing had to be ready",
        ),
        (r#"expect("", "x").not_to_contain("a")"#.into(), "x: the text is empty, so that it could not contain \"a\""),
        (r#"expect("log", "x").to_contain("")"#.into(), "x: every text contains an empty one"),
        (r#"expect("log", "x").to_contain_all(["", ""])"#.into(), "x: every text contains an empty one"),
        (r#"expect([], "x").to_be_ready()"#.into(), "x: the list is empty"),
        (r#"expect([], "x").to_have_condition("Ready")"#.into(), "x: the list is empty"),
        (
            format!("expect({nothing}, \"x\").to_be_empty()"),
            "x: the list was filtered from nothing: there are no pods in web",
        ),
        (
            format!("expect({nothing}, \"x\").to_have_length(0)"),
            "x: the list was filtered from nothing: there are no pods in web",
        ),
    ] {
        let (state, error) = run(&script);
        assert_eq!(error, None, "{script}");
        assert_eq!((state.inconclusive, state.judged), (vec![why.to_string()], 1), "{script}");
        let fine = script.replacen("\"x\")", "\"x\").or_none()", 1);
        let (state, error) = run(&fine);
        assert_eq!((error, state.inconclusive, state.judged), (None, Vec::new(), 1), "{fine}");
    }
    let (state, error) = run(
        r#"expect(pods.filter(|p| false), "x").to_be_empty(); expect([], "y").to_be_empty(); expect(pods.filter(|p| false), "z").not_to_contain(1); expect([up, object(#{ kind: "Deployment", spec: #{ replicas: 0 } })], "some").to_be_ready(); expect(pods.find(|p| false), "none").to_be_empty()"#,
    );
    assert_eq!((error, state.inconclusive.len(), state.judged), (None, 0, 5));
}

#[test]
fn a_soft_failure_is_recorded_and_the_step_goes_on() {
    let (state, error) =
        run(r#"expect(1, "a").softly().to_be(2); expect(1, "b").to_be(1); expect(3, "c").softly().to_be(4)"#);
    assert_eq!(error, None);
    let labels: Vec<_> = state.failures.iter().map(|f| f.label.as_str()).collect();
    assert_eq!((labels, state.judged), (vec!["a", "c"], 3));
}

#[test]
fn a_catch_does_not_hide_a_failure() {
    let (state, error) = run(r#"try { expect(1, "a").to_be(2) } catch (e) { }"#);
    assert_eq!((error, state.failures.len()), (None, 1));
}

#[test]
fn an_expectation_takes_exactly_one_matcher() {
    let (state, error) = run(r#"expect(1, "a"); 1"#);
    assert_eq!(error, None);
    assert_eq!(state.unmatched.len(), 1);
    assert_eq!((state.unmatched[0].1.as_str(), state.judged), ("a", 0));
    let (_, error) = run(r#"let e = expect(1, "a"); e.to_be(1); e.to_be(1)"#);
    assert_eq!(error.expect("an error").message, "expect(…, \"a\") has had its matcher");
}

#[test]
fn at_top_level_there_is_nothing_to_expect() {
    let engine = crate::script::engine::build();
    let error = engine.eval::<rhai::Dynamic>("expect(1, \"a\").to_be(1)").expect_err("no context");
    let error = crate::script::diagnose::from_rhai(&error, None);
    assert_eq!(error.kind, Kind::Playbook);
    assert!(error.message.contains("at the top level"), "{error}");
}

#[test]
fn eventually_takes_back_what_failed_while_it_waited() {
    let born = jiff::Timestamp::now();
    let (state, error) = run(&format!(
        r#"let o = object(#{{ metadata: #{{ creationTimestamp: "{born}" }} }});
        eventually(ms(20000), || expect(o.age(), "age").to_be_above(ms(1500)))"#
    ));
    assert_eq!((error, state.failures.len(), state.trying), (None, 0, 0));
    assert!(state.judged >= 2, "the first look came too late to fail");
    let (state, error) =
        run(r#"eventually(ms(60), || { let address = `${up.status.podIP}/32`; expect(address, "a").to_be("x") })"#);
    let error = error.expect("an error");
    assert_eq!((error.kind, state.trying, state.failures.len()), (Kind::NotFound, 0, 0));
    assert_eq!(error.message, "status.podIP is absent on Pod web/up");
    let (state, _) = run(r#"eventually(ms(60), || expect(1, "a").to_be(2))"#);
    assert_eq!((state.failures.len(), state.judged > 0), (1, true));
    assert!(state.failures[0].expected.starts_with("2 (not within 60ms: looked"), "{:?}", state.failures);
}

#[test]
fn a_scalar_that_was_read_from_an_object_names_it() {
    let deployment = r#"let d = object(#{ kind: "Deployment", metadata: #{ name: "web", namespace: "shop" }, status: #{ readyReplicas: 1 } });"#;
    let named = failure(&format!(r#"{deployment} expect(d.status.readyReplicas, "ready").to_be(3)"#));
    assert_eq!(named.object.as_deref(), Some("Deployment shop/web"));
    // What was computed in between is nobody's field.
    let computed = failure(&format!(r#"{deployment} let n = d.status.readyReplicas + 1; expect(n, "ready").to_be(3)"#));
    assert_eq!(computed.object, None);
}

#[test]
fn what_an_empty_list_answers_is_no_pass() {
    let nothing = "let none = list([], \"pods\"); let some = list([1, 2], \"pods\"); let empty = none.filter(|x| true); let clean = some.filter(|x| x > 2);\n";
    for body in [
        "expect(none.all(|x| false), \"x\").to_be(true)",
        "expect(none.any(|x| true), \"x\").to_be(false)",
        "expect(none.none(|x| true), \"x\").to_be(true)",
        "expect(none.to_array().all(|x| false), \"x\").to_be(true)",
        "expect(none.to_array().any(|x| true), \"x\").to_be(false)",
        "expect(none.to_array().none(|x| true), \"x\").to_be(true)",
        "expect(empty.len(), \"x\").to_be(0)",
        "expect(empty.len, \"x\").to_be_at_most(3)",
        "expect(empty.is_empty(), \"x\").to_be(true)",
        "expect(empty.map(|x| x).len(), \"x\").to_be(0)",
        "expect(empty.sum(), \"x\").to_be(0)",
        "expect(none.contains(1), \"x\").to_be(false)",
        "expect(list([]).to_array().filter(|x| true), \"x\").to_be_empty()",
        "expect(list([]).to_array().filter(|x| true).len(), \"x\").to_be(0)",
        "expect(list([]).to_array().filter(|x| true).len, \"x\").to_be_below(1)",
        "expect(list([]).to_array().filter(|x| true).map(|x| x).is_empty(), \"x\").to_be(true)",
        "expect(list([]).to_array().filter(|x| true), \"x\").to_have_length(0)",
        "expect(list([]).to_array().filter(|x| true), \"x\").not_to_contain(1)",
        // A variable, a parameter and a capture keep it.
        "let n = empty.len(); let f = |n| expect(n, \"x\").to_be(0); f.call(n)",
        "let n = empty.len(); eventually(ms(0), || expect(n, \"x\").to_be(0))",
    ] {
        let script = format!("{nothing}{body}");
        let (state, error) = run(&script);
        assert!(state.failures.is_empty() && state.judged > 0, "{script}: {state:?} {error:?}");
        // `eventually` goes on until it is conclusive, or gives up.
        assert!(!state.inconclusive.is_empty(), "{script}: {state:?} {error:?}");
        let (state, error) = run(&script.replace("\"x\")", "\"x\").or_none()"));
        assert!(state.inconclusive.is_empty() && error.is_none(), "{script}: {state:?} {error:?}");
    }
}

#[test]
fn what_was_looked_at_is_a_pass_and_what_fails_is_a_failure() {
    let some =
        "let some = list([1, 2], \"pods\"); let clean = some.filter(|x| x > 2); let bare = [1, 2].filter(|x| x > 2);\n";
    for body in [
        "expect(clean.len(), \"x\").to_be(0)",
        "expect(clean.is_empty(), \"x\").to_be(true)",
        "expect(clean.map(|x| x).sum(), \"x\").to_be(0)",
        "expect(some.all(|x| x > 0), \"x\").to_be(true)",
        "expect(some.any(|x| x > 2), \"x\").to_be(false)",
        "expect(list([], \"pods\").len(), \"x\").to_be(0)",
        "expect(bare, \"x\").to_be_empty()",
        "expect(bare.map(|x| x), \"x\").to_be_empty()",
        "expect(bare.filter(|x| true).len(), \"x\").to_be(0)",
        "expect(bare.unique(), \"x\").to_be_empty()",
        "expect([].len(), \"x\").to_be(0)",
        "let bad = []; for x in some { if x > 2 { bad.push(x) } } expect(bad.map(|x| x), \"x\").to_be_empty()",
        "let bad = list([]).to_array().filter(|x| true); bad.push(1); expect(bad.filter(|x| x > 1), \"x\").to_be_empty()",
        "let n = list([]).to_array().filter(|x| true).len(); n += 3; expect(n, \"x\").to_be(3)",
    ] {
        let (state, error) = run(&format!("{some}{body}"));
        assert_eq!((state.judged, state.inconclusive, error), (1, vec![], None), "{body}");
    }
    let (state, _) = run("expect(list([]).to_array().filter(|x| true).len(), \"x\").to_be(1)");
    assert_eq!((state.failures.len(), state.inconclusive.len()), (1, 0));
}

#[test]
fn what_a_closure_of_an_array_throws_is_never_passed_over() {
    for call in [
        "filter(|x| throw \"no\")",
        "map(|x| throw \"no\")",
        "all(|x| throw \"no\")",
        "drain(|x| throw \"no\")",
        "retain(|x| throw \"no\")",
        "dedup(|x, y| throw \"no\")",
    ] {
        let script = format!(
            "let a = [1, 1]; try {{ a.{call}; throw \"swallowed\" }} catch (e) {{ if e != \"no\" {{ throw e }} }} expect(a).to_be([1, 1]);"
        );
        assert_eq!(run(&script).1, None, "{call}");
    }
    for call in ["filter(|x| x)", "all(|x| x)", "drain(|x| ())", "retain(|x| \"\")", "dedup(|x, y| 0)"] {
        let error = run(&format!("[1, 1].{call}")).1.expect(call);
        assert!(error.message.contains("its closure must give true or false"), "{call}: {error:?}");
    }
}

#[path = "detours_tests.rs"]
mod detours;

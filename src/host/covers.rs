//! The boxes of the checklist that an expectation or a limit says it judges: only those that its step covers.

use rhai::Array;

use super::Context;
use super::values::{show, type_name};
use crate::error::{Error, Kind, Result, did_you_mean};

/// The ids of a list that a script gave.
///
/// # Errors
/// [`Kind::Script`] where an item is no string.
pub(super) fn ids(what: &str, list: &Array) -> Result<Vec<String>> {
    let id = |item: &rhai::Dynamic| {
        item.clone().into_string().map_err(|_| {
            let message = format!("{what}: expected ids of boxes, got {}: {}", type_name(item), show(item));
            Error::new(Kind::Script, message).hint("an id is a string of the checklist: \"T5.12\"")
        })
    };
    list.iter().map(id).collect()
}

/// Judges ids against what the step covers; each once. Where nobody declared a step, any box may be named.
///
/// # Errors
/// [`Kind::Script`] where none is named, or the step does not cover one.
pub(super) fn of_step(cx: &Context, what: &str, ids: &[String]) -> Result<Vec<String>> {
    if ids.is_empty() {
        return Err(Error::new(Kind::Script, format!("{what}: no box is named")).hint("leave it out, or name one"));
    }
    let mut named: Vec<String> = Vec::new();
    for id in ids {
        if let Some(covered) = cx.covers.as_deref().filter(|covered| !covered.contains(id)) {
            return Err(foreign(&cx.step, what, id, covered));
        }
        if !named.contains(id) {
            named.push(id.clone());
        }
    }
    Ok(named)
}

fn foreign(step: &str, what: &str, id: &str, covered: &[String]) -> Error {
    let known = match covered {
        [] => "the step covers no box; covers: [\"…\"] in its options says which".to_string(),
        covered => format!("it covers {}; covers: […] in its options says so", covered.join(", ")),
    };
    Error::new(Kind::Script, format!("{what}: step {step} does not cover \"{id}\""))
        .maybe_hint(did_you_mean(id, covered.iter().map(String::as_str)))
        .hint(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::{Effect, Failure};
    use crate::host::step::Step;
    use crate::host::testing::world;

    /// Runs a script as a step that covers these boxes: what failed, and the error that ended it.
    fn run(boxes: &[&str], script: &str) -> (Vec<Failure>, Option<Error>) {
        let boxes: Vec<String> = boxes.iter().map(ToString::to_string).collect();
        let context = Context::new(world(Config::default()), "t5/table", None, Effect::Read, None).covering(&boxes);
        let _entered = context.enter();
        let mut scope = rhai::Scope::new();
        scope.push("t", Step);
        let ended = crate::script::engine::build().eval_with_scope::<rhai::Dynamic>(&mut scope, script);
        let error = ended.err().map(|e| crate::script::diagnose::from_rhai(&e, None));
        (std::mem::take(&mut context.state().failures), error)
    }

    fn boxes_of(script: &str) -> Vec<String> {
        let (failures, _) = run(&["T5.12", "AC2.9", "AC2.10"], script);
        let [failure] = failures.as_slice() else { panic!("{script}: {failures:?}") };
        failure.covers.clone()
    }

    #[test]
    fn a_failure_carries_the_boxes_that_its_expectation_names() {
        assert_eq!(boxes_of(r#"expect(1, "x").to_be(2)"#), [""; 0]);
        assert_eq!(boxes_of(r#"expect(1, "x").covers("T5.12").to_be(2)"#), ["T5.12"]);
        assert_eq!(boxes_of(r#"expect(1, "x").covers("T5.12").softly().covers("AC2.9").to_be(2)"#), ["T5.12", "AC2.9"]);
        let all = ["T5.12", "AC2.10", "AC2.9"];
        assert_eq!(boxes_of(r#"expect(1, "x").covers("T5.12", "AC2.10", "AC2.9").to_be(2)"#), all);
        assert_eq!(boxes_of(r#"expect(1, "x").covers(["T5.12", "AC2.10", "T5.12", "AC2.9"]).to_be(2)"#), all);
        assert_eq!(boxes_of(r#"t.metric("m", 3, "s", #{ max: 2, covers: ["AC2.9"] })"#), ["AC2.9"]);
        assert_eq!(boxes_of(r#"t.metric("m", 3, "s", #{ max: 2 })"#), [""; 0]);
    }

    #[test]
    fn an_expectation_takes_up_to_six_boxes() {
        let ids = ["a1", "a2", "a3", "a4", "a5", "a6"];
        for many in 1..=ids.len() {
            let args = ids[..many].iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
            let (failures, _) = run(&ids, &format!("expect(1, \"x\").covers({args}).to_be(2)"));
            let named: Vec<&str> = failures.iter().flat_map(|f| f.covers.iter().map(String::as_str)).collect();
            assert_eq!(named, ids[..many], "{args}");
        }
    }

    #[test]
    fn a_box_that_the_step_does_not_cover_is_an_error_of_the_playbook() {
        let covered = ["T5.12", "AC2.10"];
        for (script, message, hints) in [
            (
                r#"expect(1, "x").covers("T5.13").to_be(1)"#,
                r#"expect(…, "x").covers: step t5/table does not cover "T5.13""#,
                &["did you mean \"T5.12\"?", "it covers T5.12, AC2.10; covers: […] in its options says so"][..],
            ),
            (
                r#"expect(1, "x").covers(["AC2.10", "R7"]).to_be(1)"#,
                r#"expect(…, "x").covers: step t5/table does not cover "R7""#,
                &["it covers T5.12, AC2.10; covers: […] in its options says so"],
            ),
            (
                r#"t.metric("m", 1, "s", #{ max: 2, covers: ["AC2.1"] })"#,
                r#"t.metric("m"), covers: step t5/table does not cover "AC2.1""#,
                &["did you mean \"AC2.10\"?", "it covers T5.12, AC2.10; covers: […] in its options says so"],
            ),
            (
                r#"t.metric("m", 1, "s", #{ covers: ["AC2.10"] })"#,
                r#"t.metric("m"), covers: without max nothing is judged, and no box can be"#,
                &["max: the greatest value that is right"],
            ),
            (
                r#"expect(1, "x").covers([]).to_be(1)"#,
                r#"expect(…, "x").covers: no box is named"#,
                &["leave it out, or name one"],
            ),
            (
                r#"expect(1, "x").covers(["AC2.10", 5]).to_be(1)"#,
                r#"expect(…, "x").covers: expected ids of boxes, got a whole number: 5"#,
                &["an id is a string of the checklist: \"T5.12\""],
            ),
        ] {
            let (failures, error) = run(&covered, script);
            let error = error.unwrap_or_else(|| panic!("{script} passed"));
            assert_eq!((error.kind, error.message.as_str()), (Kind::Script, message), "{script}");
            assert_eq!(error.hints, hints, "{script}");
            assert_eq!(failures, [], "{script}: nothing was judged");
        }
        let (_, error) = run(&[], r#"expect(1, "x").covers("T5.1").to_be(1)"#);
        let hints = error.map(|e| e.hints).unwrap_or_default();
        assert_eq!(hints, ["the step covers no box; covers: [\"…\"] in its options says which"]);
    }
}

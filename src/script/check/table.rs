//! What `pb check` finds besides what the compiler says, each with what triggers it and how it is put right: for the
//! reference, and for a test that holds both to their word.

use super::Level;

/// Something that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Lint {
    /// How bad it is.
    pub level: Level,
    /// What is wrong, in a line.
    pub about: &'static str,
    /// A part of the message.
    pub says: &'static str,
    /// A step's body, or with [`Lint::top_level`] a playbook's, that is wrong.
    pub wrong: &'static str,
    /// The same put right.
    pub right: &'static str,
    /// Whether the texts stand at the top level, not in a step.
    pub top_level: bool,
}

const fn in_step(
    level: Level,
    about: &'static str,
    says: &'static str,
    wrong: &'static str,
    right: &'static str,
) -> Lint {
    Lint { level, about, says, wrong, right, top_level: false }
}

const fn on_top(about: &'static str, says: &'static str, wrong: &'static str, right: &'static str) -> Lint {
    Lint { level: Level::Error, about, says, wrong, right, top_level: true }
}

/// All of them.
pub const LINTS: &[Lint] = &[
    in_step(
        Level::Error,
        "A function, method or module that there is not; a wrong number of arguments",
        "there is no function",
        "eventualy(duration(\"5s\"), || true);",
        "eventually(duration(\"5s\"), || true);",
    ),
    in_step(
        Level::Error,
        "An option that the host function does not have",
        "there is no option",
        "let pods = t.kube.list(\"pods\", #{ lables: \"app=web\" });",
        "let pods = t.kube.list(\"pods\", #{ labels: \"app=web\" });",
    ),
    in_step(
        Level::Error,
        "A property that the step, a cluster's handle or another handle does not have",
        "has no property",
        "let pods = t.kub.list(\"pods\");",
        "let pods = t.kube.list(\"pods\");",
    ),
    in_step(
        Level::Error,
        "A method that the step, a cluster's handle or another handle does not have, or that takes another number of arguments",
        "has no method",
        "let pods = t.list(\"pods\");",
        "let pods = t.kube.list(\"pods\");",
    ),
    in_step(
        Level::Error,
        "A closure with more or fewer parameters than what is called gives it",
        "its closure has",
        "expect([1, 2], \"numbers\").all(|x, y| x > y);",
        "expect([1, 2], \"numbers\").all(|x| x > 0);",
    ),
    in_step(
        Level::Error,
        "A literal of a type that the function does not take",
        "stands where it takes",
        "eventually(|| true, 5);",
        "eventually(duration(\"5s\"), || true);",
    ),
    in_step(
        Level::Error,
        "A text that is no duration or no size",
        "not a duration",
        "let span = duration(\"5x\");",
        "let span = duration(\"5s\");",
    ),
    on_top(
        "A host call at the top level, which only declares",
        "the top level only declares",
        "let found = dns::lookup(\"localhost\");",
        "step(\"dns\", #{}, |t| { let found = dns::lookup(\"localhost\"); });",
    ),
    on_top(
        "A step that covers a box which the checklist does not have",
        "the checklist has no such box",
        "step(\"a\", #{ covers: [\"T5.999\"] }, |t| {});",
        "step(\"a\", #{ covers: [\"T5.12\"] }, |t| {});",
    ),
    on_top(
        "An expectation or a limit that names a box which its step does not cover",
        "does not cover it",
        "step(\"a\", #{ covers: [\"T5.12\"] }, |t| { expect(1 + 1, \"sum\").covers(\"T5.11\").to_be(2); });",
        "step(\"a\", #{ covers: [\"T5.12\", \"T5.11\"] }, |t| { expect(1 + 1, \"sum\").covers(\"T5.11\").to_be(2); });",
    ),
    in_step(
        Level::Error,
        "An expectation without a matcher judges nothing",
        "without a matcher",
        "expect(1 + 1, \"the sum\");",
        "expect(1 + 1, \"the sum\").to_be(2);",
    ),
    on_top(
        "A step whose risk is none of R1 to R10",
        "expected \"R1\" to \"R10\"",
        "step(\"a\", #{ risk: \"R77\" }, |t| {});",
        "step(\"a\", #{ risk: \"R7\" }, |t| {});",
    ),
    on_top(
        "A setting of another cluster that this playbook does not declare",
        "declares no setting",
        "step(\"a\", #{ on: \"all\" }, |t| { let n = t.cluster(\"infra\").setting(\"nme\"); });",
        "setting(\"name\", 1, \"it\"); step(\"a\", #{ on: \"all\" }, |t| { let n = t.cluster(\"infra\").setting(\"name\"); });",
    ),
    in_step(
        Level::Warning,
        "An expectation of a constant looks at nothing",
        "judges a constant",
        "expect(true, \"well\").to_be(true);",
        "expect(1 + 1 == 2, \"well\").to_be(true);",
    ),
    in_step(
        Level::Warning,
        "`&&` and `||` within an expectation pass over lists without items",
        "can pass over a list without items",
        "let a = list([]); expect(a.is_empty() && a.none(|x| x > 2), \"none\").to_be(true);",
        "let a = list([]); expect(a, \"a\").to_be_empty(); expect(a.len() > 0 && a.all(|x| x > 2), \"some\").to_be(true);",
    ),
    Lint {
        level: Level::Warning,
        ..on_top(
            "A step that reads what another publishes, and does not need it, may run before it",
            "does not need it",
            "step(\"a\", #{}, |t| { t.publish(\"n\", 1); }); step(\"b\", #{}, |t| { let n = t.value(\"p/a\", \"n\"); });",
            "step(\"a\", #{}, |t| { t.publish(\"n\", 1); }); step(\"b\", #{ needs: [\"a\"] }, |t| { let n = t.value(\"p/a\", \"n\"); });",
        )
    },
    on_top(
        "A value of a step that there is not",
        "there is no such step",
        "step(\"a\", #{}, |t| { t.publish(\"n\", 1); let n = t.value(\"p/aa\", \"n\"); });",
        "step(\"a\", #{}, |t| { t.publish(\"n\", 1); let n = t.value(\"p/a\", \"n\"); });",
    ),
    on_top(
        "A value that nobody publishes",
        "publishes no",
        "step(\"a\", #{}, |t| { t.publish(\"nodes\", 1); let n = t.value(\"p/a\", \"nods\"); });",
        "step(\"a\", #{}, |t| { t.publish(\"nodes\", 1); let n = t.value(\"p/a\", \"nodes\"); });",
    ),
    on_top(
        "A need of a step or playbook that there is not",
        "there is no such playbook",
        "step(\"a\", #{ needs: [\"t55/bgp-sessions\"] }, |t| {});",
        "step(\"a\", #{ needs: [\"t5/bgp-sessions\"] }, |t| {});",
    ),
    on_top(
        "`setting`, `step` or `playbook` within a step, where the plan stands already",
        "belongs at the top level",
        "step(\"a\", #{}, |t| { let n = setting(\"n\", 1, \"it\"); });",
        "let n = setting(\"n\", 1, \"it\"); step(\"a\", #{}, |t| { let own = n; });",
    ),
    on_top("A playbook without steps looks at nothing", "declares no step", "let n = 1;", "step(\"a\", #{}, |t| {});"),
    in_step(
        Level::Error,
        "A matcher ends an expectation: nothing can be judged after it",
        "ends an expectation",
        "expect(1).to_be(1).to_be(2);",
        "expect(1).to_be(1); expect([1]).or_none().softly().to_have_length(1);",
    ),
    in_step(
        Level::Error,
        "A value that is used in a closure which its own method calls is a data race, even on one thread",
        "that is a data race",
        "let a = [1]; a.all(|x| a.contains(x));",
        "let a = [1]; let b = a; a.all(|x| b.contains(x));",
    ),
    in_step(
        Level::Error,
        "Closures that are kept, made in a loop, share the loop's variable: each sees its last value",
        "share one",
        "for n in 0..3 { finally(|| print(n)); }",
        "for n in 0..3 { let own = n; finally(|| print(own)); }",
    ),
    in_step(
        Level::Warning,
        "What a closure of `parallel` or `step` assigns to a variable around it is lost: it works on copies",
        "is lost: closures of parallel",
        "let found = []; parallel([|| found.push(1), || found.push(2)]);",
        "let found = parallel([|| 1, || 2]);",
    ),
    in_step(
        Level::Warning,
        "The value of a `catch` block is lost where a function or closure ends in it",
        "the value of a catch block is lost",
        "let c = [1].map(|n| { try { n + 1 } catch (e) { 0 } });",
        "let c = [1].map(|n| { let m = 0; try { m = n + 1; } catch (e) { m = -1; } m });",
    ),
    Lint {
        level: Level::Warning,
        ..on_top(
            "A setting whose variable nothing reads",
            "nothing reads the setting",
            "let n = setting(\"n\", 1, \"it\"); step(\"a\", #{}, |t| {});",
            "let n = setting(\"n\", 1, \"it\"); step(\"a\", #{}, |t| { print(`${n}`); });",
        )
    },
    in_step(
        Level::Error,
        "`trim`, `sort`, `replace` and the like work in place and return nothing",
        "works in place",
        "let y = \" x \".trim();",
        "let y = \" x \"; y.trim();",
    ),
    in_step(
        Level::Error,
        "Constants of different types are silently never equal or ordered",
        "never equal or ordered",
        "let same = \"10\" == 10;",
        "let same = parse_int(\"10\") == 10;",
    ),
    in_step(
        Level::Warning,
        "Whole numbers divide to whole numbers",
        "whole numbers divide",
        "let mega = 9500000 / 1000000;",
        "let mega = 9500000.0 / 1000000;",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::playbook::{Library, Origin, Source};
    use crate::script::check::{Checker, known_boxes};
    use crate::script::load::Loader;
    use crate::script::settings;

    #[test]
    fn each_is_found_in_what_is_wrong_and_not_in_what_is_right() {
        let empty = tempfile::tempdir().expect("a folder");
        let library = Library::new(empty.path(), empty.path());
        let loader = Loader::new(library, settings::from_config(Config::default().into()));
        let checklist = loader.library.checklist(None).expect("the checklist");
        let checker = Checker::new(&loader, known_boxes(&checklist)).expect("a checker");
        for lint in LINTS {
            let found = |body: &str| {
                let step =
                    if lint.top_level { body.to_string() } else { format!("step(\"s\", #{{}}, |t| {{ {body} }});") };
                let text = format!("playbook(#{{ id: \"p\", title: \"P\" }});\n{step}");
                let source = Source { name: "p.rhai".into(), text: text.into(), origin: Origin::Embedded };
                checker.playbook(&source, &[]).findings
            };
            let wrong = found(lint.wrong);
            assert!(
                wrong.iter().any(|f| f.level == lint.level && f.error.message.contains(lint.says)),
                "{}: {wrong:#?}",
                lint.wrong
            );
            let right = found(lint.right);
            assert!(right.is_empty(), "{}: {right:#?}", lint.right);
        }
    }
}

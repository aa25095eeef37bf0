//! What an empty list of the cluster says: something, where there was something to select from.

use super::Run;
use crate::event::Effect;
use crate::host::context::Context;

/// What is inconclusive after a script, and the number of its calls.
fn inconclusive(script: &str) -> (Vec<String>, u64) {
    let run = Run::new();
    let engine = crate::script::engine::build();
    let context = Context::new(run.world.clone(), "test/step@infra", Some("infra".into()), Effect::Read, None);
    let entered = context.enter();
    let ended = engine.eval::<rhai::Dynamic>(&format!("let k = kube(\"infra\"); {script}"));
    drop(entered);
    assert!(ended.is_ok(), "{script}: {ended:?}");
    let state = context.state();
    assert_eq!((state.failures.len(), state.judged), (0, 1), "{script}: {:?}", state.failures);
    (state.inconclusive.clone(), state.calls)
}

#[test]
#[ignore = "needs the real clusters"]
fn real_an_empty_list_says_something_where_there_was_something_to_select_from() {
    for (list, calls) in [
        (r#"k.list("namespaces", #{ fields: "metadata.name=no-such" })"#, 2),
        (r#"k.list("services", #{ labels: "app=typo" })"#, 2),
        (r#"k.list("services", #{ labels: "app=typo", namespace: "default" })"#, 2),
        (r#"k.list("pods", #{ namespace: "kube-public" })"#, 2),
        (r#"k.list("networkpolicies")"#, 1),
    ] {
        for matcher in ["to_be_empty()", "to_have_length(0)"] {
            let found = inconclusive(&format!("expect({list}, \"left\").{matcher}"));
            assert_eq!(found, (vec![], calls), "{list}");
        }
        assert_eq!(inconclusive(&format!("expect({list}.len(), \"left\").to_be(0)")).0, [""; 0], "{list}");
    }
}

#[test]
#[ignore = "needs the real clusters"]
fn real_an_empty_list_of_nothing_is_no_pass_and_says_why() {
    for (list, why) in [
        (r#"k.list("pods", #{ namespace: "typo" })"#, "there is no namespace typo on infra"),
        (
            r#"k.list("pods", #{ namespace: "typo", fields: "status.phase=Failed" })"#,
            "there is no namespace typo on infra",
        ),
        (
            r#"k.list("pods", #{ namespace: "kube-public", labels: "app=x" })"#,
            "there are no pods in kube-public on infra",
        ),
        (r#"k.list("networkpolicies", #{ labels: "app=x" })"#, "there are no networkpolicies on infra"),
        (
            r#"k.list("pods", #{ namespace: "typo" }).filter(|p| !p.ready()).names()"#,
            "there is no namespace typo on infra",
        ),
    ] {
        let (found, _) = inconclusive(&format!("expect({list}, \"left\").to_be_empty()"));
        assert!(found.len() == 1 && found[0].contains(why), "{list}: {found:?}");
        let (found, _) = inconclusive(&format!("expect({list}, \"left\").none(|p| true)"));
        assert_eq!(found.len(), 1, "{list}: {found:?}");
        let (found, _) = inconclusive(&format!("expect({list}.len(), \"left\").to_be(0)"));
        assert_eq!(found.len(), 1, "{list}: {found:?}");
        assert_eq!(inconclusive(&format!("expect({list}, \"left\").or_none().to_be_empty()")).0, [""; 0], "{list}");
    }
}

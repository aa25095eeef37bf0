//! What a person reads, as a whole: changing it is a decision, and shows here.

use crate::Test;

/// A playbook with a setting, dependencies and every kind of note that a plan has.
const SHOP: &str = r#"playbook(#{ id: "shop", title: "The shop answers" });

let replicas = setting("replicas", 2, "pods of the shop");
let within = setting("within", duration("15s"), "the longest wait");

step("up", #{ title: "Its pods are ready", priority: "P0", covers: ["T5.1"] }, |t| { expect(replicas, "replicas").to_be(2); });
step("order", #{ title: "An order goes through", on: "none", needs: ["up"], effect: "write", retry: 2, timeout: within },
    |t| { expect(1).to_be(1); });
step("failover", #{
    title: "It survives the loss of a node", on: "infra", effect: "disrupt", risk: "R7", alone: true,
    guard: |t| { expect(1).to_be(1); }, later: #{ after: duration("10m"), check: |t, started| { expect(1).to_be(1); } },
}, |t| { 1 });
step("look", #{ title: "It looks right", on: "none", priority: "P2", manual: #{ what: "Open the shop", evidence: "a screenshot" } });
"#;

/// Its rollback.
const UNDO: &str = r#"playbook(#{ id: "shop-rollback", title: "The shop as it was", kind: "procedure" });
step("back", #{ on: "infra", effect: "destroy" }, |t| { expect(1).to_be(1); });
"#;

fn shop() -> Test {
    Test::new().file("playbooks/shop.rhai", SHOP).file("playbooks/undo.rhai", UNDO)
}

#[test]
fn the_list() {
    insta::assert_snapshot!(shop().pb("list shop").code(0).masked());
}

#[test]
fn the_list_with_steps() {
    insta::assert_snapshot!(shop().pb("list -v shop").code(0).masked());
}

#[test]
fn a_plan() {
    insta::assert_snapshot!(shop().pb("plan shop --set replicas=3").code(0).masked());
}

#[test]
fn a_run_that_fails() {
    let ran = Test::new()
        .playbook(
            r#"step("right", #{ title: "What is right", on: "none" }, |t| { t.note("only with -v"); expect(1 + 1, "sum").to_be(2); });
step("wrong", #{ title: "What is wrong", on: "none", if_fails: ["kubectl get pods"] }, |t| {
    expect(#{ replicas: 2, image: "shop:1" }, "the shop").softly().to_equal(#{ replicas: 3, image: "shop:1" });
    expect(["a", "c"], "zones").to_contain_all(["a", "b"]);
});
step("after", #{ title: "What needs it", on: "none", needs: ["wrong"] }, |t| { expect(1).to_be(1); });
step("slow", #{ title: "What takes too long", on: "none" }, |t| { t.metric("answer", ms(1500), "s", #{ max: 1 }); });
step("broken", #{ title: "What can't be found out", on: "none", effect: "write" }, |t| {
    sh::run("no-such-program", ["--version"]);
});
step("refused", #{ title: "What it did not declare", on: "none" }, |t| { sh::script("touch x"); });
step("old", #{ title: "What is almost right", on: "none" }, |t| { t.warn("version 1 is old"); expect(1).to_be(1); });
step("absent", #{ title: "What is not here", on: "none" }, |t| { t.skip("no mesh here"); });
step("empty", #{ title: "What says nothing", on: "none" }, |t| { expect([], "pods").all(|p| p == 1); });
step("strong", #{ title: "What is not allowed", on: "none", effect: "disrupt" }, |t| { expect(1).to_be(1); });
step("look", #{ title: "What a person judges", on: "none", manual: #{ what: "Open the shop", evidence: "a screenshot" } });
"#,
        )
        .pb("run p.rhai --jobs 1")
        .code(1);
    insta::assert_snapshot!(ran.masked());
}

#[test]
fn a_run_explained() {
    let ran = Test::new()
        .step(
            r#"t.note("a note");
let said = sh::run("echo", ["it's", "here"], #{ env: #{ LANG: "C" } }).stdout;
expect(said, "what echo says").to_be("it's here");
expect(tcp::connect("127.0.0.1:1"), "nobody").to_be(());"#,
        )
        .pb("run p.rhai --explain -v")
        .code(3);
    insta::assert_snapshot!(ran.masked());
}

#[test]
fn what_check_finds() {
    let ran = Test::new()
        .playbook(
            r#"let limit = setting("limit", 9500000 / 1000000, "megabytes"); let _more = limit;
step("a", #{ on: "none", covers: ["T5.999"], needs: ["c"] }, |t| {
    let name = " web ";
    if name.trim() == "web" { expekt(1); }
});
step("b", #{ on: "mars", needs: ["b"] }, |t| { expect(1, "one"); });
"#,
        )
        .pb("check p.rhai")
        .code(2);
    insta::assert_snapshot!(ran.masked());
}

#[test]
fn a_page() {
    insta::assert_snapshot!(Test::new().pb("doc eventually").code(0).masked());
}

//! `pb check` tells everything at once: no mistake hides another, and none is told for following from one.

use crate::Test;

/// Every one of these is in what `pb check` writes, once.
#[track_caller]
fn tells(test: Test, args: &str, wanted: &[&str], count: &str) {
    let ran = test.pb(args).code(2).says(&[count]);
    let text = ran.masked();
    for each in wanted {
        assert_eq!(text.matches(each).count(), 1, "{each:?} in {text}");
    }
}

const TWELVE: &str = r#"playbook(#{ id: "p", afer: ["t1"] });
let n = setting("n", 1, "it");
let n2 = setting("n", 2, "it");
let found = dns::lookup("localhost");
let address = found.addresses;
let q = nosuch(1);
step("a", #{ covrs: ["T5.12"], timeout: address }, |t| { expect(1 + 1, "x").to_be(2); });
step("a", #{ priority: "P7" }, |t| { expect(1 + 1, "x").to_be(2); });
step("b", #{ needs: ["bb"] }, |t| { expect(1 + 1, "x").to_be(n); });
step("c", #{ needs: ["d"] }, |t| { expect(1 + 1, "x").to_be(n2); });
step("d", #{ needs: ["c"] }, |t| { expect(1 + 1, "x").to_be(2); });
step("e", #{ covers: ["T5.999"] }, |t| { expct(1 + 1, "x").to_be(2); });
step("f", #{ on: "infr", risk: "R77" }, |t| { expect(undefined_one, "x").to_be(2); });
"#;

#[test]
fn twelve_mistakes_and_more_are_told_at_once() {
    let wanted = [
        "unknown option \"afer\"",
        "setting \"n\" is declared twice",
        "dns::lookup(…) is a host call",
        "there is no function \"nosuch\"",
        "unknown option \"covrs\"",
        "priority is \"P7\"",
        "step \"a\" is declared twice",
        "step \"b\" needs \"bb\"",
        "steps need each other in a circle",
        "covers \"T5.999\"",
        "there is no function \"expct\"",
        "and there is no such cluster",
        "risk is \"R77\"",
        "Undefined variable: undefined_one",
    ];
    tells(Test::new().file("p.rhai", TWELVE), "check p.rhai", &wanted, "14 errors");
}

#[test]
fn what_could_not_be_declared_is_still_known() {
    let text = r#"playbook(#{ id: nosuch("x") });
let limit = setting("limit", gone, "it");
step("a", #{ timeout: duration(missing("1s")), needs: ["nope"], covers: ["T5.999"] }, |t| { expect(limit, "x").to_be(2); });
step("b", #{ needs: ["a"] }, |t| { let l = t.cluster("infra").setting("limit"); expect(l, "x").to_be(2); });
for name in ["x", "y"] { step(`made-${name}`, #{ title: made_up(name) }, |t| { expect(1 + 1, "x").to_be(2); }); }
step("c", #{ needs: ["made-x"] }, |t| { expect(1 + 1, "x").to_be(2); });
"#;
    let wanted =
        ["function \"nosuch\"", "variable: gone", "function \"missing\"", "covers \"T5.999\"", "function \"made_up\""];
    tells(Test::new().file("p.rhai", text), "check p.rhai --set limit=5", &wanted, "5 errors");
}

#[test]
fn a_duplicate_step_has_its_own_needs() {
    let body = r#"step("a", #{}, |t| { expect(1 + 1, "x").to_be(2); });
step("a", #{ needs: ["nobody"] }, |t| { expect(1 + 1, "x").to_be(2); });"#;
    tells(Test::new().playbook(body), "check p.rhai", &["declared twice", "needs \"nobody\""], "2 errors");
}

#[test]
fn imported_modules_are_looked_into_each_once() {
    let playbook = |id: &str| {
        format!(
            "import \"./lib/helper\" as h;\nplaybook(#{{ id: \"{id}\" }});\n\
             step(\"a\", #{{}}, |t| {{ h::good(1); h::goood(1); h::good(); h::hidden(); expect(1 + 1, \"x\").to_be(2); }});\n"
        )
    };
    let helper = "import \"./deep\" as d;\nfn good(x) { eventualy(1, 2); d::inner(x); d::nope(); d::inner() }\n\
                  private fn hidden() { 1 }\nfn other() { expect(1, \"x\"); dns::lookup() }\n";
    let test = Test::new()
        .file("one.rhai", &playbook("one"))
        .file("two.rhai", &playbook("two"))
        .file("lib/helper.rhai", helper)
        .file("lib/deep.rhai", "fn inner(x) { frobnicate(x) }\nfn lost() { let y = [2].sort(); }\n");
    let ran = test.pb("check one.rhai two.rhai").code(2).says(&[
        "there is no function \"h::goood\"",
        "did you mean \"h::good\"?",
        "\"h::good\" takes 1 argument, and gets 0",
        "there is no function \"h::hidden\"",
        "lib/helper.rhai:2:14",
        "there is no function \"d::nope\"",
        "lib/deep.rhai:1:15",
        "sort() works in place",
        "2 playbooks, 2 steps, 2 modules",
    ]);
    let text = ran.masked();
    for once in ["\"eventualy\"", "\"frobnicate\"", "without a matcher", "\"d::inner\" takes"] {
        assert_eq!(text.matches(once).count(), 1, "{once} in {text}");
    }
}

#[test]
fn a_module_that_is_broken_or_missing_is_a_finding() {
    let text = "import \"./broken\" as b;\nimport \"./gone\" as g;\nplaybook(#{ id: \"p\" });\n\
                step(\"a\", #{}, |t| { b::f(); g::f(); nosuch(); expect(1 + 1, \"x\").to_be(2); });\n";
    let test = Test::new().file("p.rhai", text).file("broken.rhai", "fn f() {\n  let = 1\n}\n");
    tells(test, "check p.rhai", &["broken.rhai:2", "no module \"./gone\"", "function \"nosuch\""], "3 errors");
}

#[test]
fn a_broken_playbook_still_declares_its_settings_and_steps() {
    let config = "[settings]\nnumber = \"x\"\nother = 1\nlost = 1\n";
    let broken =
        "playbook(#{ id: \"q\" });\nlet o = setting(\"other\", 1, \"it\");\nstep(\"s\", #{ }, |t| { expect(o,\n";
    let body = r#"let n = setting("number", 1, "it");
step("a", #{ needs: ["q/s"] }, |t| { expect(n, "x").to_be(2); });"#;
    let test = Test::new().file("pb.toml", config).file("playbooks/q.rhai", broken).playbook(body);
    let ran = test
        .pb("check p.rhai")
        .code(2)
        .says(&["number of p takes a whole number", "no playbook declares a setting lost"]);
    let text = ran.masked();
    assert!(text.contains("2 errors"), "{text}");
}

#[test]
fn every_wrong_setting_of_the_command_line_is_named() {
    let body = r#"let n = setting("number", 1, "it");
let w = setting("wait", duration("1s"), "it");
step("a", #{ on: "none" }, |t| { expect(n, "x").to_be(2); });"#;
    Test::new().playbook(body).pb("run p.rhai --set number=x --set wait=y --set numbr=1 --set zz=2").code(2).complains(
        &[
            "number of p takes a whole number",
            "wait of p takes a duration",
            "--set numbr=1: no playbook declares a setting numbr",
            "did you mean \"number\" (of p)?",
            "--set zz=2",
            "4 errors",
        ],
    );
    Test::new().pb("plan t5 --set bgp_sessions=x --set lb_within=y").code(2).complains(&[
        "bgp_sessions of t5 takes",
        "lb_within of t5 takes",
        "2 errors",
    ]);
}

#[test]
fn two_playbooks_with_one_id_are_told() {
    let step = "step(\"a\", #{}, |t| { expect(1 + 1, \"x\").to_be(2); });\n";
    let text = format!("playbook(#{{ id: \"p\" }});\n{step}");
    let test = Test::new().file("one.rhai", &text).file("two.rhai", &text);
    tells(test, "check one.rhai two.rhai", &["another playbook has the id \"p\", too: one.rhai"], "1 error");
}

#[test]
fn a_property_that_a_handle_does_not_have_is_found_and_told() {
    let body = r#"step("a", #{ on: "none" }, |t| { let k = t.kub; });"#;
    let wanted =
        ["the step has no property \"kub\"", "did you mean \"kube\"?", "cluster_name, clusters, id, kube, run"];
    tells(Test::new().playbook(body), "check p.rhai", &wanted, "1 error");
    Test::new().playbook(body).pb("run p.rhai").code(3).says(&wanted).says(&["1 errored"]);
}

#[test]
fn what_new_writes_is_found_by_its_file() {
    let text = "playbook(#{ id: \"t16\" });\nstep(\"a\", #{}, |t| { expect(1 + 1, \"x\").to_be(2); });\n";
    Test::new()
        .file("playbooks/t16-backups.rhai", text)
        .pb("run t16-backups")
        .code(2)
        .complains(&["no playbook has the id \"t16-backups\"", "the file playbooks/t16-backups.rhai has the id t16"]);
}

#[test]
fn an_array_takes_the_items_of_a_list() {
    let body =
        "let a = [1]; a += json::parse(\"[2]\"); a.append(json::parse(\"[3]\")); expect(a, \"all\").to_be([1, 2, 3]);";
    Test::new().step(body).pb("run p.rhai").code(0);
}

#[test]
fn what_ends_too_early_shows_the_last_line() {
    let text = "playbook(#{ id: \"p\" });\nstep(\"a\", #{}, |t| {\n  let x = 1;\n\n";
    Test::new().file("p.rhai", text).pb("check p.rhai").code(2).says(&["p.rhai:3:13", "3 | let x = 1;"]);
}

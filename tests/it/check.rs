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
        .file("one.rhai", playbook("one"))
        .file("two.rhai", playbook("two"))
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

#[test]
fn an_undefined_variable_in_a_closure_hides_no_option_of_its_step() {
    let body = r#"step("a", #{ effect: "wriet", timeout: 5, needs: ["zz"], titel: "z" }, |t| { expect(nodez, "x").to_be(1); });"#;
    let wanted =
        ["effect is \"wriet\"", "timeout is 5 (int)", "needs \"zz\"", "unknown option \"titel\"", "variable: nodez"];
    tells(Test::new().playbook(body), "check p.rhai", &wanted, "5 errors");
}

#[test]
fn an_option_that_throws_hides_no_other() {
    let body = r#"step("a", #{ timeout: duration("5x"), effect: "wriet", retry: nosuch(1), titel: "z" }, |t| { expect(1 + 1, "x").to_be(2); });"#;
    let wanted = ["not a duration: \"5x\"", "effect is \"wriet\"", "function \"nosuch\"", "unknown option \"titel\""];
    tells(Test::new().playbook(body), "check p.rhai", &wanted, "4 errors");
    let body =
        "let a = nosuch(1);\nstep(\"a\", #{ timeout: a, effect: \"wriet\" }, |t| { expect(1 + 1, \"x\").to_be(2); });";
    tells(Test::new().playbook(body), "check p.rhai", &["function \"nosuch\"", "effect is \"wriet\""], "2 errors");
}

#[test]
fn two_mistakes_of_one_line_are_both_told() {
    let body = r#"throw "gone"; step("a", #{}, |t| { nofn(); });"#;
    tells(Test::new().playbook(body), "check p.rhai", &["the script threw: gone", "function \"nofn\""], "2 errors");
    let body =
        r#"let a = duration("5x"); let b = duration("6y"); step("a", #{}, |t| { expect(1 + 1, "x").to_be(2); });"#;
    tells(
        Test::new().playbook(body),
        "check p.rhai",
        &["not a duration: \"5x\"", "not a duration: \"6y\""],
        "2 errors",
    );
}

#[test]
fn what_a_known_receiver_does_not_take_is_found() {
    let body = r#"step("e", #{}, |t| { t.kube.get("pod"); t.kube.lst("pods"); expect(1 + 1, "x").to_be(2); });
step("f", #{}, |t| { t.list("pods"); t.setting("nope"); let k = t.kube; k.list(5); expect(t.kube().len(), "x").to_be(2); });
step("g", #{}, |t| { t.note(t.id.to_string()); mine(t); t.mine(); finally(|| t.note("a")); expect(1 + 1, "x").to_be(2); });
fn mine(t) { t.whatever }
"#;
    let wanted = [
        "cluster.get takes 2 or 3 arguments, and gets 1",
        "the cluster has no method \"lst\"",
        "did you mean \"list\"?",
        "the step has no method \"list\"",
        "its .kube has it: .kube.list(…)",
        "the step has no method \"setting\"",
        "cluster.list: an int stands where it takes string",
        "the step has no method \"kube\"",
        "kube is a property: write .kube without parentheses",
    ];
    tells(Test::new().playbook(body), "check p.rhai", &wanted, "6 errors");
}

#[test]
fn closures_with_another_number_of_parameters_are_found() {
    let body = r#"step("a", #{}, |t, u| { expect(1 + 1, "x").to_be(2); });
step("b", #{ guard: || true, later: #{ after: duration("1h"), check: |t| true } }, |t| {
    let n = 1;
    expect([1, 2], "all").all(|x, y| x > y);
    expect([1, 2], "any").any(|| true);
    expect([1, 2], "none").none(|x| x > n);
    expect(t.kube.list("pods").map(|p| p.name), "x").to_be([]);
    let big = [1, 2].filter(|x, at| x > n && at > 0);
    big.map(|a, b, c| a);
    eventually(|| true, 5);
    eventually(duration("1s"), |x| n == 1);
});
"#;
    let wanted = [
        "step: its closure has 2 parameters, expected |t|",
        "guard: its closure has 0 parameters, expected |t|",
        "check: its closure has 1 parameter, expected |t, started|",
        "expectation.all: its closure has 2 parameters, expected |item|",
        "expectation.any: its closure has 0 parameters, expected |item|",
        "map: its closure has 3 parameters",
        "eventually: a closure stands where it takes duration",
        "eventually: its closure has 1 parameter, expected ||",
    ];
    tells(Test::new().playbook(body), "check p.rhai", &wanted, "8 errors");
}

#[test]
fn a_mistake_of_a_modules_top_level_is_told_once() {
    let text = "import \"./helper\" as h;\nplaybook(#{ id: \"p\" });\n\
                step(\"a\", #{}, |t| { h::good(); expect(1 + 1, \"x\").to_be(2); });\n";
    let helper = "let a = dns::lookup(\"localhost\");\nfn good() { 1 }\n";
    let test = Test::new().file("p.rhai", text).file("helper.rhai", helper);
    tells(test, "check p.rhai", &["dns::lookup(…) is a host call", "helper.rhai:1:14"], "1 error,");
}

#[test]
fn modules_that_import_each_other_in_a_circle_are_told_with_the_line() {
    let text =
        "import \"./a\" as a;\nplaybook(#{ id: \"p\" });\nstep(\"x\", #{}, |t| { expect(1 + 1, \"x\").to_be(2); });\n";
    let test = Test::new().file("p.rhai", text);
    let test = test.file("a.rhai", "import \"./b\" as b;\nfn f() { 1 }\n");
    let test = test.file("b.rhai", "fn g() { 1 }\nimport \"./a\" as a;\n");
    tells(test, "check p.rhai", &["in a circle: a.rhai → b.rhai → a.rhai", "b.rhai:2:"], "1 error,");
}

#[test]
fn a_file_that_is_no_text_hides_no_other() {
    let test = || {
        let good = "playbook(#{ id: \"good\", title: \"Good\" });\nstep(\"a\", #{ on: \"none\" }, |t| { nofn(); });\n";
        Test::new()
            .file("playbooks/bad.rhai", b"playbook(#{ id: \"bad\" });\xff\xfe")
            .file("playbooks/wrong.rhai", "playbook(#{ id: \"wrong\" );")
            .file("playbooks/good.rhai", good)
    };
    for (args, other) in [("list", "Good"), ("check", "function \"nofn\""), ("check playbooks", "function \"nofn\"")] {
        let ran = test().pb(args).code(2).says(&[other]);
        let text = ran.both();
        for once in ["bad.rhai is not UTF-8 text", "wrong.rhai:1:"] {
            assert_eq!(text.matches(once).count(), 1, "{args}: {once} in {text}");
        }
    }
    test().pb("plan good").code(0);
    test().pb("plan bad").code(2).complains(&["bad.rhai is not UTF-8 text"]);
    test().pb("plan all").code(2).complains(&["bad.rhai is not UTF-8 text"]);
}

#[test]
fn names_that_are_not_configured_are_warnings_and_wrong_durations_errors() {
    let toml = "[hosts.edge-1]\naddress = \"192.0.2.1\"\nuser = \"me\"\n[clusters.infra]\ncontext = \"infra\"\n";
    let body = r#"step("a", #{}, |t| {
    let c = t.cluster("infraa");
    expect(ssh("edge-9").name, "x").to_be(ssh("edge-1").name);
    expect(http("grafana").name, "x").to_be("grafana");
    expect(duration("5x"), "x").to_be(duration("5s"));
    expect(size("5x"), "x").to_be(size(5));
});
"#;
    let wanted = [
        "no cluster \"infraa\" (it has infra)",
        "did you mean \"infra\"?",
        "no host \"edge-9\" (it has edge-1)",
        "not a duration: \"5x\"",
        "not a size: \"5x\"",
    ];
    tells(Test::new().toml(toml).playbook(body), "check p.rhai", &wanted, "2 errors, 2 warnings");
}

#[test]
fn functions_of_modules_as_values_are_found() {
    let text = "import \"./util\" as util;\nplaybook(#{ id: \"p\" });\nlet a = util::LEAST;\n\
                step(\"a\", #{}, |t| { let k = [1].map(util::key); let z = utl::LEAST; expect(k, \"x\").to_be([a, z]); });\n";
    let test = Test::new().file("p.rhai", text).file("util.rhai", "export const LEAST = 3;\nfn key(o) { o }\n");
    let wanted = ["util::key is a function, and no value", "write |o| util::key(o)", "no module \"utl\""];
    tells(test, "check p.rhai", &wanted, "2 errors");
}

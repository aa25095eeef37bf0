//! The language host: imports, overlays, closures, traps.

use sha2::Digest;

use crate::Test;

#[test]
fn a_module_beside_the_playbook_is_imported_by_its_path() {
    Test::new()
        .file("lib/helpers.rhai", "fn twice(x) { x * 2 }")
        .step("import \"./lib/helpers\" as helpers; expect(helpers::twice(2), \"four\").to_be(4);")
        .pb("run p.rhai")
        .code(0);
}

#[test]
fn what_a_playbook_imports_by_path_is_right_for_check_as_for_run() {
    let test = || {
        Test::new().file("lib/clean.rhai", "fn two() { 2 }").file("lib/side.rhai", "fn two() { 2 }").file(
            "playbooks/imp.rhai",
            r#"import "../lib/clean" as m; import "../lib/../lib/side" as s;
playbook(#{ id: "imp" });
step("a", #{ on: "none" }, |t| { import "../lib/side" as own; expect(m::two() + s::two() + own::two(), "six").to_be(6); });"#,
        )
    };
    for line in ["run imp", "check", "check playbooks/imp.rhai"] {
        test().pb(line).code(0);
    }
}

#[test]
fn an_import_of_nothing_is_told_once_with_its_place() {
    let test = || {
        Test::new().file(
            "p.rhai",
            "import \"./nope\" as n;\nplaybook(#{ id: \"p\" });\nlet x = n::f();\nstep(\"a\", #{}, |t| {});",
        )
    };
    test().pb("check p.rhai").code(2).says(&["no module \"./nope\"", "p.rhai:1:", "1 error"]);
    test().pb("run p.rhai").code(2).complains(&["no module \"./nope\"", "p.rhai:1:"]);
}

#[test]
fn a_module_of_the_library_needs_no_import_and_the_file_on_disk_wins() {
    Test::new()
        .file("stdlib/mine.rhai", "/// Doubles.\nfn twice(x) { x * 2 }")
        .step("expect(mine::twice(2), \"four\").to_be(4);")
        .pb("run p.rhai")
        .code(0);
}

#[test]
fn a_report_names_the_modules_that_were_used_and_no_others() {
    let ran = Test::new()
        .file("playbooks/lib/outer.rhai", "import \"./inner\" as inner;\nfn four() { inner::two() * 2 }")
        .file("playbooks/lib/inner.rhai", "fn two() { 2 }")
        .file("playbooks/lib/late.rhai", "fn one() { 1 }")
        .file("playbooks/lib/other.rhai", "fn nobody() { 0 }")
        .file("stdlib/bgp.rhai", "fn five() { 5 }")
        // Loaded for the order of playbooks alone.
        .file("playbooks/b.rhai", "import \"./lib/other\" as o; playbook(#{ id: \"b\", after: [\"a\"] });\nstep(\"s\", #{ on: \"none\" }, |t| {});")
        .file(
            "playbooks/a.rhai",
            r#"import "./lib/outer" as outer;
playbook(#{ id: "a" });
step("s", #{ on: "none" }, |t| { import "./lib/late" as late; expect(outer::four() + late::one(), "five").to_be(bgp::five()); });"#,
        )
        .pb("run a --report json=report.json --report junit=report.xml")
        .code(0)
        .says(&["modules", "bgp", "stdlib/bgp.rhai", "playbooks/lib/inner.rhai"]);
    let report = ran.json("report.json");
    let modules = report["modules"].as_array().expect("modules");
    let paths: Vec<&str> = modules.iter().filter_map(|m| m["path"].as_str()).collect();
    let lib = |name: &str| format!("playbooks/lib/{name}.rhai");
    assert_eq!(paths, [&lib("inner"), &lib("late"), &lib("outer"), "stdlib/bgp.rhai"]);
    let hash: String = sha2::Sha256::digest(b"fn five() { 5 }").iter().map(|b| format!("{b:02x}")).collect();
    let bgp = serde_json::json!({ "name": "bgp", "path": "stdlib/bgp.rhai", "sha256": hash, "source": "disk", "playbooks": ["a"] });
    assert_eq!(modules[3], bgp);
    assert!(ran.read("report.xml").contains(&format!("value=\"stdlib/bgp.rhai, disk {hash}\"")));
}

#[test]
fn an_embedded_module_is_reported_and_not_shown() {
    let ran = Test::new()
        .step("if 1 > 2 { bgp::nothing(); } expect(1, \"one\").to_be(1);")
        .pb("run p.rhai --report json=report.json")
        .code(0)
        .says_nothing_of(&["module"]);
    let report = ran.json("report.json");
    assert_eq!((&report["modules"][0]["name"], &report["modules"][0]["source"]), (&"bgp".into(), &"embedded".into()));
}

#[test]
fn an_error_in_an_imported_module_is_placed_there() {
    Test::new()
        .file("helpers.rhai", "fn broken(x) {\n  x.frob()\n}")
        .step("import \"./helpers\" as helpers;\nhelpers::broken(1);")
        .pb("run p.rhai")
        .code(2)
        .says(&["helpers.rhai:2:", "x.frob()", "broken, called at p.rhai:4"]);
}

#[test]
fn the_playbook_on_disk_wins_over_the_embedded_one() {
    let text = r#"playbook(#{ id: "t2", title: "Mine" }); step("s", #{ on: "none" }, |t| { expect(1).to_be(1); });"#;
    Test::new().file("playbooks/t2-crds.rhai", text).pb("run t2").code(0).says(&["Mine", "disk"]);
    Test::new().pb("plan t2").code(0).says(&["CRDs and namespaces", "embedded"]);
    Test::new().pb("plan playbooks/t2-crds.rhai").code(0).says(&["embedded"]);
}

#[test]
fn closures_of_an_imported_module_run_on_other_threads_and_later() {
    let ran = Test::new()
        .file(
            "helpers.rhai",
            "fn twice(x) { x * 2 }\nfn sums(n) { parallel([|| twice(n) + 1, || twice(n) + 2]) }\nfn later(file) { finally(|| file::write(file, twice(\"x\"[0].to_int()).to_string())) }",
        )
        .step("import \"./helpers\" as h; expect(h::sums(3), \"sums\").to_equal([7, 8]); h::later(\"left\");")
        .pb("run p.rhai")
        .code(0);
    assert_eq!(ran.read("left"), "240");
}

#[test]
fn strict_variables_find_a_misspelt_name_before_anything_runs() {
    Test::new()
        .step("let router = 1; expect(ruoter).to_be(1);")
        .pb("run p.rhai")
        .code(2)
        .complains(&["ruoter", "p.rhai:3:"]);
}

#[test]
fn a_trap_of_the_language_is_refused_with_its_rewrite() {
    Test::new()
        .step("let x = [1]; x.filter(|i| x.contains(i)); let s = \" a\"; let y = s.trim(); if \"10\" == 10 { } expect(1);")
        .pb("check p.rhai")
        .code(2)
        .says(&["data race", "let x2 = x", "works in place", "never equal", "without a matcher"]);
}

#[test]
fn check_tells_all_problems_at_once() {
    Test::new()
        .playbook(
            r#"step("a", #{ on: "none", covers: ["T5.99"], needs: ["b"] }, |t| { expekt(1); });
               step("b", #{ on: "none", needs: ["a"] }, |t| { t.note(); });
               step("b", #{ on: "mars" }, |t| { [1].fliter(|x| x); });"#,
        )
        .toml("[settings]\nnobody = 1\n")
        .pb("check p.rhai")
        .code(2)
        .says(&[
            "T5.99",
            "in a circle",
            "declared twice",
            "\"mars\"",
            "did you mean \"expect\"",
            "takes 1 argument",
            "did you mean \"filter\"",
            "nobody",
        ]);
}

#[test]
fn a_host_call_at_top_level_is_refused() {
    let test = || Test::new().playbook("let x = sh::run(\"true\", []);\nstep(\"s\", #{ on: \"none\" }, |t| {});");
    test().pb("check p.rhai").code(2).says(&["sh::run", "top level", "p.rhai:2:"]);
    test().pb("run p.rhai").code(2).complains(&["top level", "p.rhai:2:"]);
}

#[test]
fn a_caught_error_can_be_looked_at() {
    let ran = Test::new()
        .step(
            r#"let seen = ();
try {
    sh::run("false", []);
} catch (err) {
    seen = #{ kind: err.kind, message: err.message, causes: err.causes, hints: err.hints, place: err.place, text: `${err}` };
}
t.evidence("seen", seen);
expect(seen.kind, "kind").to_be("exit_code");
try { 1 / 0 } catch (err) { expect(err.message, "Rhai's own").to_contain("zero"); }"#,
        )
        .pb("run p.rhai --report json=report.json")
        .code(0);
    let text = std::fs::read_to_string(ran.run_folder().join("evidence/p-s/seen.json")).expect("evidence");
    let seen: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(seen["place"].as_str().is_some_and(|p| p.starts_with("p.rhai:5:")), "{seen}");
    let message = seen["message"].as_str().expect("a message");
    assert!(message.contains("false") && seen["text"].as_str().is_some_and(|t| t.starts_with(message)), "{seen}");
    assert!(seen["causes"].is_array() && seen["hints"].is_array(), "{seen}");
}

#[test]
fn errors_of_every_form_of_function_have_their_line() {
    for (body, line) in [
        ("let x = 1;\njson::parse(\"{\");", "p.rhai:4:"),
        ("let x = 1;\n\nduration(\"soon\");", "p.rhai:5:"),
        ("t.value(\"p/a\", \"n\");", "p.rhai:3:"),
        ("let d = ms(1);\nd -= ms(2);", "p.rhai:4:"),
    ] {
        Test::new().step(body).pb("run p.rhai").code(3).says(&[line]);
    }
}

#[test]
fn modules_that_import_each_other_are_named() {
    Test::new()
        .file("a.rhai", "import \"./b\" as b;\nfn f() { 1 }")
        .file("b.rhai", "import \"./a\" as a;\nfn g() { 2 }")
        .step("import \"./a\" as a; expect(a::f(), \"one\").to_be(1);")
        .pb("run p.rhai")
        .code(2)
        .says(&["in a circle: a.rhai → b.rhai → a.rhai"]);
    Test::new()
        .file("playbooks/a.rhai", "import \"./a\" as a; playbook(#{ id: \"a\" });")
        .pb("plan a")
        .code(2)
        .complains(&["in a circle"]);
}

#[test]
fn a_top_level_that_does_not_end_is_an_error_at_its_line() {
    Test::new()
        .file("p.rhai", "playbook(#{ id: \"p\" });\nlet n = 0;\nloop { n += 1; }\n")
        .pb("check p.rhai")
        .code(2)
        .says(&["did not end", "p.rhai:3:"]);
}

#[test]
fn a_reserved_word_as_property_or_key_gets_its_rewrite() {
    for (body, word) in [
        ("let p = #{}; p.spec.for;", "for"),
        ("let m = #{ for: 1 };", "for"),
        ("let m = #{ a: 1, in: 2 };", "in"),
        ("let m = #{\n  a: 1,\n  if: 2\n};", "if"),
        ("let p = #{}; let x = p.import;", "import"),
        ("let p = #{}; let x = p.switch + 1;", "switch"),
        ("let m = #{ true: 1 };", "true"),
    ] {
        let hint = format!("\"{word}\" is a reserved word: as a property write [\"{word}\"]");
        Test::new().step(body).pb("run p.rhai").code(2).complains(&[&hint, &format!("\"{word}\": value")]);
    }
}

#[test]
fn an_id_of_a_playbook_is_one_that_targets_and_folders_can_have() {
    for id in ["", "all", "a/b", "a b", ".", "-x", "../../x"] {
        let text = format!(
            "\nplaybook(#{{ id: \"{id}\" }});\nstep(\"s\", #{{ on: \"none\" }}, |t| {{ expect(1).to_be(1); }});"
        );
        let test = || Test::new().file("p.rhai", &text);
        test().pb("check p.rhai").code(2).says(&[&format!("\"{id}\" is no id for a playbook"), "p.rhai:2:"]);
        test().pb("run p.rhai").code(2).complains(&["is no id for a playbook"]);
    }
}

#[test]
fn an_empty_target_is_no_folder() {
    Test::new().step("expect(1).to_be(1);").pb("run ''").code(2).complains(&["an empty target"]);
}

#[test]
fn every_wrong_option_is_told_and_hides_no_other_mistake() {
    let test = || {
        Test::new().file(
            "p.rhai",
            r#"playbook(#{ id: "p", kind: "odd", titel: 3, after: 7 });
let n = setting("n", 1, "a number");
step("a", #{ on: "none", timeout: 3, retry: -1, efect: "write", effect: "wrte" }, |t| { expekt(1); });
step("b b", #{ priority: "P9", later: #{ after: 3, chek: 1 }, manual: #{ evidence: 1 } });
step("c", #{ retry: #{ times: "x", wait: 1 }, colour: 1 }, |t| { t.nope(); });"#,
        )
    };
    let declared = [
        "kind is \"odd\"",
        "unknown option \"titel\"",
        "after is 7",
        "a number",
        "timeout is 3",
        "retry is -1",
        "unknown option \"efect\"",
        "effect is \"wrte\"",
        "an id has letters",
        "priority is \"P9\"",
        "later: after is 3",
        "later: check is missing",
        "later: unknown option \"chek\"",
        "manual: what is missing",
        "retry: times is",
        "retry: wait is 1",
        "unknown option \"colour\"",
    ];
    let test = || test().toml("[settings]\nn = \"not a number\"\n[clusters.infra]\n");
    test().pb("check p.rhai").code(2).says(&declared).says(&["\"expekt\"", "\"nope\"", "p.rhai:5:"]);
    test().pb("run p.rhai").code(2).complains(&declared);
}

/// A pod with one container of this state, JSON without braces.
fn pod(name: &str, statuses: &str, state: &str) -> String {
    format!(
        r##"object(#{{ kind: "Pod", metadata: #{{ name: "{name}", namespace: "shop" }}, status: #{{ {statuses}: [#{{ name: "c", {state} }}] }} }})"##
    )
}

#[test]
fn a_crash_loop_is_a_wait_or_several_restarts_that_are_no_history() {
    let waits = "restartCount: 1, state: #{ waiting: #{ reason: \"CrashLoopBackOff\" } }";
    let ended = |restarts: u32, at: &str| {
        format!(
            "restartCount: {restarts}, state: #{{ running: #{{}} }}, lastState: #{{ terminated: #{{ exitCode: 1, finishedAt: {at} }} }}"
        )
    };
    let now = "time::now().to_string()";
    let pods = [
        pod("init-waits", "initContainerStatuses", waits),
        pod("waits", "containerStatuses", waits),
        pod("restarts", "containerStatuses", &ended(3, now)),
        pod("few-restarts", "containerStatuses", &ended(2, now)),
        pod("long-ago", "containerStatuses", &ended(30, "\"2020-01-01T00:00:00Z\"")),
        pod("well", "containerStatuses", "restartCount: 0, state: #{ running: #{} }"),
    ];
    Test::new()
        .step(&format!(
            r##"let found = pods::crash_loops(list([{}]), #{{ restarts: 3, within: duration("1h") }});
                expect(found.map(|c| c.pod), "looping").to_be(["init-waits", "waits", "restarts"]);
                expect(pods::told(found[0]), "the first").to_be("Pod shop/init-waits, init container c, restarted 1 times");"##,
            pods.join(", ")
        ))
        .pb("run p.rhai")
        .code(0);
}

//! The step's handle and its free functions: waiting, clean-up, side by side, what it finds, measures and keeps.

use std::time::{Duration, Instant};

use crate::Test;

const RUN: &str = "run p.rhai --report json=report.json";

#[test]
fn eventually_goes_on_until_it_holds() {
    let ran = Test::new()
        .step(
            r#"eventually(duration("20s"), || {
                 let n = parse_int(sh::script("echo x >> n; wc -l < n").stdout);
                 expect(n, "lines").to_be_at_least(3);
               });"#,
        )
        .pb(RUN)
        .code(0);
    assert_eq!(ran.read("n").lines().count(), 3);
    assert_eq!(ran.reported("p/s")["failures"].as_array().map(Vec::len), Some(0));
}

#[test]
fn eventually_says_what_it_saw_last_and_for_how_long() {
    Test::new().step(r#"eventually(duration("500ms"), || expect(1, "replicas").to_be(2));"#).pb(RUN).code(1).says(&[
        "replicas",
        "not within 500ms",
        "for the last",
    ]);
}

#[test]
fn eventually_does_not_say_how_long_what_was_seen_only_once_was_so() {
    Test::new()
        .step(r#"let n = 0; eventually(duration("300ms"), || { n += 1; expect(n, "replicas").to_be(-1) });"#)
        .pb(RUN)
        .code(1)
        .says(&["replicas", "not within 300ms: looked"])
        .says_nothing_of(&["for the last"]);
}

#[test]
fn eventually_ends_at_once_with_another_error() {
    let began = Instant::now();
    Test::new().step(r#"eventually(duration("60s"), || { throw "broken"; });"#).pb(RUN).code(3).says(&["broken"]);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn eventually_stops_a_closure_that_does_not_end() {
    let began = Instant::now();
    Test::new()
        .step(r#"eventually(duration("1s"), || { loop {} });"#)
        .pb(RUN)
        .code(3)
        .says(&["eventually: not within 1s: attempt 1 of its closure did not end"]);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn eventually_cuts_the_calls_inside_and_keeps_its_words() {
    let began = Instant::now();
    Test::new().step(r#"eventually(duration("100ms"), || sh::run("sleep", ["60"]));"#).pb(RUN).code(3).says(&[
        "error: eventually: not within 100ms: attempt 1 of its closure did not end, and was stopped 5s later",
        "because: cut off: sh::run: no answer by eventually's deadline of 100ms: asked: sleep 60 (p.rhai:3:",
    ]);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[test]
fn where_the_steps_time_ends_first_eventually_says_whose_it_was_and_what_it_saw() {
    let waiting = r#"step("s", #{ on: "none", effect: "write", timeout: ms(1250) }, |t| {
        try { eventually(duration("90s"), || expect("7", "count").to_be("8")) } catch { }
    });"#;
    let ran = Test::new().playbook(waiting).pb(RUN).code(3).says(&[
        "error: the step's deadline of 1.25s struck while eventually waited, whose own limit is 90s: it had looked",
        "count: expected \"8\", is \"7\" (p.rhai:3:",
        "at: p.rhai:3:",
        "gives it longer",
    ]);
    assert_eq!(ran.outcome("p/s"), "errored");
    let looking = r#"step("s", #{ on: "none", effect: "write", timeout: duration("2s") }, |t| {
        let n = 0;
        eventually(duration("90s"), || { n += 1; if n == 1 { expect(n, "looks").to_be_at_most(0) }; sh::run("sleep", ["60"]) });
    });"#;
    Test::new().playbook(looking).pb(RUN).code(3).says(&[
        "whose own limit is 90s: it had looked once, and was at its next look",
        "looks: expected at most 0, is 1 (p.rhai:4:",
        "because: cut off: sh::run: no answer within",
        "the step's deadline (the step has 2s in all): asked: sleep 60 (p.rhai:4:",
    ]);
}

#[test]
fn what_a_finally_closure_threw_has_its_line() {
    let ran = Test::new()
        .step("finally(|| {\n  let x = 1;\n  x.nosuch();\n}); expect(1, \"one\").to_be(1);")
        .pb(RUN)
        .code(2)
        .says(&["a finally closure threw: there is no function \"nosuch\"", "at: p.rhai:5:5", "| x.nosuch();"]);
    assert_eq!(ran.reported("p/s")["error"]["place"]["line"], 5);
    // Beside a failure it is a warning, with its place.
    Test::new()
        .step("finally(|| t.skip(\"no\"));\nexpect(1, \"one\").to_be(2);")
        .pb(RUN)
        .code(1)
        .says(&["a finally closure threw: t.skip can't leave the step here: its closure has ended (p.rhai:3:"])
        .says_nothing_of(&["pb::"]);
}

#[test]
fn a_caught_error_of_the_language_reads_like_a_sentence() {
    let ran = Test::new()
        .step(
            r#"let said = [];
            try { 1 / 0 } catch (e) { said.push(`${e}`) }
            try { let x = 1; x.nosuch() } catch (e) { said.push("" + e) }
            try { throw #{ a: [1], b: "x" } } catch (e) { said.push(`${e}`) }
            t.evidence("said", said); expect(said.len(), "said").to_be(3);"#,
        )
        .pb(RUN)
        .code(0);
    let file = ran.reported("p/s")["evidence"][0].as_str().map(String::from).expect("a file");
    let text = std::fs::read_to_string(ran.run_folder().join(file)).expect("the evidence");
    let said: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(said[0], "Division by zero: 1 / 0");
    assert_eq!(said[1], "there is no function \"nosuch\" (called with int)");
    assert_eq!(said[2], r##"#{"a": [1], "b": "x"}"##);
}

#[test]
fn a_secret_is_neither_a_metric_nor_published() {
    for (call, says) in [
        ("t.metric(\"m\", s)", "t.metric(\"m\"): the value is a secret, and a secret can't be a metric"),
        ("t.metric(\"m\", 1, \"s\", #{ max: s })", "t.metric(\"m\"): max is a secret"),
        ("t.publish(\"p\", #{ a: [s] })", "publish: a secret cannot be published as \"p\""),
    ] {
        let script = format!("let s = secret::file(\"/etc/hostname\"); {call}; expect(1).to_be(1);");
        Test::new().step(&script).pb(RUN).code(3).says(&[says]).says_nothing_of(&["pb::"]);
    }
}

#[test]
fn a_program_runs_in_a_pod_and_not_in_a_workload() {
    // Said before the cluster is asked, which nobody answers for.
    Test::new()
        .step(r#"kube("infra").exec("deploy/x", "true");"#)
        .pb(RUN)
        .code(3)
        .says(&["\"deploy/x\" is no pod's name, and only pods are taken", "k.list(\"pods\""]);
}

#[test]
fn a_clean_up_that_does_not_work_is_no_pass() {
    let ran = Test::new()
        .step(r#"finally(|| { throw "still there" }); expect(1, "one").to_be(1);"#)
        .pb(RUN)
        .code(3)
        .says(&["a finally closure threw", "still there"]);
    assert_eq!(ran.outcome("p/s"), "errored");
    // A failure stays one.
    Test::new()
        .step(r#"finally(|| { throw "still there" }); expect(1, "one").to_be(2);"#)
        .pb(RUN)
        .code(1)
        .says(&["still there"]);
}

#[test]
fn a_clean_up_sees_the_variables_as_the_step_left_them() {
    let ran = Test::new()
        .step(
            r#"let made = []; let name = "nothing yet";
               finally(|| sh::run("tee", ["left"], #{ stdin: `${name} ${made.len()}` }));
               made.push("a"); made.push("b"); name = "two";
               expect(made.len(), "made").to_be(3);"#,
        )
        .pb(RUN)
        .code(1);
    assert_eq!(ran.read("left"), "two 2");
}

#[test]
fn the_record_has_an_undo_before_its_change_is_made() {
    let ran = Test::new()
        .step(
            r#"let seen = sh::script("grep undo_recorded .pb/runs/*/journal.jsonl", #{ effect: "write", undo: "echo undone-later" });
               expect(seen.stdout, "the record").to_contain("undone-later");"#,
        )
        .pb(RUN)
        .code(0);
    assert_eq!(ran.outcome("p/s"), "passed");
}

#[test]
fn what_finally_registers_runs_last_first_also_after_an_error() {
    let ran = Test::new()
        .step(
            r#"finally(|| sh::script("echo one >> order"));
               finally(|| sh::script("echo two >> order"));
               throw "stop";"#,
        )
        .pb(RUN)
        .code(3);
    assert_eq!(ran.read("order"), "two\none\n");
}

#[test]
fn parallel_closures_run_side_by_side_on_copies() {
    let began = Instant::now();
    Test::new()
        .step(
            r#"let list = [1, 2, 3];
               let got = parallel([|| { sh::run("sleep", ["1"]); list[0] }, || { sh::run("sleep", ["1"]); list[1] }, || { sh::run("sleep", ["1"]); list[2] }]);
               expect(got, "values").to_equal([1, 2, 3]);"#,
        )
        .pb(RUN)
        .code(0);
    // Three sleeps of a second one after the other would take three.
    assert!(began.elapsed() < Duration::from_millis(2900), "{:?}", began.elapsed());
}

#[test]
fn steps_share_nothing_but_what_they_publish() {
    let ran = Test::new()
        .playbook(
            r#"let common = [];
               step("a", #{ on: "none" }, |t| { common.push(1); t.publish("n", 42); expect(common.len(), "own").to_be(1); });
               step("b", #{ on: "none", needs: ["a"] }, |t| {
                 expect(common.len(), "untouched").to_be(0);
                 expect(t.value("p/a", "n"), "published").to_be(42);
               });"#,
        )
        .pb(RUN)
        .code(0);
    assert_eq!(ran.outcome("p/b"), "passed");
}

#[test]
fn a_value_that_nobody_published_is_named() {
    Test::new().step(r#"t.value("p/a", "n");"#).pb(RUN).code(3).says(&["p/a", "\"n\"", "needs: [\"p/a\"]"]);
}

#[test]
fn skipping_has_a_reason() {
    let ran = Test::new().step(r#"t.skip("no mesh here");"#).pb(RUN).code(4).says(&["no mesh here"]);
    assert_eq!(ran.outcome("p/s"), "skipped");
}

#[test]
fn a_warning_makes_a_passing_step_warned() {
    let ran = Test::new().step(r#"t.warn("old version"); expect(1).to_be(1);"#).pb(RUN).code(0).says(&["old version"]);
    assert_eq!(ran.outcome("p/s"), "warned");
}

#[test]
fn notes_show_when_asked_for() {
    let body = r#"t.note("two paths"); expect(1).to_be(1);"#;
    Test::new().step(body).pb("run p.rhai").code(0).says_nothing_of(&["two paths"]);
    Test::new().step(body).pb("run p.rhai -v").code(0).says(&["two paths"]);
}

#[test]
fn evidence_is_a_file_of_the_run() {
    let ran = Test::new()
        .step(r#"t.evidence("bgp table", #{ prefixes: ["10.0.0.1/32"] }); t.evidence("log", "a\nb"); expect(1).to_be(1);"#)
        .pb(RUN)
        .code(0);
    let files = ran.reported("p/s")["evidence"].clone();
    assert_eq!(files, serde_json::json!(["evidence/p-s/bgp-table.json", "evidence/p-s/log.txt"]));
    let text = std::fs::read_to_string(ran.run_folder().join("evidence/p-s/bgp-table.json")).expect("evidence");
    assert!(text.contains("10.0.0.1/32"), "{text}");
}

#[test]
fn a_metric_above_its_maximum_fails_the_step_which_goes_on() {
    let ran = Test::new()
        .step(r#"t.metric("start", duration("1500ms"), "s", #{ max: 1 }); t.metric("dns", stats::summary([ms(1), ms(3)]), "ms", #{ max: 2.5, of: "mean" });"#)
        .pb(RUN)
        .code(1)
        .says(&["at most 1 s", "1.5 s"]);
    let metrics = ran.reported("p/s")["metrics"].clone();
    assert_eq!(metrics[0]["value"], 1.5);
    assert_eq!((metrics[1]["value"].as_f64(), metrics[1]["summary"]["count"].as_i64()), (Some(2.0), Some(2)));
    assert_eq!(ran.reported("p/s")["failures"].as_array().map(Vec::len), Some(1));
}

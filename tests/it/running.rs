//! Steps and their outcomes, effects, retries, clean-up, selection, interrupts.

use std::time::{Duration, Instant};

use crate::Test;

const RUN: &str = "run p.rhai --report json=report.json";

#[test]
fn a_step_that_judged_something_right_passes() {
    let ran = Test::new().step(r#"expect(1 + 1, "sum").to_be(2);"#).pb(RUN).code(0);
    assert_eq!(ran.outcome("p/s"), "passed");
}

#[test]
fn a_step_that_judged_nothing_is_inconclusive() {
    let ran = Test::new().step("let x = 1;").pb(RUN).code(4).says(&["nothing was asserted"]);
    assert_eq!(ran.outcome("p/s"), "inconclusive");
}

#[test]
fn a_failure_names_label_expected_actual_and_line() {
    let ran = Test::new().step(r#"expect(3, "replicas of web").to_be(2);"#).pb(RUN).code(1).says(&[
        "replicas of web",
        "expected: 2",
        "actual: 3",
        "p.rhai:3:",
        r#"expect(3, "replicas of web").to_be(2);"#,
    ]);
    let failure = &ran.reported("p/s")["failures"][0];
    assert_eq!(failure["label"], "replicas of web");
    assert!(failure["at"].as_str().expect("a place").starts_with("p.rhai:3:"), "{failure}");
}

#[test]
fn an_expectation_that_failed_is_not_hidden_by_catching_it() {
    let ran = Test::new().step("try { expect(1).to_be(2); } catch { } expect(1).to_be(1);").pb(RUN).code(1);
    assert_eq!(ran.outcome("p/s"), "failed");
}

#[test]
fn soft_expectations_are_all_told() {
    let ran = Test::new()
        .step(r#"expect(1, "one").softly().to_be(2); expect(3, "three").softly().to_be(4);"#)
        .pb(RUN)
        .code(1)
        .says(&["one", "three"]);
    assert_eq!(ran.reported("p/s")["failures"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_expectation_without_a_matcher_is_the_playbooks_error() {
    Test::new().step(r#"expect(1, "one");"#).pb(RUN).code(2).says(&["no matcher"]);
}

#[test]
fn an_empty_population_is_inconclusive() {
    let ran = Test::new().step(r#"expect([], "pods").all(|p| p == 1);"#).pb(RUN).code(4);
    assert_eq!(ran.outcome("p/s"), "inconclusive");
}

#[test]
fn a_script_error_has_its_line_and_the_calls_that_led_there() {
    Test::new()
        .playbook("fn helper(x) { x.frob() }\nstep(\"s\", #{ on: \"none\" }, |t| {\n  helper(1);\n});")
        .pb("run p.rhai")
        .code(2)
        .says(&["p.rhai:2:", "fn helper(x) { x.frob() }", "^", "helper, called at p.rhai:4"]);
}

#[test]
fn a_call_stronger_than_the_steps_effect_is_refused() {
    Test::new().playbook(r#"step("s", #{ on: "none" }, |t| { sh::run("true", []); });"#).pb(RUN).code(3).says(&[
        "sh::run",
        "\"write\"",
        "declares",
        "effect: \"write\"",
    ]);
}

#[test]
fn an_opaque_call_marked_as_reading_passes_a_reading_step() {
    Test::new()
        .playbook(
            r#"step("s", #{ on: "none" }, |t| { expect(sh::run("echo", ["hi"], #{ effect: "read" }).stdout, "echo").to_be("hi"); });"#,
        )
        .pb("run p.rhai --read-only")
        .code(0);
}

#[test]
fn read_only_skips_what_writes() {
    let ran = Test::new().step("expect(1).to_be(1);").pb(&format!("{RUN} --read-only")).code(4);
    assert_eq!(ran.outcome("p/s"), "skipped");
    assert!(ran.reported("p/s")["message"].as_str().expect("a message").contains("--read-only"));
}

#[test]
fn disrupting_needs_permission() {
    let body = r#"step("s", #{ on: "none", effect: "disrupt" }, |t| { expect(1).to_be(1); });"#;
    Test::new().playbook(body).pb(RUN).code(4).says(&["--allow disrupt"]);
    Test::new().playbook(body).pb(&format!("{RUN} --allow disrupt")).code(0);
}

#[test]
fn destroying_needs_the_clusters_name() {
    let body = r#"step("s", #{ on: "infra", effect: "destroy" }, |t| { expect(1).to_be(1); });"#;
    Test::new().playbook(body).pb(&format!("{RUN} --allow disrupt")).code(4).says(&["--allow destroy=infra"]);
    Test::new().playbook(body).pb(&format!("{RUN} --allow destroy=apps")).code(4).says(&["--allow destroy=infra"]);
    Test::new().playbook(body).pb(&format!("{RUN} --allow destroy=infra")).code(0);
    Test::new()
        .playbook(body)
        .pb(&format!("{RUN} --allow destroy=infr"))
        .code(2)
        .complains(&["did you mean \"infra\"?"]);
}

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
fn eventually_ends_at_once_with_another_error() {
    let began = Instant::now();
    Test::new().step(r#"eventually(duration("60s"), || { throw "broken"; });"#).pb(RUN).code(3).says(&["broken"]);
    assert!(began.elapsed() < Duration::from_secs(30));
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

#[test]
fn a_manual_step_waits_for_a_person() {
    let ran = Test::new()
        .playbook(r#"step("look", #{ on: "none", manual: #{ what: "Look at Grafana", evidence: "a screenshot" } });"#)
        .pb(RUN)
        .code(4)
        .says(&["Look at Grafana", "a screenshot"]);
    assert_eq!(ran.outcome("p/look"), "manual");
}

#[test]
fn a_step_is_tried_again_as_often_as_it_says() {
    let ran = Test::new()
        .playbook(
            r#"step("s", #{ on: "none", effect: "write", retry: #{ times: 2, wait: ms(10) } }, |t| {
                 expect(parse_int(sh::script("echo x >> n; wc -l < n").stdout), "tries").to_be(3);
               });"#,
        )
        .pb(RUN)
        .code(0);
    assert_eq!(ran.reported("p/s")["attempts"], 3);
}

#[test]
fn a_guard_that_does_not_hold_blocks_the_step() {
    let ran = Test::new()
        .playbook(
            r#"step("s", #{ on: "none", effect: "disrupt", guard: |t| { expect(1, "nodes that are ready").to_be(3); } },
                 |t| { expect(1).to_be(1); });"#,
        )
        .pb(&format!("{RUN} --allow disrupt"))
        .code(4)
        .says(&["guard did not hold", "nodes that are ready"]);
    assert_eq!(ran.outcome("p/s"), "blocked");
}

#[test]
fn what_needs_a_step_that_failed_is_blocked() {
    let ran = Test::new()
        .playbook(
            r#"step("a", #{ on: "none" }, |t| { expect(1).to_be(2); });
               step("b", #{ on: "none", needs: ["a"] }, |t| { expect(1).to_be(1); });"#,
        )
        .pb(RUN)
        .code(1);
    assert_eq!(ran.outcome("p/b"), "blocked");
    assert!(ran.reported("p/b")["message"].as_str().expect("a message").contains("p/a"));
}

#[test]
fn a_failed_p0_step_stops_the_playbooks_that_come_after() {
    let one =
        r#"playbook(#{ id: "one" }); step("gate", #{ on: "none", priority: "P0" }, |t| { expect(1).to_be(2); });"#;
    let two = r#"playbook(#{ id: "two", after: ["one"] }); step("s", #{ on: "none" }, |t| { expect(1).to_be(1); });"#;
    let ran =
        Test::new().file("set/two.rhai", two).file("set/one.rhai", one).pb("run set --report json=report.json").code(1);
    assert_eq!(ran.outcome("two/s"), "blocked");
}

#[test]
fn a_step_that_goes_on_later_gets_what_its_closure_returned() {
    let ran = Test::new()
        .playbook(
            r#"step("s", #{ on: "none", effect: "write", later: #{ after: ms(300), check: |t, started| {
                   expect(started.at, "what was started").to_be("then");
                   expect(sh::run("cat", ["order"], #{ effect: "read" }).stdout, "order").to_be("began");
               } } }, |t| {
                 sh::script("echo began >> order");
                 finally(|| sh::script("echo undone >> order"));
                 #{ at: "then" }
               });"#,
        )
        .pb(RUN)
        .code(0);
    // The clean-up comes after the check.
    assert_eq!(ran.read("order"), "began\nundone\n");
}

#[test]
fn the_steps_deadline_ends_a_loop_and_a_program() {
    for body in ["loop { let x = 1; }", r#"sh::run("sleep", ["60"]);"#] {
        let began = Instant::now();
        let ran = Test::new()
            .playbook(&format!(r#"step("s", #{{ on: "none", effect: "write", timeout: ms(700) }}, |t| {{ {body} }});"#))
            .pb(RUN)
            .code(3)
            .says(&["700ms", "deadline"]);
        assert_eq!(ran.outcome("p/s"), "errored");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[test]
fn selection_takes_what_it_names_and_what_that_needs() {
    let body = r#"
        step("a", #{ on: "none", priority: "P0" }, |t| { expect(1).to_be(1); });
        step("b", #{ on: "none", priority: "P1", needs: ["a"] }, |t| { expect(1).to_be(1); });
        step("c", #{ on: "none", priority: "P2" }, |t| { expect(1).to_be(1); });"#;
    for (args, ids) in [
        ("--only b", vec!["p/a", "p/b"]),
        ("--only 'p/[ac]'", vec!["p/a", "p/c"]),
        ("--skip c", vec!["p/a", "p/b"]),
        ("--priority P2", vec!["p/c"]),
        ("--priority p0,P2", vec!["p/a", "p/c"]),
        ("--from c", vec!["p/c"]),
    ] {
        let ran = Test::new().playbook(body).pb(&format!("{RUN} {args}")).code(0);
        let report = ran.json("report.json");
        let steps: Vec<&str> =
            report["steps"].as_array().expect("steps").iter().filter_map(|s| s["id"].as_str()).collect();
        assert_eq!(steps, ids, "{args}");
    }
}

#[test]
fn each_cluster_has_its_own_run_and_values() {
    let ran = Test::new()
        .toml("[clusters.infra.settings]\nasn = 64512\n[clusters.apps.settings]\nasn = 64513\n")
        .playbook(
            r#"let asn = setting("asn", 0, "the AS number");
               step("s", #{}, |t| {
                 expect(asn, "asn").to_be(if t.cluster_name == "infra" { 64512 } else { 64513 });
                 expect(t.cluster("apps").setting("asn"), "of the other").to_be(64513);
               });
               step("all", #{ on: "all" }, |t| { expect(t.clusters.len(), "clusters").to_be(2); });"#,
        )
        .pb(RUN)
        .code(0);
    assert_eq!(
        (ran.outcome("p/s@infra"), ran.outcome("p/s@apps"), ran.outcome("p/all")),
        ("passed".into(), "passed".into(), "passed".into())
    );
    Test::new()
        .playbook(r#"step("s", #{}, |t| { expect(1).to_be(1); });"#)
        .pb("run p.rhai --cluster infra")
        .code(0)
        .says(&["p/s@infra"])
        .says_nothing_of(&["p/s@apps"]);
}

#[test]
fn only_one_step_disrupts_at_a_time() {
    let body: String = ["a", "b", "c"]
        .iter()
        .map(|id| {
            format!(
                r#"step("{id}", #{{ on: "none", effect: "disrupt" }}, |t| {{
                     expect(sh::script("mkdir busy && sleep 0.3 && rmdir busy", #{{ check: false }}).code, "alone").to_be(0);
                   }});"#
            )
        })
        .collect();
    Test::new().playbook(&body).pb(&format!("{RUN} --allow disrupt --jobs 8")).code(0);
}

#[test]
fn jobs_bound_what_runs_side_by_side() {
    let body: String = (0..3)
        .map(|n| {
            format!(
                r#"step("s{n}", #{{ on: "none", effect: "write" }}, |t| {{
                     expect(sh::script("mkdir busy && sleep 0.2 && rmdir busy", #{{ check: false }}).code, "alone").to_be(0);
                   }});"#
            )
        })
        .collect();
    Test::new().playbook(&body).pb(&format!("{RUN} --jobs 1")).code(0);
}

#[test]
fn an_interrupt_stops_after_the_clean_up() {
    let test = Test::new().step(
        r#"finally(|| sh::script("echo cleaned > cleaned"));
           sh::script("echo began > began");
           time::sleep(duration("60s"));"#,
    );
    let child = test.command("run p.rhai").stdout(std::process::Stdio::piped()).spawn().expect("started");
    let began = Instant::now();
    while !test.path().join("began").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the step never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(test.path().join("cleaned").exists());
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_journal_tells_the_run() {
    let ran = Test::new().step(r#"expect(1).to_be(1);"#).pb(RUN).code(0);
    let journal = std::fs::read_to_string(ran.run_folder().join("journal.jsonl")).expect("a journal");
    let names: Vec<String> = journal
        .lines()
        .map(|l| {
            serde_json::from_str::<serde_json::Value>(l).expect("JSON")["event"]
                .as_str()
                .unwrap_or_default()
                .to_string()
        })
        .collect();
    assert_eq!(names, ["run_started", "step_started", "step_finished", "run_finished"]);
}

#[test]
fn the_run_s_deadline_is_that_of_steps_without_one() {
    let began = Instant::now();
    Test::new().step(r#"time::sleep(duration("60s"));"#).pb("run p.rhai --timeout 300ms").code(3).says(&["300ms"]);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    Test::new().step("1").pb("run p.rhai --timeout soon").code(2).complains(&["soon"]);
}

#[test]
fn a_junit_report_counts_what_is_not_well() {
    let ran = Test::new()
        .playbook(
            r#"step("good", #{ on: "none" }, |t| { expect(1).to_be(1); });
               step("bad", #{ on: "none" }, |t| { expect(1, "one < two").to_be(2); });
               step("lost", #{ on: "none" }, |t| { throw "lost"; });
               step("left", #{ on: "none" }, |t| { t.skip("not here"); });"#,
        )
        .pb("run p.rhai --report junit=report.xml --report json=report.json")
        .code(1);
    let xml = ran.read("report.xml");
    for text in ["tests=\"4\"", "failures=\"1\"", "errors=\"1\"", "name=\"bad\"", "one &lt; two", "not here"] {
        assert!(xml.contains(text), "{text}: {xml}");
    }
    let report = ran.json("report.json");
    assert_eq!((report["verdict"].as_str(), report["exit_code"].as_i64()), (Some("NO-GO"), Some(1)));
}

#[test]
fn exit_codes_have_their_order() {
    let steps = [
        ("expect(1).to_be(1);", 0),
        ("t.skip(\"no\");", 4),
        ("throw \"lost\";", 3),
        ("expect(1).to_be(2);", 1),
        ("expect(1);", 2),
    ];
    for upto in 0..steps.len() {
        let body: String = steps[..=upto]
            .iter()
            .enumerate()
            .map(|(n, (body, _))| format!("step(\"s{n}\", #{{ on: \"none\" }}, |t| {{ {body} }});\n"))
            .collect();
        Test::new().playbook(&body).pb("run p.rhai").code(steps[upto].1);
    }
}

#[test]
fn a_quiet_run_tells_only_what_is_not_well() {
    Test::new()
        .playbook(
            r#"step("good", #{ on: "none" }, |t| { expect(1).to_be(1); });
               step("bad", #{ on: "none" }, |t| { expect(1, "one").to_be(2); });"#,
        )
        .pb("run p.rhai --quiet")
        .code(1)
        .says(&["p/bad", "expected: 2"])
        .says_nothing_of(&["p/good", "\u{1b}"]);
}

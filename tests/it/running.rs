//! Steps and their outcomes, effects, exit codes, reports and the journal.

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
        .pb("run p.rhai --read-only -v")
        .code(0)
        .says(&[r#"sh::run counts as "read", not "write": p.rhai says so"#]);
}

#[test]
fn read_only_refuses_what_changes_before_anything_is_sent() {
    let web = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    web.set_nonblocking(true).expect("no waiting");
    let port = web.local_addr().expect("bound").port();
    let calls = [
        ("sh::run", "sh::run(\"touch\", [\"made\"])".to_string()),
        ("sh::script", "sh::script(\"touch made\")".into()),
        ("file::write", "file::write(\"made\", \"x\")".into()),
        ("host.run", "ssh(\"edge-1\").run(\"reload\")".into()),
        ("http::post", format!("http::post(\"http://127.0.0.1:{port}/\")")),
        ("http::put", format!("http::put(\"http://127.0.0.1:{port}/\")")),
        ("http::patch", format!("http::patch(\"http://127.0.0.1:{port}/\")")),
        ("http::delete", format!("http::delete(\"http://127.0.0.1:{port}/\")")),
        ("http::request", format!("http::request(\"PURGE\", \"http://127.0.0.1:{port}/\")")),
        ("http::bench", format!("http::bench(\"http://127.0.0.1:{port}/\", #{{ method: \"POST\" }})")),
        ("tcp::connect", format!("tcp::connect(\"127.0.0.1:{port}\", #{{ send: \"x\" }})")),
    ];
    let mut playbook = String::from("playbook(#{ id: \"p\" });\n");
    for (at, (_, call)) in calls.iter().enumerate() {
        playbook.push_str(&format!("step(\"s{at}\", #{{ on: \"none\" }}, |t| {{ {call}; }});\n"));
        playbook.push_str(&format!("step(\"f{at}\", #{{ on: \"none\" }}, |t| {{ finally(|| {{ {call}; }}); }});\n"));
    }
    playbook.push_str(
        "step(\"reads\", #{ on: \"none\" }, |t| { expect(sh::which(\"bash\"), \"bash\").to_match(\"bash\"); });",
    );
    let host = "[hosts.edge-1]\naddress = \"127.0.0.1\"\nport = ";
    let ran = Test::new()
        .file("p.rhai", &playbook)
        .toml(&format!("{host}{port}\nuser = \"netops\"\n"))
        .pb(&format!("{RUN} --read-only"))
        .code(3);
    for (at, (function, _)) in calls.iter().enumerate() {
        for step in [format!("p/s{at}"), format!("p/f{at}")] {
            assert_eq!(ran.outcome(&step), "errored", "{step} {function}");
            let message = ran.reported(&step)["message"].as_str().expect("a message").to_string();
            assert!(
                message.contains(function) && message.contains("is \"write\", and the run is --read-only"),
                "{message}"
            );
        }
    }
    assert_eq!(ran.outcome("p/reads"), "passed");
    assert!(!ran.has("made"));
    assert!(web.accept().is_err(), "something was sent");
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
fn a_manual_step_waits_for_a_person() {
    let ran = Test::new()
        .playbook(r#"step("look", #{ on: "none", manual: #{ what: "Look at Grafana", evidence: "a screenshot" } });"#)
        .pb(RUN)
        .code(4)
        .says(&["Look at Grafana", "a screenshot"]);
    assert_eq!(ran.outcome("p/look"), "manual");
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

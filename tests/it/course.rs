//! The course of a run: retries, guards, needs, gates, selection, clusters, jobs, interrupts, deadlines.

use std::time::{Duration, Instant};

use crate::Test;

const RUN: &str = "run p.rhai --report json=report.json";

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
fn a_guard_holds_by_an_expectation_or_by_true_and_by_nothing_else() {
    for (guard, outcome) in [
        ("|t| true", "passed"),
        ("|t| { expect(1, \"one\").to_be(1); }", "passed"),
        ("|t| false", "blocked"),
        ("|t| { expect(1, \"one\").to_be(1); false }", "blocked"),
        ("|t| { }", "blocked"),
        ("|t| { t.note(\"looked\"); }", "blocked"),
        ("|t| list([]).all(|n| n)", "blocked"),
        ("|t| [true].all(|n| n)", "passed"),
    ] {
        let ran = Test::new()
            .playbook(&format!(
                "step(\"s\", #{{ on: \"none\", effect: \"disrupt\", guard: {guard} }}, |t| {{ expect(1, \"x\").to_be(1); }});"
            ))
            .pb(&format!("{RUN} --allow disrupt"));
        assert_eq!(ran.outcome("p/s"), outcome, "{guard}");
    }
}

#[test]
fn a_metric_that_is_no_number_keeps_no_limit() {
    let ran = Test::new()
        .playbook("step(\"s\", #{ on: \"none\" }, |t| { t.metric(\"mean\", 0.0 / 0.0, \"s\", #{ max: 2 }); });")
        .pb(RUN)
        .code(3)
        .says(&["not a number"]);
    assert_eq!(ran.outcome("p/s"), "errored");
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
fn a_second_interrupt_kills_the_programs_that_run() {
    // Deaf to SIGTERM: only the second interrupt ends them before their grace is over.
    let test = Test::new()
        .step(r#"sh::script("trap '' TERM INT; sleep 321 & echo $$ $! > made && mv made pids; wait; sleep 321");"#);
    let mut child = test.command("run p.rhai").stdout(std::process::Stdio::null()).spawn().expect("started");
    let began = Instant::now();
    while !test.path().join("pids").exists() {
        assert!(began.elapsed() < Duration::from_secs(30), "the step never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pids = std::fs::read_to_string(test.path().join("pids")).expect("written");
    let pid = |text: &str| rustix::process::Pid::from_raw(text.parse().expect("a pid")).expect("a pid");
    let pb = pid(&child.id().to_string());
    rustix::process::kill_process(pb, rustix::process::Signal::INT).expect("signalled");
    std::thread::sleep(Duration::from_millis(100));
    rustix::process::kill_process(pb, rustix::process::Signal::INT).expect("signalled");
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    // Killed they are at once; gone, when whoever inherited them has reaped them.
    let alive = |text: &str| {
        std::fs::read_to_string(format!("/proc/{text}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
    };
    let ended = Instant::now();
    while pids.split_whitespace().any(alive) && ended.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let left: Vec<&str> = pids.split_whitespace().filter(|text| alive(text)).collect();
    for text in &left {
        let _ = rustix::process::kill_process(pid(text), rustix::process::Signal::KILL);
    }
    assert!(left.is_empty(), "{left:?} of {pids} are left");
}

#[test]
fn the_run_s_deadline_is_that_of_steps_without_one() {
    let began = Instant::now();
    Test::new().step(r#"time::sleep(duration("60s"));"#).pb("run p.rhai --timeout 300ms").code(3).says(&["300ms"]);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    Test::new().step("1").pb("run p.rhai --timeout soon").code(2).complains(&["soon"]);
}

//! What can be broken, from the command line: the list, a switch, and a run under a fault.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::Value;

use crate::Test;

/// `pb ARGS` in a folder that is used again: its exit code, and what it said.
fn pb(test: &Test, args: &str) -> (Option<i32>, String) {
    let output = test.command(args).output().expect("pb runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + err.as_str())
}

#[test]
fn the_faults_are_listed_by_what_they_are_about() {
    let ran = Test::new().pb("lab faults").code(0);
    assert_snapshot!("lab_faults", ran.out());
}

#[test]
fn the_list_is_json_too_with_what_each_would_break() {
    let ran = Test::new().pb("lab faults --json").code(0);
    let all: Vec<Value> = serde_json::from_str(ran.out()).expect("JSON");
    assert!(all.len() >= 60, "{}", all.len());
    for fault in &all {
        for key in ["name", "part", "about", "risk", "effect"] {
            assert!(fault[key].as_str().is_some_and(|text| !text.is_empty()), "{fault}");
        }
        assert!(fault["object"].is_string() != fault["not_here"].is_string(), "{fault}");
    }
    let cut = all.iter().find(|fault| fault["name"] == "node-cut-off").expect("it is there");
    assert_eq!(cut["object"], "Node infra-03 (10.25.11.13)");
}

#[test]
fn an_unknown_fault_and_a_lab_that_is_not_open_are_told() {
    Test::new().pb("lab fault node-cut-of on").code(2).complains(&["no fault \"node-cut-of\"", "node-cut-off"]);
    Test::new().pb("lab fault node-cut-off on --dir here").code(2).complains(&["no lab is open in", "--dir"]);
    Test::new().pb("run t5 --lab --fault node-cut-off@soon").code(2).complains(&["\"soon\" is no duration"]);
    Test::new().pb("run t5 --fault node-cut-off").code(2);
    Test::new().pb("lab export nowhere --topology one-node").code(2).complains(&["no cluster \"nowhere\"", "infra"]);
}

#[test]
fn an_open_lab_is_broken_and_mended_from_outside() {
    let test = Test::new();
    let command = "lab up one-node --dir here --fault machine-api-stopped";
    let mut child = test.command(command).stdout(Stdio::piped()).spawn().expect("pb runs");
    let out = child.stdout.take().expect("its output");
    let mut lines = BufReader::new(out).lines().map_while(Result::ok);
    let broken = lines.find(|line| line.contains("machine-api-stopped"));
    let opened = broken.is_some() && lines.any(|line| line.contains("Ctrl-C"));
    let switched = pb(&test, "lab fault node-cordoned on --dir here");
    let listed = pb(&test, "lab faults one-node --dir here");
    let mended = pb(&test, "lab fault node-cordoned off --dir here");
    let again = pb(&test, "lab fault node-cordoned off --dir here");
    let _ = child.kill();
    let _ = child.wait();
    assert!(opened, "{broken:?}");
    assert!(switched.1.contains("node-cordoned: Node infra-01 of infra is broken"), "{switched:?}");
    let on: Vec<&str> = listed.1.lines().filter(|line| line.contains("  on  ")).collect();
    assert_eq!(on.len(), 2, "{on:?}");
    assert!(mended.1.contains("is mended"), "{mended:?}");
    assert!(again.1.contains("it was not broken"), "{again:?}");
    assert_eq!([switched.0, listed.0, mended.0, again.0], [Some(0); 4]);
}

#[test]
fn a_run_under_a_fault_fails_and_names_what_is_broken() {
    let test = Test::new();
    let command = "run t5 --lab --only bgp-sessions --fault bgp-neighbour-shut --report json=report.json";
    let (code, said) = pb(&test, command);
    assert_eq!(code, Some(1), "{said}");
    let text = std::fs::read_to_string(test.path().join("report.json")).expect("a report");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let steps = report["steps"].as_array().expect("steps");
    let ended = |id: &str| steps.iter().find(|step| step["id"] == id).expect("it ran").clone();
    let broken = ended("t5/bgp-sessions@infra");
    assert_eq!(broken["outcome"], "failed");
    assert!(broken["message"].as_str().is_some_and(|said| said.contains("10.25.11.11")), "{broken}");
    assert_eq!(ended("t5/bgp-sessions@apps")["outcome"], "passed");
}

#[test]
fn a_proof_names_what_each_step_caught_and_what_nothing_makes_fail() {
    let playbook = r#"
playbook(#{ id: "p", title: "Proof" });
step("ready", #{ title: "Nodes are schedulable", on: "infra" }, |t| {
    let closed = t.kube.list("nodes").filter(|n| n.spec.unschedulable ?? false).map(|n| n.name);
    expect(closed, "nodes that are cordoned").or_none().to_be_empty();
});
step("counted", #{ title: "A node takes pods", on: "infra" }, |t| {
    let open = t.kube.list("nodes").filter(|n| !(n.spec.unschedulable ?? false));
    expect(open.len(), "nodes that take pods").or_none().to_be_at_least(1);
});
step("vacuous", #{ title: "There are nodes", on: "infra" }, |t| {
    expect(t.kube.list("nodes").len(), "nodes").to_be_at_least(1);
});
"#;
    let test = Test::new().file("p.rhai", playbook);
    let (code, said) =
        pb(&test, "lab prove p.rhai --topology one-node --fault node-cordoned,machine-api-stopped --json");
    assert_eq!(code, Some(1), "{said}");
    let proof: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(proof["unproven"], serde_json::json!(["p/counted", "p/vacuous"]));
    let step = |id: &str| {
        proof["steps"].as_array().and_then(|all| all.iter().find(|one| one["step"] == id)).expect("it is there")
    };
    let ready = step("p/ready");
    assert_eq!((&ready["step"], &ready["proven"]), (&"p/ready".into(), &true.into()), "{proof}");
    assert_eq!(ready["caught"].as_array().map(Vec::len), Some(1));
    assert_eq!(ready["caught"][0]["object"], "Node infra-01 of infra");
    // A failure that does not say what is broken proves nothing.
    let counted = step("p/counted");
    assert_eq!(
        (&counted["caught"][0]["outcome"], &counted["caught"][0]["names_object"]),
        (&"failed".into(), &false.into())
    );
    assert_eq!(
        counted["why_not"],
        "it fails under node-cordoned, and its message does not name Node infra-01 of infra"
    );
    assert_eq!(
        step("p/vacuous")["why_not"],
        "no fault makes it fail: it passes under the 1 that touches what it looks at"
    );
    let quiet = proof["faults"].as_array().expect("faults").iter().find(|fault| fault["steps"] == 0).expect("one");
    assert_eq!(quiet["fault"], "machine-api-stopped", "no step asks machines");
    let (code, told) = pb(&test, "lab prove p.rhai --topology one-node --fault node-cordoned --only ready");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("p/ready  fails under 1 fault"), "{told}");
    let (code, told) = pb(&test, "lab prove p.rhai --topology one-node --fault node-cordoned --only counted,ready");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("✗ p/counted: it fails under node-cordoned, and its message does not name"), "{told}");
    assert!(told.contains("1 of 2 steps proven"), "{told}");
}

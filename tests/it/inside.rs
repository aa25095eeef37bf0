//! `--lab` and `pb lab up`: a platform of the program's own, on a machine that has none.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Test;

/// `pb ARGS` in a folder without any configuration, and the JSON report that it wrote.
fn report(test: &Test, args: &str) -> (Option<i32>, Value, String) {
    let output = test.command(&format!("{args} --report json=report.json")).output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref();
    let report =
        std::fs::read_to_string(test.path().join("report.json")).unwrap_or_else(|_| panic!("no report\n{text}"));
    (output.status.code(), serde_json::from_str(&report).expect("JSON"), text)
}

fn outcomes(report: &Value) -> Vec<String> {
    let text = |step: &Value, key: &str| step[key].as_str().expect("a text").to_string();
    let mut all: Vec<String> = report["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| format!("{} {}", text(step, "id"), text(step, "outcome")))
        .collect();
    all.sort();
    all
}

#[test]
fn the_networking_playbook_passes_whole_in_the_lab() {
    let test = Test::new();
    let (code, report, text) = report(&test, "run t5 --lab --allow disrupt");
    // What a person has to look at waits.
    assert_eq!(code, Some(4), "{text}");
    let (passed, others): (Vec<String>, Vec<String>) =
        outcomes(&report).into_iter().partition(|outcome| outcome.ends_with(" passed"));
    assert_eq!(others, ["t5/notes manual", "t5/screens manual"], "{text}");
    for step in ["bgp-failover", "bgp-sessions", "bgp-table", "dns", "lb-address", "secret-rotation"] {
        for cluster in ["apps", "infra"] {
            assert!(passed.contains(&format!("t5/{step}@{cluster} passed")), "{step}: {passed:?}");
        }
    }
}

#[test]
fn the_specifications_own_topology_needs_no_settings() {
    let test = Test::new();
    let (code, report, text) = report(&test, "run t5 --lab=spec --only bgp-table,lb-address");
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(outcomes(&report).len(), 4);
    let settings = report["settings"].as_array().expect("settings");
    let pools: Vec<&Value> = settings.iter().filter(|s| s["name"] == "lb_pools" && s["from"] != "default").collect();
    assert!(pools.is_empty(), "{pools:?}");
}

#[test]
fn what_pb_toml_leads_to_is_not_touched_and_what_is_typed_counts() {
    let toml = "[clusters.production]\n[hosts.edge-1]\naddress = \"192.0.2.1\"\n[settings]\ndns_tries = 3\nlb_within = \"7s\"\n";
    let test = Test::new().toml(toml);
    let output = test.command("plan t5 --lab=one-node --set infra:dns_tries=2").output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("t5/dns@infra") && !text.contains("@production") && !text.contains("@apps"), "{text}");
    assert!(text.contains("profile one-node (cluster infra)"), "{text}");
    assert!(text.contains("7s"), "{text}");
}

#[test]
fn a_run_in_the_lab_goes_on_in_the_lab() {
    let playbook =
        "step(\"s\", #{ on: \"infra\" }, |t| { expect(t.kube.list(\"nodes\").len(), \"nodes\").to_be(99); });";
    let test = Test::new().playbook(playbook);
    let (code, first, text) = report(&test, "run p.rhai --lab=one-node");
    assert_eq!((code, outcomes(&first)), (Some(1), vec!["p/s@infra failed".to_string()]), "{text}");
    let run = first["run"].as_str().expect("the run's id").to_string();
    std::fs::remove_file(test.path().join("report.json")).expect("removed");
    let (code, second, text) = report(&test, &format!("run --rerun {run}"));
    assert_eq!((code, outcomes(&second)), (Some(1), vec!["p/s@infra failed".to_string()]), "{text}");
}

#[test]
fn an_unknown_topology_and_a_broken_one_are_told() {
    Test::new().pb("run t5 --lab=monosens").code(2).complains(&["did you mean \"monosense\"?"]);
    Test::new()
        .file("mine.toml", "about = \"x\"\nrooter = 1\n")
        .pb("plan t5 --lab=mine.toml")
        .code(2)
        .complains(&["mine.toml:2"]);
    Test::new().pb("plan t5 --lab --context infra=x").code(2);
}

#[test]
fn a_lab_that_is_kept_open_writes_what_clients_need_and_closes() {
    let test = Test::new();
    let mut child = test.command("lab up one-node --dir here").stdout(Stdio::piped()).spawn().expect("pb runs");
    let mut told = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    while !told.ends_with("Ctrl-C closes it.\n") {
        assert!(lines.read_line(&mut told).expect("read") > 0, "{told}");
    }
    assert!(told.contains("kubectl --kubeconfig") && told.contains("edge-1"), "{told}");
    for file in ["kubeconfig", "ssh_config", "known_hosts", "id_ed25519", "pb.toml"] {
        assert!(test.path().join("here").join(file).is_file(), "{file}");
    }
    let output = test.command("run t5 --config here/pb.toml --only bgp-table@infra").output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref();
    assert!(output.status.success(), "{text}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let until = Instant::now() + Duration::from_secs(20);
    while child.try_wait().expect("waited for").is_none() {
        assert!(Instant::now() < until, "it does not close");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A run whose wall time counts, after one that warmed the machine up.
fn timed(test: &Test, args: &str) -> (Option<i32>, Value, String, Duration) {
    let begun = Instant::now();
    let (code, report, text) = report(test, args);
    (code, report, text, begun.elapsed())
}

#[test]
fn a_platform_that_is_not_built_up_shows_what_it_lacks() {
    let playbook = r#"
        step("api", #{ on: "infra" }, |t| { expect(t.kube.list("nodes"), "nodes").not_to_be_empty(); });
        step("etcd", #{ on: "infra" }, |t| { expect(talos("infra").etcd_status(), "etcd").not_to_be_empty(); });
    "#;
    let test = Test::new().playbook(playbook);
    let (code, report, text) = report(&test, "run p.rhai --lab=one-node --stage configured --clock skip");
    assert_eq!(code, Some(3), "{text}");
    assert_eq!(outcomes(&report), ["p/api@infra errored", "p/etcd@infra errored"]);
    assert!(text.contains("onnection refused") && text.contains("2379"), "{text}");
    let output = test.command("run p.rhai --lab --stage cores").output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("there is no stage \"cores\"") && text.contains("did you mean \"core\"?"), "{text}");
    let output = test.command("run p.rhai --lab --clock sixty").output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && text.contains("such as 60x, or skip"), "{text}");
}

#[test]
fn ten_minutes_of_waiting_in_vain_take_no_time_where_the_clock_skips() {
    let playbook = r#"
        step("looks", #{ on: "infra", timeout: duration("20m") }, |t| {
            eventually(duration("10m"), || { expect(t.kube.list("nodes").len(), "nodes").to_be(99); });
        });
        step("watches", #{ on: "infra", timeout: duration("20m"), needs: ["looks-not"] }, |t| {
            t.kube.wait("node", "infra-01", #{ within: duration("10m"), wants: "condition=Nonesuch" });
        });
        step("looks-not", #{ on: "infra" }, |t| { expect(t.kube.list("nodes").len(), "nodes").to_be(1); });
        step("sleeps", #{ on: "infra", timeout: duration("20m") }, |t| { time::sleep(duration("9m")); expect(1, "one").to_be(1); });
    "#;
    let test = Test::new().playbook(playbook);
    let (_, report, text, took) = timed(&test, "run p.rhai --lab=one-node --clock skip");
    assert_eq!(
        outcomes(&report),
        ["p/looks-not@infra passed", "p/looks@infra failed", "p/sleeps@infra passed", "p/watches@infra failed"],
        "{text}"
    );
    let seconds = |id: &str| {
        let steps = report["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["id"] == id).and_then(|step| step["seconds"].as_f64()).expect("seconds")
    };
    for (id, least) in [("p/looks@infra", 600.0), ("p/watches@infra", 600.0), ("p/sleeps@infra", 540.0)] {
        assert!((least..least + 10.0).contains(&seconds(id)), "{id}: {} s\n{text}", seconds(id));
    }
    assert!(took < Duration::from_secs(20), "{took:?}");
}

//! `pb clean`: what a killed run left is undone, once, and only by whom and where it may be.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::Test;

/// `pb ARGS` in the folder of a test, once more.
fn pb(test: &Test, args: &str) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = test.command(args).output().expect("pb runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code(), text(&stdout), text(&stderr))
}

fn wait_for(file: &Path) {
    let until = Instant::now() + Duration::from_secs(60);
    while !file.exists() {
        assert!(Instant::now() < until, "{} does not appear", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A run that has made two changes and waits; undoing them appends `2` and `1` to `undone`.
fn started(test: &Test) -> Child {
    let _ = std::fs::remove_file(test.path().join("began"));
    let run = test.command("run p.rhai").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pb runs");
    wait_for(&test.path().join("began"));
    run
}

fn killed(test: &Test) {
    let mut run = started(test);
    run.kill().expect("killed");
    run.wait().expect("ended");
}

fn changing() -> Test {
    Test::new().step(
        r#"sh::script("true", #{ undo: "test ! -e hindered; echo 1 >> undone" });
           sh::script("touch began; exec sleep 3", #{ undo: "echo 2 >> undone" });"#,
    )
}

fn folder(test: &Test) -> PathBuf {
    let mut runs = std::fs::read_dir(test.path().join(".pb/runs")).expect("runs");
    runs.next().expect("a run").expect("an entry").path()
}

fn undone(test: &Test) -> String {
    std::fs::read_to_string(test.path().join("undone")).unwrap_or_default()
}

#[test]
fn what_a_killed_run_left_is_undone_once_and_in_reverse_order() {
    let test = changing();
    killed(&test);
    let (code, out, err) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(0), "2\n1\n"), "{out}{err}");
    for text in
        ["was killed; 2 changes are left to undo", "  1.  run bash", "on this machine", "undone", "nothing is left."]
    {
        assert!(out.contains(text), "{text}: {out}");
    }
    let (code, out, _) = pb(&test, "clean latest");
    assert_eq!(code, Some(0));
    assert!(out.contains("nothing is left to undo"), "{out}");
    assert_eq!(undone(&test), "2\n1\n");
    let (_, listed, _) = pb(&test, "runs");
    assert!(listed.contains("UNFINISHED") && !listed.contains("left to undo"), "{listed}");
    let (_, shown, err) = pb(&test, "show latest");
    assert!(shown.contains("CLEANED with pb clean") && shown.contains("2 changes undone, nothing is left"), "{shown}");
    assert!(!shown.contains("left to undo:") && err.is_empty(), "{shown}{err}");
}

#[test]
fn what_could_not_be_undone_is_said_and_tried_again() {
    let test = changing().file("hindered", "");
    killed(&test);
    let (code, out, _) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(3), "2\n"), "{out}");
    assert!(out.contains("NOT UNDONE") && out.contains("exit code 1"), "{out}");
    assert!(out.contains("1 change is still left; pb clean "), "{out}");
    let (_, listed, _) = pb(&test, "runs");
    assert!(listed.contains("1 change is left to undo"), "{listed}");
    std::fs::remove_file(test.path().join("hindered")).expect("removed");
    let (code, out, _) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(0), "2\n1\n"), "{out}");
    assert!(out.contains("1 change is left to undo") && out.contains("was tried before: bash"), "{out}");
}

#[test]
fn what_was_dealt_with_by_hand_is_written_down_and_hinders_nothing_more() {
    let test = Test::new().env("USER", "ada").env("TOKEN", "a-planted-secret").step(
        r#"secret::env("TOKEN");
           sh::script("true", #{ undo: "test a-planted-secret" });
           sh::script("touch began; test -e again || exec sleep 3", #{ undo: "echo 2 >> undone" });"#,
    );
    killed(&test);
    let (code, out, _) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(3), "2\n"), "{out}");
    assert!(out.contains("it held a secret, and records hold none: do it by hand"), "{out}");
    assert!(out.contains("--done 1 once you have dealt with it by hand"), "{out}");
    let (code, _, err) = pb(&test, "run --resume latest");
    assert_eq!(code, Some(2));
    assert!(err.contains("--done 1 once"), "{err}");
    let (code, _, err) = pb(&test, "clean latest --done 2");
    assert_eq!(code, Some(2));
    assert!(err.contains("change 2 is not left") && err.contains("left to undo: 1;"), "{err}");
    assert_eq!(pb(&test, "clean --all --done 1").0, Some(2));

    let (code, out, err) = pb(&test, "clean latest --done 1");
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("dealt with by hand, as ada on ") && out.contains("nothing is left."), "{out}");
    let ledger = std::fs::read_to_string(folder(&test).join("ledger.jsonl")).expect("a ledger");
    assert!(ledger.lines().last().is_some_and(|l| l.contains(r#""row":1,"by_hand":"ada on "#)), "{ledger}");
    let (_, shown, _) = pb(&test, "show latest");
    assert!(shown.contains("1 change undone, 1 dealt with by hand as ada on "), "{shown}");
    assert!(shown.contains("nothing is left") && !shown.contains("left to undo:"), "{shown}");
    std::fs::write(test.path().join("again"), "").expect("written");
    let (code, out, err) = pb(&test, "run --resume latest");
    assert_eq!(code, Some(4), "nothing is asserted: {out}{err}");
}

#[test]
fn nobody_is_asked_without_a_terminal_and_nothing_is_done() {
    let test = changing();
    killed(&test);
    let (code, out, err) = pb(&test, "clean latest");
    assert_eq!(code, Some(2));
    assert!(out.contains("2 changes are left to undo") && out.contains("run bash"), "{out}");
    assert!(err.contains("no terminal") && err.contains("--yes"), "{err}");
    assert_eq!(undone(&test), "");
    assert_eq!(pb(&test, "clean").0, Some(2), "which run?");
    assert_eq!(pb(&test, "clean latest --all").0, Some(2));
}

#[test]
fn a_run_that_is_running_is_left_alone() {
    let test = changing();
    let mut run = started(&test);
    let (code, _, err) = pb(&test, "clean latest --yes");
    assert_eq!(code, Some(3));
    assert!(err.contains("is still running: process ") && err.contains("Ctrl-C"), "{err}");
    let (code, out, _) = pb(&test, "clean --all --yes");
    assert_eq!(code, Some(0));
    assert!(out.contains("is still running: it cleans up itself"), "{out}");
    assert_eq!(undone(&test), "");
    run.wait().expect("ended");
    assert_eq!(undone(&test), "2\n1\n", "the run itself");
    assert_eq!(pb(&test, "clean --all --yes").0, Some(0));
    assert_eq!(undone(&test), "2\n1\n");
}

#[test]
fn all_unfinished_runs_are_cleaned_up_after() {
    let test = changing();
    killed(&test);
    killed(&test);
    let (code, out, err) = pb(&test, "clean --all --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(0), "2\n1\n2\n1\n"), "{out}{err}");
    let (code, out, _) = pb(&test, "clean --all --yes");
    assert_eq!(code, Some(0));
    assert!(out.contains("left anything behind"), "{out}");
}

/// A kubeconfig with one context.
fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: infra, context: {{cluster: c, user: u}}}}]\n"
    )
}

#[test]
fn another_server_than_the_runs_is_never_changed() {
    let test = changing().toml("[clusters.infra]\nkubeconfig = \"k\"").file("k", &kubeconfig("https://127.0.0.1:1"));
    killed(&test);
    // As a killed creation leaves it.
    let row = r#"{"at":"2026-11-23T06:31:12Z","event":"undo_recorded","row":9,"change":"create Pod web/a","undo":"delete","object":{"cluster":"infra","api_version":"v1","kind":"Pod","plural":"pods","namespace":"web","name":"a"}}"#;
    let ledger = folder(&test).join("ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).expect("a ledger");
    std::fs::write(&ledger, format!("{text}{row}\n")).expect("written");
    let test = test.file("k", &kubeconfig("https://127.0.0.1:2"));
    let (code, _, err) = pb(&test, "clean latest --yes");
    assert_eq!(code, Some(2));
    for text in ["https://127.0.0.1:1", "https://127.0.0.1:2", "--context infra=CONTEXT"] {
        assert!(err.contains(text), "{text}: {err}");
    }
    assert_eq!(undone(&test), "", "nothing at all");
    // The same server, which does not answer: what else there is to undo is undone.
    let test = test.file("k", &kubeconfig("https://127.0.0.1:1"));
    let (code, out, _) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(3), "2\n1\n"), "{out}");
    assert!(
        out.contains("delete Pod web/a, if it carries the run's label") && out.contains("(context infra)"),
        "{out}"
    );
    assert!(out.contains("infra is https://127.0.0.1:1") && out.contains("NOT UNDONE delete Pod"), "{out}");
}

#[test]
fn ctrl_c_leaves_the_rest_to_the_next_time() {
    let test = Test::new().step(
        r#"sh::script("true", #{ undo: "echo 1 >> undone" });
           sh::script("touch began; exec sleep 3", #{ undo: "touch undoing; sleep 1; echo 2 >> undone" });"#,
    );
    killed(&test);
    let clean = test.command("clean latest --yes").stdout(Stdio::piped()).spawn().expect("pb runs");
    wait_for(&test.path().join("undoing"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(clean.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let output = clean.wait_with_output().expect("ended");
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), undone(&test).as_str()), (Some(130), "2\n"), "{out}");
    assert!(out.contains("interrupted; 1 change is still left"), "{out}");
    assert_eq!(pb(&test, "clean latest --yes").0, Some(0));
    assert_eq!(undone(&test), "2\n1\n");
}

//! The record of a run: what is kept, how it is listed and told again, and what a kill or a full disk leaves.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::Test;

/// `pb ARGS` in the folder of a test, once more.
fn pb(test: &Test, args: &str) -> (Option<i32>, String, String) {
    said(&test.command(args).output().expect("pb runs"))
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn runs(test: &Test) -> Vec<String> {
    let entries = std::fs::read_dir(test.path().join(".pb/runs")).expect("runs");
    entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

fn wait_for(file: &Path) {
    let until = Instant::now() + Duration::from_secs(60);
    while !file.exists() {
        assert!(Instant::now() < until, "{} does not appear", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_is_listed_and_told_again_as_it_was_told_live() {
    let test = Test::new().playbook(
        r#"step("good", #{ on: "none", effect: "write" }, |t| {
               let said = sh::script("echo hello", #{ undo: "true" });
               expect(said.stdout, "stdout").to_be("hello");
               t.note("noted");
           });
           step("bad", #{ on: "none" }, |t| { expect(1, "one").softly().to_be(2); print("printed"); });"#,
    );
    assert_eq!(pb(&test, "runs").1.lines().count(), 1, "there is no run yet");
    assert_eq!(pb(&test, "runs --latest").0, Some(2));
    for args in ["", " --explain", " -q", " -v"] {
        let live = pb(&test, &format!("run p.rhai --jobs 1{args}"));
        assert_eq!(live.0, Some(1), "{live:?}");
        let told = pb(&test, &format!("show latest{args}"));
        assert_eq!((told.0, told.2), (Some(0), String::new()));
        assert_eq!(told.1, live.1, "pb show latest{args}");
    }
    let (code, listed, _) = pb(&test, "runs");
    assert_eq!((code, listed.lines().count()), (Some(0), 5), "{listed}");
    assert!(listed.lines().next().is_some_and(|l| l.starts_with("RUN") && l.contains("RESULT")), "{listed}");
    assert!(listed.contains("p.rhai") && listed.contains("failed: 1 passed and 1 failed"), "{listed}");
    let latest = pb(&test, "runs --latest").1;
    assert!(runs(&test).contains(&latest.trim().to_string()), "{latest}");
    assert!(listed.lines().nth(1).is_some_and(|l| l.starts_with(latest.trim())), "newest first: {listed}");
}

#[test]
fn a_run_keeps_what_it_was_and_what_it_asked() {
    let ran = Test::new()
        .step(r#"expect(sh::script("echo hello", #{ undo: "true" }).stdout).to_be("hello");"#)
        .pb("run p.rhai --only s")
        .code(0);
    let folder = ran.run_folder();
    let text = |file: &str| std::fs::read_to_string(folder.join(file)).expect(file);
    let info: serde_json::Value = serde_json::from_str(&text("run.json")).expect("JSON");
    assert_eq!(info["format"], 2);
    assert_eq!(info["arguments"], serde_json::json!(["run", "p.rhai", "--only", "s"]));
    assert_eq!(info["playbooks"][0]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(info["clusters"][1]["name"], "infra");
    assert_eq!((&info["end"]["exit_code"], &info["end"]["outcomes"]["passed"]), (&0.into(), &1.into()));
    let ledger = text("ledger.jsonl");
    assert!(ledger.contains("undo_recorded") && ledger.contains("undo_done"), "{ledger}");
    let calls = Command::new("zcat").arg(folder.join("calls.jsonl.gz")).output().expect("zcat");
    let calls = said(&calls).1;
    assert!(calls.contains(r#""stdout":"hello""#) && calls.contains(r#""step":"p/s""#), "{calls}");
}

#[test]
fn a_killed_run_says_how_far_it_came_and_what_is_left() {
    let test = Test::new().playbook(
        r#"step("first", #{ on: "none" }, |t| { expect(1).to_be(1); });
           step("second", #{ on: "none", effect: "write", needs: ["first"] }, |t| {
               sh::script("touch began; exec sleep 5", #{ undo: "touch undone" });
           });
           step("third", #{ on: "none", needs: ["second"] }, |t| { expect(1).to_be(1); });"#,
    );
    let mut run = test.command("run p.rhai").stdout(Stdio::null()).spawn().expect("pb runs");
    wait_for(&test.path().join("began"));
    let (_, running, _) = pb(&test, "runs");
    assert!(running.contains("running: 1 passed") && !running.contains("left to undo"), "{running}");
    let (_, shown, _) = pb(&test, "show latest");
    assert!(shown.contains("RUNNING") && shown.contains("under way: p/second"), "{shown}");
    run.kill().expect("killed");
    run.wait().expect("ended");

    let (code, listed, _) = pb(&test, "runs");
    assert_eq!(code, Some(0));
    assert!(listed.contains("UNFINISHED: 1 passed; 1 change is left to undo"), "{listed}");
    let (code, shown, err) = pb(&test, "show latest");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    for text in [
        "PASS",
        "UNFINISHED the run was killed",
        "1 of 3 steps ended",
        "under way: p/second",
        "a call had no answer yet: ",
        "never began: 1 step",
        "left to undo: ",
        "pb clean ",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }

    // A kill within a line.
    let folder = test.path().join(".pb/runs").join(runs(&test).remove(0));
    let journal = folder.join("journal.jsonl");
    let whole = std::fs::read_to_string(&journal).expect("a journal");
    std::fs::write(&journal, format!("{whole}{{\"at\":\"2026-11")).expect("written");
    let (code, cut, err) = pb(&test, "show latest");
    assert_eq!((code, cut), (Some(0), shown));
    assert!(err.contains("journal.jsonl:") && err.contains("cut off"), "{err}");
}

#[test]
fn runs_that_start_at_once_have_folders_of_their_own() {
    let test = Test::new().step("expect(1).to_be(1);");
    let mut all: Vec<_> =
        (0..4).map(|_| test.command("run p.rhai").stdout(Stdio::null()).spawn().expect("pb runs")).collect();
    for run in &mut all {
        assert_eq!(run.wait().expect("ended").code(), Some(0));
    }
    assert_eq!(runs(&test).len(), 4);
    let (_, listed, _) = pb(&test, "runs");
    assert_eq!(listed.matches("passed: 1 passed").count(), 4, "{listed}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named_before_anything_runs() {
    let test = Test::new()
        .step(r#"sh::script("touch changed");"#)
        .file("taken", "")
        .toml("record = \"taken/runs\"\n[clusters.infra]\n[clusters.apps]");
    let ran = test.pb("run p.rhai").code(3).complains(&["taken/runs", "record = \"FOLDER\""]);
    assert!(!ran.has("changed"));
}

#[test]
fn nothing_is_changed_that_can_no_longer_be_recorded() {
    let test = Test::new().step(
        r#"expect(1, "one").to_be(1);
           let long = "";
           long.pad(1000, "x");
           for i in 0..100 { t.note(long); }
           sh::script("touch changed");"#,
    );
    let pb_run = test.command("run p.rhai");
    let mut limited = Command::new("bash");
    // Files of this process may have 64 KiB: the disk is full for it.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]).arg(pb_run.get_program());
    limited.args(pb_run.get_args()).current_dir(test.path());
    for (name, value) in pb_run.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let (code, out, err) = said(&limited.output().expect("pb runs"));
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(!test.path().join("changed").exists());
    assert!(out.contains("journal.jsonl can't be written"), "{out}");
    assert!(err.contains("journal.jsonl can't be written"), "{err}");
    let (code, shown, _) = pb(&test, "show latest");
    assert_eq!(code, Some(0));
    assert!(shown.contains("UNFINISHED") && shown.contains("under way: p/s"), "{shown}");
}

#[test]
fn a_run_that_is_not_there_or_not_readable_is_named() {
    let test = Test::new().step("expect(1).to_be(1);");
    assert_eq!(pb(&test, "run p.rhai").0, Some(0));
    let id = runs(&test).remove(0);
    let (code, _, err) = pb(&test, "show 1999");
    assert_eq!(code, Some(2));
    assert!(err.contains("no run \"1999\"") && err.contains("pb runs"), "{err}");
    for word in [&id[..12], &id[id.len() - 6..], &format!(".pb/runs/{id}")] {
        assert_eq!(pb(&test, &format!("show {word}")).0, Some(0), "{word}");
    }
    let info = test.path().join(".pb/runs").join(&id).join("run.json");
    std::fs::write(&info, r#"{"format": 99, "pb": "7.0.0"}"#).expect("written");
    let (code, _, err) = pb(&test, "show latest");
    assert_eq!(code, Some(2));
    assert!(err.contains("format 99, written by pb 7.0.0"), "{err}");
    for args in ["clean latest --yes", "run --resume latest", "run --rerun latest"] {
        let (code, out, err) = pb(&test, args);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args}");
        assert!(err.contains("format 99, written by pb 7.0.0") && err.contains("a newer pb reads it"), "{args}: {err}");
    }
    let (code, listed, _) = pb(&test, "runs");
    assert_eq!(code, Some(0));
    assert!(listed.contains("BROKEN: ") && listed.contains("format 99"), "{listed}");
    std::fs::write(&info, "{").expect("written");
    assert_eq!(pb(&test, "runs").0, Some(3));
}

/// The folder of a record of format 1, as `.pb/runs` of a test.
fn format_1() -> Test {
    let test = Test::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/record-1");
    std::fs::create_dir_all(test.path().join(".pb")).expect("made");
    let copied = Command::new("cp").arg("-r").arg(&from).arg(test.path().join(".pb/runs")).status().expect("cp");
    assert!(copied.success());
    for file in ["README.md", "ended.txt"] {
        std::fs::remove_file(test.path().join(".pb/runs").join(file)).expect("removed");
    }
    test
}

#[test]
fn a_record_of_an_older_version_is_shown_listed_and_cleaned_up_after() {
    let (test, ended, killed) = (format_1(), "20261123-131516-8a761b", "20261123-131516-558e9a");
    let (code, listed, err) = pb(&test, "runs");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{listed}");
    assert!(listed.contains("failed: 2 passed and 1 failed"), "{listed}");
    assert!(listed.contains("UNFINISHED: 1 passed and 1 failed; 1 change is left to undo"), "{listed}");
    let (code, shown, err) = pb(&test, &format!("show {ended} --report json=report.json --report junit=report.xml"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(shown, include_str!("../fixtures/record-1/ended.txt"));
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(test.path().join("report.json")).expect("a report"))
            .expect("JSON");
    assert_eq!((&report["schema"], &report["exit_code"]), (&1.into(), &1.into()));
    let good = &report["steps"][0];
    assert_eq!(
        (&good["id"], &good["metrics"][0]["value"], &good["calls"]),
        (&"p/good".into(), &0.25.into(), &1.into())
    );
    assert_eq!(good["evidence"][0], "evidence/p-good/table.json");
    let (_, explained, _) = pb(&test, &format!("show {ended} --explain -v"));
    assert!(explained.contains("echo hello") && explained.contains("noted"), "{explained}");

    let (_, shown, _) = pb(&test, &format!("show {killed}"));
    assert!(shown.contains("UNFINISHED") && shown.contains("under way: p/changes"), "{shown}");
    let (code, _, err) = pb(&test, &format!("run --resume {killed}"));
    assert_eq!(code, Some(2));
    assert!(err.contains("1 change that is not undone"), "{err}");
    let (code, out, _) = pb(&test, &format!("clean {killed} --yes"));
    assert_eq!(code, Some(3), "{out}");
    assert!(out.contains("the run was on desk") && out.contains("--done 2"), "{out}");
    assert_eq!(pb(&test, &format!("clean {killed} --done 2")).0, Some(0));
    assert!(!pb(&test, "runs").1.contains("left to undo"));
}

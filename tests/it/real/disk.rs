//! The record on a disk that fills up, and on one that can only be read: real ones, in a mount namespace, which is why
//! these need root.

use std::process::{Command, Output};

use crate::Test;

/// Runs lines of bash in the test's folder, where nobody else sees what they mount. `PB` is the program.
fn apart(test: &Test, script: &str) -> Output {
    let pb = test.command("run none");
    let mut command = Command::new("unshare");
    command.args(["-m", "bash", "-euc", script]).current_dir(test.path()).env("PB", pb.get_program());
    for (name, value) in pb.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().expect("unshare")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?}\n{}{}", output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
#[ignore = "needs root"]
fn real_a_disk_that_fills_up_loses_nothing_that_was_written_and_lets_nothing_change() {
    let test = Test::new().step(
        r#"expect(1, "one").to_be(1);
           sh::script("true", #{ undo: "touch undone" });
           let long = "";
           long.pad(1000, "x");
           for i in 0..600 { t.note(`${i} ${long}`); }
           sh::script("touch changed");"#,
    );
    let ran = apart(
        &test,
        r#"mkdir .pb; mount -t tmpfs -o size=400k none .pb
           code=0; "$PB" run p.rhai || code=$?
           echo "ended with $code"
           "$PB" show latest -v
           "$PB" clean latest --yes || echo "clean: $?"
           cp -r .pb/runs kept"#,
    );
    let out = said(&ran);
    assert_eq!(ran.status.code(), Some(0), "{out}");
    for text in ["ended with 3", "journal.jsonl can't be written", "make room on that disk", "UNFINISHED"] {
        assert!(out.contains(text), "{text}: {out}");
    }
    assert!(!test.path().join("changed").exists(), "{out}");
    assert!(test.path().join("undone").exists(), "what was changed before is undone: {out}");
    let run = std::fs::read_dir(test.path().join("kept")).expect("runs").flatten().next().expect("a run").path();
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).expect("a journal");
    let whole = journal.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count();
    assert!(whole > 100 && journal.lines().count() - whole <= 1, "{whole} of {}", journal.lines().count());
}

#[test]
#[ignore = "needs root"]
fn real_a_record_that_can_only_be_read_is_shown_and_nothing_runs() {
    let test = Test::new().step(r#"sh::script("echo . >> changed"); expect(1).to_be(1);"#);
    let ran = apart(
        &test,
        r#""$PB" run p.rhai > live
           mount --bind .pb .pb; mount -o remount,bind,ro .pb
           "$PB" show latest > shown; "$PB" runs > /dev/null; cmp live shown
           code=0; "$PB" run p.rhai || code=$?; echo "run: $code"
           code=0; "$PB" run --resume latest || code=$?; echo "resume: $code"
           true"#,
    );
    let out = said(&ran);
    assert_eq!(ran.status.code(), Some(0), "{out}");
    for text in ["run: 3", "resume: 3", "can't be made", "Read-only file system", "record = \"FOLDER\""] {
        assert!(out.contains(text), "{text}: {out}");
    }
    assert_eq!(std::fs::read_to_string(test.path().join("changed")).expect("changed once"), ".\n");
}

//! `record::` over records that a test wrote.

use std::sync::Arc;

use rhai::Dynamic;

use crate::config::Config;
use crate::error::Error;
use crate::event::{Bus, Outcome, What};
use crate::host::World;
use crate::host::testing::{ended, eval_with, planned, recorded, world_of};
use crate::record::{Asked, Folder, RunInfo};

/// A folder of records, and the run that asks.
struct Records {
    dir: tempfile::TempDir,
    folder: Folder,
    bus: Arc<Bus>,
    world: Arc<World>,
}

impl Records {
    fn new(change: impl FnOnce(&mut RunInfo)) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (folder, bus) = recorded(&dir.path().join("runs"), change);
        let config = Config { dir: dir.path().into(), ..Config::default() };
        let world = world_of(&folder, &bus, config);
        Self { dir, folder, bus, world }
    }

    /// A former run with these steps ended, begun a year before.
    fn former(&self, platform: Option<&str>, ends: &[(&str, Outcome)]) -> String {
        let (folder, bus) = recorded(&self.dir.path().join("runs"), |info| {
            info.started = "2025-01-02T03:04:05Z".parse().expect("a time");
            info.asked = Some(Asked { platform: platform.map(Into::into), ..Asked::default() });
        });
        let ids: Vec<&str> = ends.iter().map(|(id, _)| *id).collect();
        planned(&bus, &folder.id, &ids);
        ends.iter().for_each(|(id, outcome)| ended(&folder, &bus, id, *outcome, "as it was then"));
        bus.emit(None, What::RunFinished { exit_code: 0, seconds: 9.0, left: Vec::new() });
        bus.close();
        folder.id
    }

    fn eval(&self, script: &str) -> Result<Dynamic, Error> {
        eval_with(&self.world, script)
    }

    fn text(&self, script: &str) -> String {
        self.eval(script).expect("it runs").to_string()
    }

    fn fails(&self, script: &str) -> String {
        self.eval(script).expect_err("it throws").to_string()
    }
}

#[test]
fn a_run_reads_its_own_steps_while_it_goes_on() {
    let here = Records::new(|_| ());
    planned(&here.bus, &here.folder.id, &["t1/etcd@infra", "t1/etcd@apps", "t1/api"]);
    let told = r#"record::steps().map(|s| `${s.id} ${s.outcome} ${s.ran}`).to_array().join(", ")"#;
    let pending = "t1/etcd@infra pending false, t1/etcd@apps pending false, t1/api pending false";
    assert_eq!(here.text(told), pending);
    ended(&here.folder, &here.bus, "t1/etcd@infra", Outcome::Failed, "members: expected 3, is 2");
    here.bus.emit(Some("t1/etcd@apps"), What::StepStarted { attempt: 1 });
    let now = "t1/etcd@infra failed true, t1/etcd@apps unfinished false, t1/api pending false";
    assert_eq!(here.text(told), now);
    assert_eq!(here.text(r#"record::steps(#{ steps: "t1/etcd" }).len()"#), "2");
    assert_eq!(here.text(r#"record::steps(#{ steps: ["t1/etcd@infra"] })[0].message"#), "members: expected 3, is 2");
    assert_eq!(
        here.text(r"record::metrics().map(|m| `${m.step} ${m.name} ${m.value} ${m.samples}`)[0]"),
        "t1/etcd@infra answered after 12.5 5"
    );
    let one = "record::evidence()[0]";
    assert_eq!(here.text(&format!("record::text({one})")), "t1/etcd@infra: leader: infra-01\n");
    assert_eq!(here.text("record::settings()[0].value"), "1");
    let run = here.text("let run = record::runs()[0]; `${run.id} ${run.state} ${run.steps} ${run.outcomes.failed}`");
    assert_eq!(run, format!("{} running 3 1", here.folder.id));
}

#[test]
fn a_step_that_was_tried_again_says_what_it_said_before() {
    let here = Records::new(|_| ());
    planned(&here.bus, &here.folder.id, &["t1/etcd@infra"]);
    let step = Some("t1/etcd@infra");
    here.bus.emit(step, What::StepStarted { attempt: 1 });
    here.bus.emit(step, What::Waiting { message: "attempt 1 failed: no leader; again in 1s".into() });
    here.bus.emit(step, What::StepStarted { attempt: 2 });
    ended(&here.folder, &here.bus, "t1/etcd@infra", Outcome::Passed, "well");
    assert_eq!(here.text("record::steps()[0].retries[0]"), "attempt 1 failed: no leader; again in 1s");
}

#[test]
fn of_several_runs_that_counts_in_which_a_step_ran_last() {
    let here = Records::new(|_| ());
    let former = here.former(None, &[("t1/a", Outcome::Passed), ("t1/b", Outcome::Failed), ("t1/c", Outcome::Passed)]);
    planned(&here.bus, &here.folder.id, &["t1/b", "t1/c", "t1/d"]);
    ended(&here.folder, &here.bus, "t1/b", Outcome::Passed, "mended");
    ended(&here.folder, &here.bus, "t1/c", Outcome::Skipped, "its effect is disrupt");
    let told = format!(
        r#"record::steps(#{{ runs: ["this", "{former}"] }}).map(|s| `${{s.step}} ${{s.outcome}} ${{s.run == "{former}"}}`).to_array().join(", ")"#
    );
    assert_eq!(here.text(&told), "t1/a passed true, t1/b passed false, t1/c passed true, t1/d pending false");
    let two = format!(
        r#"record::runs(#{{ runs: ["this", "{former}", "this"] }}).map(|r| `${{r.own}} ${{r.state}}`).to_array().join(", ")"#
    );
    assert_eq!(here.text(&two), "false ended, true running");
    assert!(here.fails(r#"record::steps(#{ runs: ["19"] })"#).contains("no run \"19\""));
    // What was read once is not read again, and a run that is told of twice counts once.
    assert_eq!(here.text(&format!(r#"record::evidence(#{{ runs: "{former}" }}).len()"#)), "3");
}

#[test]
fn what_nothing_was_looked_at_for_satisfies_no_expectation() {
    let here = Records::new(|_| ());
    planned(&here.bus, &here.folder.id, &["t1/etcd@infra"]);
    let population = |script: &str| {
        let list = here.eval(script).expect("a list");
        list.read_lock::<crate::host::object::List>().and_then(|list| list.population())
    };
    assert_eq!(population(r#"record::steps(#{ steps: "t9/*" })"#), Some(0));
    assert_eq!(population(r#"record::metrics(#{ steps: "t1/*" })"#), Some(1));
    assert!(here.fails("record::steps(#{ step: \"t1\" })").contains("no option \"step\""));
    assert!(here.fails("record::steps(#{ steps: \"t[1\" })").contains("no pattern"));
}

#[test]
fn what_a_lab_showed_is_no_evidence_of_a_real_platform() {
    let here = Records::new(|_| ());
    let simulated = here.former(Some("monosense"), &[("t1/a", Outcome::Passed)]);
    let error = here.fails(&format!(r#"record::steps(#{{ runs: ["{simulated}"] }})"#));
    assert!(error.contains("was made on the lab monosense, and this one on the configured clusters"), "{error}");
}

#[test]
fn evidence_that_was_changed_is_none() {
    let here = Records::new(|_| ());
    planned(&here.bus, &here.folder.id, &["t1/etcd@infra"]);
    ended(&here.folder, &here.bus, "t1/etcd@infra", Outcome::Passed, "well");
    let file = here.folder.path.join("evidence/t1-etcd@infra/etcd-status.txt");
    std::fs::write(&file, "all is well\n").expect("written");
    let error = here.fails("record::text(record::evidence()[0])");
    assert!(error.contains("was changed after it was written"), "{error}");
    let out = here
        .fails(&format!(r#"record::text(#{{ run: "{}", file: "evidence/../run.json", sha256: "" }})"#, here.folder.id));
    assert!(out.contains("no file of evidence"), "{out}");
    assert!(here.fails("record::text(#{ run: \"x\" })").contains("has no file"));
}

#[test]
fn a_damaged_record_is_said_each_time() {
    let here = Records::new(|_| ());
    let former = here.former(None, &[("t1/a", Outcome::Passed)]);
    let journal = here.folder.path.with_file_name(&former).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("read");
    std::fs::write(&journal, text.replacen("\"event\":\"step_finished\"", "nonsense", 1)).expect("written");
    let script = format!(r#"record::steps(#{{ runs: "{former}" }})"#);
    for _ in 0..2 {
        assert!(here.fails(&script).contains("has a damaged record"));
    }
}

#[test]
fn a_file_is_replaced_as_long_as_nobody_changed_it() {
    let here = Records::new(|_| ());
    let file = here.dir.path().join("docs/evidence/a.txt");
    let write = |text: &str, more: &str| format!(r#"record::write("docs/evidence", "a.txt", "{text}"{more}).replaced"#);
    assert_eq!(here.text(&write("one", "")), "false");
    assert_eq!(here.text(&write("two", "")), "true");
    let text = std::fs::read_to_string(&file).expect("read");
    assert!(text.starts_with("two\n# pb: SHA-256 of what stands above: "), "{text}");
    std::fs::write(&file, text.replace("two", "2")).expect("written");
    let error = here.fails(&write("three", ""));
    assert!(error.contains("was not written by pb, or changed since"), "{error}");
    let list = r#"record::written("docs/evidence").map(|f| `${f.name} ${f.sealed}`).to_array().join(", ")"#;
    assert_eq!(here.text(list), "a.txt false");
    assert_eq!(here.text(&write("three", ", #{ replace: true }")), "true");
    assert_eq!(here.text(list), "a.txt true");
    assert_eq!(here.text(r#"record::write("docs/evidence", "notes/n.md", "* a").name"#), "notes/n.md");
    let notes = std::fs::read_to_string(here.dir.path().join("docs/evidence/notes/n.md")).expect("read");
    assert!(notes.starts_with("* a\n<!-- pb: ") && notes.ends_with(" -->\n"), "{notes}");
    assert_eq!(here.text(list), "a.txt true, notes/n.md true");
}

#[test]
fn a_file_never_leaves_its_folder() {
    let here = Records::new(|_| ());
    for name in ["../a.txt", "/etc/a.txt", "a/../../b.txt", "", "a/"] {
        let error = here.fails(&format!(r#"record::write("docs", "{name}", "x")"#));
        assert!(error.contains("is no name of a file"), "{name}: {error}");
    }
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(here.dir.path().join("docs")).expect("made");
    std::os::unix::fs::symlink(elsewhere.path(), here.dir.path().join("docs/link")).expect("linked");
    let error = here.fails(r#"record::write("docs", "link/a.txt", "x")"#);
    assert!(error.contains("leads out of"), "{error}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
}

#[test]
fn secrets_are_taken_out_of_what_is_exported() {
    let here = Records::new(|_| ());
    here.world.redactor.register("hunter2-hunter2");
    here.text(r#"record::write("docs", "a.txt", "the key is hunter2-hunter2").name"#);
    let text = std::fs::read_to_string(here.dir.path().join("docs/a.txt")).expect("read");
    assert!(text.starts_with("the key is <secret"), "{text}");
}

#[test]
fn a_simulated_platform_writes_beside_its_own_record() {
    let here = Records::new(|info| {
        info.asked = Some(Asked { platform: Some("monosense".into()), ..Asked::default() });
    });
    here.text(r#"record::write("docs", "a.txt", "well").name"#);
    assert!(here.folder.path.join("docs/a.txt").is_file());
    assert!(!here.dir.path().join("docs").exists());
}

#[test]
fn a_run_without_a_record_has_nothing_to_read() {
    let world = crate::host::testing::world(Config::default());
    for script in ["record::steps()", "record::write(\"docs\", \"a.txt\", \"x\")", "record::written(\"docs\")"] {
        let error = eval_with(&world, script).expect_err("it throws").to_string();
        assert!(error.contains("this run keeps no record"), "{script}: {error}");
    }
}

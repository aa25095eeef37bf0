//! `pb run --resume` and `--rerun`: what stands of an earlier run, what runs again, and what is refused.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Test;

/// `pb ARGS` in the folder of a test, once more.
fn pb(test: &Test, args: &str) -> (Option<i32>, String, String) {
    let output = test.command(args).output().expect("pb runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs, writes `report.json` and gives it.
#[track_caller]
fn report(test: &Test, code: i32, args: &str) -> Value {
    let (got, out, err) = pb(test, &format!("{args} --report json=report.json"));
    assert_eq!(got, Some(code), "{args}\n{out}{err}");
    serde_json::from_str(&read(test, "report.json")).expect("JSON")
}

fn read(test: &Test, file: &str) -> String {
    std::fs::read_to_string(test.path().join(file)).expect(file)
}

fn write(test: &Test, file: &str, text: &str) {
    std::fs::write(test.path().join(file), text).expect("written");
}

/// Steps as `id outcome`, with `*` where it was taken over.
fn steps(report: &Value) -> Vec<String> {
    let of = |s: &Value| {
        let mark = if s["taken_from"].is_string() { "*" } else { "" };
        format!("{} {}{mark}", s["step"].as_str().expect("a step"), s["outcome"].as_str().expect("an outcome"))
    };
    report["steps"].as_array().expect("steps").iter().map(of).collect()
}

/// How often each step has run, by the lines that it left.
fn ran(test: &Test) -> Vec<(String, usize)> {
    let text = std::fs::read_to_string(test.path().join("ran")).unwrap_or_default();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for line in text.lines() {
        match counts.iter_mut().find(|(step, _)| step == line) {
            Some((_, count)) => *count += 1,
            None => counts.push((line.into(), 1)),
        }
    }
    counts.sort();
    counts
}

fn folder(test: &Test, id: &str) -> PathBuf {
    test.path().join(".pb/runs").join(id)
}

fn latest(test: &Test) -> String {
    pb(test, "runs --latest").1.trim().to_string()
}

/// Four steps: one with a value, a metric and evidence; one that uses the value, and fails until there is a file; one
/// that needs that; one for a person.
const PLAYBOOK: &str = r#"playbook(#{ id: "p", title: "A playbook" });
let wanted = setting("wanted", 1, "a number");
fn ran(step) { sh::script(`echo ${step} >> ran`, #{ effect: "read" }); }
step("first", #{ on: "none" }, |t| {
    ran("first");
    t.publish("digest", #{ sha: "abc", n: [1, 2.5] });
    t.metric("latency", 0.25, "s");
    t.evidence("table", #{ rows: 3 });
    expect(wanted, "wanted").to_be_above(0);
});
step("second", #{ on: "none", needs: ["first"] }, |t| {
    ran("second");
    expect(t.value("p/first", "digest").sha, "digest").to_be("abc");
    expect(sh::run("test", ["-e", "fixed"], #{ effect: "read", check: false }).code, "exit code").to_be(0);
});
step("third", #{ on: "none", needs: ["second"] }, |t| { ran("third"); expect(1).to_be(1); });
step("person", #{ on: "none", manual: "look" }, |t| { ran("person"); expect(1).to_be(1); });
"#;

fn failed_once() -> Test {
    let test = Test::new().file("p.rhai", PLAYBOOK);
    assert_eq!(
        steps(&report(&test, 1, "run p.rhai --set wanted=2 --jobs 1")),
        ["first passed", "second failed", "third blocked", "person manual"]
    );
    test
}

#[test]
fn what_passed_stands_and_the_rest_runs() {
    let test = failed_once();
    let before = latest(&test);
    write(&test, "fixed", "");
    let resumed = report(&test, 4, "run --resume latest");
    assert_eq!(steps(&resumed), ["first passed*", "second passed", "third passed", "person manual"]);
    let first = &resumed["steps"][0];
    assert_eq!(first["taken_from"], before.as_str());
    assert_eq!(first["metrics"][0]["value"], 0.25);
    assert_eq!((&resumed["former"]["run"], &resumed["former"]["how"]), (&before.as_str().into(), &"resumes".into()));
    assert_eq!(resumed["settings"][0]["value"], 2, "--set is that of then");
    assert_eq!(resumed["jobs"], 1);
    assert_eq!(ran(&test), [("first".into(), 1), ("person".into(), 2), ("second".into(), 2), ("third".into(), 1)],);
    // Evidence is there in the new folder, too, and nothing of the old one was touched.
    let after = latest(&test);
    let file = first["evidence"][0].as_str().expect("evidence");
    assert_eq!(
        std::fs::read(folder(&test, &after).join(file)).expect("copied"),
        std::fs::read(folder(&test, &before).join(file)).expect("kept")
    );
    assert_eq!(first["evidence_files"][0]["file"], file);
    // A run that went on with another is gone on with like any other; the pass is still that of the first.
    let third = report(&test, 4, "run --resume latest");
    assert_eq!(steps(&third), ["first passed*", "second passed*", "third passed*", "person manual"]);
    assert_eq!(third["steps"][0]["taken_from"], before.as_str());
    assert_eq!(third["steps"][1]["taken_from"], after.as_str());
}

#[test]
fn a_resumed_run_says_what_it_took_over() {
    let test = failed_once();
    let before = latest(&test);
    write(&test, "fixed", "");
    let (code, out, err) = pb(&test, &format!("run --resume {}", &before[..before.len() - 1]));
    assert_eq!(code, Some(4), "{out}{err}");
    for text in [format!("resumes {before}: 1 step that passed there stands"), "3 passed (1 taken over)".into()] {
        assert!(out.contains(&text), "{text}: {out}");
    }
    assert!(!out.contains("p/first") && !out.contains("outstanding"), "{out}");
    assert_eq!(pb(&test, "show latest").1, out);
    let (_, verbose, _) = pb(&test, "show latest -v");
    assert!(verbose.contains(&format!("(from run {before})")), "{verbose}");
}

#[test]
fn a_pass_of_a_changed_text_is_no_pass() {
    let test = failed_once();
    write(&test, "fixed", "");
    write(&test, "p.rhai", &format!("{PLAYBOOK}\n// changed"));
    let resumed = report(&test, 4, "run --resume latest");
    assert_eq!(steps(&resumed), ["first passed", "second passed", "third passed", "person manual"]);
    assert_eq!(resumed["former"]["again"], serde_json::json!(["playbook p has changed: p/first"]));
    let (_, out, _) = pb(&test, "show latest");
    assert!(
        out.contains("no step that passed there stands") && out.contains("runs again playbook p has changed"),
        "{out}"
    );
}

#[test]
fn other_settings_modules_and_clusters_make_a_pass_none() {
    let test = failed_once();
    let resumed = report(&test, 1, "run --resume latest --set wanted=3");
    assert_eq!(steps(&resumed)[0], "first passed");
    assert_eq!(resumed["former"]["again"], serde_json::json!(["setting p.wanted is 3, was 2: p/first"]));
    let again = |resumed: &Value| resumed["former"]["again"].to_string();
    let moved = report(&test, 1, "run --resume latest --context infra=kind-core");
    assert!(again(&moved).contains("cluster infra is another one than then: p/first"), "{moved}");
    // Evidence that is gone or has changed proves nothing.
    let file = moved["steps"][0]["evidence"][0].as_str().expect("evidence").to_string();
    std::fs::write(folder(&test, &latest(&test)).join(&file), "{}").expect("written");
    let lost = report(&test, 1, "run --resume latest");
    assert!(again(&lost).contains("is not the file that was written then"), "{lost}");

    let test = Test::new().file("m.rhai", "fn one() { 1 }").playbook(
        r#"import "m" as m;
           step("s", #{ on: "none" }, |t| { expect(m::one()).to_be_above(0); });"#,
    );
    report(&test, 0, "run p.rhai");
    assert_eq!(steps(&report(&test, 0, "run --resume latest")), ["s passed*"]);
    write(&test, "m.rhai", "fn one() { 2 }");
    let changed = report(&test, 0, "run --resume latest");
    assert_eq!(steps(&changed), ["s passed"]);
    assert!(again(&changed).contains("module m, which playbook p imports, has changed"), "{changed}");
}

#[test]
fn a_secret_that_was_published_can_not_be_taken_over() {
    let test = Test::new().env("TOKEN", "a-planted-secret").playbook(
        r#"step("gives", #{ on: "none" }, |t| {
               secret::env("TOKEN");
               t.publish("header", sh::script("echo Bearer $TOKEN", #{ effect: "read" }).stdout);
               expect(1).to_be(1);
           });
           step("takes", #{ on: "none", needs: ["gives"] }, |t| {
               expect(t.value("p/gives", "header").len(), "length").to_be(23);
           });"#,
    );
    report(&test, 0, "run p.rhai");
    let resumed = report(&test, 0, "run --resume latest");
    assert_eq!(steps(&resumed), ["gives passed", "takes passed"]);
    let again = resumed["former"]["again"].to_string();
    assert!(again.contains("\\\"header\\\" that it published holds a secret"), "{again}");
    assert!(again.contains("p/gives, which it needs, runs again: p/takes"), "{again}");
}

#[test]
fn a_rerun_repeats_what_did_not_pass_and_says_what_is_outstanding() {
    let test = failed_once();
    let before = latest(&test);
    let again = report(&test, 1, "run --rerun latest");
    // `first` is there since `second` needs it; the person's step is not repeated.
    assert_eq!(steps(&again), ["first passed*", "second failed", "third blocked"]);
    assert_eq!(again["former"]["outstanding"], serde_json::json!([{ "id": "p/person", "outcome": "manual" }]));
    let (_, out, _) = pb(&test, "show latest");
    assert!(out.contains("outstanding 3 steps: p/second (failed), p/third (blocked), p/person (manual)"), "{out}");
    write(&test, "fixed", "");
    let (code, out, err) = pb(&test, &format!("run --rerun {before}"));
    assert_eq!(code, Some(4), "{out}{err}");
    assert!(out.contains("outstanding 1 step: p/person (manual)"), "{out}");
    // A rerun of a rerun knows what the first left.
    let (code, out, err) = pb(&test, "run --rerun latest");
    assert_eq!((code, err.as_str()), (Some(4), ""));
    assert!(out.contains("nothing in run") && out.contains("p/person (manual)"), "{out}");
    assert_eq!(ran(&test).iter().find(|(step, _)| step == "first").map(|(_, count)| *count), Some(1));
}

#[test]
fn a_rerun_of_a_changed_text_leaves_its_passes_outstanding() {
    let test = Test::new().playbook(
        r#"step("good", #{ on: "none" }, |t| { expect(1).to_be(1); });
           step("bad", #{ on: "none" }, |t| { expect(1, "one").to_be(2); });"#,
    );
    report(&test, 1, "run p.rhai");
    write(&test, "p.rhai", &read(&test, "p.rhai").replace("to_be(2)", "to_be(1)"));
    let again = report(&test, 4, "run --rerun latest");
    assert_eq!(steps(&again), ["bad passed"]);
    let open = &again["former"]["outstanding"][0];
    assert_eq!((&open["id"], &open["outcome"]), (&"p/good".into(), &"passed".into()));
    assert_eq!(open["why"], "playbook p has changed");
    write(&test, "p.rhai", &read(&test, "p.rhai").replace("\"bad\"", "\"renamed\""));
    let (code, out, _) = pb(&test, "run --rerun latest");
    assert_eq!(code, Some(4), "{out}");
    assert!(out.contains("p/good (passed, but playbook p has changed)"), "{out}");
    report(&test, 0, "run p.rhai");
    let (code, out, _) = pb(&test, "run --rerun latest");
    assert_eq!(code, Some(0));
    assert!(out.contains("there is nothing to run again"), "{out}");
}

#[test]
fn a_killed_run_is_gone_on_with_once_it_is_clean() {
    let test = Test::new().playbook(
        r#"step("one", #{ on: "none" }, |t| { t.publish("n", 7); expect(1).to_be(1); });
           step("two", #{ on: "none", effect: "write", needs: ["one"] }, |t| {
               sh::script("touch began; test -e go || exec sleep 30", #{ undo: "touch undone" });
               expect(t.value("p/one", "n"), "n").to_be(7);
           });"#,
    );
    let mut run = test.command("run p.rhai").stdout(Stdio::null()).spawn().expect("pb runs");
    let until = Instant::now() + Duration::from_secs(60);
    while !test.path().join("began").exists() {
        assert!(Instant::now() < until, "the run does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, _, err) = pb(&test, "run --resume latest");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("is still running"), "{err}");
    run.kill().expect("killed");
    run.wait().expect("ended");

    let id = latest(&test);
    for flag in ["--resume", "--rerun"] {
        let (code, _, err) = pb(&test, &format!("run {flag} latest"));
        assert_eq!(code, Some(2), "{err}");
        for text in ["1 change that is not undone", "sleep 30", &format!("pb clean {id}")] {
            assert!(err.contains(text), "{text}: {err}");
        }
    }
    assert_eq!(latest(&test), id, "what is refused leaves no folder");

    // As a clean-up would tell it.
    let ledger = folder(&test, &id).join("ledger.jsonl");
    let done = r#"{"at":"2026-11-23T06:31:12Z","event":"undo_done","row":1}"#;
    let lines = std::fs::read_to_string(&ledger).expect("a ledger");
    std::fs::write(&ledger, format!("{lines}{done}\n")).expect("written");
    write(&test, "go", "");
    let resumed = report(&test, 0, "run --resume latest");
    assert_eq!(steps(&resumed), ["one passed*", "two passed"]);
}

#[test]
fn whenever_it_is_killed_a_run_that_is_gone_on_with_ends_like_an_unbroken_one() {
    let test = Test::new().playbook(
        r#"step("s0", #{ on: "none" }, |t| {
               t.publish("n", 0); t.metric("m", 1.5); t.evidence("e", "text");
               expect(sh::script("sleep 0.03; echo x", #{ effect: "read" }).stdout).to_be("x");
           });
           for n in 1..6 {
               let before = `p/s${n - 1}`;
               step(`s${n}`, #{ on: "none", needs: [before] }, |t| {
                   t.publish("n", t.value(before, "n") + 1);
                   expect(sh::script("sleep 0.03; echo x", #{ effect: "read" }).stdout).to_be("x");
                   expect(t.value(t.id, "n"), "count").to_be(n);
               });
           }
           step("bad", #{ on: "none" }, |t| { expect(1, "one").to_be(2); });"#,
    );
    let what = |report: &Value| {
        let of =
            |s: &Value| [&s["id"], &s["outcome"], &s["message"], &s["metrics"], &s["evidence_files"]].map(Clone::clone);
        report["steps"].as_array().expect("steps").iter().map(of).collect::<Vec<_>>()
    };
    let unbroken = what(&report(&test, 1, "run p.rhai"));
    // The first moments lie before there is a folder, the last after the end.
    let (mut resumed, mut taken) = (0, 0);
    for moment in 0..12_u64 {
        let runs = test.path().join(".pb/runs");
        std::fs::remove_dir_all(&runs).expect("removed");
        for (args, wait) in [("run p.rhai", moment * 37), ("run --resume latest", moment * 91 % 400)] {
            let mut run = test.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pb runs");
            std::thread::sleep(Duration::from_millis(wait));
            run.kill().expect("killed");
            run.wait().expect("ended");
        }
        if pb(&test, "runs --latest").0 != Some(0) {
            std::fs::create_dir_all(&runs).expect("made");
            continue;
        }
        let ended = report(&test, 1, "run --resume latest");
        assert_eq!(what(&ended), unbroken, "killed after {} ms", moment * 37);
        resumed += 1;
        taken += ended["former"]["stand"].as_u64().expect("a number");
    }
    assert!(resumed > 2 && taken > 2, "{resumed} {taken}");
}

#[test]
fn a_run_that_was_killed_before_it_took_anything_over_leads_to_the_former() {
    let test = failed_once();
    write(&test, "fixed", "");
    report(&test, 4, "run --resume latest");
    // Killed when no more than its beginning was told.
    let journal = folder(&test, &latest(&test)).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    std::fs::write(&journal, format!("{}\n", text.lines().next().expect("a line"))).expect("written");
    let resumed = report(&test, 4, "run --resume latest");
    assert_eq!(steps(&resumed), ["first passed*", "second passed", "third passed", "person manual"]);
}

#[test]
fn the_command_line_says_what_is_missing_or_contradicts() {
    let test = failed_once();
    let complains = |args: &str, texts: &[&str]| {
        let (code, _, err) = pb(&test, args);
        assert_eq!(code, Some(2), "{args}: {err}");
        texts.iter().for_each(|text| assert!(err.contains(text), "{args}: {text}: {err}"));
    };
    complains("run", &["TARGET"]);
    complains("run --resume latest --rerun latest", &["cannot be used with"]);
    complains("run --resume 1999", &["no run \"1999\"", "pb runs"]);
    let elsewhere = test.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("made");
    let path = folder(&test, &latest(&test));
    let mut command = test.command(&format!("run --resume {}", path.display()));
    let output = command.current_dir(&elsewhere).output().expect("pb runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("was started in") && err.contains("cd "), "{err}");
}

#[test]
fn reports_made_from_the_record_equal_the_live_ones() {
    let test = Test::new().env("TOKEN", "a-planted-secret").file("p.rhai", PLAYBOOK).file(
        "q.rhai",
        r#"playbook(#{ id: "q", title: "Another" });
           step("again", #{ on: "none", retry: #{ times: 1, wait: duration("1ms") } }, |t| {
               t.note("noted"); t.warn("warned");
               t.evidence("e", "text");
               expect([1, 2], "list").softly().to_contain_all([3]);
               expect(#{ a: 1 }, "map").to_equal(#{ a: 2 });
           });
           step("wrong", #{ on: "none" }, |t| { 
               t.note("told before: " + sh::script("echo $TOKEN", #{ effect: "read" }).stdout);
               secret::env("TOKEN");
               throw "told: " + sh::script("echo $TOKEN", #{ effect: "read" }).stdout;
           });
           step("undoes", #{ on: "none", effect: "write" }, |t| { sh::script("true", #{ undo: "false" }); });
           step("left", #{ on: "none" }, |t| { t.skip("not today"); });"#,
    );
    let (code, _, err) = pb(&test, "run p.rhai q.rhai --report json=live.json --report junit=live.xml");
    assert_eq!(code, Some(1), "{err}");
    let told = |live: &str| {
        assert_eq!(pb(&test, "show latest --report json=told.json --report junit=told.xml").0, Some(0));
        assert_eq!(read(&test, "told.json"), read(&test, &format!("{live}.json")));
        assert_eq!(read(&test, "told.xml"), read(&test, &format!("{live}.xml")));
    };
    told("live");
    let text = read(&test, "told.json");
    for part in ["evidence_files", "\"attempts\": 2", "not today", "<secret:1>", "\"diff\"", "latency"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What was told before it was known as a secret is hidden in both, and on the disk.
    assert!(text.contains("told before: <secret:1>"), "{text}");
    let journal = std::fs::read_to_string(folder(&test, &latest(&test)).join("journal.jsonl")).expect("a journal");
    assert!(!journal.contains("a-planted-secret") && journal.contains("told before: <secret:1>"));
    // So does that of a run that goes on with it; its change that could not be undone is dealt with by hand.
    assert_eq!(pb(&test, "clean latest --done 1").0, Some(0));
    assert_eq!(pb(&test, "run --resume latest --report json=next.json --report junit=next.xml").0, Some(1));
    told("next");
}

#[test]
fn what_differs_is_shown_also_where_nothing_had_passed() {
    let step = |id: &str| format!("step(\"{id}\", #{{ on: \"none\" }}, |t| {{ expect(1).to_be(2); }});\n");
    let test = Test::new().playbook(&(step("stays") + step("goes").as_str()));
    report(&test, 1, "run p.rhai");
    write(&test, "p.rhai", &format!("playbook(#{{ id: \"p\", title: \"A playbook\" }});\n{}", step("stays")));
    let resumed = report(&test, 1, "run --resume latest");
    let differs = ["p/goes is no longer declared", "playbook p has changed"];
    assert_eq!(resumed["former"]["differs"], serde_json::json!(differs));
    let (_, shown, _) = pb(&test, "show latest");
    assert!(differs.iter().all(|text| shown.contains(text)) && !shown.contains("runs again"), "{shown}");
}

#[test]
fn changes_that_a_later_run_left_hinder_the_former_one_too() {
    let test = failed_once();
    let first = latest(&test);
    report(&test, 1, "run --resume latest");
    let heir = latest(&test);
    assert_ne!(first, heir);
    let row = r#"{"at":"2026-11-23T06:31:12Z","event":"undo_recorded","row":1,"change":"start a thing","undo":"command","program":"true","args":[]}"#;
    std::fs::write(folder(&test, &heir).join("ledger.jsonl"), format!("{row}\n")).expect("written");
    let (code, _, err) = pb(&test, &format!("run --resume {first}"));
    assert_eq!(code, Some(2), "{err}");
    for text in [format!("run {heir}, which went on with run {first}, has left 1 change"), format!("pb clean {heir}")] {
        assert!(err.contains(&text), "{text}: {err}");
    }
}

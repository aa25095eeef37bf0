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
    assert!(listed.contains("cleaned") && !listed.contains("left to undo"), "{listed}");
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
fn a_clean_up_beside_another_one_says_so() {
    let test = Test::new().step(
        r#"sh::script("true", #{ undo: "touch undoing; until test -e go; do sleep 0.1; done; echo 1 >> undone" });
           sh::script("touch began; exec sleep 3");"#,
    );
    killed(&test);
    let mut first = test.command("clean latest --yes").stdout(Stdio::null()).spawn().expect("pb runs");
    wait_for(&test.path().join("undoing"));
    let (code, _, err) = pb(&test, "clean latest --yes");
    assert_eq!(code, Some(3));
    assert!(err.contains(&format!("another pb clean is at it (process {})", first.id())), "{err}");
    assert!(!err.contains("still running"), "{err}");
    let (code, out, _) = pb(&test, "clean --all --yes");
    assert_eq!(code, Some(0));
    assert!(out.contains(&format!("another pb clean is at it (process {})", first.id())), "{out}");
    std::fs::write(test.path().join("go"), "").expect("written");
    assert_eq!(first.wait().expect("ended").code(), Some(0));
    assert_eq!(undone(&test), "1\n");
}

#[test]
fn a_reason_takes_one_line_unless_all_of_it_is_wanted() {
    let long = "x".repeat(2000);
    let test = Test::new().step(&format!(
        r#"sh::script("true", #{{ undo: ": {long}; exit 1" }}); sh::script("touch began; exec sleep 3");"#
    ));
    killed(&test);
    for (args, whole) in [("clean latest --yes", false), ("clean latest --yes -v", true)] {
        let (code, out, _) = pb(&test, args);
        assert_eq!(code, Some(3), "{out}");
        let line = out.lines().find(|line| line.contains("NOT UNDONE")).expect("a line");
        assert_eq!((line.len() > 2000, line.ends_with("(-v shows it all)")), (whole, !whole), "{line}");
    }
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
    let test = changing().toml("[clusters.infra]\nkubeconfig = \"k\"").file("k", kubeconfig("https://127.0.0.1:1"));
    killed(&test);
    // As a killed creation leaves it.
    let row = r#"{"at":"2026-11-23T06:31:12Z","event":"undo_recorded","row":9,"change":"create Pod web/a","undo":"delete","object":{"cluster":"infra","api_version":"v1","kind":"Pod","plural":"pods","namespace":"web","name":"a"}}"#;
    let ledger = folder(&test).join("ledger.jsonl");
    let text = std::fs::read_to_string(&ledger).expect("a ledger");
    std::fs::write(&ledger, format!("{text}{row}\n")).expect("written");
    let test = test.file("k", kubeconfig("https://127.0.0.1:2"));
    let (code, _, err) = pb(&test, "clean latest --yes");
    assert_eq!(code, Some(2));
    for text in ["https://127.0.0.1:1", "https://127.0.0.1:2", "--context infra=CONTEXT"] {
        assert!(err.contains(text), "{text}: {err}");
    }
    assert_eq!(undone(&test), "", "nothing at all");
    // The same server, which does not answer: what else there is to undo is undone.
    let test = test.file("k", kubeconfig("https://127.0.0.1:1"));
    let (code, out, _) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(3), "2\n1\n"), "{out}");
    assert!(
        out.contains("delete Pod web/a, if it carries the run's label") && out.contains("(context infra)"),
        "{out}"
    );
    assert!(out.contains("infra is https://127.0.0.1:1") && out.contains("NOT UNDONE delete Pod"), "{out}");
}

/// An API server that says of its namespace `kube-system` that it has this uid, and writes down what else it is asked.
fn api_server(uid: &'static str) -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let body = format!(
                r#"{{"kind":"Namespace","apiVersion":"v1","metadata":{{"name":"kube-system","uid":"{uid}"}}}}"#
            );
            seen.lock().expect("not poisoned").push(first);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    (address, asked)
}

#[test]
fn another_cluster_than_the_rows_say_is_never_changed_also_without_run_json() {
    let (address, asked) = api_server("u-2");
    let test = changing().toml("[clusters.infra]\nkubeconfig = \"k\"").file("k", kubeconfig(&address));
    killed(&test);
    let row = r#"{"at":"2026-11-23T06:31:12Z","event":"undo_recorded","row":9,"change":"create Pod web/a","undo":"delete","object":{"cluster":"infra","api_version":"v1","kind":"Pod","plural":"pods","namespace":"web","name":"a"},"cluster_id":"kube-system u-1"}"#;
    let folder = folder(&test);
    let text = std::fs::read_to_string(folder.join("ledger.jsonl")).expect("a ledger");
    std::fs::write(folder.join("ledger.jsonl"), format!("{text}{row}\n")).expect("written");
    for with_run_json in [true, false] {
        if !with_run_json {
            std::fs::remove_file(folder.join("run.json")).expect("removed");
        }
        let (code, out, err) = pb(&test, "clean latest --yes");
        assert_eq!(code, Some(2), "{out}{err}");
        assert!(err.contains("cluster infra is not the one of then") && err.contains("kube-system u-1"), "{err}");
        assert_eq!(undone(&test), "", "nothing at all");
    }
    let asked = asked.lock().expect("not poisoned");
    assert!(!asked.is_empty() && asked.iter().all(|line| line.starts_with("GET ")), "{asked:?}");
}

#[test]
fn a_record_without_its_journal_is_read_from_the_ledger_and_that_is_said() {
    let test = changing();
    killed(&test);
    let folder = folder(&test);
    let journal = std::fs::read_to_string(folder.join("journal.jsonl")).expect("a journal");
    // Without its first line nobody knows how many steps there were.
    let rest: String = journal.lines().skip(1).map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join("journal.jsonl"), rest).expect("written");
    let (_, shown, _) = pb(&test, "show latest");
    assert!(shown.contains("0 steps ended") && !shown.contains("of 0"), "{shown}");
    std::fs::remove_file(folder.join("journal.jsonl")).expect("removed");
    let (code, out, err) = pb(&test, "clean --all --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(0), "2\n1\n"), "{out}{err}");
    assert!(out.contains("journal.jsonl is not there: what is left was read from ledger.jsonl alone"), "{out}");
    assert!(out.contains("nothing is left."), "{out}");
}

#[test]
fn a_broken_run_json_is_named_with_what_to_do_and_that_works() {
    let test = changing();
    killed(&test);
    let info = folder(&test).join("run.json");
    std::fs::write(&info, "{").expect("written");
    let (code, _, err) = pb(&test, "clean latest --yes");
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("run.json can't be read") && err.contains("move it away, then pb clean"), "{err}");
    assert_eq!(undone(&test), "");
    std::fs::remove_file(&info).expect("moved away");
    let (code, out, err) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(0), "2\n1\n"), "{out}{err}");
}

#[test]
fn a_damaged_line_is_told_and_dealt_with_by_its_number() {
    let test = changing();
    killed(&test);
    let folder = folder(&test);
    let path = folder.join("ledger.jsonl");
    let ledger = std::fs::read_to_string(&path).expect("a ledger");
    let mut lines: Vec<&str> = ledger.lines().collect();
    lines[0] = "\0\0";
    std::fs::write(&path, lines.join("\n") + "\n").expect("written");
    // The journal has it.
    let (_, out, _) = pb(&test, "clean latest");
    assert!(
        out.contains("ledger.jsonl is damaged: 1 line of it, missing or unreadable, read from journal.jsonl"),
        "{out}"
    );
    assert!(out.contains("2 changes are left to undo"), "{out}");
    std::fs::remove_file(folder.join("journal.jsonl")).expect("removed");
    let (code, out, err) = pb(&test, "clean latest --yes");
    assert_eq!((code, undone(&test).as_str()), (Some(3), "2\n"), "{out}{err}");
    assert!(err.contains("a change can't be undone, since its row can't be read"), "{err}");
    assert!(err.contains("--done line1 once you have dealt with it by hand"), "{err}");
    assert_eq!(pb(&test, "clean latest --done line2").0, Some(2));
    let (code, out, err) = pb(&test, "clean latest --done line1");
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("line 1 of the ledger, which can't be read") && out.contains("nothing is left."), "{out}");
    let (code, out, _) = pb(&test, "clean latest");
    assert_eq!(code, Some(0));
    assert!(out.contains("nothing is left to undo"), "{out}");
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

//! What a playbook writes up of the run that it is part of, and of former ones.

use crate::Test;

/// A platform whose store fails its first step, the check that everything stands on.
fn store() -> Test {
    Test::new()
        .file(
            "a.rhai",
            r#"playbook(#{ id: "a", title: "A store" });
               let size = setting("size", 3, "its members");
               step("members", #{ on: "none", priority: "P0", covers: ["A.1"], if_fails: ["store status"] }, |t| {
                   t.evidence("status", "two of three members\nleader: m1\n");
                   t.metric("answered after", 12.5, "ms", #{ max: 100 });
                   expect(2, "members of the store").to_be(size);
               });
               step("reads", #{ on: "none" }, |t| {
                   t.note("limit: reads only");
                   expect(true, "what was read").to_be(true);
               });"#,
        )
        .file(
            "b.rhai",
            r#"playbook(#{ id: "b", title: "What came of it", after: ["a"], gated: false });
               let runs = setting("runs", [], "former runs");
               step("file", #{ on: "none", effect: "write" }, |t| {
                   let of = #{ folder: "out", name: "store", about: "the state of the store", runs: runs + ["this"], steps: ["a/*"], wants: ["status"] };
                   expect(evidence::write(t, of), "what the file lacks").to_be_empty();
               });
               step("other", #{ on: "none", effect: "write" }, |t| {
                   let of = #{ folder: "out", name: "other", about: "another thing", runs: runs + ["this"], steps: ["c/*"] };
                   expect(evidence::write(t, of), "what the file lacks").to_be_empty();
               });
               step("notes", #{ on: "none", effect: "write" }, |t| {
                   let of = #{ runs: runs + ["this"], except: "b", accepted: #{} };
                   let notes = devnotes::of(of);
                   record::write("out", "notes.md", devnotes::text(notes, #{ name: "notes", about: "dev notes", runs: of.runs }));
                   expect(notes.looked, "steps that ran").to_be_at_least(1);
                   expect(devnotes::open(notes.issues), "issues without what solved them").or_none().to_be_empty();
               });"#,
        )
}

/// The text without what is never the same.
fn steady(text: &str) -> String {
    let patterns = [
        (r"\d{8}-\d{6}-[0-9a-f]{6}", "RUN"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "THEN"),
        (r"after [\d.e-]+s", "after TIME"),
        (r"on \S+, pb [\d.]+:", "on HOST, pb VERSION:"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
    ];
    patterns.iter().fold(text.to_string(), |text, (pattern, with)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}

#[test]
fn a_file_of_evidence_says_what_the_steps_did_also_where_they_failed() {
    let ran = store().pb("run a.rhai b.rhai --report json=report.json").code(1);
    assert_eq!(ran.outcome("a/members"), "failed");
    assert_eq!(ran.outcome("b/file"), "warned", "{}", ran.both());
    insta::assert_snapshot!(steady(&ran.read("out/store.txt")));
    // Of what never ran there is no file, and the message says what to run.
    assert_eq!(ran.outcome("b/other"), "failed");
    let ran = ran.says(&["no step c/* has run: pb run c"]);
    assert!(!ran.has("out/other.txt"));
    assert_eq!(ran.outcome("b/notes"), "failed");
    let ran = ran.says(&["a/members: failed in run "]);
    insta::assert_snapshot!("notes", steady(&ran.read("out/notes.md")));
}

#[test]
fn what_was_mended_in_a_later_run_is_an_issue_with_what_solved_it() {
    let test = store();
    assert_eq!(test.command("run a.rhai").output().expect("pb runs").status.code(), Some(1));
    let latest = test.command("runs --latest").output().expect("pb runs");
    let former = String::from_utf8_lossy(&latest.stdout).trim().to_string();
    let ran = test
        .pb(&format!(
            "run a.rhai b.rhai --set size=2 --set 'b.runs=[\"{former}\"]' --skip b/other --report json=report.json"
        ))
        .code(0);
    assert_eq!(ran.outcome("b/file"), "passed", "{}", ran.both());
    let notes = ran.read("out/notes.md");
    assert!(notes.contains("**it passed in run "), "{notes}");
    assert!(notes.contains("a.size is 2, by --set; usually 3 (its members)"), "{notes}");
    assert!(!notes.contains("**open**"), "{notes}");
}

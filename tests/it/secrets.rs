//! Secrets: whatever a run writes has none, even one that was only told later.

use crate::Test;

#[test]
fn a_value_that_is_seen_before_it_is_known_is_in_no_report() {
    let ran = Test::new()
        .env("LATE", "late-known-value")
        .playbook(
            r#"step("early", #{ on: "none", effect: "write" }, |t| {
    t.warn("saw late-known-value");
    expect(sh::run("printenv", ["LATE"]).stdout, "early").to_be("other");
});
step("late", #{ on: "none", needs: [] }, |t| { let s = secret::env("LATE"); expect(1, "one").to_be(1); });"#,
        )
        .pb("run p.rhai --jobs 1 --report json=report.json --report junit=report.xml")
        .code(1);
    for file in ["report.json", "report.xml"] {
        let text = ran.read(file);
        let shown = if file.ends_with("json") { "saw <secret:1>" } else { "saw &lt;secret:1&gt;" };
        assert!(!text.contains("late-known-value") && text.contains(shown), "{text}");
    }
    // What was printed when nobody knew stays; the summary, written at the end, has it no more.
    let (_, summary) = ran.out().split_once("────").expect("a summary");
    assert!(!summary.contains("late-known-value") && summary.contains("<secret:1>"), "{summary}");
}

#[test]
fn what_looks_like_a_secret_is_hidden_everywhere() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";
    let key = format!("-----BEGIN PRIVATE KEY-----\\n{body}\\n{body}\\n{body}==\\n-----END PRIVATE KEY-----");
    let ran = Test::new()
        .step(&format!(
            r#"print("{key}");
    t.evidence("key", "{key}");
    t.note("Authorization: Bearer abc123def456ghi789");
    t.note("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl");
    sh::script("printf '{key}' >&2; exit 1", #{{ check: false }});
    try {{ sh::run("sh", ["-c", "printf '{key}' >&2; exit 1"]); }} catch (e) {{ t.warn(e.message + e.causes); }}
    http::get("http://someone:pass@127.0.0.1:1/");"#
        ))
        .pb("run p.rhai --explain -v --report json=report.json --report junit=report.xml")
        .says(&["<secret>"])
        .says_nothing_of(&[body, "abc123def", "c2lnbmF0dXJl", "someone:pass"]);
    let run = ran.run_folder();
    let evidence = std::fs::read_to_string(run.join("evidence/p-s/key.txt")).expect("the evidence");
    assert_eq!(evidence, "<secret>");
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).expect("the journal");
    for text in [journal, ran.read("report.json"), ran.read("report.xml")] {
        for secret in [body, "abc123def", "c2lnbmF0dXJl", "someone:pass"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn the_password_of_a_url_stands_in_no_source_line() {
    let test = || Test::new().playbook("http::get(\"https://someone:pass@example.org\");");
    test().pb("check p.rhai").code(2).says_nothing_of(&[":pass@"]);
    test().pb("run p.rhai").code(2).complains(&["someone:<secret>@example.org"]).says_nothing_of(&[":pass@"]);
}

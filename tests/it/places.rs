//! The places of errors that Rhai puts elsewhere: what strikes between calls, and what text swallows.

use crate::Test;

const RUN: &str = "run p.rhai --report json=report.json";

/// Runs a step and gives the line of its error in the report, and the error.
#[track_caller]
fn place_of(before: &str, body: &str) -> (u64, String) {
    let ran = Test::new()
        .playbook(&format!(
            "{before}\nstep(\"s\", #{{ on: \"none\", effect: \"write\", timeout: ms(900) }}, |t| {{\n{body}\n}});"
        ))
        .pb(RUN);
    let error = ran.reported("p/s")["error"].clone();
    assert_eq!(error["place"]["file"], "p.rhai", "{}", ran.both());
    (error["place"]["line"].as_u64().expect("a line"), error.to_string())
}

#[test]
fn what_strikes_a_script_from_outside_is_placed_at_its_last_call() {
    // The step's closure begins on line 4.
    for (before, body, line, says) in [
        ("", "let n = 0;\nexpect(1).to_be(1);\nloop {\n  n += 1;\n}", 7, "the step's deadline of 900ms struck"),
        ("", "expect(1).to_be(1);\nlet n = 0;\nloop { }", 4, "the step's deadline of 900ms struck"),
        ("fn f(n) { f(n + 1) }", "expect(1).to_be(1);\n\nf(1);", 2, "nested too deep"),
        ("", "let s = \"0123456789\";\nexpect(1).to_be(1);\nloop {\n  s += s;\n}", 7, "too large"),
        ("", "let s = \"0123456789\";\nexpect(1).to_be(1);\nloop {\n  s = s + s;\n}", 7, "too large"),
        ("", "let a = [1];\nexpect(1).to_be(1);\nlet b = a.filter(|x| a.len() > 0);", 5, "used by a closure"),
        ("", "expect(1).to_be(1);\nlet a = 1;\n\nsh::run(\"sleep\", [\"60\"]);", 7, "the step's deadline"),
        ("", "for i in 0..1000 {\n  sh::run(\"sleep\", [\"0.1\"]);\n}", 5, "the step's deadline"),
    ] {
        let (at, error) = place_of(before, body);
        assert_eq!(at, line, "{body}\n{error}");
        assert!(error.contains(says), "{body}\n{error}");
    }
}

#[test]
fn a_missing_value_in_a_text_is_placed_where_it_stands() {
    let ran = Test::new().step("let o = object(#{ a: 1 });\nlet s = `it\nis ${o.x.y.z}`;\nlet q = 1;").pb(RUN).code(1);
    ran.says(&["x is absent on object (wanted x.y.z)", "p.rhai:5:"]);
}

#[test]
fn exit_is_an_error_that_says_what_to_write() {
    for call in ["exit()", "exit(0)", "exit(\"why\")"] {
        let ran = Test::new().step(&format!("expect(1).to_be(1);\n{call};")).pb(RUN).code(3).says(&[
            "exit ends nothing here",
            "p.rhai:4:",
            "t.skip",
        ]);
        assert_eq!(ran.outcome("p/s"), "errored");
    }
}

#[test]
fn an_eventually_in_another_says_once_how_long_it_waited() {
    let ran = Test::new()
        .step(r#"eventually(duration("500ms"), || eventually(duration("100ms"), || expect(1).to_be(2)));"#)
        .pb(RUN)
        .code(1);
    let failure = ran.reported("p/s")["failures"][0]["expected"].to_string();
    assert_eq!(failure.matches("not within").count(), 1, "{failure}");
    assert!(failure.contains("not within 500ms"), "{failure}");
}

#[test]
fn an_attempt_that_does_not_end_says_where_it_was() {
    let ran =
        Test::new().step("eventually(ms(100), || {\n  let n = 0;\n  loop {\n    n += 1;\n  }\n});").pb(RUN).code(3);
    ran.says(&["attempt 1 of its closure did not end", "its last call or sum before that: p.rhai:6:", "p.rhai:3:"]);
}

//! What comes from outside can't move the cursor, colour the screen or ring the bell: no control code of it is written.

use crate::Test;

/// Colour, bell, C1's CSI, carriage return, and one that turns the direction of writing.
const EVIL: &str = r"\x1b[31mEVIL\x07\u009b2J\rgone\u202e";

const CODES: [char; 5] = ['\u{7}', '\u{9b}', '\r', '\u{202e}', '\u{8}'];

fn playbook() -> Test {
    let body = r#"
let wanted = setting("wanted", "SAID", "a word, SAID");
step("one", #{ title: "Step SAID", on: "none", effect: "write", if_fails: ["look SAID"] }, |t| {
    print("printed SAID");
    debug("debugged SAID");
    t.note("noted SAID");
    t.warn("warned SAID");
    t.metric("metric SAID", 1.5, "s SAID");
    t.evidence("evidence SAID", "text SAID");
    sh::run("printf", ["SAID"]);
    expect("actual SAID", "label SAID").softly().to_be("expected SAID");
    expect(#{ name: "SAID" }, "map SAID").softly().to_equal(#{ name: "other SAID" });
    throw "thrown SAID";
});
step("two", #{ title: "Step SAID", on: "none" }, |t| { t.skip("skipped SAID"); });
step("three", #{ title: "Step SAID", on: "none", manual: "look at SAID" }, |t| {});
"#;
    Test::new().file(
        "playbooks/t90-own.rhai",
        format!("playbook(#{{ id: \"t90\", title: \"Playbook SAID\" }});{body}").replace("SAID", EVIL),
    )
}

/// The text without the codes that colours are made of, if they are wished for.
fn without_colours(text: &str) -> String {
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern");
    // Red is what EVIL asks for, and what `pb` gives to a failure: it must not stand right before the word.
    assert!(!text.contains("\u{1b}[31mEVIL"), "{text:?}");
    colours.replace_all(text, "").into_owned()
}

#[test]
fn no_control_code_of_a_playbook_or_an_answer_is_written() {
    for (line, colours) in [
        ("run t90 -v --explain --report json=r.json --report junit=r.xml", false),
        ("run t90 -v --explain", true),
        ("run t90", false),
        ("list -v t90", true),
        ("plan t90", true),
        ("plan t90 -v", false),
        ("check t90", true),
    ] {
        let test = playbook();
        let test = if colours { test.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "") } else { test };
        let ran = test.pb(line);
        let text = format!("{}{}", ran.out(), ran.err());
        let text = if colours { without_colours(&text) } else { text };
        for code in CODES.into_iter().chain(['\u{1b}']) {
            assert!(!text.contains(code), "pb {line}: {code:?} in {text:?}");
        }
        if !line.starts_with("check") {
            assert!(text.contains("EVIL"), "pb {line}: {text}");
        }
        if line.contains("junit") {
            let xml = ran.read("r.xml");
            assert!(xml.contains("EVIL"), "{xml}");
            // XML 1.0 has no other control characters than tab and the ends of lines, escaped or not.
            let wrong = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\u{80}'..='\u{9f}');
            assert!(!xml.contains(wrong) && !xml.contains("&#27;") && !xml.contains("&#x1b;"), "{xml}");
        }
    }
}

#[test]
fn a_run_told_again_has_none_either() {
    let test = playbook();
    assert!(test.command("run t90 -q").output().is_ok());
    let ran = test.pb("show latest -v --explain");
    assert!(
        ran.out().contains("EVIL") && !ran.out().contains(|c| CODES.contains(&c) || c == '\u{1b}'),
        "{:?}",
        ran.out()
    );
}

//! A checklist of six boxes and two playbooks, in all three forms; what is selected, and the exit code.

use clap::Parser;

use super::{Args, told};
use crate::config::Environment;
use crate::error::Error;
use crate::ui::{Ui, width};

const BOXES: &str = "id\tgroup\tbox
T5.1\tBGP\tevery session is established
T5.2\tBGP\tthe router has each | every address that the clusters advertise
T5.3\tDNS\tlook-ups take less than their limit
T5.4\tDNS\tthe zone's records are looked at by a person
T5.5\tDNS\ta box that its step forgot
AC1.1\tPhase 1\tnobody thought of it
";

const NET: &str = r#"playbook(#{ id: "net", title: "Networking" });

step("sessions", #{ title: "Sessions", covers: ["T5.1"], priority: "P0", on: "none" }, |t| {
    expect(1, `sessions of ${t.id}`).to_be(1);
    expect([1], "neighbours that the router knows by their addresses and names").not_to_be_empty();
});
step("routes", #{ title: "Routes", covers: ["T5.1", "T5.2", "T5.3", "T5.5"], on: "none", effect: "write" }, |t| {
    expect([1], "routes of the router").covers("T5.2", "T5.1").not_to_be_empty();
    t.metric("look-up", 1, "ms", #{ max: 10, covers: ["T5.3"] });
});
step("records", #{ title: "Records", covers: ["T5.4"], priority: "P2", on: "none", manual: "look at the zone" });
"#;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn trace(line: &str, ui: Ui) -> Result<(String, u8), Vec<Error>> {
    let dir = tempfile::tempdir().expect("a folder");
    let files = [("pb.toml", "checklist = \"boxes.tsv\"\n"), ("boxes.tsv", BOXES), ("net.rhai", NET)];
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("written");
    }
    let bare =
        "playbook(#{ id: \"bare\" });\nstep(\"a\", #{ on: \"none\" }, |t| { expect(1 + 1, \"x\").to_be(2); });\n";
    std::fs::write(dir.path().join("bare.rhai"), bare).expect("written");
    let environment = Environment { dir: dir.path().into(), ..Environment::default() };
    let line = Line::try_parse_from(std::iter::once("trace").chain(line.split(' '))).expect("a command line");
    told(&line.args, &environment, ui)
}

fn shown(line: &str) -> String {
    trace(line, Ui::plain()).expect("a matrix").0
}

#[test]
fn the_matrix_is_shown_in_three_forms() {
    insta::assert_snapshot!("wide", shown("net.rhai --only *"));
    let narrow = trace("net.rhai --only *", Ui::fixed(false, 72, false)).expect("a matrix").0;
    insta::assert_snapshot!("narrow", narrow);
    insta::assert_snapshot!("markdown", shown("net.rhai --only * --markdown"));
    insta::assert_snapshot!("json", shown("net.rhai --only * --json"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in 40..130 {
        let text = trace("net.rhai --only *", Ui::fixed(false, columns, false)).expect("a matrix").0;
        let (counts, rest) =
            text.lines().rev().collect::<Vec<_>>().split_first().map(|(a, b)| (*a, b.to_vec())).expect("lines");
        assert_eq!(counts, "6 boxes: 3 judged, 1 by a person, 2 uncovered");
        assert!(rest.iter().all(|line| width(line) <= columns), "{columns}\n{text}");
    }
}

#[test]
fn what_is_uncovered_alone() {
    let text = shown("net.rhai --only * --uncovered");
    assert!(text.contains("AC1.1") && text.contains("net/routes: no expectation names it"), "{text}");
    assert!(!text.contains("T5.1") && text.ends_with("6 boxes: 3 judged, 1 by a person, 2 uncovered"), "{text}");
    let table = shown("net.rhai --only * --uncovered --markdown");
    assert_eq!(table.lines().filter(|line| line.starts_with("| ")).count(), 3, "{table}");
    let json: serde_json::Value = serde_json::from_str(&shown("net.rhai --only * --uncovered --json")).expect("JSON");
    let ids: Vec<&str> = json["boxes"].as_array().into_iter().flatten().filter_map(|of| of["id"].as_str()).collect();
    assert_eq!((ids, &json["counts"]["judged"]), (vec!["T5.5", "AC1.1"], &3.into()));
}

#[test]
fn boxes_are_selected_by_id_by_group_and_by_what_playbooks_cover() {
    let counts = |line: &str| shown(line).lines().last().map(ToString::to_string).unwrap_or_default();
    assert_eq!(counts("net.rhai --only T5.1,T5.3"), "2 boxes: 2 judged, 0 by a person, 0 uncovered (of 6)");
    assert_eq!(counts("net.rhai --only B*,Phase*"), "3 boxes: 2 judged, 0 by a person, 1 uncovered (of 6)");
    assert_eq!(counts("net.rhai"), "5 boxes: 3 judged, 1 by a person, 1 uncovered (of 6)");
    let wrong = |line: &str| trace(line, Ui::plain()).expect_err("nothing to show")[0].clone();
    let none = wrong("net.rhai --only T5.12");
    assert_eq!(none.message, "--only T5.12: the checklist has no such box and no such group");
    assert_eq!(none.hints, ["did you mean \"T5.1\"?"]);
    assert_eq!(wrong("bare.rhai").message, "bare.rhai: no step covers a box of boxes.tsv");
}

#[test]
fn only_a_matrix_without_a_gap_is_a_success() {
    let code = |line: &str| trace(line, Ui::plain()).expect("a matrix").1;
    assert_eq!([code("net.rhai --only T5.1"), code("net.rhai --only T5.4")], [0, 0]);
    assert_eq!(
        [code("net.rhai"), code("net.rhai --only AC*"), code("net.rhai --json"), code("net.rhai --markdown")],
        [1; 4]
    );
}

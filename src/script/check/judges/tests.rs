//! What is found to judge a step's boxes: by name, alone in its step, in functions that are called.

use crate::config::Config;
use crate::playbook::checklist::CheckBox;
use crate::playbook::matrix::{Judged, Matrix, Row, State};
use crate::playbook::{Library, Origin, Source};
use crate::script::load::{Loaded, Loader};
use crate::script::settings;

/// Loads a playbook, with `stdlib/helper.rhai` beside it.
fn with<T>(body: &str, look: impl Fn(&Loader, &Loaded) -> T) -> T {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("stdlib")).expect("a folder");
    let helper = "fn ready(things, label, boxes) { expect(things, label).covers(boxes).to_be_ready(); }\n\
                  fn plain(x) { inner(x) }\nfn inner(x) { expect(x, `inner ${x}`).to_be(1); }\n";
    std::fs::write(dir.path().join("stdlib/helper.rhai"), helper).expect("written");
    let loader = Loader::new(Library::new(dir.path(), dir.path()), settings::from_config(Config::default().into()));
    let text = format!("playbook(#{{ id: \"p\" }});\n{body}");
    let source = Source { name: "p.rhai".into(), text: text.into(), origin: Origin::Disk(dir.path().join("p.rhai")) };
    let loaded = loader.load(&source, &[]).unwrap_or_else(|error| panic!("{error}: {body}"));
    look(&loader, &loaded)
}

fn steps(body: &str) -> Vec<Judged> {
    with(body, super::judged)
}

/// What judges a box, as `label at file:line`.
fn judges(body: &str, id: &str) -> Vec<String> {
    let steps = steps(body);
    let told = steps.iter().flat_map(|step| step.of(id).into_iter());
    told.map(|j| format!("{} at {}:{}", j.label, j.place.file, j.place.line)).collect()
}

fn state(body: &str, id: &str) -> State {
    let (steps, of) = (steps(body), CheckBox { id: id.into(), group: String::new(), text: String::new() });
    let state = Matrix::new(&[&of], &steps).rows.first().map(Row::state);
    state.expect("a row")
}

#[test]
fn in_a_step_with_one_box_whatever_it_expects_judges_it() {
    let body = r#"step("a", #{ covers: ["A.1"] }, |t| {
        expect(1 + 1, "sum").to_be(2);
        eventually(duration("1s"), || { expect(t.id).not_to_be_empty(); });
        t.kube.wait("deployment", "web", #{ namespace: "x" });
        t.metric("start", 1, "s", #{ max: 2 });
        t.metric("only measured", 1, "s");
        expect(3, "given to nobody");
    });"#;
    let found = judges(body, "A.1");
    assert_eq!(
        found,
        ["sum at p.rhai:3", "t.id at p.rhai:4", "wait for deployment web at p.rhai:5", "start at p.rhai:6"]
    );
}

#[test]
fn in_a_step_with_several_boxes_each_has_to_be_named() {
    let body = r#"step("a", #{ covers: ["A.1", "A.2", "A.3", "A.4", "A.5"] }, |t| {
        expect(1, "one").covers("A.1").softly().to_be(1);
        expect(2, "two").covers("A.2", "A.1").to_be(2);
        expect(3, "nothing named").to_be(3);
        t.metric("latency", 1, "s", #{ max: 2, covers: ["A.3"] });
        t.metric("no limit", 1, "s", #{ covers: ["A.4"] });
        t.kube.wait("deployment", "web");
    });"#;
    assert_eq!(judges(body, "A.1"), ["one at p.rhai:3", "two at p.rhai:4"]);
    assert_eq!(judges(body, "A.2"), ["two at p.rhai:4"]);
    assert_eq!(judges(body, "A.3"), ["latency at p.rhai:6"]);
    assert_eq!(
        [state(body, "A.3"), state(body, "A.4"), state(body, "A.5")],
        [State::Judged, State::Uncovered, State::Uncovered]
    );
    assert_eq!(state(body, "A.6"), State::Uncovered);
}

#[test]
fn a_person_judges_the_boxes_of_a_manual_step_but_those_that_it_names() {
    let body = r#"step("a", #{ covers: ["A.1"], manual: "look" });
    step("b", #{ covers: ["A.2", "A.3"], manual: "look" }, |t| {
        expect(1, "prepared").to_be(1);
        expect(2, "named").covers("A.3").to_be(2);
    });
    step("c", #{ covers: ["A.4"], manual: "look" }, |t| { expect(1, "prepared").to_be(1); });"#;
    assert_eq!([state(body, "A.1"), state(body, "A.2"), state(body, "A.4")], [State::Person; 3]);
    assert_eq!((state(body, "A.3"), judges(body, "A.3")), (State::Judged, vec!["named at p.rhai:5".to_string()]));
}

#[test]
fn what_a_guard_expects_judges_no_box_and_what_comes_later_does() {
    let body = r#"step("a", #{ covers: ["A.1"], guard: |t| { expect(1, "guard").to_be(1); } }, |t| { t.note("x"); });
    step("b", #{ covers: ["A.2"], later: #{ after: duration("1h"), check: |t, s| { expect(s, "later").to_be(1); } } }, |t| 1);"#;
    assert_eq!((state(body, "A.1"), judges(body, "A.1")), (State::Uncovered, vec![]));
    assert_eq!(judges(body, "A.2"), ["later at p.rhai:3"]);
}

#[test]
fn calls_are_followed_into_functions_of_the_file_and_of_modules() {
    let body = r#"fn own(x, box, label) { deeper(x, box, label) }
fn deeper(x, box, label) { expect(x, label).covers(box).to_be(1); own(x, box, label) }
let boxes = ["A.3", "A.4"];
step("a", #{ covers: ["A.1", "A.2", "A.3", "A.4", "A.5"] }, |t| {
    own(1, "A.1", "by a function");
    helper::ready(t.id, "by a module", "A.2");
    helper::ready(t.id, `all of ${t.id}`, boxes);
    let judge = |box, x| { expect(x, "by a closure").covers(box).to_be(1); };
    judge.call("A.5", 1);
});
step("b", #{ covers: ["B.1"] }, |t| { helper::plain(1); });"#;
    assert_eq!(judges(body, "A.1"), ["by a function at p.rhai:3"]);
    assert_eq!(judges(body, "A.2"), ["by a module at stdlib/helper.rhai:1"]);
    assert_eq!(judges(body, "A.3"), ["all of ${t.id} at stdlib/helper.rhai:1"]);
    assert_eq!(judges(body, "A.4"), judges(body, "A.3"));
    assert_eq!(judges(body, "A.5"), ["by a closure at p.rhai:9"]);
    assert_eq!(judges(body, "B.1"), ["inner ${x} at stdlib/helper.rhai:3"]);
}

#[test]
fn boxes_of_a_table_that_a_loop_goes_through_are_known() {
    let body = r#"let rows = [#{ name: "x", box: "A.1" }, #{ name: "y", box: "A.2" }];
step("a", #{ covers: ["A.1", "A.2"] }, |t| {
    for row in rows { expect(1, `it is ${row.name}`).covers(row.box).to_be(1); }
});
for row in rows {
    step(`made-${row.name}`, #{ covers: [row.box] }, |t| { expect(1, "made").to_be(1); });
}"#;
    assert_eq!(judges(body, "A.1"), ["it is ${row.name} at p.rhai:4", "made at p.rhai:7"]);
    assert_eq!(judges(body, "A.2"), judges(body, "A.1"));
}

#[test]
fn boxes_that_are_computed_count_for_none_and_are_told() {
    let body = r#"step("a", #{ covers: ["A.1", "A.2"] }, |t| { expect(1, "x").covers(t.value("p/b", "box")).to_be(1); });
step("b", #{ covers: ["A.3"] }, |t| { expect(1, "x").covers(t.id).to_be(1); });"#;
    assert_eq!(
        [state(body, "A.1"), state(body, "A.2"), state(body, "A.3")],
        [State::Uncovered, State::Uncovered, State::Judged]
    );
    let steps = steps(body);
    let told = Matrix::new(&[], &steps).computed.iter().map(|(step, j)| format!("{} {}", step.id(), j.place)).collect();
    let told: Vec<String> = told;
    assert_eq!(told, ["p/a p.rhai:2:46"]);
}

#[test]
fn a_closure_in_a_variable_is_the_steps_as_well() {
    let body = r#"let body = |t| { expect(1, "kept").to_be(1); };
step("a", #{ covers: ["A.1"] }, body);
let common = |x| { expect(x, "shared").to_be(1); };
step("b", #{ covers: ["A.2"] }, |t| { common.call(1); });"#;
    assert_eq!(judges(body, "A.1"), ["kept at p.rhai:2"]);
    assert_eq!(judges(body, "A.2"), ["shared at p.rhai:4"]);
}

#[test]
fn what_is_not_called_does_not_judge() {
    let body = r#"fn unused(x) { expect(x, "unused").to_be(1); }
step("a", #{ covers: ["A.1"] }, |t| { t.note("nothing"); });
step("b", #{ covers: ["A.2"] }, |t| { expect(1, "of b").to_be(1); });"#;
    assert_eq!((state(body, "A.1"), judges(body, "A.1")), (State::Uncovered, vec![]));
    assert_eq!(judges(body, "A.2"), ["of b at p.rhai:4"]);
}

#[test]
fn a_box_that_the_step_does_not_cover_is_found_where_it_is_named() {
    let body = r#"fn own(x, box) { expect(x, "own").covers(box).to_be(1); }
step("a", #{ covers: ["A.1", "A.2"] }, |t| {
    expect(1, "one").covers("A.1", "A.3").to_be(1);
    own(1, "B.2");
    t.metric("took", 1, "s", #{ max: 2, covers: ["A.2", "C"] });
    expect(1, "right").covers(["A.2"]).to_be(1);
});
for row in [#{ n: "x", box: "A.1" }, #{ n: "y", box: "A.2" }] {
    step(row.n, #{ covers: [row.box] }, |t| { expect(1, "made").covers(row.box).to_be(1); });
}
step("none", #{}, |t| { expect(1, "none").covers("A.1").to_be(1); });"#;
    let found = with(body, super::foreign);
    let told = found.iter().map(|f| {
        let line = f.error.place.as_ref().map_or(0, |place| place.line);
        format!("{line}: {} | {}", f.error.message, f.error.hints.join(" | "))
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    assert_eq!(
        told,
        [
            r#"12: "none" names the box "A.1", and step "none" does not cover it | covers: […] in the step's options says which boxes it covers"#,
            r#"2: "own" names the box "B.2", and step "a" does not cover it | did you mean "A.2"? | the step covers A.1, A.2"#,
            r#"4: "one" names the box "A.3", and step "a" does not cover it | did you mean "A.1"? | the step covers A.1, A.2"#,
            r#"6: "took" names the box "C", and step "a" does not cover it | the step covers A.1, A.2"#,
        ]
    );
}

//! Plans: order, dependencies, selection, and everything that can be wrong with them.

use super::*;
use crate::error::Place;
use crate::event::Effect;

fn step(id: &str) -> StepDecl {
    StepDecl {
        id: id.into(),
        title: id.into(),
        covers: Vec::new(),
        priority: "P1".into(),
        on: On::None,
        effect: Effect::Read,
        timeout: None,
        retry: None,
        needs: Vec::new(),
        alone: false,
        guarded: false,
        later: None,
        manual: None,
        risk: None,
        if_fails: Vec::new(),
        has_body: true,
        place: Place { file: "p.rhai".into(), line: 7, column: 1, source: None },
    }
}

fn needing(id: &str, needs: &[&str]) -> StepDecl {
    StepDecl { needs: needs.iter().map(ToString::to_string).collect(), ..step(id) }
}

fn on(id: &str, on: &str) -> StepDecl {
    StepDecl { on: On::parse(on), ..step(id) }
}

fn of_priority(id: &str, priority: &str) -> StepDecl {
    StepDecl { priority: priority.into(), ..step(id) }
}

fn playbook(id: &str, after: &[&str], steps: Vec<StepDecl>) -> Declared {
    let after = after.iter().map(ToString::to_string).collect();
    Declared {
        playbook: PlaybookDecl { id: id.into(), after, ..PlaybookDecl::default() },
        support: false,
        steps: [(None, steps)].into(),
    }
}

fn clusters() -> Vec<String> {
    vec!["apps".into(), "infra".into()]
}

fn select(change: impl FnOnce(&mut Selection)) -> Selection {
    let mut selection = Selection::default();
    change(&mut selection);
    selection
}

fn planned_of(playbooks: &[Declared], selection: &Selection) -> Result<Plan, Vec<Error>> {
    Plan::new(playbooks, &clusters(), selection, Duration::from_secs(300))
}

fn plan(playbooks: &[Declared]) -> Plan {
    planned_of(playbooks, &Selection::default()).expect("a plan")
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|s| s.info.id.as_str()).collect()
}

/// The ids that a selection leaves of these steps.
fn left(steps: &[StepDecl], change: impl FnOnce(&mut Selection)) -> Vec<String> {
    let plan = planned_of(&[playbook("p", &[], steps.to_vec())], &select(change)).expect("a plan");
    ids(&plan).into_iter().map(Into::into).collect()
}

/// The messages, with their hints, of a plan that can't be.
fn problems(playbooks: &[Declared], selection: &Selection) -> Vec<String> {
    let told = |e: Error| [vec![e.message], e.hints].concat().join(" | ");
    planned_of(playbooks, selection).expect_err("problems").into_iter().map(told).collect()
}

fn needs_of(plan: &Plan, id: &str) -> Vec<String> {
    let step = plan.steps.iter().find(|s| s.info.id == id).expect("the step");
    step.needs.iter().map(|i| plan.steps[*i].info.id.clone()).collect()
}

#[test]
fn the_declared_order_is_kept_where_needs_allow_it() {
    let steps = vec![step("a"), needing("b", &["d"]), step("c"), step("d"), step("e")];
    let plan = plan(&[playbook("p", &[], steps)]);
    assert_eq!(ids(&plan), ["p/a", "p/c", "p/d", "p/b", "p/e"]);
    assert_eq!(needs_of(&plan, "p/b"), ["p/d"]);
}

#[test]
fn playbooks_are_ordered_by_after_and_what_is_not_here_is_not_waited_for() {
    let plan = plan(&[
        playbook("t9", &["t5", "t7"], vec![step("x")]),
        playbook("t5", &["t2"], vec![step("x")]),
        playbook("t2", &[], vec![step("x")]),
    ]);
    assert_eq!(plan.playbooks, ["t2", "t5", "t9"]);
    assert_eq!(ids(&plan), ["t2/x", "t5/x", "t9/x"]);
}

#[test]
fn steps_wait_for_all_playbooks_before_theirs_and_stand_on_the_p0_steps_of_these() {
    let plan = plan(&[
        playbook("one", &[], vec![of_priority("gate", "P0"), step("other")]),
        playbook("two", &["one"], vec![step("x")]),
        playbook("three", &["two"], vec![step("x")]),
        playbook("aside", &[], vec![step("x")]),
    ]);
    let named = |indices: &[usize]| indices.iter().map(|i| plan.steps[*i].info.id.as_str()).collect::<Vec<_>>();
    let of = |id: &str| plan.steps.iter().find(|s| s.info.id == id).expect("the step");
    assert_eq!(named(&of("three/x").after), ["one/gate", "one/other", "two/x"]);
    assert_eq!(named(&of("three/x").gates), ["one/gate"]);
    assert_eq!(of("aside/x").after, [0_usize; 0]);
    assert_eq!(of("one/gate").gates, [0_usize; 0]);
}

#[test]
fn a_playbook_that_writes_up_how_it_went_stands_on_nothing() {
    let mut evidence = playbook("two", &["one"], vec![step("x")]);
    evidence.playbook.ungated = true;
    let plan = plan(&[playbook("one", &[], vec![of_priority("gate", "P0")]), evidence]);
    assert_eq!((plan.steps[1].after.as_slice(), plan.steps[1].gates.len()), ([0].as_slice(), 0));
}

#[test]
fn playbooks_that_wait_for_each_other_are_named() {
    let found = problems(
        &[playbook("a", &["b"], vec![step("x")]), playbook("b", &["a"], vec![step("x")]), playbook("c", &[], vec![])],
        &Selection::default(),
    );
    assert_eq!(found, ["playbooks wait for each other by after: a, b"]);
}

#[test]
fn a_circle_of_steps_is_told_as_a_path_without_those_that_only_lead_into_it() {
    let steps = vec![needing("into", &["a"]), needing("a", &["b"]), needing("b", &["c"]), needing("c", &["a"])];
    let error = planned_of(&[playbook("p", &[], steps)], &Selection::default()).expect_err("a circle").remove(0);
    assert_eq!(error.message, "steps need each other in a circle: p/a → p/b → p/c → p/a");
    assert_eq!(error.place.map(|p| p.line), Some(7));
    let own = problems(&[playbook("p", &[], vec![needing("a", &["a"])])], &Selection::default());
    assert_eq!(own, ["steps need each other in a circle: p/a → p/a"]);
}

#[test]
fn duplicates_unknown_needs_clusters_and_globs_are_told_at_once() {
    let steps = vec![step("a"), step("a"), needing("b", &["aa"]), on("c", "infre")];
    let selection = select(|s| {
        s.only = vec!["nothing-like-it".into()];
        s.clusters = vec!["app".into()];
    });
    let found = problems(&[playbook("p", &[], steps)], &selection);
    let all = found.join("\n");
    assert_eq!(found.len(), 5, "{all}");
    for text in [
        "--cluster app: no such cluster (there are: apps, infra) | did you mean \"apps\"?",
        "step \"a\" is declared twice, first at p.rhai:7:1",
        "step \"b\" needs \"aa\", and there is no such step | did you mean \"p/a\"?",
        "step \"c\" runs on \"infre\", and there is no such cluster | did you mean \"infra\"?",
        "--only nothing-like-it: no step has such an id | steps: a, b",
    ] {
        assert!(all.contains(text), "{text:?} is not in\n{all}");
    }
}

#[test]
fn what_is_no_glob_and_no_priority_is_refused() {
    let steps = [step("a")];
    let with = |s: Selection| problems(&[playbook("p", &[], steps.to_vec())], &s);
    assert_eq!(with(select(|s| s.only = vec!["[".into()])), ["--only [: not a glob"]);
    assert_eq!(with(select(|s| s.priorities = vec!["P3".into()])), ["--priority P3: expected P0, P1 or P2"]);
    assert_eq!(
        with(select(|s| s.from = Some("b".into()))),
        ["--from b: no step has such an id | did you mean \"a\"? | steps: a"]
    );
}

#[test]
fn a_step_runs_once_for_each_cluster_where_it_says_so() {
    let steps = vec![on("each", "each cluster"), on("all", "all"), on("none", "none"), on("one", "infra")];
    let plan = plan(&[playbook("p", &[], steps)]);
    assert_eq!(ids(&plan), ["p/each@apps", "p/each@infra", "p/all", "p/none", "p/one@infra"]);
    let occupied: Vec<&[String]> = plan.steps.iter().map(|s| s.clusters.as_slice()).collect();
    let both = clusters();
    assert_eq!(occupied, [&both[..1], &both[1..], &both[..], &[][..], &both[1..]]);
}

#[test]
fn clusters_that_are_not_selected_have_no_steps() {
    let steps = vec![on("each", "each cluster"), on("all", "all"), on("one", "infra")];
    let plan = planned_of(&[playbook("p", &[], steps)], &select(|s| s.clusters = vec!["apps".into()])).expect("a plan");
    assert_eq!(ids(&plan), ["p/each@apps", "p/all"]);
    assert_eq!(plan.steps[1].clusters, ["apps"]);
}

#[test]
fn a_cluster_s_own_declaration_is_what_runs_there() {
    let mut declared = playbook("p", &[], vec![on("s", "each cluster")]);
    let patient = StepDecl { timeout: Some(Duration::from_secs(900)), ..on("s", "each cluster") };
    declared.steps.insert(Some("infra".into()), vec![patient]);
    let plan = plan(&[declared]);
    let limits: Vec<u64> = plan.steps.iter().map(|s| s.timeout.as_secs()).collect();
    assert_eq!((ids(&plan), limits), (vec!["p/s@apps", "p/s@infra"], vec![300, 900]));
}

#[test]
fn a_need_is_the_same_cluster_s_step_where_there_is_one() {
    let each = |id: &str, needs: &[&str]| StepDecl { on: On::Each, ..needing(id, needs) };
    let steps =
        vec![each("a", &[]), each("b", &["a"]), each("c", &["a@infra"]), needing("sum", &["b"]), each("d", &["sum"])];
    let plan = plan(&[playbook("p", &[], steps)]);
    assert_eq!(needs_of(&plan, "p/b@apps"), ["p/a@apps"]);
    assert_eq!(needs_of(&plan, "p/c@apps"), ["p/a@infra"]);
    assert_eq!(needs_of(&plan, "p/sum"), ["p/b@apps", "p/b@infra"]);
    assert_eq!(needs_of(&plan, "p/d@infra"), ["p/sum"]);
}

#[test]
fn a_need_of_another_playbook_is_met_there_and_left_out_where_it_is_not_part_of_the_run() {
    let two = playbook("two", &[], vec![needing("x", &["one/a", "elsewhere/z"])]);
    let with_one = plan(&[two.clone(), playbook("one", &[], vec![step("a")])]);
    assert_eq!(ids(&with_one), ["one/a", "two/x"]);
    assert_eq!(needs_of(&with_one, "two/x"), ["one/a"]);
    assert_eq!(needs_of(&plan(&[two]), "two/x"), [""; 0]);
}

#[test]
fn selection_pulls_in_what_is_needed_but_not_what_is_skipped() {
    let steps = [of_priority("a", "P0"), needing("b", &["a"]), needing("c", &["b"]), of_priority("d", "P2")];
    assert_eq!(left(&steps, |s| s.only = vec!["c".into()]), ["p/a", "p/b", "p/c"]);
    assert_eq!(left(&steps, |s| s.only = vec!["p/[bd]".into()]), ["p/a", "p/b", "p/d"]);
    assert_eq!(left(&steps, |s| s.priorities = vec!["P0".into(), "P2".into()]), ["p/a", "p/d"]);
    assert_eq!(left(&steps, |s| s.from = Some("c".into())), ["p/a", "p/b", "p/c", "p/d"]);
    assert_eq!(left(&steps, |s| s.from = Some("d".into())), ["p/d"]);
    assert_eq!(left(&steps, |s| s.skip = vec!["a".into(), "d".into()]), ["p/b", "p/c"]);
    assert_eq!(
        left(&steps, |s| {
            s.only = vec!["b".into()];
            s.skip = vec!["b".into()];
        }),
        [""; 0]
    );
}

#[test]
fn globs_name_steps_with_and_without_playbook_and_cluster() {
    let steps = [on("bgp-table", "each cluster"), on("bgp-sum", "none"), on("dns", "each cluster")];
    assert_eq!(left(&steps, |s| s.only = vec!["bgp-*".into()]), ["p/bgp-table@apps", "p/bgp-table@infra", "p/bgp-sum"]);
    assert_eq!(left(&steps, |s| s.only = vec!["*@infra".into()]), ["p/bgp-table@infra", "p/dns@infra"]);
    assert_eq!(left(&steps, |s| s.only = vec!["dns@apps".into()]), ["p/dns@apps"]);
    assert_eq!(left(&steps, |s| s.only = vec!["p/dns".into()]), ["p/dns@apps", "p/dns@infra"]);
}

#[test]
fn a_supporting_playbook_gives_only_what_is_needed() {
    let support = Declared { support: true, ..playbook("one", &[], vec![step("a"), step("b")]) };
    let two = playbook("two", &["one"], vec![needing("x", &["one/a"])]);
    let both = plan(&[two, support.clone()]);
    assert_eq!(ids(&both), ["one/a", "two/x"]);
    assert!(both.steps[0].support && !both.steps[1].support);
    let alone = plan(&[playbook("two", &[], vec![step("x")]), support]);
    assert_eq!((ids(&alone), alone.playbooks.clone()), (vec!["two/x"], vec!["two".to_string()]));
}

#[test]
fn every_index_is_an_earlier_step_s() {
    let each = |id: &str, needs: &[&str]| StepDecl { on: On::Each, priority: "P0".into(), ..needing(id, needs) };
    let plan = plan(&[
        playbook("z", &["a"], vec![each("x", &["a/y"]), needing("w", &["x", "v"]), step("v")]),
        playbook("a", &[], vec![each("x", &["y"]), each("y", &[])]),
    ]);
    assert_eq!(plan.steps.len(), 8);
    for (at, step) in plan.steps.iter().enumerate() {
        let all = step.needs.iter().chain(&step.after).chain(&step.gates);
        assert!(all.copied().all(|i| i < at), "{}: {step:?}", step.info.id);
        assert!(step.gates.iter().all(|g| step.after.contains(g)), "{}", step.info.id);
    }
}

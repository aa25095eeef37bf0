//! What may run when: needs, gates, jobs, exclusiveness, parked steps.

use super::*;
use crate::error::Place;
use crate::event::StepInfo;
use crate::playbook::{On, StepDecl};

const APPS: &[&str] = &["apps"];
const INFRA: &[&str] = &["infra"];
const BOTH: &[&str] = &["apps", "infra"];

fn step(id: &str, clusters: &[&str], effect: Effect) -> Planned {
    let decl = StepDecl {
        id: id.into(),
        title: id.into(),
        covers: Vec::new(),
        priority: "P1".into(),
        on: On::None,
        effect,
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
        place: Place::default(),
    };
    Planned {
        info: StepInfo { id: id.into(), priority: "P1".into(), effect, ..StepInfo::default() },
        decl,
        clusters: clusters.iter().map(ToString::to_string).collect(),
        needs: Vec::new(),
        after: Vec::new(),
        gates: Vec::new(),
        timeout: std::time::Duration::from_secs(1),
        support: false,
    }
}

fn read(id: &str, clusters: &[&str]) -> Planned {
    step(id, clusters, Effect::Read)
}

fn alone(id: &str, clusters: &[&str]) -> Planned {
    let mut step = read(id, clusters);
    step.decl.alone = true;
    step
}

fn disrupt(id: &str, clusters: &[&str]) -> Planned {
    step(id, clusters, Effect::Disrupt)
}

fn needing(step: Planned, needs: &[usize]) -> Planned {
    Planned { needs: needs.to_vec(), ..step }
}

fn plan(steps: Vec<Planned>) -> Plan {
    Plan { steps, playbooks: vec!["p".into()] }
}

/// Everything that starts now, until nothing more may.
fn starts(schedule: &mut Schedule<'_>) -> Vec<usize> {
    let mut started = Vec::new();
    loop {
        match schedule.next() {
            Next::Start(at) => started.push(at),
            Next::Wait | Next::Finished => return started,
            Next::Blocked(at, why) => panic!("{at} is blocked: {why}"),
        }
    }
}

#[test]
fn reading_steps_run_side_by_side_up_to_the_number_of_jobs() {
    let plan = plan(vec![read("a", INFRA), read("b", INFRA), read("c", APPS), read("d", APPS)]);
    let mut schedule = Schedule::new(&plan, 3, |_| false);
    assert_eq!(starts(&mut schedule), [0, 1, 2]);
    assert_eq!(schedule.next(), Next::Wait);
    schedule.finished(1, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [3]);
    for at in [0, 2, 3] {
        assert_eq!(schedule.next(), Next::Wait);
        schedule.finished(at, Outcome::Failed);
    }
    assert_eq!(schedule.next(), Next::Finished);
}

#[test]
fn no_job_at_all_is_taken_as_one() {
    let plan = plan(vec![read("a", INFRA), read("b", INFRA)]);
    assert_eq!(starts(&mut Schedule::new(&plan, 0, |_| false)), [0]);
}

#[test]
fn a_step_alone_shares_its_cluster_with_nothing_and_others_not_at_all() {
    let plan = plan(vec![alone("a", INFRA), read("b", INFRA), read("c", APPS), read("d", &[])]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0, 2, 3]);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [1]);
}

#[test]
fn a_step_on_all_clusters_that_is_alone_waits_for_both() {
    let plan = plan(vec![read("a", INFRA), read("b", APPS), alone("c", BOTH), read("d", APPS)]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    // d comes after c in the plan: letting it run first could keep c from ever running.
    assert_eq!(starts(&mut schedule), [0, 1]);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [0_usize; 0]);
    schedule.finished(1, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [2]);
    schedule.finished(2, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [3]);
}

#[test]
fn only_one_step_disrupts_in_the_whole_run() {
    let plan = plan(vec![disrupt("a", INFRA), disrupt("b", APPS), disrupt("c", &[]), read("d", APPS)]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0, 3]);
    schedule.finished(0, Outcome::Passed);
    // b waits for the reader of its cluster; c has no cluster to wait for.
    assert_eq!(starts(&mut schedule), [2]);
    schedule.finished(3, Outcome::Passed);
    assert_eq!(schedule.next(), Next::Wait);
    schedule.finished(2, Outcome::Errored);
    assert_eq!(starts(&mut schedule), [1]);
    schedule.finished(1, Outcome::Passed);
    assert_eq!(schedule.next(), Next::Finished);
}

#[test]
fn a_disruption_that_waits_for_another_keeps_no_cluster_idle() {
    let plan =
        plan(vec![disrupt("a", INFRA), disrupt("b", INFRA), read("c", INFRA), disrupt("d", APPS), read("e", APPS)]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0, 4]);
    // Parked for hours, perhaps: its cluster is released to readers, and to no other disruption.
    schedule.parked(0);
    assert_eq!(starts(&mut schedule), [2]);
    schedule.due(0);
    schedule.finished(2, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [0]);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [1]);
}

#[test]
fn a_disrupting_step_of_one_cluster_leaves_the_readers_of_the_other_alone() {
    let plan = plan(vec![disrupt("a", INFRA), read("b", APPS), read("c", INFRA)]);
    assert_eq!(starts(&mut Schedule::new(&plan, 9, |_| false)), [0, 1]);
}

#[test]
fn readers_do_not_overtake_a_disrupting_step_for_ever() {
    let plan = plan(vec![read("a", INFRA), disrupt("b", INFRA), read("c", INFRA), read("d", APPS)]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0, 3]);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [1]);
    schedule.finished(1, Outcome::Failed);
    assert_eq!(starts(&mut schedule), [2]);
}

#[test]
fn needs_are_waited_for_and_block_when_they_do_not_pass() {
    let steps = vec![read("a", INFRA), needing(read("b", INFRA), &[0]), needing(read("c", INFRA), &[1])];
    let plan = plan(steps);
    for good in [Outcome::Passed, Outcome::Warned] {
        let mut schedule = Schedule::new(&plan, 9, |_| false);
        assert_eq!(starts(&mut schedule), [0]);
        schedule.finished(0, good);
        assert_eq!(starts(&mut schedule), [1]);
    }
    for (bad, why) in [
        (Outcome::Failed, "needs a, which has failed"),
        (Outcome::Errored, "needs a, which has errored"),
        (Outcome::Skipped, "needs a, which was skipped"),
        (Outcome::Inconclusive, "needs a, which was inconclusive"),
        (Outcome::Manual, "needs a, which waits for a person"),
    ] {
        let mut schedule = Schedule::new(&plan, 9, |_| false);
        assert_eq!(starts(&mut schedule), [0]);
        schedule.finished(0, bad);
        assert_eq!(schedule.next(), Next::Blocked(1, why.into()));
        schedule.finished(1, Outcome::Blocked);
        assert_eq!(schedule.next(), Next::Blocked(2, "needs b, which was blocked".into()));
    }
}

#[test]
fn a_playbook_comes_after_another_and_stands_on_its_p0_steps_alone() {
    let later = Planned { after: vec![0, 1], gates: vec![0], ..read("c", INFRA) };
    let plan = plan(vec![read("a", INFRA), read("b", INFRA), later]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0, 1]);
    schedule.finished(1, Outcome::Failed);
    assert_eq!(schedule.next(), Next::Wait);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [2]);

    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0, 1]);
    schedule.finished(0, Outcome::Inconclusive);
    assert_eq!(schedule.next(), Next::Blocked(2, "stands on a (P0), which was inconclusive".into()));

    // What waits for a person, or was left out, keeps nobody from going on.
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0, 1]);
    schedule.finished(0, Outcome::Manual);
    schedule.finished(1, Outcome::Skipped);
    assert_eq!(starts(&mut schedule), [2]);
}

#[test]
fn a_parked_step_frees_its_cluster_and_job_until_its_check_is_due() {
    let plan = plan(vec![alone("a", INFRA), read("b", INFRA)]);
    let mut schedule = Schedule::new(&plan, 1, |_| false);
    assert_eq!(starts(&mut schedule), [0]);
    schedule.parked(0);
    assert_eq!(starts(&mut schedule), [1]);
    schedule.due(0);
    assert_eq!(schedule.next(), Next::Wait);
    schedule.finished(1, Outcome::Passed);
    assert_eq!(schedule.next(), Next::Start(0));
    schedule.finished(0, Outcome::Passed);
    assert_eq!(schedule.next(), Next::Finished);
}

#[test]
fn a_parked_disruption_still_is_one() {
    let plan = plan(vec![disrupt("a", INFRA), disrupt("b", APPS), read("c", INFRA)]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0]);
    schedule.parked(0);
    // c may use the cluster that is free again; b would be a second disruption.
    assert_eq!(starts(&mut schedule), [2]);
    schedule.finished(2, Outcome::Passed);
    assert_eq!(schedule.next(), Next::Wait);
    schedule.due(0);
    assert_eq!(starts(&mut schedule), [0]);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [1]);
}

#[test]
fn what_needs_a_parked_step_waits_for_its_check() {
    let plan = plan(vec![read("a", INFRA), needing(read("b", INFRA), &[0])]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    assert_eq!(starts(&mut schedule), [0]);
    schedule.parked(0);
    assert_eq!(schedule.next(), Next::Wait);
    schedule.due(0);
    assert_eq!(starts(&mut schedule), [0]);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(starts(&mut schedule), [1]);
}

#[test]
fn only_what_is_parked_becomes_due() {
    let plan = plan(vec![read("a", INFRA)]);
    let mut schedule = Schedule::new(&plan, 9, |_| false);
    schedule.due(0);
    assert_eq!(starts(&mut schedule), [0]);
    schedule.due(0);
    assert_eq!(schedule.next(), Next::Wait);
}

#[test]
fn what_has_not_begun_can_be_abandoned() {
    let plan = plan(vec![read("a", INFRA), read("b", INFRA), read("c", INFRA)]);
    let mut schedule = Schedule::new(&plan, 1, |_| false);
    assert_eq!(starts(&mut schedule), [0]);
    assert_eq!(schedule.abandon(), [1, 2]);
    assert_eq!(schedule.next(), Next::Wait);
    schedule.finished(0, Outcome::Passed);
    assert_eq!(schedule.next(), Next::Finished);
}

#[test]
fn what_is_only_going_to_be_skipped_holds_nobody_up() {
    let disrupting =
        Planned { info: StepInfo { effect: Effect::Disrupt, ..read("b", INFRA).info }, ..read("b", INFRA) };
    let plan = plan(vec![read("a", INFRA), disrupting, read("c", INFRA)]);
    let next = |left_out: bool| {
        let mut schedule = Schedule::new(&plan, 4, |step| left_out && step.info.effect == Effect::Disrupt);
        [schedule.next(), schedule.next(), schedule.next()]
    };
    assert_eq!(next(false), [Next::Start(0), Next::Wait, Next::Wait]);
    assert_eq!(next(true), [Next::Start(0), Next::Start(1), Next::Start(2)]);
}

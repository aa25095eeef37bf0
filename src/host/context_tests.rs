//! The gate: effects, permissions, deadlines, what it tells.

use std::time::{Duration, Instant};

use super::*;
use crate::config::Config;
use crate::host::testing::{allowing, world};
use crate::host::world::Permissions;

fn context(effect: Effect, limit: Option<Duration>) -> Arc<Context> {
    Context::new(world(Config::default()), "t/s@infra", Some("infra".into()), effect, limit)
}

fn allowed(permissions: Permissions) -> Arc<Context> {
    let world = allowing(Config::default(), permissions);
    Context::new(world, "t/s@infra", Some("infra".into()), Effect::Destroy, None)
}

fn call(effect: Effect) -> Call {
    Call::new("kube.delete", "kubectl delete pod x").effect(effect).cluster("infra")
}

/// A call that nobody answers.
fn silent(cx: &Context, limit: Limit) -> Error {
    let call = call(Effect::Read).limit(limit);
    cx.run::<(), _>(None, call, |()| String::new(), std::future::pending()).expect_err("nobody answers")
}

#[test]
fn the_steps_effect_bounds_its_calls() {
    let cx = context(Effect::Write, None);
    assert_eq!(cx.admit(&call(Effect::Read)), Ok(()));
    assert_eq!(cx.admit(&call(Effect::Write)), Ok(()));
    let refused = cx.admit(&call(Effect::Disrupt)).expect_err("stronger than declared");
    assert_eq!(refused.kind, Kind::Refused);
    assert_eq!(
        refused.message,
        "kube.delete on infra is \"disrupt\", stronger than what step t/s@infra declares: \"write\""
    );
    assert_eq!(refused.causes, ["refused: kubectl delete pod x"]);
}

#[test]
fn what_was_refused_is_never_started() {
    let cx = context(Effect::Read, None);
    let mut started = false;
    let result: Result<(), Error> = cx.run(None, call(Effect::Write), |()| String::new(), async {
        started = true;
        Ok(())
    });
    assert_eq!(result.map_err(|e| e.kind), Err(Kind::Refused));
    assert!(!started);
    assert_eq!(cx.state().calls, 0);
}

#[test]
fn read_only_refuses_everything_else_whatever_the_step_declares() {
    let cx = allowed(Permissions { read_only: true, ..Permissions::default() });
    assert_eq!(cx.admit(&call(Effect::Read)), Ok(()));
    let refused = cx.admit(&call(Effect::Write)).expect_err("read-only");
    assert!(refused.message.contains("--read-only"), "{refused}");
}

#[test]
fn destroying_is_allowed_for_the_named_cluster_alone() {
    let cx = allowed(Permissions { disrupt: true, destroy: ["apps".to_string()].into(), ..Permissions::default() });
    assert_eq!(cx.admit(&call(Effect::Destroy).cluster("apps")), Ok(()));
    let refused = cx.admit(&call(Effect::Destroy)).expect_err("another cluster");
    assert_eq!(refused.hints, ["--allow destroy=infra allows it"]);
    let nowhere = Call::new("sh::run", "rm -r /").effect(Effect::Destroy);
    assert!(cx.admit(&nowhere).is_err(), "a call on no cluster is on none that was named");
}

#[test]
fn the_deadline_that_struck_is_named_with_the_other() {
    let own = silent(&context(Effect::Read, Some(Duration::from_secs(60))), Limit::Within(Duration::from_millis(30)));
    assert_eq!(own.kind, Kind::Timeout);
    assert!(own.message.starts_with("kube.delete: no answer within 30ms, the call's deadline (the step has "), "{own}");
    let step = silent(&context(Effect::Read, Some(Duration::from_millis(30))), Limit::Call);
    assert!(step.message.ends_with("the step's deadline (the step has 30ms in all)"), "{step}");
}

#[test]
fn cancellation_ends_a_call_and_refuses_the_next() {
    let cx = context(Effect::Write, None);
    let cancel = cx.world.cancel.clone();
    let began = Instant::now();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        cancel.cancel();
    });
    assert_eq!(silent(&cx, Limit::Call).kind, Kind::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(10));
    timer.join().expect("ended");
    assert_eq!(silent(&cx, Limit::Call).kind, Kind::Cancelled);
    // The clean-up goes on all the same.
    let cleaning = cx.for_cleaning(Duration::from_secs(5));
    let answer = cleaning.run(None, call(Effect::Write), |n| format!("{n}"), async { Ok(7) });
    assert_eq!(answer, Ok(7));
}

#[test]
fn outside_a_step_there_is_no_context() {
    let error = Context::current().expect_err("nobody entered one");
    assert_eq!(error.kind, Kind::Playbook);
    let cx = context(Effect::Read, None);
    let entered = cx.enter();
    assert_eq!(Context::current().map(|c| c.step.clone()), Ok("t/s@infra".into()));
    drop(entered);
    assert!(Context::current().is_err());
}

#[test]
fn disrupting_is_for_whom_the_operator_allows_it_also_in_clean_up() {
    let hint = |permissions: Permissions| {
        let cx = allowed(permissions);
        let (first, then) = (
            cx.admit(&call(Effect::Disrupt)),
            cx.for_cleaning(crate::host::call::STEP_LIMIT).admit(&call(Effect::Disrupt)),
        );
        assert_eq!(first, then);
        first.err().map(|e| (e.kind, e.hints))
    };
    let flag = vec!["--allow disrupt allows it".to_string()];
    assert_eq!(hint(Permissions::default()), Some((Kind::Refused, flag)));
    assert_eq!(hint(Permissions { disrupt: true, ..Permissions::default() }), None);
    // Who may destroy on a cluster may disrupt.
    assert_eq!(hint(Permissions { destroy: ["apps".to_string()].into(), ..Permissions::default() }), None);
}

#[test]
fn a_clean_up_does_no_more_than_its_step_declared() {
    let cx = context(Effect::Read, None);
    let error = cx.for_cleaning(crate::host::call::STEP_LIMIT).admit(&call(Effect::Write)).expect_err("it only reads");
    assert_eq!(
        error.message,
        "kube.delete on infra is \"write\", stronger than what step t/s@infra declares: \"read\""
    );
}

#[test]
fn a_call_taken_at_its_word_is_remarked_once() {
    let cx = context(Effect::Read, None);
    let said = || call(Effect::Read).usual(Effect::Write);
    for call in [said(), said(), call(Effect::Read).usual(Effect::Read), call(Effect::Read)] {
        assert_eq!(cx.run(None, call, |n| format!("{n}"), async { Ok(7) }), Ok(7));
    }
    assert_eq!(cx.state().notes, [r#"kube.delete on infra counts as "read", not "write": the script says so"#]);
}

#[test]
fn a_clean_up_destroys_only_where_its_step_may() {
    let cx = allowed(Permissions { destroy: ["infra".to_string()].into(), ..Permissions::default() });
    let cleaning = cx.for_cleaning(crate::host::call::STEP_LIMIT);
    assert_eq!(cleaning.admit(&call(Effect::Destroy)), Ok(()));
    assert!(cleaning.admit(&call(Effect::Destroy).cluster("apps")).is_err());
}

/// What was told.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<What>>>);

impl crate::event::Listener for Seen {
    fn on(&mut self, event: &crate::event::Event) {
        self.0.lock().unwrap().push(event.what.clone());
    }
}

#[test]
fn the_uid_of_what_was_created_is_told_to_the_record() {
    let (seen, quiet) = (Seen::default(), world(Config::default()));
    let clock = quiet.clock.clone();
    let bus = crate::event::Bus::new(clock.clone(), Box::new(|event| event), vec![Box::new(seen.clone())]);
    let (runtime, redactor) = (quiet.runtime.clone(), quiet.redactor.clone());
    let allowed = Permissions::default();
    let world = World::new("r".into(), None, quiet.config.clone(), runtime, bus.clone(), clock, redactor, allowed);
    let cx = Context::new(world, "t/s", None, Effect::Write, None);
    let row = cx.undo("create", Undo::Command { program: "true".into(), args: Vec::new() }).unwrap().row;
    // The listeners have the row before the change is made, not some time after.
    assert_eq!(seen.0.lock().unwrap().len(), 1);
    cx.created(row, "u-1");
    // A server that gives no uid identifies nothing.
    cx.created(row, "");
    bus.close();
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen[1..], [What::UndoIdentified { row, uid: "u-1".into() }]);
}

#[test]
fn a_part_of_a_step_has_a_narrower_deadline_and_never_a_later_one() {
    let step = Context::new(world(Config::default()), "t/s", None, Effect::Read, Some(Duration::from_secs(60)));
    let part = step.narrowed(Duration::ZERO, "the part's");
    assert_eq!(part.check().unwrap_err().message, "the part's deadline of 0s struck");
    assert_eq!(step.check(), Ok(()));
    for longer in [Duration::from_secs(600), Duration::MAX] {
        assert_eq!(step.narrowed(longer, "the part's").deadline, step.deadline);
    }
    let within = step.narrowed(Duration::from_secs(30), "the part's").narrowed(Duration::from_secs(40), "another's");
    assert!(within.remaining() <= Some(Duration::from_secs(30)));
}

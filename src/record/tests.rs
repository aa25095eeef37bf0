//! What a run's folder keeps, and gives back after whatever happened to it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::*;
use crate::error::Kind;
use crate::event::{Answer, Body, Bus, Event, Listener, ObjectRef, Outcome, Undo, What, one_of_each};

fn begin() -> Timestamp {
    "2026-11-23T06:31:12Z".parse().expect("a time")
}

fn info() -> RunInfo {
    RunInfo { targets: vec!["t5".into()], ..RunInfo::here(begin()) }
}

fn event(step: Option<&str>, what: What) -> Event {
    Event { at: begin(), step: step.map(Into::into), what }
}

/// A run that was told these events and was then killed, or came to its end.
fn told(events: &[Event], closed: bool) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, mut record) = Record::create(dir.path(), info()).expect("made");
    for event in events {
        record.on(event);
    }
    assert_eq!(record.kept(), Ok(()));
    if closed {
        record.close();
        assert_eq!(record.unwritten().take(), []);
    }
    (dir, folder.path)
}

fn pod(row: u64, name: &str) -> What {
    let object = ObjectRef {
        cluster: "infra".into(),
        api_version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
        namespace: Some("web".into()),
        name: name.into(),
        uid: None,
    };
    let (change, undo) = (format!("create Pod web/{name}"), Undo::Delete { object });
    What::UndoRecorded(crate::event::LedgerRow { row, change, undo })
}

fn read(recorded: &Recorded) -> Vec<Event> {
    recorded.events().expect("a journal").map(|e| e.expect("readable")).collect()
}

struct Seen(Arc<Mutex<Vec<Event>>>);

impl Listener for Seen {
    fn on(&mut self, event: &Event) {
        self.0.lock().expect("not poisoned").push(event.clone());
    }
}

#[test]
fn the_events_that_come_back_are_those_that_the_live_listeners_got() {
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, record) = Record::create(dir.path(), info()).expect("made");
    let (seen, unwritten) = (Arc::new(Mutex::new(Vec::new())), record.unwritten());
    let bus = Bus::new(
        Arc::new(crate::clock::System),
        Box::new(|event| event),
        vec![Box::new(record), Box::new(Seen(seen.clone()))],
    );
    for event in one_of_each() {
        bus.emit(event.step.as_deref(), event.what);
    }
    bus.settle().expect("kept");
    bus.close();
    assert_eq!(unwritten.take(), []);
    let seen = seen.lock().expect("not poisoned");
    assert_eq!(seen.len(), one_of_each().len());
    assert_eq!(read(&Recorded::open(&folder.path).expect("opened")), *seen);
}

#[test]
fn a_run_that_ended_says_so_in_short() {
    let (dir, folder) = told(&one_of_each(), true);
    let recorded = Recorded::open(&folder).expect("opened");
    assert_eq!(recorded.info.targets, ["t5"]);
    let listed = list(dir.path()).expect("listed");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].state, State::Ended { exit_code: 0 });
    assert!(folder.join(PACKED_CALLS).exists() && !folder.join(CALLS).exists());
}

#[test]
fn a_run_that_is_running_is_told_from_one_that_was_killed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, record) = Record::create(dir.path(), info()).expect("made");
    let recorded = Recorded::open(&folder.path).expect("opened");
    assert!(recorded.is_running());
    assert_eq!(list(dir.path()).expect("listed")[0].state, State::Running);
    drop(record);
    assert!(!recorded.is_running());
    assert_eq!(list(dir.path()).expect("listed")[0].state, State::Killed);
}

#[test]
fn a_killed_run_shows_what_was_under_way_and_what_is_left() {
    let steps = one_of_each().into_iter().filter(|e| matches!(e.what, What::RunStarted { .. }));
    let mut events: Vec<Event> = steps.collect();
    let publish = |value: u8| What::Published { name: "digest".into(), value: value.into() };
    events.extend([
        event(Some("a"), What::StepStarted { attempt: 1 }),
        event(Some("a"), publish(1)),
        event(Some("a"), What::StepStarted { attempt: 2 }),
        event(Some("a"), publish(2)),
        event(Some("a"), pod(1, "one")),
        event(Some("a"), pod(2, "two")),
        event(None, pod(3, "three")),
        event(Some("a"), What::UndoIdentified { row: 2, uid: "u-2".into() }),
        event(Some("a"), What::UndoDone { row: 1, error: None, by_hand: None }),
        event(Some("a"), What::UndoDone { row: 2, error: Some("403".into()), by_hand: None }),
    ]);
    let (_dir, folder) = told(&events, false);
    let recorded = Recorded::open(&folder).expect("opened");
    let course = recorded.course().expect("read");
    assert_eq!(course.under_way.into_iter().collect::<Vec<_>>(), [("a".to_string(), 2)]);
    assert_eq!(course.published["a"]["digest"], 2);
    assert_eq!((course.end, course.ended.len(), course.plan.len()), (None, 0, 2));
    let left = recorded.left().expect("read").rows;
    let short = |l: &LeftRow| (l.row.row, l.step.clone(), l.why.clone());
    assert_eq!(
        left.iter().map(short).collect::<Vec<_>>(),
        [(3, None, None), (2, Some("a".into()), Some("403".into()))]
    );
    let Undo::Delete { object } = &left[1].row.undo else { panic!("a deletion") };
    assert_eq!(object.uid.as_deref(), Some("u-2"));
}

#[test]
fn what_a_kill_cut_is_said_and_nothing_else_is_lost() {
    let events = [event(None, What::Note { text: "kept".into() }), event(None, pod(1, "one"))];
    let (_dir, folder) = told(&events, false);
    for file in [JOURNAL, LEDGER] {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).expect("read") + r#"{"at":"2026-11-23T06:31:1"#;
        std::fs::write(&path, text).expect("written");
    }
    let recorded = Recorded::open(&folder).expect("opened");
    let course = recorded.course().expect("read");
    assert_eq!(course.unreadable.len(), 1);
    assert!(course.unreadable[0].message.ends_with("journal.jsonl:3: the line was cut off while it was written"));
    assert_eq!(recorded.left().expect("read").rows.len(), 1);

    // Whoever cleans up goes on in the same files.
    let mut record = Record::reopen(&folder, Lock::take(&folder).expect("free")).expect("opened");
    assert_eq!(Lock::take(&folder).expect_err("held").kind, Kind::Conflict);
    record.on(&event(None, What::UndoDone { row: 1, error: None, by_hand: None }));
    assert_eq!(record.kept(), Ok(()));
    let events = recorded.events().expect("a journal").filter_map(Result::ok).count();
    assert_eq!(events, 3);
    let left = recorded.left().expect("read");
    assert_eq!((left.rows, left.unreadable), (vec![], vec![]));
}

#[test]
fn calls_are_kept_with_requests_and_answers() {
    let call = |call: u64| What::CallStarted {
        call,
        function: "kube.list".into(),
        effect: crate::event::Effect::Read,
        target: Some("infra".into()),
        args: serde_json::json!({ "kind": "pods" }),
        line: "kubectl get pods".into(),
        place: None,
    };
    let finished = |call| What::CallFinished { call, seconds: 0.5, summary: "1 object".into(), error: None };
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, mut record) = Record::create(dir.path(), info()).expect("made");
    record.on(&event(Some("a"), What::StepStarted { attempt: 2 }));
    let bodies = [
        Body::Whole(RawValue::from_string(r#"{"x": [1]}"#.into()).expect("JSON")),
        Body::Cut("[1,".into()),
        Body::Withheld("it has Secrets"),
    ];
    for (number, body) in (1..).zip(bodies) {
        record.on(&event(Some("a"), call(number)));
        record.answered(&Answer { call: number, body });
        record.on(&event(Some("a"), finished(number)));
    }
    record.on(&event(Some("a"), call(4)));
    let recorded = Recorded::open(&folder.path).expect("opened");
    let calls = || recorded.calls().expect("opened").map(|c| c.expect("readable")).collect::<Vec<_>>();
    let check = |calls: &[RecordedCall]| {
        assert_eq!(calls.iter().map(|c| (c.call, c.attempt)).collect::<Vec<_>>(), [(1, 2), (2, 2), (3, 2)]);
        assert_eq!(calls[0].answer.as_ref().map(|a| a.get()), Some(r#"{"x": [1]}"#));
        assert_eq!(calls[1].cut.as_deref(), Some("[1,"));
        assert_eq!(calls[2].withheld.as_deref(), Some("it has Secrets"));
    };
    check(&calls());
    assert_eq!(recorded.course().expect("read").calls_under_way.len(), 1);
    record.close();
    check(&calls());
}

#[test]
fn runs_are_listed_newest_first_and_broken_ones_with_the_reason() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(list(&dir.path().join("none")).expect("no runs").is_empty());
    let (old, _old) = Record::create(dir.path(), info()).expect("made");
    let later = RunInfo::here("2026-11-24T00:00:00Z".parse().expect("a time"));
    let (new, _new) = Record::create(dir.path(), later).expect("made");
    std::fs::create_dir(dir.path().join("20261123-120000-empty0")).expect("made");
    std::fs::create_dir(dir.path().join("20261125-120000-newer0")).expect("made");
    std::fs::write(dir.path().join("20261125-120000-newer0/run.json"), r#"{"format":99}"#).expect("written");
    std::fs::write(dir.path().join("a-file"), "").expect("written");
    let listed = list(dir.path()).expect("listed");
    let ids: Vec<&str> = listed.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["20261125-120000-newer0", &new.id, "20261123-120000-empty0", &old.id]);
    let State::Broken(newer) = &listed[0].state else { panic!("{:?}", listed[0]) };
    assert!(newer.message.contains("format 99"), "{newer}");
    let State::Broken(empty) = &listed[2].state else { panic!("{:?}", listed[2]) };
    assert!(empty.message.contains("neither run.json nor a journal"), "{empty}");
}

#[test]
fn a_folder_of_before_run_json_is_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut events = one_of_each();
    events.push(event(None, pod(70, "late")));
    let lines: String = events.iter().map(|e| serde_json::to_string(e).expect("JSON") + "\n").collect();
    std::fs::write(dir.path().join(JOURNAL), lines).expect("written");
    let recorded = Recorded::open(dir.path()).expect("opened");
    assert_eq!((recorded.info.format, recorded.info.id.as_str()), (0, "20261123-063012-1a2b3c"));
    assert_eq!(read(&recorded), events);
    assert!(!recorded.is_running());
    let left = recorded.left().expect("read").rows;
    assert_eq!(left.first().map(|l| l.row.row), Some(70));
    assert_eq!(recorded.calls().expect("none").count(), 0);
}

#[test]
fn a_folder_that_can_no_longer_be_written_is_named_and_changes_are_refused() {
    let full = std::path::Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, record) = Record::create(dir.path(), info()).expect("made");
    drop(record);
    std::fs::remove_file(folder.path.join(LEDGER)).expect("removed");
    std::os::unix::fs::symlink(full, folder.path.join(LEDGER)).expect("linked");
    let mut record = Record::reopen(&folder.path, Lock::take(&folder.path).expect("free")).expect("opened");
    let note = event(None, What::Note { text: "x".into() });
    record.on(&note);
    assert_eq!(record.kept(), Ok(()));
    record.on(&event(None, pod(1, "one")));
    let error = record.kept().expect_err("the disk is full");
    assert!(error.message.contains("ledger.jsonl can't be written"), "{error}");
    assert!(error.hints[0].contains("make room"), "{error:?}");
    record.close();
    assert!(!record.unwritten().take().is_empty());
    let lines = std::fs::read_to_string(folder.path.join(JOURNAL)).expect("read");
    assert_eq!(lines.lines().count(), 2, "the journal goes on");
}

#[test]
fn outcomes_are_counted() {
    let results = one_of_each().into_iter().filter(|e| matches!(e.what, What::StepFinished(_)));
    let course = Course::of(results.map(Ok));
    // All samples are of one step: the last word on it counts.
    assert_eq!(course.outcomes().into_iter().collect::<Vec<_>>(), [(Outcome::Blocked, 1)]);
}

#[test]
fn what_was_written_is_looked_through_again_only_where_a_secret_became_known() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, record) = Record::create(dir.path(), info()).expect("made");
    let (known, asked) = (Arc::new(AtomicUsize::new(3)), Arc::new(AtomicUsize::new(0)));
    let (now, looked) = (known.clone(), asked.clone());
    let mut record = record.knowing(move || now.load(Ordering::SeqCst));
    record.on(&event(None, What::Note { text: "hunter2-and-more".into() }));
    let filter = move |mut event: Event| {
        looked.fetch_add(1, Ordering::SeqCst);
        if let What::Note { text } = &mut event.what {
            *text = text.replace("hunter2-and-more", "<secret:4>");
        }
        event
    };
    let journal = || std::fs::read_to_string(folder.path.join("journal.jsonl")).expect("a journal");
    assert_eq!(record.review(&filter), []);
    assert!(asked.load(Ordering::SeqCst) == 0 && journal().contains("hunter2"));
    known.store(4, Ordering::SeqCst);
    assert_eq!(record.review(&filter), []);
    assert!(asked.load(Ordering::SeqCst) > 0 && journal().contains("<secret:4>") && !journal().contains("hunter2"));
}

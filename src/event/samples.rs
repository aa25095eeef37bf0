//! Events for tests of whoever writes and reads them: at least one of each kind, with every field that may be absent
//! both there and not there, and with values that a careless reader would change.

use serde_json::json;

use super::{
    Effect, Event, Failure, FieldChange, Former, How, LedgerRow, Metric, ModuleInfo, ObjectRef, Outcome, Outstanding,
    Owned, PlaybookInfo, SettingInfo, StepInfo, StepResult, Undo, What,
};
use crate::error::{Error, Kind, Place};

/// The step that most of them belong to.
const STEP: &str = "t5/bgp-table@infra";

fn place() -> Place {
    Place { file: "p.rhai".into(), line: 3, column: 5, source: Some("expect(\"ü\\n\")".into()) }
}

fn failure() -> Failure {
    Failure {
        label: "routes".into(),
        expected: "[\"10.0.0.1/32\"]".into(),
        actual: "[]\u{1b}[0m\n\u{2028}".into(),
        object: Some("Service web/shop".into()),
        at: Some(place()),
        diff: vec!["- a".into(), "+ b".into()],
        covers: vec!["T5.12".into()],
    }
}

fn error() -> Error {
    let mut error = Error::new(Kind::Timeout, "no answer").because("connection refused").hint("look").at(place());
    error.stack = vec!["helper, called at p.rhai:4".into()];
    error.failure = Some(Box::new(failure()));
    error
}

fn metric(value: f64, max: Option<f64>) -> Metric {
    Metric { name: "latency".into(), value, unit: "ms".into(), max, summary: Some(json!({ "p99": 0.1 + 0.2 })) }
}

fn object(namespace: Option<&str>, uid: Option<&str>) -> ObjectRef {
    ObjectRef {
        cluster: "infra".into(),
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        plural: "deployments".into(),
        namespace: namespace.map(Into::into),
        name: "shop".into(),
        uid: uid.map(Into::into),
    }
}

fn owners() -> Vec<Owned> {
    let owned = |lost, gained, all| Owned {
        manager: "kubectl".into(),
        operation: "Apply".into(),
        api_version: "apps/v1".into(),
        subresource: None,
        lost,
        gained,
        all,
    };
    let tree = || Some(json!({ "f:spec": { "f:replicas": {} } }));
    vec![owned(tree(), None, true), Owned { subresource: Some("scale".into()), ..owned(None, tree(), false) }]
}

fn undos() -> Vec<Undo> {
    let field = |before, after| FieldChange {
        pointer: "/spec/a~1b".into(),
        before,
        after,
        made: None,
        ..FieldChange::default()
    };
    vec![
        Undo::Delete { object: object(Some("web"), Some("u-1")) },
        Undo::Restore {
            object: object(None, None),
            subresource: Some("scale".into()),
            fields: vec![
                field(None, Some(json!(u64::MAX))),
                field(Some(json!(null)), None),
                field(Some(json!({ "x": [1, -1, 1e300, 0.1] })), Some(json!("text"))),
                FieldChange { index: Some(2), allotted: true, ..field(Some(json!("a")), None) },
            ],
            owners: owners(),
        },
        Undo::Restore { object: object(None, None), subresource: None, fields: vec![], owners: vec![] },
        Undo::Uncordon { object: object(None, None) },
        Undo::Http { method: "DELETE".into(), url: "http://x/y".into(), endpoint: Some("grafana".into()) },
        Undo::Http { method: "DELETE".into(), url: "http://x/y".into(), endpoint: None },
        Undo::Command { program: "bash".into(), args: vec!["-c".into(), "echo 'a b'".into()] },
    ]
}

fn results() -> Vec<StepResult> {
    let full = StepResult {
        id: STEP.into(),
        outcome: Outcome::Failed,
        message: "routes differ".into(),
        seconds: 1.0 / 3.0,
        attempts: 2,
        calls: 3,
        judged: 4,
        failures: vec![failure(), Failure::default()],
        error: Some(error()),
        warnings: vec!["w".into()],
        notes: vec!["n".into()],
        metrics: vec![metric(f64::INFINITY, Some(f64::NEG_INFINITY)), metric(0.1, None)],
        evidence: vec!["evidence/a.json".into()],
        instructions: Some("look at it".into()),
        taken_from: Some("20261122-063012-0a1b2c".into()),
    };
    let of = |outcome| StepResult {
        outcome,
        failures: vec![],
        error: None,
        warnings: vec![],
        notes: vec![],
        metrics: vec![],
        evidence: vec![],
        instructions: None,
        taken_from: None,
        ..full.clone()
    };
    [full.clone()].into_iter().chain(Outcome::ALL.map(of)).collect()
}

fn started() -> What {
    let step = StepInfo {
        id: STEP.into(),
        playbook: "t5".into(),
        step: "bgp-table".into(),
        cluster: Some("infra".into()),
        title: "Every address".into(),
        priority: "P1".into(),
        covers: vec!["T5.12".into()],
        effect: Effect::Disrupt,
        risk: Some("R7".into()),
        if_fails: vec!["kubectl get nodes".into()],
        place: place(),
    };
    let bare = StepInfo { cluster: None, risk: None, if_fails: vec![], ..step.clone() };
    let setting = SettingInfo {
        playbook: "t5".into(),
        name: "n".into(),
        cluster: Some("infra".into()),
        value: json!([1, 2.5]),
        default: json!(null),
        from: "--set".into(),
        about: "a number".into(),
    };
    What::RunStarted {
        run: "20261123-063012-1a2b3c".into(),
        arguments: vec!["run".into(), "t5".into()],
        playbooks: vec![PlaybookInfo {
            id: "t5".into(),
            title: "Networking".into(),
            path: "playbooks/t5.rhai".into(),
            sha256: "5e".repeat(32),
            source: "disk".into(),
        }],
        modules: vec![ModuleInfo {
            name: "bgp".into(),
            path: "stdlib/bgp.rhai".into(),
            sha256: "b9".repeat(32),
            source: "embedded".into(),
            playbooks: vec!["t5".into()],
        }],
        steps: vec![step, bare],
        settings: vec![SettingInfo { cluster: None, ..setting.clone() }, setting],
        jobs: 4,
        not_selected: 7,
        record: Some(".pb/runs/20261123-063012-1a2b3c".into()),
        former: Some(Box::new(Former {
            run: "20261122-063012-0a1b2c".into(),
            how: How::Reruns,
            stand: 2,
            again: vec!["playbook t5 has changed".into()],
            differs: vec!["t5/z is no longer declared".into()],
            outstanding: vec![
                Outstanding { id: "t5/x".into(), outcome: Some(Outcome::Manual), why: None },
                Outstanding { id: "t5/y".into(), outcome: None, why: Some("playbook t5 has changed".into()) },
            ],
        })),
    }
}

/// At least one event of each kind. The compiler asks for a new kind's sample: see `kind`.
pub(crate) fn one_of_each() -> Vec<Event> {
    let mut all = vec![
        started(),
        What::StepStarted { attempt: 2 },
        What::CallStarted {
            call: 1,
            function: "kube.list".into(),
            effect: Effect::Read,
            target: Some("infra".into()),
            args: json!({ "kind": "pods", "n": 18_446_744_073_709_551_615_u64, "x": 1.0, "none": null }),
            line: "kubectl get pods".into(),
            place: Some(place()),
        },
        What::CallStarted {
            call: 2,
            function: "x".into(),
            effect: Effect::Destroy,
            target: None,
            args: json!(null),
            line: String::new(),
            place: None,
        },
        What::CallFinished { call: 1, seconds: 0.1 + 0.2, summary: "12 objects".into(), error: None },
        What::CallFinished { call: 2, seconds: 1e-9, summary: String::new(), error: Some(error()) },
        What::Failed(failure()),
        What::Failed(Failure::default()),
        What::Waiting { message: "2 of 3".into() },
        What::Note { text: "two\nlines".into() },
        What::Warning { text: "\0\"\\".into() },
        What::Printed { text: String::new() },
        What::Measured(metric(123_456.789_012_345_67, Some(5e-324))),
        What::Measured(Metric { summary: None, ..metric(f64::INFINITY, None) }),
        What::Evidence { name: "t".into(), file: "evidence/t.json".into(), sha256: "00".into(), bytes: u64::MAX },
        What::Published { name: "v".into(), value: json!({ "at": 1, "step": 2, "event": [null] }) },
        What::UndoIdentified { row: 1, uid: "u-1".into() },
        What::UndoSettled { row: 2, fields: vec![FieldChange::default()], owners: owners() },
        What::UndoSettled { row: 2, fields: vec![], owners: vec![] },
        What::UndoDone { row: 1, error: None, by_hand: None, line: None },
        What::UndoDone { row: 2, error: Some("403".into()), by_hand: None, line: None },
        What::UndoDone { row: 0, error: None, by_hand: Some("ada on desk-7".into()), line: Some(3) },
        What::Interrupting { at_once: true },
        What::RunFinished { exit_code: 130, seconds: 12.5, left: vec!["create Pod a".into()] },
        What::RunFinished { exit_code: 0, seconds: 0.0, left: vec![] },
        What::CleaningStarted { rows: 2 },
    ];
    all.extend(
        undos().into_iter().zip(1..).map(|(undo, row)| {
            What::UndoRecorded(LedgerRow { row, change: "change it".into(), undo, cluster_id: None })
        }),
    );
    all.extend(results().into_iter().map(|result| What::StepFinished(Box::new(result))));
    let begin: jiff::Timestamp = "2026-11-23T06:31:12.123456789Z".parse().expect("a time");
    let of = |what: &What| match what {
        What::RunStarted { .. }
        | What::RunFinished { .. }
        | What::Interrupting { .. }
        | What::CleaningStarted { .. } => None,
        _ => Some(STEP.to_string()),
    };
    let timed = all.into_iter().zip(0..);
    timed.map(|(what, ms)| Event { at: begin + jiff::SignedDuration::from_millis(ms), step: of(&what), what }).collect()
}

/// Every kind has a number here, so that a new one can't be forgotten above: the test below counts them.
fn kind(what: &What) -> usize {
    match what {
        What::RunStarted { .. } => 0,
        What::StepStarted { .. } => 1,
        What::CallStarted { .. } => 2,
        What::CallFinished { .. } => 3,
        What::Failed(_) => 4,
        What::Waiting { .. } => 5,
        What::Note { .. } => 6,
        What::Warning { .. } => 7,
        What::Printed { .. } => 8,
        What::Measured(_) => 9,
        What::Evidence { .. } => 10,
        What::Published { .. } => 11,
        What::UndoRecorded(_) => 12,
        What::UndoIdentified { .. } => 13,
        What::UndoDone { .. } => 14,
        What::StepFinished(_) => 15,
        What::Interrupting { .. } => 16,
        What::RunFinished { .. } => 17,
        What::CleaningStarted { .. } => 18,
        What::UndoSettled { .. } => 19,
    }
}

#[test]
fn no_kind_is_left_out() {
    let mut kinds: Vec<usize> = one_of_each().iter().map(|e| kind(&e.what)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, (0..20).collect::<Vec<_>>());
}

#[test]
fn what_is_written_is_read_back_as_the_same_event() {
    for event in one_of_each() {
        let line = serde_json::to_string(&event).expect("written");
        let back: Event = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(back, event, "{line}");
        // Redaction goes by the same form, as a tree.
        let tree = serde_json::to_value(&event).expect("a tree");
        assert_eq!(serde_json::from_value::<Event>(tree).expect(&line), event);
    }
}

#[test]
fn fields_of_later_programs_are_passed_over() {
    let line = r#"{"at":"2026-11-23T06:31:12Z","event":"note","text":"x","later":{"more":1}}"#;
    let event: Event = serde_json::from_str(line).expect("read");
    assert_eq!(event.what, What::Note { text: "x".into() });
}

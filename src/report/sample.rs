//! Runs made by hand, for the tests of every report: a good one, and one in which everything happens.

use jiff::Timestamp;
use serde_json::json;

use super::Run;
use crate::error::{Error, Kind, Place};
use crate::event::{
    Effect, Event, Failure, Former, How, LedgerRow, Metric, ModuleInfo, ObjectRef, Outcome, Outstanding, PlaybookInfo,
    SettingInfo, StepInfo, StepResult, Undo, What,
};

/// The run's beginning: 2026-11-23 06:31:12 UTC.
pub(super) fn begin() -> Timestamp {
    "2026-11-23T06:31:12Z".parse().expect("a time")
}

/// An event so many milliseconds after the beginning.
pub(super) fn at(ms: i64, step: Option<&str>, what: What) -> Event {
    Event { at: begin() + jiff::SignedDuration::from_millis(ms), step: step.map(Into::into), what }
}

/// What the events tell.
pub(super) fn run_of(events: &[Event]) -> Run {
    let mut run = Run::default();
    events.iter().for_each(|event| run.on(event));
    run
}

/// A step's end with nothing but its outcome.
pub(super) fn result(id: &str, outcome: Outcome) -> StepResult {
    StepResult {
        id: id.into(),
        outcome,
        message: String::new(),
        seconds: 0.21,
        attempts: 1,
        calls: 3,
        judged: 2,
        failures: vec![],
        error: None,
        warnings: vec![],
        notes: vec![],
        metrics: vec![],
        evidence: vec![],
        instructions: None,
        taken_from: None,
    }
}

/// A step that the operator ended, as the runner tells it.
pub(super) fn stopped() -> StepResult {
    let mut stopped = result("t1/x", Outcome::Errored);
    stopped.message = "interrupted".into();
    stopped.error = Some(Error::new(Kind::Cancelled, "interrupted"));
    stopped
}

/// The event of a step's end.
pub(super) fn finished(ms: i64, result: StepResult) -> Event {
    let id = result.id.clone();
    at(ms, Some(&id), What::StepFinished(Box::new(result)))
}

fn begins(ms: i64, id: &str) -> Event {
    at(ms, Some(id), What::StepStarted { attempt: 1 })
}

/// `t5/bgp-table@infra` taken apart, with a title from its name.
fn info(id: &str) -> StepInfo {
    let (playbook, rest) = id.split_once('/').expect("an id");
    let (step, cluster) = match rest.split_once('@') {
        Some((step, cluster)) => (step, Some(cluster.to_string())),
        None => (rest, None),
    };
    let title = match step {
        "crds" => "Every CRD that the platform needs is established",
        "namespaces" => "Every namespace is active",
        "bgp-sessions" => "Every BGP session is established on both sides",
        "bgp-table" => "Every LoadBalancer address stands in the router's BGP table",
        "bgp-failover" => "A drained node's routes leave the router in time",
        "lb-address" => "A Service of type LoadBalancer gets an address",
        "dns" => "Names resolve from inside a pod",
        "pod-start" => "Pods start within the time that the platform promises",
        "budgets" => "No disruption budget blocks a drain",
        "dashboards" => "The dashboards show what happens",
        "drain-etcd" => "etcd keeps its quorum when a control plane node goes",
        other => other,
    };
    StepInfo {
        id: id.into(),
        playbook: playbook.into(),
        step: step.into(),
        cluster,
        title: title.into(),
        priority: if step == "crds" { "P0" } else { "P1" }.into(),
        covers: vec![format!("{}.1", playbook.to_uppercase())],
        effect: Effect::Read,
        risk: None,
        if_fails: vec![],
        place: Place { file: format!("playbooks/{playbook}.rhai"), line: 6, column: 1, source: None },
    }
}

/// The run's begin, with these steps.
pub(super) fn started(ids: &[&str]) -> Event {
    let playbook = |id: &str, title: &str, path: &str, sha: &str, source: &str| PlaybookInfo {
        id: id.into(),
        title: title.into(),
        path: path.into(),
        sha256: sha.repeat(16),
        source: source.into(),
    };
    let all = [
        playbook("t2", "Custom resources", "playbooks/t2-crds.rhai", "9f31", "embedded"),
        playbook("t5", "Networking", "playbooks/t5-networking.rhai", "3c0d", "disk"),
        playbook("t14", "Integration", "playbooks/t14-integration.rhai", "b7e2", "embedded"),
    ];
    let of = |p: &PlaybookInfo| ids.iter().any(|id| id.starts_with(&format!("{}/", p.id)));
    let module = |name: &str, path: &str, sha: &str, source: &str| ModuleInfo {
        name: name.into(),
        path: path.into(),
        sha256: sha.repeat(16),
        source: source.into(),
        playbooks: vec!["t5".into()],
    };
    let setting = |name: &str, cluster: Option<&str>, value, default, from: &str| SettingInfo {
        playbook: "t5".into(),
        name: name.into(),
        cluster: cluster.map(Into::into),
        value,
        default,
        from: from.into(),
        about: "what it means".into(),
    };
    at(
        0,
        None,
        What::RunStarted {
            run: "20261123-063112-1a2b3c".into(),
            arguments: vec!["run".into(), "t2".into(), "t5".into()],
            playbooks: all.into_iter().filter(of).collect(),
            modules: vec![
                module("bgp", "stdlib/bgp.rhai", "51d0", "embedded"),
                module("probes", "playbooks/lib/probes.rhai", "c4a7", "disk"),
            ],
            steps: ids.iter().map(|id| info(id)).collect(),
            settings: vec![
                setting("router", None, json!("edge-1"), json!("edge-1"), "default"),
                setting("bgp_asn", Some("infra"), json!(64512), json!(64513), "pb.toml"),
                setting("bgp_prefixes", Some("apps"), json!(["10.25.12.0/24", "10.25.13.7/32"]), json!([]), "--set"),
            ],
            jobs: 4,
            not_selected: 0,
            record: Some(".pb/runs/20261123-063112-1a2b3c".into()),
            former: None,
        },
    )
}

/// An earlier run, of which not everything stands.
pub(super) fn former() -> Option<Box<Former>> {
    let open = |id: &str, outcome, why: Option<&str>| Outstanding { id: id.into(), outcome, why: why.map(Into::into) };
    Some(Box::new(Former {
        run: "20261122-063012-0a1b2c".into(),
        how: How::Reruns,
        stand: 2,
        again: vec!["playbook t5 has changed: t5/bgp-table@infra".into()],
        differs: Vec::new(),
        outstanding: vec![
            open("t5/x", Some(Outcome::Passed), Some("playbook t5 has changed")),
            open("t5/y", None, None),
        ],
    }))
}

/// Three steps that pass.
pub(super) fn good() -> Vec<Event> {
    let ids = ["t2/crds@infra", "t2/crds@apps", "t5/bgp-table@infra"];
    let mut events = vec![started(&ids)];
    for (n, id) in (0i64..).zip(ids) {
        events.push(begins(n * 10, id));
        events.push(finished(n * 10 + 300, result(id, Outcome::Passed)));
    }
    events.push(at(1230, None, What::RunFinished { exit_code: 0, seconds: 1.23, left: vec![] }));
    events
}

/// Every outcome, with everything that a step can say.
pub(super) fn mixed() -> Vec<Event> {
    let mut first = started(&[
        "t2/crds@infra",
        "t2/crds@apps",
        "t2/namespaces@apps",
        "t5/bgp-sessions@infra",
        "t5/bgp-table@infra",
        "t5/bgp-failover@infra",
        "t5/bgp-failover@apps",
        "t5/lb-address@apps",
        "t5/dns@infra",
        "t5/drain-etcd@infra",
        "t5/drain-etcd@apps",
        "t14/pod-start@infra",
        "t14/budgets@apps",
        "t14/dashboards",
    ]);
    if let What::RunStarted { steps, not_selected, .. } = &mut first.what {
        *not_selected = 3;
        for step in steps {
            match step.step.as_str() {
                "bgp-table" => {
                    step.risk = Some("R7".into());
                    step.if_fails = vec![
                        "kubectl --context infra -n kube-system logs ds/cilium | grep -i bgp".into(),
                        "show bgp summary, on the router".into(),
                    ];
                }
                "bgp-failover" | "drain-etcd" => step.effect = Effect::Disrupt,
                "lb-address" => step.effect = Effect::Write,
                _ => {}
            }
        }
    }
    let mut events = vec![first, begins(1, "t2/crds@infra"), begins(2, "t2/crds@apps")];
    events.push(call(3, "t2/crds@infra", 1, "kubectl --context infra get customresourcedefinitions"));
    events.push(answer(44, "t2/crds@infra", 1, Ok("48 objects")));
    let mut crds = result("t2/crds@infra", Outcome::Passed);
    crds.notes = vec!["48 CRDs, 6 wanted".into()];
    crds.metrics = vec![Metric { name: "crds".into(), value: 48.0, unit: "1".into(), max: None, summary: None }];
    crds.message = "48 CRDs, 6 wanted".into();
    crds.seconds = 0.05;
    events.push(finished(50, crds));
    events.push(finished(60, StepResult { seconds: 0.06, ..result("t2/crds@apps", Outcome::Passed) }));
    let mut warned = result("t2/namespaces@apps", Outcome::Warned);
    warned.warnings = vec!["namespace legacy is Terminating since 3d".into()];
    warned.message = "namespace legacy is Terminating since 3d".into();
    events.extend([begins(61, "t2/namespaces@apps"), finished(180, warned)]);
    events.extend([begins(181, "t5/bgp-sessions@infra"), begins(182, "t5/bgp-table@infra")]);
    events.push(finished(
        900,
        StepResult { attempts: 2, seconds: 0.72, ..result("t5/bgp-sessions@infra", Outcome::Passed) },
    ));
    events.extend([evidence(1100), finished(1200, table())]);
    events.push(begins(1210, "t5/lb-address@apps"));
    let pod = ObjectRef {
        cluster: "apps".into(),
        api_version: "v1".into(),
        kind: "Service".into(),
        plural: "services".into(),
        namespace: Some("pb-1a2b3c".into()),
        name: "probe-1a2b3c".into(),
        uid: None,
    };
    let row = LedgerRow {
        row: 1,
        change: "create Service pb-1a2b3c/probe-1a2b3c".into(),
        undo: Undo::Delete { object: pod },
        cluster_id: None,
    };
    events.push(at(1220, Some("t5/lb-address@apps"), What::UndoRecorded(row)));
    events.push(call(1230, "t5/lb-address@apps", 2, "kubectl --context apps -n pb-1a2b3c wait svc/probe-1a2b3c"));
    let waiting =
        What::Waiting { message: "status.loadBalancer.ingress is absent on Service pb-1a2b3c/probe-1a2b3c".into() };
    events.push(at(2000, Some("t5/lb-address@apps"), waiting));
    events.push(answer(61230, "t5/lb-address@apps", 2, Err("no address within 1m")));
    events.push(at(
        61300,
        Some("t5/lb-address@apps"),
        What::UndoDone {
            row: 1,
            error: Some("403 Forbidden: services \"probe-1a2b3c\"".into()),
            by_hand: None,
            line: None,
        },
    ));
    events.push(finished(61310, lb_address()));
    let mut dns = result("t5/dns@infra", Outcome::Inconclusive);
    dns.message = "nothing was asserted: the list of names is empty".into();
    events.extend([begins(61320, "t5/dns@infra"), finished(61360, dns)]);
    for id in ["t5/bgp-failover@infra", "t5/bgp-failover@apps"] {
        let mut blocked = StepResult { seconds: 0.0, attempts: 0, ..result(id, Outcome::Blocked) };
        blocked.message = "t5/bgp-table@infra failed".into();
        events.push(finished(61370, blocked));
    }
    for id in ["t5/drain-etcd@infra", "t5/drain-etcd@apps"] {
        let mut skipped = StepResult { seconds: 0.0, attempts: 0, ..result(id, Outcome::Skipped) };
        skipped.message = "its effect disrupt is not allowed; --allow disrupt runs it".into();
        events.push(finished(61370, skipped));
    }
    let mut start = result("t14/pod-start@infra", Outcome::Passed);
    start.metrics = vec![Metric {
        name: "pod start p99".into(),
        value: 2.314,
        unit: "s".into(),
        max: Some(5.0),
        summary: Some(json!({"count": 10, "p99": 2.314})),
    }];
    start.seconds = 9.4;
    events.extend([begins(61400, "t14/pod-start@infra"), begins(61401, "t14/budgets@apps")]);
    events.push(at(
        62000,
        Some("t14/pod-start@infra"),
        What::Printed { text: "pod probe-1a2b3c: \u{1b}[31mred\u{1b}[0m".into() },
    ));
    events.push(finished(70800, start));
    events.push(finished(71000, budgets()));
    let mut manual = StepResult { seconds: 0.0, attempts: 0, ..result("t14/dashboards", Outcome::Manual) };
    manual.message = "waits for a person".into();
    manual.instructions = Some(
        "Open Grafana and look at the dashboard Nodes: every node must show a line.\nAttach a screenshot as evidence."
            .into(),
    );
    events.push(finished(71010, manual));
    let left = vec!["apps: Service pb-1a2b3c/probe-1a2b3c (403 Forbidden)".into()];
    events.push(at(71100, None, What::RunFinished { exit_code: 1, seconds: 71.1, left }));
    events
}

fn call(ms: i64, step: &str, call: u64, line: &str) -> Event {
    let what = What::CallStarted {
        call,
        function: "kube.list".into(),
        effect: Effect::Read,
        target: Some("infra".into()),
        args: json!({}),
        line: line.into(),
        place: None,
    };
    at(ms, Some(step), what)
}

fn answer(ms: i64, step: &str, call: u64, answer: Result<&str, &str>) -> Event {
    let what = What::CallFinished {
        call,
        seconds: if answer.is_ok() { 0.041 } else { 60.0 },
        summary: answer.unwrap_or_default().into(),
        error: answer.err().map(|text| Error::new(Kind::Timeout, text)),
    };
    at(ms, Some(step), what)
}

fn evidence(ms: i64) -> Event {
    let (name, file) = ("bgp-table".into(), "evidence/bgp-table@infra.json".into());
    at(ms, Some("t5/bgp-table@infra"), What::Evidence { name, file, sha256: "5e".repeat(32), bytes: 1834 })
}

fn table() -> StepResult {
    let mut table = result("t5/bgp-table@infra", Outcome::Failed);
    table.seconds = 1.02;
    table.message = "routes in the router: 10.25.11.110/32 is missing".into();
    let source = |line: usize, column, text: &str| Place {
        file: "playbooks/t5-networking.rhai".into(),
        line,
        column,
        source: Some(text.into()),
    };
    table.failures = vec![
        Failure {
            label: "routes in the router".into(),
            expected: "to contain all of 10.25.11.110/32, 10.25.11.111/32".into(),
            actual: "10.25.11.111/32, 10.25.11.112/32; missing: 10.25.11.110/32".into(),
            object: Some("Service web/shop".into()),
            at: Some(source(14, 5, "    expect(table.prefixes(), \"routes in the router\").to_contain_all(wanted);")),
            diff: vec![],
            covers: vec!["T5.12".into()],
        },
        Failure {
            label: "the neighbour as the router sees it".into(),
            expected: "to equal the declared one".into(),
            actual: "2 fields differ".into(),
            object: None,
            at: Some(source(
                19,
                9,
                "        expect(seen, \"the neighbour as the router sees it\").to_equal(declared);",
            )),
            diff: vec![
                " .state".into(),
                "- \"Established\"".into(),
                "+ \"Active\"".into(),
                " … 11 equal fields".into(),
            ],
            covers: vec![],
        },
    ];
    table.notes = vec!["router edge-1 speaks FRR 10.2".into()];
    table.metrics = vec![Metric { name: "routes".into(), value: 2.0, unit: "1".into(), max: None, summary: None }];
    table.evidence = vec!["evidence/bgp-table@infra.json".into()];
    table
}

fn lb_address() -> StepResult {
    let mut failed = result("t5/lb-address@apps", Outcome::Errored);
    failed.seconds = 60.1;
    failed.message = "kube.wait: no answer within 1m, the call's deadline".into();
    let mut error =
        Error::new(Kind::Timeout, "kube.wait: no answer within 1m, the call's deadline (the step has 4m left)")
            .because("asked: kubectl --context apps -n pb-1a2b3c wait svc/probe-1a2b3c")
            .hint("within: duration(\"…\") in the call's options gives it longer")
            .at(Place {
                file: "playbooks/t5-networking.rhai".into(),
                line: 41,
                column: 21,
                source: Some("    let address = t.kube.wait(service, \"has an address\");".into()),
            });
    error.stack = vec!["address_of (stdlib/net.rhai:12:5)".into()];
    failed.error = Some(error);
    failed
}

fn budgets() -> StepResult {
    let mut wrong = result("t14/budgets@apps", Outcome::Errored);
    wrong.seconds = 0.002;
    wrong.message = "the cluster apps has no kind poddisruptionbudget.policy/v1".into();
    wrong.error = Some(
        Error::new(Kind::UnknownKind, "the cluster apps has no kind poddisruptionbudget.policy/v1")
            .hint("it has poddisruptionbudgets.policy/v1beta1"),
    );
    wrong
}

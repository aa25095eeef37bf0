//! What the API servers have, and what a run's record says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::kubectl;

const CONTEXTS: [&str; 2] = ["infra", "apps"];
/// How long controllers may take to follow: the pods of a Deployment that was scaled back.
const PATIENCE: Duration = Duration::from_secs(60);

/// Objects by `infra Pod web/a`.
type Objects = BTreeMap<String, Value>;

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn key(cluster: &str, kind: &str, namespace: &str, name: &str) -> String {
    format!("{cluster} {kind} {namespace}/{name}")
}

/// Everything there is, of the kinds that a run changes.
fn everything() -> Objects {
    let mut all = Objects::new();
    for context in CONTEXTS {
        let list = kubectl(&["--context", context, "get", "all,cm,secret,ns,pvc,nodes", "-A", "-o", "json"]);
        let list: Value = serde_json::from_str(&list).expect("JSON");
        for item in list["items"].as_array().expect("items") {
            let (namespace, name) = (text(item, "/metadata/namespace"), text(item, "/metadata/name"));
            all.insert(key(context, text(item, "/kind"), namespace, name), item.clone());
        }
    }
    assert!(all.len() > 10, "two clusters have more than that");
    all
}

/// The namespaces that a run could change besides those that it makes.
const NAMESPACES: [&str; 4] = ["kill-test", "default", "kube-system", "kube-public"];

/// Whether a run of the test could have to do with an object: others work in the same clusters, too, in namespaces of
/// their own.
fn is_ours(item: &Value, runs: &BTreeSet<String>) -> bool {
    if let Some(run) = item["metadata"]["labels"]["pb.run"].as_str() {
        return runs.contains(run);
    }
    let name = if item["kind"] == "Namespace" { "/metadata/name" } else { "/metadata/namespace" };
    let namespace = text(item, name);
    let made = || namespace.strip_prefix("pb-").is_some_and(|six| runs.iter().any(|run| run.ends_with(six)));
    item["kind"] == "Node" || NAMESPACES.contains(&namespace) || made()
}

/// What has to be as before.
#[derive(PartialEq)]
pub(super) struct Snapshot(Objects);

impl Snapshot {
    fn now(runs: &BTreeSet<String>) -> Self {
        let mine = everything().into_iter().filter(|(_, item)| is_ours(item, runs));
        let kept = mine.map(|(key, item)| {
            let mut spec = item["spec"].clone();
            // The node controller taints what does not answer in its own time; cordoning shows in `unschedulable`.
            if let Some(taints) = spec.get_mut("taints").and_then(Value::as_array_mut) {
                taints.retain(|taint| !text(taint, "/key").starts_with("node.kubernetes.io/"));
                if taints.is_empty() {
                    spec.as_object_mut().expect("an object").remove("taints");
                }
            }
            let metadata = |name: &str| item["metadata"][name].clone();
            let normal = json!({ "uid": metadata("uid"), "labels": metadata("labels"),
                "annotations": metadata("annotations"), "spec": spec, "data": item["data"] });
            (key, normal)
        });
        Self(kept.collect())
    }

    /// What there is once nothing moves any more.
    pub(super) fn settled(runs: &BTreeSet<String>) -> Self {
        let until = Instant::now() + PATIENCE;
        let mut last = Self::now(runs);
        loop {
            std::thread::sleep(Duration::from_secs(3));
            let now = Self::now(runs);
            if now == last {
                return now;
            }
            assert!(Instant::now() < until, "the clusters do not come to rest: {:#?}", now.differs(&last));
            last = now;
        }
    }

    /// Everything is as it was then, as soon as controllers have followed.
    #[track_caller]
    pub(super) fn is_back(&self, what: &str, runs: &BTreeSet<String>) {
        let until = Instant::now() + PATIENCE;
        loop {
            let differs = Self::now(runs).differs(self);
            if differs.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "{what}: not as before: {differs:#?}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn differs(&self, before: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let differing = keys.into_iter().filter(|key| self.0.get(*key) != before.0.get(*key));
        differing.map(|key| format!("{key}: {:?}, before {:?}", self.0.get(key), before.0.get(key))).collect()
    }
}

/// A row of a ledger.
struct Row {
    row: Value,
    step: String,
    uid: Option<String>,
    undone: bool,
}

/// The rows of a run, and the steps that had a call under way.
pub(super) struct Ledger {
    rows: BTreeMap<u64, Row>,
    calling: BTreeSet<String>,
}

fn events(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("a file of the record");
    let read = text.lines().enumerate().filter_map(|(at, line)| match serde_json::from_str(line) {
        Ok(event) => Some(event),
        // A kill within a line; whoever went on with the file ended it.
        Err(e) if e.is_eof() => None,
        Err(e) => panic!("{}:{}: {e}: {line}", file.display(), at + 1),
    });
    read.collect()
}

impl Ledger {
    /// Reads what the record says, in the files' own words.
    pub(super) fn read(folder: &Path) -> Self {
        let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
        for event in events(&folder.join("ledger.jsonl")) {
            let number = event["row"].as_u64().expect("a row's number");
            match text(&event, "/event") {
                "undo_recorded" => {
                    let step = text(&event, "/step").to_string();
                    rows.insert(number, Row { row: event, step, uid: None, undone: false });
                }
                "undo_identified" => {
                    rows.get_mut(&number).expect("its row").uid = Some(text(&event, "/uid").into());
                }
                "undo_done" => rows.get_mut(&number).expect("its row").undone = event["error"].is_null(),
                other => panic!("{other} in the ledger"),
            }
        }
        let mut calls: BTreeMap<u64, String> = BTreeMap::new();
        let (mut journal, mut told) = (BTreeSet::new(), 0);
        for event in events(&folder.join("journal.jsonl")) {
            match (text(&event, "/event"), event["call"].as_u64()) {
                ("call_started", Some(call)) => drop(calls.insert(call, text(&event, "/step").into())),
                ("call_finished", Some(call)) => drop(calls.remove(&call)),
                ("undo_recorded", _) => drop(journal.insert(event["row"].as_u64().expect("a row's number"))),
                _ => {}
            }
            told += 1;
        }
        assert!(told > 0 || rows.is_empty(), "an empty journal beside a ledger");
        // The ledger comes first: the journal may lack the last row, and no other.
        let lacks: Vec<&u64> = rows.keys().filter(|row| !journal.contains(row)).collect();
        assert!(lacks.len() <= 1 && lacks.first().is_none_or(|row| Some(*row) == rows.keys().last()), "{lacks:?}");
        Self { rows, calling: calls.into_values().collect() }
    }

    /// Every object of the run has a row, and every row that is not undone has its object.
    pub(super) fn agrees(&self, run: &str, what: &str) {
        let all = everything();
        let of = |row: &Row| {
            let object = &row.row["object"];
            let name = |pointer: &str| text(object, pointer).to_string();
            key(&name("/cluster"), &name("/kind"), &name("/namespace"), &name("/name"))
        };
        let created: BTreeMap<String, &Row> =
            self.rows.values().filter(|r| r.row["undo"] == "delete").map(|row| (of(row), row)).collect();
        for (key, item) in &all {
            // What controllers make of an object copies its labels.
            if item["metadata"]["labels"]["pb.run"] == run && item["metadata"]["ownerReferences"].is_null() {
                let row = created.get(key).unwrap_or_else(|| panic!("{what}: {key} has no row"));
                let uid = text(item, "/metadata/uid");
                assert!(row.uid.as_deref().is_none_or(|seen| seen == uid), "{what}: {key} has another uid");
            }
        }
        for (number, row) in &self.rows {
            let (Some(uid), false) = (&row.uid, row.undone) else { continue };
            let there = all.get(&of(row)).is_some_and(|item| text(item, "/metadata/uid") == uid);
            let evicted = row.row["object"]["kind"] == "Pod" && row.row["object"]["namespace"] == "kill-test";
            assert!(there || evicted || self.may_be_undone(*number, row), "{what}: {} is not there", row.row["change"]);
        }
    }

    /// How many rows are not undone.
    pub(super) fn left(&self) -> usize {
        self.rows.values().filter(|row| !row.undone).count()
    }

    /// Whether the run was killed between undoing a row and saying so: its step's calls have ended, and it is the
    /// newest that was left.
    fn may_be_undone(&self, number: u64, row: &Row) -> bool {
        let place = |row: &Row| (row.step.clone(), text(&row.row["object"], "/cluster").to_string());
        let newer = |(n, other): (&u64, &Row)| *n > number && !other.undone && place(other) == place(row);
        !self.calling.contains(&row.step) && !self.rows.iter().any(newer)
    }
}

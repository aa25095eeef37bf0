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
    /// Whether a call of its step ended after it was written.
    answered: bool,
}

impl Row {
    /// The object that it is about.
    fn key(&self) -> String {
        let object = &self.row["object"];
        let word = |pointer: &str| text(object, pointer);
        key(word("/cluster"), word("/kind"), word("/namespace"), word("/name"))
    }
}

/// The rows of a run, and the steps that had a call under way.
pub(super) struct Ledger {
    rows: BTreeMap<u64, Row>,
    calling: BTreeSet<String>,
    drained: bool,
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
                    rows.insert(number, Row { row: event, step, uid: None, undone: false, answered: false });
                }
                "undo_identified" => {
                    rows.get_mut(&number).expect("its row").uid = Some(text(&event, "/uid").into());
                }
                "undo_settled" => {
                    rows.get_mut(&number).expect("its row").row["fields"] = event["fields"].clone();
                }
                "undo_done" => rows.get_mut(&number).expect("its row").undone = event["error"].is_null(),
                other => panic!("{other} in the ledger"),
            }
        }
        let mut calls: BTreeMap<u64, String> = BTreeMap::new();
        let (mut journal, mut told, mut drained) = (BTreeSet::new(), 0, false);
        for event in events(&folder.join("journal.jsonl")) {
            match (text(&event, "/event"), event["call"].as_u64()) {
                ("call_started", Some(call)) => {
                    drained |= text(&event, "/function").ends_with("drain");
                    drop(calls.insert(call, text(&event, "/step").into()));
                }
                ("call_finished", Some(call)) => {
                    drop(calls.remove(&call));
                    let told =
                        rows.iter_mut().filter(|(n, row)| journal.contains(*n) && row.step == text(&event, "/step"));
                    told.for_each(|(_, row)| row.answered = true);
                }
                ("undo_recorded", _) => drop(journal.insert(event["row"].as_u64().expect("a row's number"))),
                _ => {}
            }
            told += 1;
        }
        assert!(told > 0 || rows.is_empty(), "an empty journal beside a ledger");
        // The ledger comes first: the journal may lack the last row, and no other.
        let lacks: Vec<&u64> = rows.keys().filter(|row| !journal.contains(row)).collect();
        assert!(lacks.len() <= 1 && lacks.first().is_none_or(|row| Some(*row) == rows.keys().last()), "{lacks:?}");
        Self { rows, calling: calls.into_values().collect(), drained }
    }

    /// Every object of the run has a row, and every row that is not undone is what the API server has: the object with
    /// its uid, the field with the run's value, the node cordoned. Of what was in flight nobody knows.
    pub(super) fn agrees(&self, run: &str, what: &str) {
        let all = everything();
        let created: BTreeMap<String, &Row> =
            self.rows.values().filter(|r| r.row["undo"] == "delete").map(|row| (row.key(), row)).collect();
        for (key, item) in &all {
            // What controllers make of an object copies its labels.
            if item["metadata"]["labels"]["pb.run"] == run && item["metadata"]["ownerReferences"].is_null() {
                let row = created.get(key).unwrap_or_else(|| panic!("{what}: {key} has no row"));
                let uid = text(item, "/metadata/uid");
                assert!(row.uid.as_deref().is_none_or(|seen| seen == uid), "{what}: {key} has another uid");
            }
        }
        // The newest row of a field says what it has now; older ones what it had.
        let mut fields = BTreeSet::new();
        for (number, row) in self.rows.iter().rev().filter(|(_, row)| !row.undone) {
            let undone = self.may_be_undone(*number, row);
            let in_flight = self.is_newest(*number, row) && (!row.answered || self.calling.contains(&row.step));
            let item = all.get(&row.key());
            let change = &row.row["change"];
            match text(&row.row, "/undo") {
                "delete" => {
                    let Some(uid) = &row.uid else {
                        // Its answer is told with the end of the call, or just after it.
                        assert!(self.is_newest(*number, row), "{what}: {change} has no uid");
                        continue;
                    };
                    let there = item.is_some_and(|item| text(item, "/metadata/uid") == uid);
                    let object = &row.row["object"];
                    let evicted = self.drained && object["kind"] == "Pod" && object["namespace"] == "kill-test";
                    assert!(there || evicted || undone, "{what}: {change} is not there");
                }
                "restore" => {
                    let item = item.unwrap_or_else(|| panic!("{what}: {change}: its object is gone"));
                    let changed = row.row["fields"].as_array().expect("fields");
                    assert!(!changed.is_empty(), "{what}: {change} names no field");
                    for field in changed {
                        let pointer = text(field, "/pointer");
                        if !fields.insert((row.key(), pointer.to_string())) {
                            continue;
                        }
                        let (now, after, before) = (item.pointer(pointer), field.get("after"), field.get("before"));
                        let fits = now == after || ((in_flight || undone) && now == before);
                        assert!(fits, "{what}: {change}: {pointer} is {now:?}, the ledger says {field}");
                    }
                }
                "uncordon" => {
                    let cordoned = item.is_some_and(|node| node["spec"]["unschedulable"] == true);
                    assert!(cordoned || in_flight || undone, "{what}: {change}: the node is not cordoned");
                }
                other => panic!("{what}: {other} in the ledger of this run"),
            }
        }
    }

    /// How many rows are not undone.
    pub(super) fn left(&self) -> usize {
        self.rows.values().filter(|row| !row.undone).count()
    }

    /// Whether the run was killed between undoing a row and saying so: its step's calls have ended, and it is the
    /// newest that was left.
    fn may_be_undone(&self, number: u64, row: &Row) -> bool {
        !self.calling.contains(&row.step) && self.is_newest(number, row)
    }

    /// Whether no newer row of its step and cluster is left.
    fn is_newest(&self, number: u64, row: &Row) -> bool {
        let place = |row: &Row| (row.step.clone(), text(&row.row["object"], "/cluster").to_string());
        !self.rows.iter().any(|(n, other)| *n > number && !other.undone && place(other) == place(row))
    }
}

//! What `pb lab export` prints, read back.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::Test;

/// Objects by version, kind, namespace and name.
pub(super) type Documents = BTreeMap<String, Value>;

/// A cluster in its three parts.
#[derive(Default)]
pub(super) struct Printed {
    pub(super) definitions: Documents,
    pub(super) objects: Documents,
    pub(super) status: Documents,
}

/// The name under which an object is kept.
pub(super) fn key(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, metadata) = (text(&object["apiVersion"]), &object["metadata"]);
    format!("{version} {} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

/// Whether two objects say the same, but for when.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    static TIME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").expect("a pattern"));
    let timeless = |value: &Value| TIME.replace_all(&value.to_string(), "T").into_owned();
    one == other || timeless(one) == timeless(other)
}

/// What is printed of a cluster with faults.
pub(super) fn printed(cluster: &str, faults: &[&str]) -> Printed {
    let faults: String = faults.iter().map(|fault| format!(" --fault {fault}")).collect();
    let ran = Test::new().pb(&format!("lab export {cluster} --for 1.20{faults}")).code(0);
    let mut out = Printed::default();
    let mut part = &mut out.definitions;
    // A part's heading stands before its first document.
    for text in ran.out().split("\n---\n") {
        let document: Value = serde_saphyr::from_str(text).expect("YAML");
        if document.is_object() {
            part.insert(key(&document), document);
        }
        let heading = text.lines().rev().find_map(|line| line.strip_prefix("# ")?.split_once(": "));
        match heading.map(|(word, _)| word) {
            Some("definitions") => part = &mut out.definitions,
            Some("objects") => part = &mut out.objects,
            Some("status") => part = &mut out.status,
            _ => {}
        }
    }
    for (name, part) in [("definitions", &out.definitions), ("objects", &out.objects), ("status", &out.status)] {
        assert!(part.len() > 30, "{} {name} of {cluster}", part.len());
    }
    out
}

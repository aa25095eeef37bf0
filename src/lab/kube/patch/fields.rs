//! A set of fields of an object: what one manager owns, as `fieldsV1` writes it.
//!
//! Steps have the form that `fieldsV1` has: `f:name` a field, `k:{"name":"x"}` an item by its keys, `v:"x"` an item by
//! its value. Source: sigs.k8s.io/structured-merge-diff, `fieldpath`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A set of fields: whether this place is in it, and what is below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) own: bool,
    pub(crate) below: BTreeMap<String, Fields>,
}

impl Fields {
    pub(crate) fn is_empty(&self) -> bool {
        !self.own && self.below.values().all(Self::is_empty)
    }

    /// What lies at a step; made where there is nothing.
    pub(crate) fn at(&mut self, step: impl Into<String>) -> &mut Self {
        self.below.entry(step.into()).or_default()
    }

    /// Without the branches that hold nothing.
    pub(super) fn tidy(mut self) -> Self {
        self.below = self.below.into_iter().map(|(k, v)| (k, v.tidy())).filter(|(_, v)| !v.is_empty()).collect();
        self
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.own |= other.own;
        for (step, below) in &other.below {
            let merged = all.below.get(step).map_or_else(|| below.clone(), |mine| mine.union(below));
            all.below.insert(step.clone(), merged);
        }
        all
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        let below = self.below.iter().map(|(step, mine)| {
            let rest = other.below.get(step).map_or_else(|| mine.clone(), |theirs| mine.difference(theirs));
            (step.clone(), rest)
        });
        Self { own: self.own && !other.own, below: below.collect() }.tidy()
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let below = self
            .below
            .iter()
            .filter_map(|(step, mine)| other.below.get(step).map(|theirs| (step.clone(), mine.intersection(theirs))));
        Self { own: self.own && other.own, below: below.collect() }.tidy()
    }

    /// Takes a place with all below it out of the set.
    pub(crate) fn without(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [last] => {
                self.below.remove(*last);
            }
            [first, rest @ ..] => {
                if let Some(below) = self.below.get_mut(*first) {
                    below.without(rest);
                    if below.is_empty() {
                        self.below.remove(*first);
                    }
                }
            }
        }
    }

    /// What of the set lies at or below a path.
    pub(crate) fn only(&self, path: &[&str]) -> Self {
        let [first, rest @ ..] = path else { return self.clone() };
        let mut kept = Self::default();
        if let Some(below) = self.below.get(*first) {
            kept.below.insert((*first).to_owned(), below.only(rest));
        }
        kept.tidy()
    }

    /// Every place of the set, as messages write them: at each level first the places themselves, then what is below.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, before: &str, paths: &mut Vec<String>) {
        for (step, below) in &self.below {
            if below.own {
                paths.push(format!("{before}{}", shown(step)));
            }
        }
        for (step, below) in &self.below {
            below.collect(&format!("{before}{}", shown(step)), paths);
        }
    }

    /// As `fieldsV1`.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        if self.own && !self.below.is_empty() {
            object.insert(".".to_owned(), json!({}));
        }
        for (step, below) in &self.below {
            object.insert(step.clone(), below.to_json());
        }
        Value::Object(object)
    }

    /// From `fieldsV1`.
    pub(crate) fn from_json(value: &Value) -> Self {
        let mut root = Self::read(value);
        root.own = false;
        root
    }

    fn read(value: &Value) -> Self {
        let Some(object) = value.as_object() else { return Self::default() };
        let mut fields = Self { own: object.is_empty() || object.contains_key("."), below: BTreeMap::new() };
        for (step, below) in object.iter().filter(|(step, _)| *step != ".") {
            fields.below.insert(step.clone(), Self::read(below));
        }
        fields
    }
}

/// The step to a field.
pub(crate) fn field(name: &str) -> String {
    format!("f:{name}")
}

/// The step to an item by its value.
pub(crate) fn value(value: &Value) -> String {
    format!("v:{value}")
}

/// The step to an item by its keys; a key that the item lacks has its default, or is left out.
pub(crate) fn keys(item: &Value, names: &[String]) -> String {
    let mut keys = Map::new();
    for name in names {
        match item.get(name) {
            Some(value) => keys.insert(name.clone(), value.clone()),
            None if name == "protocol" => keys.insert(name.clone(), json!("TCP")),
            None => None,
        };
    }
    format!("k:{}", Value::Object(keys))
}

/// `f:data` as `.data`, `k:{"name":"x"}` as `[name="x"]`.
pub(crate) fn shown(step: &str) -> String {
    let (kind, rest) = step.split_at(2.min(step.len()));
    match kind {
        "f:" => format!(".{rest}"),
        "v:" => format!("[={rest}]"),
        "k:" => {
            let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        _ => format!("[{rest}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Fields {
        Fields::from_json(&serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn sets_are_joined_and_parted() {
        let a = set(r#"{"f:data":{".":{},"f:a":{},"f:b":{}}}"#);
        let b = set(r#"{"f:data":{"f:b":{},"f:c":{}}}"#);
        assert_eq!(a.union(&b), set(r#"{"f:data":{".":{},"f:a":{},"f:b":{},"f:c":{}}}"#));
        assert_eq!(a.difference(&b), set(r#"{"f:data":{".":{},"f:a":{}}}"#));
        assert_eq!(a.intersection(&b), set(r#"{"f:data":{"f:b":{}}}"#));
        assert!(a.difference(&a).is_empty());
    }

    #[test]
    fn paths_are_shown_as_messages_show_them() {
        let fields = set(r#"{"f:spec":{"f:c":{"k:{\"name\":\"one\"}":{"f:image":{}}},"f:t":{}}}"#);
        assert_eq!(fields.paths(), [".spec.t", ".spec.c[name=\"one\"].image"]);
        assert_eq!(Fields::from_json(&fields.to_json()), fields);
    }
}

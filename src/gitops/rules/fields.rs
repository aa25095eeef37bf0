//! The fields of Flux's kinds: unknown ones, missing ones, values that the API server would refuse.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::{View, id};
use crate::error::nearest;
use crate::gitops::finding::Findings;
use crate::gitops::object::Object;
use crate::gitops::yaml::{Node, Value};

/// What a field may hold.
#[derive(Debug, Default)]
struct Field {
    /// `any`, `map`, `string` …, or the values that it may have, parted by `|`; empty for one with fields of its own.
    kind: &'static str,
    required: bool,
    list: bool,
    fields: BTreeMap<&'static str, Field>,
}

/// The kinds by group, version and kind.
fn kinds() -> &'static BTreeMap<(&'static str, &'static str, &'static str), Field> {
    static KINDS: OnceLock<BTreeMap<(&'static str, &'static str, &'static str), Field>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let mut kinds = BTreeMap::new();
        let mut current = None;
        for line in include_str!("flux_fields.txt").lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&'static str> = line.split_whitespace().collect();
            match words[..] {
                [kind, group, version] => {
                    kinds.insert((group, version, kind), Field::default());
                    current = Some((group, version, kind));
                }
                [path, kind] => {
                    let Some(mut field) = current.and_then(|key| kinds.get_mut(&key)) else { continue };
                    let required = path.ends_with('!');
                    for part in path.trim_end_matches('!').split('.') {
                        let name = part.trim_end_matches("[]");
                        field = field.fields.entry(name).or_default();
                        field.list |= part.ends_with("[]");
                    }
                    field.required = required;
                    field.kind = if kind == "object" { "" } else { kind };
                }
                _ => {}
            }
        }
        kinds
    })
}

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    for (_, object) in view.cluster.objects() {
        let Some(field) = kinds().get(&(object.group(), object.version(), object.kind())) else { continue };
        for (key, _) in object.node.entries() {
            if !matches!(key.text.as_str(), "apiVersion" | "kind" | "metadata" | "spec" | "status") {
                unknown(object, key, "", nearest(&key.text, ["metadata", "spec"]), findings);
            }
        }
        match object.node.get("spec") {
            Some(spec) => fields(object, &field.fields["spec"], spec, "spec", findings),
            None => lacks(object, &object.node, "spec", findings),
        }
    }
}

fn unknown(object: &Object, key: &crate::gitops::yaml::Key, path: &str, near: Option<&str>, findings: &mut Findings) {
    let words = object.words();
    let near = near.map(|near| format!("; {near} is meant?")).unwrap_or_default();
    let dot = if path.is_empty() { "" } else { "." };
    let message = format!("{words} has the field {path}{dot}{}, which its kind does not know{near}", key.text);
    findings.add(id::FIELD, key.at, &words, message, &object.chain);
}

fn lacks(object: &Object, node: &Node, path: &str, findings: &mut Findings) {
    let words = object.words();
    let message = format!("{words} lacks {path}, which its kind needs");
    findings.add(id::FIELD_MISSING, node.at, &words, message, &object.chain);
}

fn fields(object: &Object, known: &Field, node: &Node, path: &str, findings: &mut Findings) {
    let mut refuse = |wanted: &str| {
        let words = object.words();
        let is = node.as_text().map_or_else(|| "no single value".to_owned(), |text| format!("\"{text}\""));
        let message = format!("{path} of {words} is {is}; it has to be {wanted}");
        findings.add(id::FIELD_VALUE, node.at, &words, message, &object.chain);
    };
    if known.list {
        match &node.value {
            Value::Seq(items) => items.iter().for_each(|item| one(object, known, item, path, findings)),
            _ if node.is_null() => {}
            Value::Scalar(_) | Value::Map(_) => refuse("a list"),
        }
        return;
    }
    if known.fields.is_empty() {
        if let Some(wanted) = refused(known.kind, node) {
            refuse(&wanted);
        }
        return;
    }
    one(object, known, node, path, findings);
}

/// A value with fields of its own.
fn one(object: &Object, known: &Field, node: &Node, path: &str, findings: &mut Findings) {
    for (key, value) in node.entries() {
        match known.fields.get(key.text.as_str()) {
            Some(_) if value.is_null() => {}
            Some(field) => fields(object, field, value, &format!("{path}.{}", key.text), findings),
            None => unknown(object, key, path, nearest(&key.text, known.fields.keys().copied()), findings),
        }
    }
    // Where nothing is a map, what it lacks is not the point.
    if matches!(node.value, Value::Map(_)) {
        for (name, _) in known.fields.iter().filter(|(name, field)| field.required && node.get(name).is_none()) {
            lacks(object, node, &format!("{path}.{name}"), findings);
        }
    }
}

/// What a field wants, where a value is something else.
fn refused(kind: &str, node: &Node) -> Option<String> {
    let scalar = node.scalar();
    if scalar.is_some_and(|scalar| scalar.unknown || scalar.text.contains("${")) || node.is_null() {
        return None;
    }
    let text = scalar.map_or("", |scalar| scalar.text.as_str());
    let plain = scalar.is_some_and(|scalar| scalar.plain);
    let (fits, wanted) = match kind {
        "any" | "" => (true, ""),
        "map" => (matches!(node.value, Value::Map(_)), "a map"),
        "list" | "strings" => (matches!(node.value, Value::Seq(_)), "a list"),
        "string" => (scalar.is_some(), "a string"),
        "boolean" => (plain && matches!(text, "true" | "false"), "true or false, without quotes"),
        "integer" => (plain && text.parse::<i64>().is_ok(), "a whole number, without quotes"),
        "duration" => (is_duration(text), "a duration such as 90s, 10m or 1h30m"),
        values => (values.split('|').any(|value| value == text), values),
    };
    let words = || if wanted.contains('|') { format!("one of {}", wanted.replace('|', ", ")) } else { wanted.into() };
    (!fits).then(words)
}

/// Flux's pattern of durations: numbers with units, nothing else.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit = ["ms", "s", "m", "h"].iter().find(|unit| after.starts_with(**unit));
        let whole = number.split('.').all(|part| !part.is_empty()) && number.matches('.').count() < 2;
        match unit {
            Some(unit) if whole => rest = &after[unit.len()..],
            _ => return false,
        }
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_flux_reads_them() {
        assert!(["1m", "1h30m", "500ms", "1.5h"].iter().all(|text| is_duration(text)));
        assert!(["", "10", "1 m", "1d", "m", "1..5h", "1h30"].iter().all(|text| !is_duration(text)));
    }

    #[test]
    fn the_table_has_the_kinds_that_flux_serves() {
        let field =
            &kinds()[&("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")].fields["spec"].fields["dependsOn"];
        assert!(field.list && field.fields["name"].required);
        assert_eq!(kinds().len(), 8);
    }
}

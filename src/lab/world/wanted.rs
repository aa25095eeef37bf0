//! What a topology file writes down as objects, and what Flux applies.
//!
//! An entry of `objects` is an object without the usual ceremony: `kind`, `namespace`, `name`, `labels`, `annotations`,
//! `apiVersion` where the kind's own is not meant, `by` (the Flux Kustomization that applies it), and everything else as
//! the object has it (`spec`, `data` …). With `rows` in place of `name` it is many: each row is `name` or
//! `namespace/name`, with further words; `$name`, `$namespace`, `$1` … in texts stand for a row's parts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The annotation that says which Kustomization applies an object, until it is planted.
pub const BY: &str = "lab/by";

/// What Flux applies in a cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flux {
    /// The Git repository of the GitRepository `flux-system`.
    pub url: String,
    /// Its branch.
    #[serde(default = "main")]
    pub branch: String,
    /// What the ConfigMap `cluster-settings` has.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Folders of the repository whose kustomization has nothing in it.
    #[serde(default)]
    pub empty: Vec<String>,
    /// The Kustomizations.
    #[serde(default)]
    pub kustomizations: Vec<Kustomization>,
}

/// A Kustomization, and what lies at its path in the repository.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kustomization {
    /// Its name; it is in flux-system.
    pub name: String,
    /// A folder of the repository, `./kubernetes/infrastructure/networking/cilium`.
    pub path: String,
    /// The Kustomizations that have to be ready before it.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The Kustomization that applies it.
    #[serde(default)]
    pub by: Option<String>,
    /// What it applies besides what says so itself: `Deployment kube-system/coredns`.
    #[serde(default)]
    pub applies: Vec<String>,
    /// The variables of `cluster-settings` that its manifests use.
    #[serde(default)]
    pub uses: Vec<String>,
    /// What has to be healthy before it is ready: `Deployment cert-manager/cert-manager`.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Whether all that it applies has to be healthy.
    #[serde(default)]
    pub wait: bool,
}

fn main() -> String {
    "main".into()
}

/// The version that a kind of the operators is stored in.
pub(crate) fn version(kind: &str) -> Option<String> {
    super::objects::version(kind).map(|(version, _)| version)
}

/// The objects of an entry.
///
/// # Errors
/// What is missing, or makes no sense.
pub fn expand(entry: &toml::Table) -> Result<Vec<Value>, String> {
    let text = |key: &str| entry.get(key).and_then(toml::Value::as_str);
    let kind = text("kind").ok_or("an object has no kind")?;
    let known = super::objects::version(kind);
    let (version, namespaced) = match (text("apiVersion"), known) {
        (Some(version), known) => (version.to_owned(), known.is_none_or(|(_, namespaced)| namespaced)),
        (None, Some((version, namespaced))) => (version, namespaced),
        (None, None) => return Err(format!("{kind} is the kind of no operator: say its apiVersion")),
    };
    let rows: Vec<&str> = match (text("name"), entry.get("rows").and_then(toml::Value::as_array)) {
        (Some(name), None) => vec![name],
        (None, Some(rows)) => rows.iter().filter_map(toml::Value::as_str).collect(),
        _ => return Err(format!("an object of kind {kind} needs either a name or rows")),
    };
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let mut words = row.split_whitespace();
        let place = words.next().unwrap_or_default();
        let (namespace, name) = place.split_once('/').map_or((text("namespace"), place), |(ns, name)| (Some(ns), name));
        let mut parts = vec![("$name".to_owned(), name.to_owned())];
        parts.extend(words.enumerate().map(|(at, word)| (format!("${}", at + 1), word.to_owned())));
        let mut metadata = json!({ "name": name });
        match (namespace, namespaced) {
            (Some(namespace), true) => {
                metadata["namespace"] = namespace.into();
                // Before the name, whose part begins alike.
                parts.insert(0, ("$namespace".into(), namespace.into()));
            }
            (None, true) => return Err(format!("{kind} {name} needs a namespace")),
            (_, false) => {}
        }
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": metadata });
        for (key, value) in entry {
            let value = || filled(value, &parts);
            match key.as_str() {
                "kind" | "apiVersion" | "namespace" | "name" | "rows" => {}
                "labels" | "annotations" => merge(&mut object["metadata"][key], value()),
                "by" => object["metadata"]["annotations"][BY] = value(),
                _ => object[key] = value(),
            }
        }
        out.push(object);
    }
    Ok(out)
}

fn merge(into: &mut Value, from: Value) {
    let Value::Object(from) = from else { return };
    match into {
        Value::Object(into) => into.extend(from),
        other => *other = Value::Object(from),
    }
}

/// A value with a row's parts in its texts. A text that is nothing but a part, and looks like a number, is one.
fn filled(value: &toml::Value, parts: &[(String, String)]) -> Value {
    match value {
        toml::Value::String(text) => {
            if !text.contains('$') {
                return text.as_str().into();
            }
            let whole = parts.iter().find(|(part, _)| part == text);
            if let Some(number) = whole.and_then(|(_, with)| with.parse::<i64>().ok()) {
                return number.into();
            }
            parts.iter().fold(text.clone(), |text, (part, with)| text.replace(part, with)).into()
        }
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.iter().map(|item| filled(item, parts)).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => {
            let rows = table.iter().map(|(key, value)| (key.clone(), filled(value, parts)));
            Value::Object(rows.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<Vec<Value>, String> {
        expand(&toml::from_str(text).unwrap())
    }

    #[test]
    fn rows_become_objects() {
        let all = expanded(
            "kind = 'ExternalSecret'\nrows = ['harbor/harbor-db harbor/db 3', 'x/y k 4']\nby = 'harbor'\n\
             spec = { key = 'kv/$1', n = '$2', name = '$namespace.$name' }",
        )
        .unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0]["apiVersion"], "external-secrets.io/v1");
        assert_eq!(all[0]["metadata"]["namespace"], "harbor");
        assert_eq!(all[0]["metadata"]["annotations"][BY], "harbor");
        assert_eq!(all[0]["spec"], json!({ "key": "kv/harbor/db", "n": 3, "name": "harbor.harbor-db" }));
        assert_eq!(all[1]["spec"]["n"], 4);
    }

    #[test]
    fn what_is_missing_is_told() {
        assert!(expanded("name = 'x'").unwrap_err().contains("no kind"));
        assert!(expanded("kind = 'Gadget'\nname = 'x'").unwrap_err().contains("say its apiVersion"));
        assert!(expanded("kind = 'Certificate'\nname = 'x'").unwrap_err().contains("needs a namespace"));
        assert!(expanded("kind = 'Certificate'").unwrap_err().contains("either a name or rows"));
        let cluster = expanded("kind = 'ClusterIssuer'\nname = 'x'\nnamespace = 'ignored'").unwrap();
        assert!(cluster[0]["metadata"]["namespace"].is_null());
    }
}

//! Manifests as scripts give them: YAML text, a file beside the playbook, a map, an object, or a list of these.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::{Value, json};

use super::{RUN_LABEL, secrets};
use crate::error::{Error, Kind, Result};
use crate::host::context::Context;
use crate::host::object::{List, Missing};
use crate::host::paths;
use crate::host::values::{Secret, from_dynamic, type_name};
use crate::host::world::World;

/// One object to send.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) json: Value,
}

/// What a script's value describes.
pub(crate) struct Manifests {
    /// In their order; a `kind: List` is taken apart.
    pub(crate) all: Vec<Manifest>,
    /// Whether they were given as a list: a script's, a `kind: List`, or several documents. What comes of one is then
    /// a list too, so that its shape does not hang on how many there are.
    pub(crate) listed: bool,
}

/// Everything that a script's value describes.
///
/// # Errors
/// [`Kind::Invalid`] for what is no manifest, and where there is none at all.
pub(crate) fn read(cx: &Context, at: &NativeCallContext, value: &Dynamic, function: &str) -> Result<Manifests> {
    let mut values = Vec::new();
    collect(cx, at, value, function, &mut values)?;
    let listed =
        value.is_array() || value.is::<List>() || values.len() > 1 || values.iter().any(|v| items_of(v).is_some());
    let mut out = Vec::new();
    // Before anything is said of them, errors too.
    values.iter().for_each(|value| secrets::learn(&cx.world.redactor, value, false));
    for value in values {
        flatten(cx, value, function, &mut out)?;
    }
    if out.is_empty() {
        return Err(Error::new(Kind::Invalid, format!("{function}: the manifest holds no object")));
    }
    Ok(Manifests { all: out, listed })
}

/// The objects of a `kind: List`, or of a list of one kind (`PodList`).
fn items_of(value: &Value) -> Option<&Vec<Value>> {
    value["kind"].as_str().filter(|kind| kind.ends_with("List"))?;
    value["items"].as_array()
}

fn collect(cx: &Context, at: &NativeCallContext, value: &Dynamic, function: &str, out: &mut Vec<Value>) -> Result<()> {
    if let Some(missing) = value.read_lock::<Missing>() {
        return Err(missing.error().context(function));
    }
    if value.is_string() {
        return text(cx, at, &value.to_string(), function, out);
    }
    let items = value.read_lock::<rhai::Array>().map(|a| a.clone());
    if let Some(items) = items.or_else(|| value.read_lock::<List>().map(|l| l.items().to_vec())) {
        return items.iter().try_for_each(|item| collect(cx, at, item, function, out));
    }
    if value.is_map() || value.is::<crate::host::object::Object>() {
        out.push(exposed(value));
        return Ok(());
    }
    Err(Error::new(
        Kind::Invalid,
        format!(
            "{function}: a manifest is YAML text, a file's name, a map or a list of these, not {}",
            type_name(value)
        ),
    ))
}

fn text(cx: &Context, at: &NativeCallContext, text: &str, function: &str, out: &mut Vec<Value>) -> Result<()> {
    let is_file = !text.contains(['\n', '{', ':']) && [".yaml", ".yml", ".json"].iter().any(|end| text.ends_with(end));
    if !is_file {
        return yaml(text, function, out);
    }
    let path = paths::resolve(cx, at, text);
    let content = std::fs::read_to_string(&path).map_err(|e| {
        Error::new(Kind::Io, format!("{function}: the manifest {} can't be read", path.display())).caused_by(&e)
    })?;
    yaml(&content, &format!("{function}: {}", path.display()), out)
}

fn yaml(text: &str, what: &str, out: &mut Vec<Value>) -> Result<()> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|e| Error::new(Kind::Invalid, format!("{what}: the manifest is not YAML")).because(e))?;
    out.extend(documents.into_iter().filter(|d| !d.is_null()));
    Ok(())
}

fn flatten(cx: &Context, value: Value, function: &str, out: &mut Vec<Manifest>) -> Result<()> {
    if let Some(items) = items_of(&value) {
        return items.iter().try_for_each(|item| flatten(cx, item.clone(), function, out));
    }
    let mut json = value;
    let shown = crate::error::beginning(&secrets::masked(json.clone(), false).to_string(), 120);
    let missing = |field: &str| {
        Error::new(Kind::Invalid, format!("{function}: a manifest needs {field}")).because(format!("it is: {shown}"))
    };
    let word = |json: &Value, pointer: &str| {
        json.pointer(pointer).and_then(Value::as_str).filter(|s| !s.is_empty()).map(String::from)
    };
    let api_version = word(&json, "/apiVersion").ok_or_else(|| missing("apiVersion"))?;
    let kind = word(&json, "/kind").ok_or_else(|| missing("kind"))?;
    if let Some(metadata) = json["metadata"].as_object_mut() {
        // What a read object carries of the server's own would be refused or pointless.
        for own in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"] {
            metadata.remove(own);
        }
    }
    generate_name(&mut json, &cx.world);
    let name = word(&json, "/metadata/name").ok_or_else(|| missing("metadata.name"))?;
    out.push(Manifest { api_version, kind, namespace: word(&json, "/metadata/namespace"), name, json });
    Ok(())
}

/// Makes the name of `generateName` where there is none yet.
pub(super) fn generate_name(json: &mut Value, world: &World) {
    let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let stem = metadata.remove("generateName");
    let stem = stem.as_ref().and_then(Value::as_str).filter(|s| !s.is_empty());
    let named = metadata.get("name").and_then(Value::as_str).is_some_and(|n| !n.is_empty());
    if let (false, Some(stem)) = (named, stem) {
        metadata.insert("name".into(), world.part::<Names>().next(world, stem).into());
    }
}

impl Manifest {
    /// Marks the object as this run's.
    pub(crate) fn label(&mut self, world: &World) {
        let labels = &mut self.json["metadata"]["labels"];
        if !labels.is_object() {
            *labels = json!({});
        }
        labels[RUN_LABEL] = label_value(&world.run).into();
    }

    /// Puts it into the namespace that was found for it.
    pub(crate) fn settle(&mut self, namespace: Option<&str>) {
        match namespace {
            Some(namespace) => self.json["metadata"]["namespace"] = namespace.into(),
            None => {
                if let Some(metadata) = self.json["metadata"].as_object_mut() {
                    metadata.remove("namespace");
                }
            }
        }
        self.namespace = namespace.map(Into::into);
    }
}

/// A run's id as a label's value: at most 63 of the characters allowed, alphanumeric at both ends.
pub(crate) fn label_value(run: &str) -> String {
    let fine = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let value: String = run.chars().map(fine).take(63).collect();
    value.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_string()
}

/// The names that this run made of `generateName`: chosen here, so that the ledger knows them before the server does.
#[derive(Debug, Default)]
struct Names {
    used: Mutex<BTreeMap<String, usize>>,
}

impl Names {
    fn next(&self, world: &World, stem: &str) -> String {
        let name = format!("{}-{}", stem.trim_end_matches('-'), world.mark());
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let times = used.entry(name.clone()).or_default();
        *times += 1;
        if *times == 1 { name } else { format!("{name}-{times}") }
    }
}

/// A script's value as the JSON that is sent: secrets as they are, which nothing else shows.
pub(crate) fn exposed(value: &Dynamic) -> Value {
    if let Some(secret) = value.read_lock::<Secret>() {
        return secret.expose().into();
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return Value::Object(fields.iter().map(|(key, value)| (key.to_string(), exposed(value))).collect());
    }
    if let Some(items) = value.read_lock::<rhai::Array>() {
        return items.iter().map(exposed).collect();
    }
    from_dynamic(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_value_is_valid_whatever_the_run_is_called() {
        assert_eq!(label_value("20260101-000000-abc123"), "20260101-000000-abc123");
        assert_eq!(label_value("-a b/c_"), "a-b-c");
        assert_eq!(label_value(&"x".repeat(90)).len(), 63);
    }

    #[test]
    fn generated_names_are_known_beforehand_and_differ() {
        let world = crate::host::testing::world(crate::config::Config::default());
        let names = Names::default();
        assert_eq!(names.next(&world, "probe-"), "probe-abc123");
        assert_eq!(names.next(&world, "probe-"), "probe-abc123-2");
        assert_eq!(names.next(&world, "other"), "other-abc123");
    }

    #[test]
    fn a_name_is_made_only_where_there_is_none() {
        let world = crate::host::testing::world(crate::config::Config::default());
        for (metadata, name) in [
            (json!({ "generateName": "a-" }), json!("a-abc123")),
            (json!({ "generateName": "a-", "name": "b" }), json!("b")),
            (json!({ "generateName": "" }), Value::Null),
            (json!({}), Value::Null),
        ] {
            let mut object = json!({ "metadata": metadata });
            generate_name(&mut object, &world);
            assert_eq!((&object["metadata"]["name"], object["metadata"].get("generateName")), (&name, None));
        }
    }
}

//! `kubeconform`: manifests against the schemas of the kinds that the lab's API servers have.
//!
//! Source: github.com/yannh/kubeconform.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::words::Words;
use super::{Call, Ended, kustomize};
use crate::lab::kube::kinds::{Kinds, custom};
use crate::lab::kube::validate::conform::conform;
use crate::lab::kube::validate::structural;
use crate::lab::world::{objects, read};

/// Flags with a value.
const VALUED: [&str; 9] = [
    "schema-location",
    "kubernetes-version",
    "output",
    "skip",
    "reject",
    "ignore-filename-pattern",
    "n",
    "cache",
    "cpuprofile",
];

/// What came of one object.
enum Judged {
    Valid,
    Invalid(String),
    /// It could not be judged.
    Error(String),
    Skipped,
}

/// Runs it.
pub(super) fn run(call: &Call) -> Ended {
    let words = Words::of(&call.args, &VALUED);
    if let Some(unknown) = words.values(&["output"]).into_iter().find(|format| !matches!(*format, "text" | "json")) {
        return Ended::failed(
            1,
            format!(
                "'outputFormat' must be 'json', 'junit', 'pretty', 'tap' or 'text': {unknown:?} is not simulated by the lab\n"
            ),
        );
    }
    let mut sources = Vec::new();
    let plain = words.plain();
    if plain.is_empty() || plain == ["-"] {
        sources.push(("stdin".to_string(), Ok(call.stdin.clone())));
    }
    for path in plain.iter().filter(|path| **path != "-") {
        for file in files(&Path::new(&call.dir).join(path)) {
            let text = std::fs::read_to_string(&file).map_err(|e| e.to_string());
            sources.push((file.display().to_string(), text));
        }
    }
    let kinds = kinds();
    let (mut valid, mut invalid, mut errors, mut skipped) = (0, 0, 0, 0);
    let (mut lines, mut rows, mut found) = (String::new(), Vec::new(), 0);
    for (source, text) in &sources {
        let objects = text.as_ref().map_err(Clone::clone).and_then(|text| kustomize::documents(text));
        let objects = match objects {
            Ok(objects) => objects,
            Err(why) => {
                errors += 1;
                lines.push_str(&format!("{source} - failed validation: {why}\n"));
                continue;
            }
        };
        found += objects.len();
        for object in &objects {
            let judged = judge(&kinds, object, &words);
            let (kind, name) =
                (object["kind"].as_str().unwrap_or_default(), object["metadata"]["name"].as_str().unwrap_or_default());
            let (word, why) = match judged {
                Judged::Valid => {
                    valid += 1;
                    ("statusValid", String::new())
                }
                Judged::Skipped => {
                    skipped += 1;
                    ("statusSkipped", String::new())
                }
                Judged::Invalid(why) => {
                    invalid += 1;
                    lines.push_str(&format!("{source} - {kind} {name} is invalid: {why}\n"));
                    ("statusInvalid", why)
                }
                Judged::Error(why) => {
                    errors += 1;
                    lines.push_str(&format!("{source} - {kind} {name} failed validation: {why}\n"));
                    ("statusError", why)
                }
            };
            if !why.is_empty() || words.has(&["verbose"]) {
                rows.push(json!({ "filename": source, "kind": kind, "name": name, "status": word, "msg": why }));
            }
        }
    }
    let summary = words.has(&["summary"]);
    let out = if words.value(&["output"]) == Some("json") {
        let mut whole = json!({ "resources": rows });
        if summary {
            whole["summary"] = json!({ "valid": valid, "invalid": invalid, "errors": errors, "skipped": skipped });
        }
        whole.to_string() + "\n"
    } else {
        let parsing = if plain.is_empty() || plain == ["-"] {
            " parsing stdin".to_string()
        } else {
            format!(" in {} file{}", sources.len(), if sources.len() == 1 { "" } else { "s" })
        };
        let plural = if found == 1 { "" } else { "s" };
        let tail = if summary {
            format!(
                "Summary: {found} resource{plural} found{parsing} - Valid: {valid}, Invalid: {invalid}, Errors: {errors}, Skipped: {skipped}\n"
            )
        } else {
            String::new()
        };
        lines + tail.as_str()
    };
    Ended { out, err: String::new(), code: i32::from(invalid + errors > 0) }
}

/// The built-in kinds, and those that the platform's operators register, as from a catalogue of schemas.
fn kinds() -> Kinds {
    let mut kinds = Kinds::builtin();
    if let Ok(topology) = read::embedded(read::DEFAULT)
        && let Some(name) = topology.clusters.keys().next()
    {
        let all = objects::all(&topology, name, jiff::Timestamp::UNIX_EPOCH);
        for definition in all.iter().filter(|object| object["kind"] == "CustomResourceDefinition") {
            custom::kinds(definition).into_iter().for_each(|kind| kinds.add(kind));
        }
    }
    kinds
}

/// The manifests of a file or of everything below a folder.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_path_buf()];
    }
    let Ok(entries) = path.read_dir() else { return vec![path.to_path_buf()] };
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.sort();
    let wanted = |file: &PathBuf| {
        file.is_dir() || file.extension().is_some_and(|end| matches!(end.to_str(), Some("yaml" | "yml" | "json")))
    };
    all.into_iter().filter(wanted).flat_map(|file| files(&file)).collect()
}

fn judge(kinds: &Kinds, object: &Value, words: &Words) -> Judged {
    let kind = object["kind"].as_str().unwrap_or_default();
    let skip = words.value(&["skip"]).unwrap_or_default();
    if skip.split(',').any(|one| one == kind) {
        return Judged::Skipped;
    }
    let Some(known) = kinds.of(object) else {
        return if words.has(&["ignore-missing-schemas"]) {
            Judged::Skipped
        } else {
            Judged::Error(format!("could not find schema for {kind}"))
        };
    };
    let mut shaped = object.clone();
    let failed = |why: String| {
        Judged::Invalid(format!(
            "problem validating schema. Check JSON formatting: jsonschema validation failed: {why}"
        ))
    };
    let dropped = match conform(&known, &mut shaped) {
        Ok(dropped) => dropped,
        Err(why) => return failed(why.decoder),
    };
    if !dropped.is_empty() && words.has(&["strict"]) {
        return failed(format!("additional properties not allowed: {}", dropped.join(", ")));
    }
    let faults = if known.custom.is_some() { structural::rules(known.schema(), &shaped) } else { Vec::new() };
    match faults.first() {
        None => Judged::Valid,
        Some(fault) => failed(fault.to_string()),
    }
}

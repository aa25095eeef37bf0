//! `kustomize build`: resources, patches, namespace, prefixes, labels, images, generators of ConfigMaps and Secrets.
//!
//! Source: kubectl.docs.kubernetes.io, "The Kustomization File".

mod merge;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::words::Words;
use super::{Call, Ended, NOT_SIMULATED};

/// Folders inside of folders; beyond, one includes itself.
const DEEPEST: usize = 32;
/// The names that the file may have.
const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// What is understood of it. A field beyond these would be left out silently, which is worse than an error.
const KNOWN: [&str; 22] = [
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "components",
    "bases",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "commonLabels",
    "commonAnnotations",
    "labels",
    "images",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "replicas",
    "sortOptions",
    "buildMetadata",
];

/// Runs it.
pub(super) fn run(call: &Call) -> Ended {
    let words = Words::of(&call.args, &["o", "output", "load-restrictor", "e", "env"]);
    let plain = words.plain();
    let ["build", path @ ..] = plain.as_slice() else {
        return Ended::failed(NOT_SIMULATED, format!("kustomize {}: not simulated by the lab\n", call.args.join(" ")));
    };
    let folder = Path::new(&call.dir).join(path.first().unwrap_or(&"."));
    match build(&folder) {
        Ok(all) => Ended { out: all.join("---\n"), ..Ended::default() },
        Err(why) => Ended::failed(1, format!("Error: {why}\n")),
    }
}

/// What a folder builds: a document each.
///
/// # Errors
/// What is wrong, with the file.
pub(super) fn build(folder: &Path) -> Result<Vec<String>, String> {
    let all = objects(folder, 0)?;
    let mut seen = std::collections::BTreeSet::new();
    for one in &all {
        if !seen.insert(id(one)) {
            return Err(format!("may not add resource with an already registered id: {}", id(one)));
        }
    }
    all.iter().map(|one| serde_saphyr::to_string(one).map_err(|e| e.to_string())).collect()
}

/// `Deployment.v1.apps/web.default`
fn id(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("[noGrp]", text("/apiVersion")));
    let space = Some(text("/metadata/namespace")).filter(|space| !space.is_empty()).unwrap_or("[noNs]");
    format!("{}.{version}.{group}/{}.{space}", text("/kind"), text("/metadata/name"))
}

fn objects(folder: &Path, depth: usize) -> Result<Vec<Value>, String> {
    if depth > DEEPEST {
        return Err(format!("cycle detected: {} includes itself", folder.display()));
    }
    let found: Vec<PathBuf> = FILES.iter().map(|name| folder.join(name)).filter(|file| file.is_file()).collect();
    let file = match found.as_slice() {
        [] => {
            return Err(format!(
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}'",
                folder.display()
            ));
        }
        [file] => file,
        _ => return Err(format!("Found multiple kustomization files under: {}", folder.display())),
    };
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let plan: Value =
        serde_saphyr::from_str(&text).map_err(|e| format!("invalid Kustomization: {}: {e}", file.display()))?;
    let fields = plan.as_object().filter(|fields| !fields.is_empty());
    let fields = fields.ok_or_else(|| format!("kustomization.yaml is empty: {}", file.display()))?;
    if let Some(unknown) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(format!("invalid Kustomization: json: unknown field {unknown:?} in {}", file.display()));
    }
    let list = |key: &str| plan[key].as_array().cloned().unwrap_or_default();
    let mut out = Vec::new();
    for path in ["resources", "bases", "components"].iter().flat_map(|key| list(key)) {
        let path = path.as_str().unwrap_or_default();
        if path.contains("://") || path.starts_with("github.com/") {
            return Err(format!("accumulating resources from '{path}': remote resources are not simulated by the lab"));
        }
        out.extend(accumulate(folder, path, depth)?);
    }
    let (maps, secrets) = (list("configMapGenerator"), list("secretGenerator"));
    for (kind, all) in [("ConfigMap", maps), ("Secret", secrets)] {
        for one in all {
            out.push(generated(folder, kind, &one)?);
        }
    }
    if out.is_empty() && list("patches").is_empty() && !fields.contains_key("resources") {
        return Err(format!("kustomization.yaml is empty: {}", file.display()));
    }
    change(folder, &plan, &mut out)?;
    Ok(out)
}

fn accumulate(folder: &Path, path: &str, depth: usize) -> Result<Vec<Value>, String> {
    let at = folder.join(path);
    if at.is_dir() {
        return objects(&at, depth + 1).map_err(|e| {
            format!("accumulating resources: accumulation err='accumulating resources from '{path}': {e}'")
        });
    }
    let text = std::fs::read_to_string(&at).map_err(|_| {
        format!("accumulating resources: accumulation err='accumulating resources from '{path}': open {}: no such file or directory'", at.display())
    })?;
    documents(&text).map_err(|e| format!("accumulating resources from '{path}': {e}"))
}

/// The objects of a text, of lists too.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut out = Vec::new();
    let mut document = String::new();
    for line in text.lines().chain(["---"]) {
        if line == "---" || line.starts_with("--- ") {
            if document.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
                let value: Value = serde_saphyr::from_str(&document).map_err(|e| format!("MalformedYAMLError: {e}"))?;
                match value["items"]
                    .as_array()
                    .filter(|_| value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")))
                {
                    Some(items) => out.extend(items.iter().cloned()),
                    None if value.is_null() => {}
                    None if value["kind"].is_null() || value["metadata"]["name"].is_null() => {
                        return Err("missing kind or metadata.name in object".into());
                    }
                    None => out.push(value),
                }
            }
            document.clear();
        } else {
            document.push_str(line);
            document.push('\n');
        }
    }
    Ok(out)
}

fn generated(folder: &Path, kind: &str, from: &Value) -> Result<Value, String> {
    use base64::Engine as _;
    let mut data = Map::new();
    let mut put = |key: String, value: String| {
        let value = if kind == "Secret" { base64::engine::general_purpose::STANDARD.encode(value) } else { value };
        data.insert(key, value.into());
    };
    for literal in from["literals"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (key, value) =
            literal.split_once('=').ok_or_else(|| format!("invalid literal source {literal}, expected key=value"))?;
        put(key.into(), value.trim_matches('"').into());
    }
    for file in from["files"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (key, path) = file.split_once('=').unwrap_or((file.rsplit('/').next().unwrap_or(file), file));
        let text = std::fs::read_to_string(folder.join(path))
            .map_err(|e| format!("loading KV pairs: file sources: [{file}]: {e}"))?;
        put(key.into(), text);
    }
    let name = from["name"].as_str().unwrap_or_default();
    // What it contains is part of its name, so that what uses it starts anew when that changes.
    let named = if from["options"]["disableNameSuffixHash"] == true {
        name.to_string()
    } else {
        let hash = crate::lab::services::vault::value("kustomize", &Value::from(data.clone()).to_string());
        format!("{name}-{}", &hash[hash.len() - 10..])
    };
    let mut out = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": named }, "data": data });
    if let Some(space) = from["namespace"].as_str() {
        out["metadata"]["namespace"] = space.into();
    }
    if kind == "Secret" {
        out["type"] = from["type"].as_str().unwrap_or("Opaque").into();
    }
    Ok(out)
}

/// What the file changes of its objects.
fn change(folder: &Path, plan: &Value, all: &mut [Value]) -> Result<(), String> {
    let list = |key: &str| plan[key].as_array().cloned().unwrap_or_default();
    for patch in list("patches").into_iter().chain(list("patchesJson6902")) {
        let text = match (patch["patch"].as_str(), patch["path"].as_str()) {
            (Some(text), _) => text.to_string(),
            (None, Some(path)) => std::fs::read_to_string(folder.join(path))
                .map_err(|e| format!("failed to get the patch file from path({path}): {e}"))?,
            _ => return Err("must specify one of patch and path in patches".into()),
        };
        merge::apply(all, &patch["target"], &text)?;
    }
    for path in list("patchesStrategicMerge") {
        let path = path.as_str().unwrap_or_default();
        let text = if path.contains('\n') {
            path.to_string()
        } else {
            std::fs::read_to_string(folder.join(path)).map_err(|e| format!("{path}: {e}"))?
        };
        merge::apply(all, &Value::Null, &text)?;
    }
    for object in all.iter_mut() {
        if let Some(space) = plan["namespace"].as_str().filter(|_| !merge::cluster_wide(object)) {
            object["metadata"]["namespace"] = space.into();
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_string();
        if !matches!(object["kind"].as_str(), Some("Namespace" | "CustomResourceDefinition")) {
            let text = |key: &str| plan[key].as_str().unwrap_or_default();
            object["metadata"]["name"] = format!("{}{name}{}", text("namePrefix"), text("nameSuffix")).into();
        }
        let mut put = |part: &str, fields: &Value| {
            for (key, value) in fields.as_object().into_iter().flatten() {
                object["metadata"][part][key] = value.clone();
            }
        };
        put("labels", &plan["commonLabels"]);
        put("annotations", &plan["commonAnnotations"]);
        list("labels").iter().for_each(|one| put("labels", &one["pairs"]));
        list("replicas")
            .iter()
            .filter(|one| one["name"] == name.as_str())
            .for_each(|one| object["spec"]["replicas"] = one["count"].clone());
        list("images").iter().for_each(|image| merge::image(object, image));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

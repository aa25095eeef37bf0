//! Patches of a kustomization: in a file or in place, strategic merge or JSON patch, with a target or without.

use super::build::Builder;
use super::merge::{merge, operate};
use super::select::selects;
use crate::gitops::object::Object;
use crate::gitops::rules::id;
use crate::gitops::yaml::{Node, Value, parse};

/// Applies an entry of `patches`, `patchesStrategicMerge` or `patchesJson6902`.
pub(super) fn apply(builder: &mut Builder<'_>, folder: &str, objects: &mut Vec<Object>, entry: &Node) {
    let target = entry.get("target");
    for patch in patches(builder, folder, entry) {
        match (&patch.value, target) {
            (Value::Seq(operations), Some(target)) => {
                for object in objects.iter_mut().filter(|object| selects(target, object)) {
                    for operation in operations {
                        if let Err(why) = operate(&mut object.node, operation) {
                            let message = format!("the patch of {} would {why}: the build fails", object.words());
                            builder.found(id::PATCH, operation.at, message);
                        }
                    }
                }
            }
            (Value::Map(_), Some(target)) => {
                merge_all(objects, &patch, |object| selects(target, object));
            }
            (Value::Map(_), None) => {
                let named = |object: &Object| {
                    let namespace = patch.text_at("metadata.namespace");
                    let group = patch.text_at("apiVersion").split_once('/').map_or("", |(group, _)| group);
                    object.kind() == patch.text_at("kind")
                        && object.group() == group
                        && object.name() == patch.text_at("metadata.name")
                        && (namespace.is_empty() || object.namespace() == namespace)
                };
                if !merge_all(objects, &patch, named) && !builder.build.open && builder.build.lost.is_empty() {
                    let what = format!("{} {}", patch.text_at("kind"), patch.text_at("metadata.name"));
                    let message = format!("the patch is for {what}, which is not among the resources: the build fails");
                    builder.found(id::PATCH, patch.at, message);
                }
            }
            _ => builder.found(id::PATCH, patch.at, "a JSON patch without a target: the build fails"),
        }
    }
}

fn merge_all(objects: &mut Vec<Object>, patch: &Node, fits: impl Fn(&Object) -> bool) -> bool {
    let mut any = false;
    objects.retain_mut(|object| {
        if !fits(object) {
            return true;
        }
        any = true;
        let before = ["apiVersion", "kind", "metadata"].map(|field| object.node.get(field).cloned());
        // Kubernetes' own groups have no dot, or end in k8s.io: their lists are merged by name.
        let own = !object.group().contains('.') || object.group().ends_with(".k8s.io");
        let stays = merge(&mut object.node, patch, own);
        // What a patch is called is no part of what it changes.
        if let (true, [Some(version), Some(kind), Some(metadata)]) = (stays, before) {
            object.node.set(&["apiVersion"], version);
            object.node.set(&["kind"], kind);
            for field in ["name", "namespace"] {
                if let Some(value) = metadata.get(field) {
                    object.node.set(&["metadata", field], value.clone());
                }
            }
        }
        stays
    });
    any
}

/// The patches of an entry, with the lines that they stand in.
fn patches(builder: &mut Builder<'_>, folder: &str, entry: &Node) -> Vec<Node> {
    let given = match entry.as_text() {
        // patchesStrategicMerge: a file's name, or the patch itself.
        Some(text) if !text.contains('\n') => entry.get("path").or(Some(entry)).filter(|_| !text.contains(':')),
        _ => entry.get("path"),
    };
    if let Some(path) = given {
        let Some(path) = builder.wanted(folder, path) else { return Vec::new() };
        let file = builder.files.read(&path);
        for (line, fault) in &file.parsed.faults {
            let at = crate::gitops::yaml::At { file: file.number, line: *line };
            builder.found(id::YAML, at, format!("the file {fault}"));
        }
        return file.parsed.documents.clone();
    }
    let inline = entry.get("patch").unwrap_or(entry);
    let Some(text) = inline.as_text() else { return Vec::new() };
    let parsed = parse(text, inline.at.file, inline.line(0).line);
    for (line, fault) in &parsed.faults {
        let at = crate::gitops::yaml::At { file: inline.at.file, line: *line };
        builder.found(id::YAML, at, format!("the patch {fault}"));
    }
    parsed.documents
}

//! `configMapGenerator` and `secretGenerator`.

use std::sync::Arc;

use super::build::Builder;
use crate::gitops::object::Object;
use crate::gitops::yaml::{At, Node};

pub(super) fn apply(builder: &mut Builder<'_>, folder: &str, objects: &mut Vec<Object>, node: &Node) {
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for one in node.list(field) {
            let data = data(builder, folder, one);
            let (name, namespace) = (one.text_at("name"), one.text_at("namespace"));
            let same = |o: &&mut Object| {
                o.kind() == kind && o.name() == name && (namespace.is_empty() || o.namespace() == namespace)
            };
            if matches!(one.text_at("behavior"), "merge" | "replace") {
                if let Some(known) = objects.iter_mut().find(same) {
                    data.into_iter().for_each(|(key, value)| known.node.set(&["data", &key], value));
                }
                continue;
            }
            let bare =
                one.is_true("options.disableNameSuffixHash") || node.is_true("generatorOptions.disableNameSuffixHash");
            let object = made(builder, kind, (node, one), data, !bare);
            builder.extend(objects, vec![object], one.at);
        }
    }
}

fn made(
    builder: &Builder<'_>,
    kind: &str,
    (all, one): (&Node, &Node),
    data: Vec<(String, Node)>,
    hashed: bool,
) -> Object {
    let at = one.at;
    let mut node = Node::map(at);
    node.set(&["apiVersion"], Node::text("v1", at));
    node.set(&["kind"], Node::text(kind, at));
    node.set(&["metadata", "name"], Node::text(one.text_at("name"), at));
    if one.get("namespace").is_some() {
        node.set(&["metadata", "namespace"], Node::text(one.text_at("namespace"), at));
    }
    for field in ["labels", "annotations"] {
        for options in [all.get("generatorOptions"), one.get("options")].into_iter().flatten() {
            for (key, value) in options.get(field).map_or(&[][..], Node::entries) {
                node.set(&["metadata", field, &key.text], value.clone());
            }
        }
    }
    // A Secret's values are kept as text: nobody looks at their base64.
    let field = if kind == "Secret" { "stringData" } else { "data" };
    data.into_iter().for_each(|(key, value)| node.set(&[field, &key], value));
    Object { node, chain: Arc::new(builder.chain.clone()), hashed }
}

fn data(builder: &mut Builder<'_>, folder: &str, one: &Node) -> Vec<(String, Node)> {
    let mut data = Vec::new();
    for literal in one.list("literals") {
        if let Some((key, value)) = literal.as_text().and_then(|text| text.split_once('=')) {
            data.push((key.to_owned(), Node::text(value.trim_matches(['"', '\'']), literal.at)));
        }
    }
    for entry in one.list("files") {
        let text = entry.as_text().unwrap_or_default();
        let (key, path) = text.split_once('=').unwrap_or((text.rsplit('/').next().unwrap_or(text), text));
        if let Some(path) = builder.wanted(folder, &Node::text(path, entry.at)) {
            let file = builder.files.read(&path);
            let mut node = Node::text(file.text.clone(), At { file: file.number, line: 1 });
            if let crate::gitops::yaml::Value::Scalar(scalar) = &mut node.value {
                scalar.block = true;
            }
            data.push((key.to_owned(), node));
        }
    }
    for entry in one.list("envs").iter().chain(one.get("env")) {
        let Some(path) = builder.wanted(folder, entry) else { continue };
        let file = builder.files.read(&path);
        for (nth, line) in file.text.lines().enumerate() {
            if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                let line = u32::try_from(nth).unwrap_or(0) + 1;
                data.push((key.trim().to_owned(), Node::text(value, At { file: file.number, line })));
            }
        }
    }
    data
}

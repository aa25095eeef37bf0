//! Names of nodes, against those of the Talos configurations.

use super::{View, id};
use crate::error::nearest;
use crate::gitops::files::{Files, join};
use crate::gitops::finding::Findings;
use crate::gitops::object::Object;
use crate::gitops::yaml::Node;

/// The names that the Talos configurations of a folder give. None where there are none, or where one can't be known: it
/// is made by a template, or comes from the network.
pub(super) fn read(files: &mut Files, folders: &[String]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut known = true;
    let mut folders: Vec<String> = folders.to_vec();
    while let Some(folder) = folders.pop() {
        for name in files.list(&folder) {
            let path = join(&folder, &name);
            if files.is_folder(&path) {
                folders.push(path);
            } else if name.contains(".yaml") || name.contains(".yml") {
                let file = files.read(&path);
                for line in file.text.lines() {
                    let line = line.trim().trim_start_matches("- ");
                    let Some(value) = line.strip_prefix("hostname:") else { continue };
                    let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
                    known &= !value.is_empty() && !value.contains(['{', '$', '<']);
                    // A name may be whole: Kubernetes has the part before the first dot, or all of it.
                    names.push(value.to_owned());
                }
            }
        }
    }
    (known && !names.is_empty()).then_some(names)
}

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    let Some(nodes) = view.nodes else { return };
    for (_, object) in view.cluster.objects() {
        let mut see = |node: &Node, what: &str| {
            let Some(name) = node.as_text().filter(|name| !node.is_unknown() && !name.contains("${")) else { return };
            let same = |known: &&String| known.as_str() == name || known.split('.').next() == Some(name);
            if name.is_empty() || nodes.iter().any(|known| same(&known)) {
                return;
            }
            let near = nearest(name, nodes.iter().map(String::as_str)).map(|near| format!("; {near} is meant?"));
            let words = object.words();
            let message =
                format!("{what} of {words} is {name}, which no Talos configuration names{}", near.unwrap_or_default());
            findings.add(id::NODE, node.at, &words, message, &object.chain);
        };
        named(object, &mut see);
    }
}

fn named(object: &Object, see: &mut impl FnMut(&Node, &str)) {
    if object.is("ceph.rook.io", "CephCluster") {
        for node in object.node.list("spec.storage.nodes") {
            node.get("name").into_iter().for_each(|name| see(name, "a node"));
        }
    }
    if object.is("cilium.io", "CiliumBGPNodeConfigOverride") {
        object.node.at_path("metadata.name").into_iter().for_each(|name| see(name, "the node"));
    }
    const HOST: &str = "kubernetes.io/hostname";
    object.node.walk(&mut |node| {
        let selected = node.get("nodeSelector").and_then(|selector| {
            selector.get(HOST).or_else(|| selector.get("matchLabels").and_then(|labels| labels.get(HOST)))
        });
        selected.into_iter().for_each(|name| see(name, "a node"));
        if node.text_at("key") == HOST && node.text_at("operator") == "In" {
            node.list("values").iter().for_each(|name| see(name, "a node"));
        }
    });
}

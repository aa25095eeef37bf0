//! Sources that Kustomizations and HelmReleases name; and variables that nothing substitutes.

use std::collections::BTreeSet;

use super::{View, id};
use crate::error::nearest;
use crate::gitops::finding::Findings;
use crate::gitops::flux::{HELM, KUSTOMIZE, SOURCE};
use crate::gitops::object::{Id, Object};
use crate::gitops::yaml::Node;

/// The kinds that a source can be.
const KINDS: &[&str] = &["GitRepository", "OCIRepository", "HelmRepository", "HelmChart", "Bucket"];

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    let cluster = view.cluster;
    let sources: Vec<&Object> =
        cluster.objects().map(|(_, o)| o).filter(|o| o.group() == SOURCE && KINDS.contains(&o.kind())).collect();
    let named = [
        (KUSTOMIZE, "Kustomization", "spec.sourceRef"),
        (HELM, "HelmRelease", "spec.chartRef"),
        (HELM, "HelmRelease", "spec.chart.spec.sourceRef"),
        (SOURCE, "HelmChart", "spec.sourceRef"),
    ];
    for (group, kind, path) in named {
        for (_, object) in cluster.of(group, kind) {
            let Some(reference) = object.node.at_path(path) else { continue };
            let (kind, name) = (reference.text_at("kind"), reference.text_at("name"));
            let namespace = reference.get("namespace").and_then(Node::as_text).unwrap_or(object.namespace());
            // The bootstrap's own source is made by flux-operator, or by hand.
            let bootstrap = name == "flux-system" || view.options.sources.iter().any(|source| source == name);
            if bootstrap || !KINDS.contains(&kind) || namespace.is_empty() || cluster.may_have(name) {
                continue;
            }
            let wanted = Id { group: SOURCE.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() };
            if cluster.has(&wanted) {
                continue;
            }
            let same: Vec<&&Object> = sources.iter().filter(|o| o.name() == name).collect();
            let words = object.words();
            match same.iter().find(|o| o.kind() == kind) {
                Some(other) => {
                    let message = format!(
                        "{words} takes {} from namespace {namespace}, and it is in {}: name that in {path}.namespace",
                        wanted.words(),
                        other.namespace()
                    );
                    findings.add(id::SOURCE_NAMESPACE, reference.at, &words, message, &object.chain);
                }
                None => {
                    let other = same.first().map(|o| format!("; there is {}", o.words()));
                    let names = sources.iter().filter(|o| o.kind() == kind).map(|o| o.name());
                    let near = || nearest(name, names).map(|near| format!("; {near} is meant?"));
                    let hint = other.or_else(near).unwrap_or_default();
                    let message = format!("{words} takes {}, which nothing applies{hint}", wanted.words());
                    findings.add(id::SOURCE_MISSING, reference.at, &words, message, &object.chain);
                }
            }
        }
    }
}

/// A variable that other Kustomizations of the cluster substitute, in one that substitutes nothing.
pub(super) fn unsubstituted(view: &View<'_>, findings: &mut Findings) {
    let known: BTreeSet<&str> =
        view.cluster.units.iter().flat_map(|unit| unit.variables.values.keys().map(String::as_str)).collect();
    if known.is_empty() {
        return;
    }
    for unit in view.cluster.units.iter().filter(|unit| !unit.variables.any) {
        // What a Kustomization's child is told is substituted by the child, if it is in a patch or in values of its own.
        for object in unit.objects.iter().filter(|object| !object.is_literal()) {
            object.node.walk(&mut |node| {
                let Some(text) = node.as_text().filter(|text| text.contains("${")) else { return };
                for (start, _) in text.match_indices("${") {
                    let body = &text[start + 2..];
                    let end = body.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(body.len());
                    let escaped = text[..start].ends_with('$');
                    if escaped || !body[end..].starts_with(['}', ':']) || !known.contains(&body[..end]) {
                        continue;
                    }
                    let line = text[..start].matches('\n').count();
                    let message = format!(
                        "the variable {} stays as it is written: {} has no postBuild that substitutes",
                        &body[..end],
                        unit.words()
                    );
                    findings.add(id::UNSUBSTITUTED, node.line(line), &object.words(), message, &object.chain);
                }
            });
        }
    }
}

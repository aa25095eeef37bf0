//! What waits for what: `dependsOn` of Kustomizations and HelmReleases.

use std::collections::BTreeMap;

use super::{View, id};
use crate::error::nearest;
use crate::gitops::finding::Findings;
use crate::gitops::flux::{Cluster, HELM, KUSTOMIZE};
use crate::gitops::object::Object;
use crate::gitops::yaml::Node;

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    missing(view.cluster, KUSTOMIZE, "Kustomization", findings);
    missing(view.cluster, HELM, "HelmRelease", findings);
    circles(view.cluster, KUSTOMIZE, "Kustomization", findings);
    circles(view.cluster, HELM, "HelmRelease", findings);
    family(view.cluster, findings);
}

/// The objects that one depends on: the entry, and namespace and name.
fn named(object: &Object) -> impl Iterator<Item = (&Node, (String, String))> {
    object.node.list("spec.dependsOn").iter().filter(|one| !one.text_at("name").contains("${")).map(|one| {
        let namespace = one.at_path("namespace").and_then(Node::as_text).unwrap_or(object.namespace());
        (one, (namespace.to_owned(), one.text_at("name").to_owned()))
    })
}

fn missing(cluster: &Cluster, group: &str, kind: &str, findings: &mut Findings) {
    let known: Vec<(&str, &str)> =
        cluster.of(group, kind).map(|(_, object)| (object.namespace(), object.name())).collect();
    for (_, object) in cluster.of(group, kind) {
        for (one, (namespace, name)) in named(object) {
            if known.contains(&(namespace.as_str(), name.as_str())) || cluster.may_have(&name) {
                continue;
            }
            let elsewhere =
                known.iter().find(|(_, other)| *other == name).map(|(other, _)| format!("; it is in {other}"));
            let near =
                || nearest(&name, known.iter().map(|(_, other)| *other)).map(|near| format!("; {near} is meant?"));
            let hint = elsewhere.or_else(near).unwrap_or_default();
            let words = object.words();
            let message = format!("{words} waits for {kind} {namespace}/{name}, which nothing applies{hint}");
            findings.add(id::DEPENDS_MISSING, one.at, &words, message, &object.chain);
        }
    }
}

fn circles(cluster: &Cluster, group: &str, kind: &str, findings: &mut Findings) {
    let key = |object: &Object| (object.namespace().to_owned(), object.name().to_owned());
    let edges: BTreeMap<_, Vec<_>> =
        cluster.of(group, kind).map(|(_, o)| (key(o), named(o).map(|(_, to)| to).collect())).collect();
    for (_, object) in cluster.of(group, kind) {
        let start = key(object);
        let Some(way) = way_back(&edges, &start) else { continue };
        // A circle is told once: at the first of its members.
        if way.iter().min() != Some(&start) {
            continue;
        }
        let names: Vec<&str> = way.iter().chain([&start]).map(|(_, name)| name.as_str()).collect();
        let at = object.node.at_path("spec.dependsOn").map_or(object.at(), |node| node.at);
        let message = format!("these wait for each other for ever: {}", names.join(" → "));
        findings.add(id::DEPENDS_CIRCLE, at, &object.words(), message, &object.chain);
    }
}

type Name = (String, String);

/// The shortest way from a name back to itself, itself first.
fn way_back(edges: &BTreeMap<Name, Vec<Name>>, start: &Name) -> Option<Vec<Name>> {
    let mut before: BTreeMap<&Name, &Name> = BTreeMap::new();
    let mut next = vec![start];
    while !next.is_empty() {
        let mut after = Vec::new();
        for from in next {
            for to in edges.get(from).into_iter().flatten() {
                if to == start {
                    let mut way = vec![from.clone()];
                    let mut at = from;
                    while let Some(earlier) = before.get(at).filter(|_| at != start) {
                        way.push((*earlier).clone());
                        at = earlier;
                    }
                    way.reverse();
                    return Some(way);
                }
                if edges.contains_key(to) && !before.contains_key(to) {
                    before.insert(to, from);
                    after.push(to);
                }
            }
        }
        next = after;
    }
    None
}

/// A Kustomization that waits for what it makes itself, or for the one that makes it and waits in turn.
fn family(cluster: &Cluster, findings: &mut Findings) {
    for (index, unit) in cluster.units.iter().enumerate() {
        let Some(object) = &unit.object else { continue };
        for (one, (namespace, name)) in named(object) {
            let Some(other) = cluster.unit(&namespace, &name).filter(|other| *other != index) else { continue };
            let (words, other_words) = (unit.words(), cluster.units[other].words());
            if cluster.above(other).any(|above| above == index) {
                let message = format!("{words} waits for {other_words}, which it applies itself: neither comes to be");
                findings.add(id::DEPENDS_CHILD, one.at, &words, message, &object.chain);
            }
            let parent = &cluster.units[other];
            let waits = parent.spec("wait").and_then(Node::as_text) == Some("true");
            if waits && cluster.above(index).any(|above| above == other) {
                let message =
                    format!("{words} waits for {other_words}, which applies it and has wait: true: both wait for ever");
                findings.add(id::DEPENDS_PARENT, one.at, &words, message, &object.chain);
            }
        }
    }
}

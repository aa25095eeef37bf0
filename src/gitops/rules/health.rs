//! Health checks of Kustomizations on objects that nothing makes.

use super::{View, id};
use crate::error::nearest;
use crate::gitops::finding::Findings;
use crate::gitops::flux::{Cluster, HELM, KUSTOMIZE, SOURCE};
use crate::gitops::yaml::Node;

/// Kinds of which operators make other objects. Objects of the groups beside these make nothing that a health check could
/// be on, so that a namespace with such objects alone has only what is in the repository.
const INERT: &[&str] = &[
    "",
    "apps",
    "batch",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "policy",
    "autoscaling",
    SOURCE,
    "gateway.networking.k8s.io",
    "cilium.io",
    "notification.toolkit.fluxcd.io",
    "external-secrets.io",
];

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    let cluster = view.cluster;
    for unit in cluster.units.iter().filter(|unit| unit.elsewhere().is_empty()) {
        let checks = unit.spec("healthChecks").map_or(&[][..], Node::items);
        for check in checks {
            let (kind, name) = (check.text_at("kind"), check.text_at("name"));
            let group = check.text_at("apiVersion").split_once('/').map_or("", |(group, _)| group);
            let namespace = match check.get("namespace") {
                Some(given) => given.as_text().unwrap_or_default(),
                None => unit.spec("targetNamespace").and_then(Node::as_text).unwrap_or(&unit.namespace),
            };
            let there = cluster.named(name).any(|(_, object)| {
                let home = object.namespace().is_empty() || object.namespace() == namespace;
                object.kind() == kind && object.group() == group && home
            });
            let only_flux = group == KUSTOMIZE || group == HELM || group == SOURCE;
            if there || cluster.may_have(name) || !(only_flux || closed(cluster, group, namespace)) {
                continue;
            }
            let others: Vec<(&str, &str)> = cluster
                .objects()
                .filter(|(_, object)| object.kind() == kind && object.group() == group)
                .map(|(_, object)| (object.namespace(), object.name()))
                .collect();
            let elsewhere =
                others.iter().find(|(_, other)| *other == name).map(|(home, _)| format!("; it is in {home}"));
            let near =
                || nearest(name, others.iter().map(|(_, other)| *other)).map(|near| format!("; {near} is meant?"));
            let hint = elsewhere.or_else(near).unwrap_or_default();
            let words = unit.words();
            let message =
                format!("{words} waits for the health of {kind} {namespace}/{name}, which nothing makes{hint}");
            findings.add(id::HEALTH, check.at, &words, message, &unit.chain);
        }
    }
}

/// Whether all that is ever in a namespace is in the repository: no chart and no operator makes anything there.
fn closed(cluster: &Cluster, group: &str, namespace: &str) -> bool {
    let workload = matches!(group, "" | "apps" | "batch");
    let targets = |object: &crate::gitops::object::Object| {
        [object.namespace(), object.node.text_at("spec.targetNamespace")].contains(&namespace)
    };
    workload
        && cluster.objects().filter(|(_, object)| targets(object)).all(|(_, object)| INERT.contains(&object.group()))
        && cluster.objects().any(|(_, object)| object.namespace() == namespace)
}

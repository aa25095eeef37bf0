//! What other pods decide: required affinity and anti-affinity, and the spread over a topology.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Why;
use crate::lab::controllers::fields::{list, name, text};
use crate::lab::controllers::fit;
use crate::lab::controllers::index::Pod;
use crate::lab::controllers::scene::Scene;
use crate::lab::kube::select;
use crate::lab::kube::store::Stored;

/// Why other pods keep a pod off a node; none where they do not.
pub(super) fn fault(scene: &Scene<'_>, pod: &Pod, node: &Value, nodes: &[Arc<Stored>]) -> Option<Vec<Why>> {
    let spec = &pod.stored.value["spec"];
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    for rule in
        list(spec, "/topologySpreadConstraints").iter().filter(|rule| rule["whenUnsatisfiable"] != "ScheduleAnyway")
    {
        if let Some(why) = uneven(scene, pod, node, nodes, rule) {
            return Some(vec![why]);
        }
    }
    let affinity = |kind: &str| list(&spec["affinity"][kind][required], "").to_vec();
    for term in affinity("podAffinity") {
        let mut there = in_domain(scene, node, nodes, &term).filter(|other| takes(pod, &term, other));
        if there.next().is_none() {
            // The first of a group that wants to be together may go anywhere.
            let own = takes(pod, &term, pod);
            let any =
                nodes.iter().any(|node| scene.index.on_node(name(&node.value)).any(|other| takes(pod, &term, other)));
            if !own || any {
                return Some(vec![Why::never("node(s) didn't match pod affinity rules")]);
            }
        }
    }
    for term in affinity("podAntiAffinity") {
        if in_domain(scene, node, nodes, &term).any(|other| takes(pod, &term, other)) {
            return Some(vec![Why::crowded("node(s) didn't match pod anti-affinity rules")]);
        }
    }
    let refused = scene.index.on_node(name(node)).any(|other| {
        let terms = list(&other.stored.value["spec"]["affinity"]["podAntiAffinity"][required], "");
        terms.iter().any(|term| takes(other, term, pod))
    });
    refused.then(|| vec![Why::crowded("node(s) didn't satisfy existing pods anti-affinity rules")])
}

/// The pods in the part of the topology that a node is in.
fn in_domain<'s>(
    scene: &'s Scene<'_>,
    node: &Value,
    nodes: &'s [Arc<Stored>],
    term: &Value,
) -> impl Iterator<Item = &'s Arc<Pod>> {
    let key = text(term, "/topologyKey").to_owned();
    let own = node["metadata"]["labels"][&key].clone();
    let same = nodes.iter().filter(move |other| !own.is_null() && other.value["metadata"]["labels"][&key] == own);
    same.flat_map(|other| scene.index.on_node(name(&other.value)))
}

/// Whether a term of one pod means another.
fn takes(pod: &Pod, term: &Value, other: &Pod) -> bool {
    let spaces = list(term, "/namespaces");
    let within = if spaces.is_empty() {
        term["namespaceSelector"].is_object() || other.place.namespace == pod.place.namespace
    } else {
        spaces.iter().any(|one| *one == other.place.namespace.as_str())
    };
    within && !other.ending && select::of_selector(&term["labelSelector"]).holds(other.labels())
}

/// Whether one more pod on this node would make the spread too uneven.
fn uneven(scene: &Scene<'_>, pod: &Pod, node: &Value, nodes: &[Arc<Stored>], rule: &Value) -> Option<Why> {
    let key = text(rule, "/topologyKey");
    let selector = select::of_selector(&rule["labelSelector"]);
    let mut domains: BTreeMap<String, usize> = BTreeMap::new();
    let spec = &pod.stored.value["spec"];
    for other in nodes.iter().map(|node| &node.value).filter(|node| fit::selected(node, spec)) {
        let Some(domain) = other["metadata"]["labels"][key].as_str() else { continue };
        let like = |other: &&Arc<Pod>| {
            other.place.namespace == pod.place.namespace && !other.ending && selector.holds(other.labels())
        };
        *domains.entry(domain.to_owned()).or_default() += scene.index.on_node(name(other)).filter(like).count();
    }
    let Some(own) = node["metadata"]["labels"][key].as_str() else {
        return Some(Why::never("node(s) didn't match pod topology spread constraints (missing required label)"));
    };
    let least = domains.values().min().copied().unwrap_or(0);
    let after = domains.get(own).copied().unwrap_or(0) + usize::from(selector.holds(pod.labels()));
    let skew = usize::try_from(rule["maxSkew"].as_i64().unwrap_or(1)).unwrap_or(1);
    (after > least + skew).then(|| Why::crowded("node(s) didn't match pod topology spread constraints"))
}

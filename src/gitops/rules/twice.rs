//! The same object, applied by two Flux Kustomizations: each takes it from the other.

use std::collections::BTreeMap;

use super::{View, id};
use crate::gitops::finding::Findings;
use crate::gitops::object::{Id, Object};

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    let mut seen: BTreeMap<(&str, Id), (String, &Object)> = BTreeMap::new();
    for (unit, object) in view.cluster.objects().filter(|(_, object)| !object.hashed) {
        // Without a name or a namespace that is known, it can't be said to be the same.
        let id = object.id();
        if id.name.is_empty() || id.name.contains("${") || id.namespace.contains("${") {
            continue;
        }
        let ignored =
            object.node.at_path("metadata.annotations").and_then(|a| a.get("kustomize.toolkit.fluxcd.io/ssa"));
        if ignored.is_some() {
            continue;
        }
        match seen.get(&(unit.elsewhere(), id.clone())) {
            None => {
                seen.insert((unit.elsewhere(), id), (unit.words(), object));
            }
            Some((other, _)) => {
                let message = format!(
                    "{} is applied by {other}, too: {} and it take it from each other",
                    id.words(),
                    unit.words()
                );
                findings.add(id::APPLIED_TWICE, object.at(), &id.words(), message, &object.chain);
            }
        }
    }
}

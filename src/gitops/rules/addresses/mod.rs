//! Addresses and ranges: that they are some, and that they lie where they should.

mod networks;
mod pools;
mod ranges;

use super::{View, id};
use crate::gitops::finding::Findings;
use crate::gitops::object::Object;
use crate::gitops::yaml::{At, Node};

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    for (_, object) in view.cluster.objects() {
        ranges::ranges(object, findings);
        ranges::variables(object, findings);
    }
    pools::disabled(view.cluster, findings);
    pools::wanted(view.cluster, findings);
    networks::services(view.cluster, findings);
    networks::overlaps(view, findings);
}

fn add(findings: &mut Findings, rule: &'static str, at: At, object: &Object, message: String) {
    findings.add(rule, at, &object.words(), message, &object.chain);
}

/// A text that is known, and has no variable left in it.
fn known(node: &Node) -> Option<&str> {
    node.as_text().map(str::trim).filter(|text| !node.is_unknown() && !text.contains("${"))
}

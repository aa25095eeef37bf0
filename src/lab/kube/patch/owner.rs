//! Who owns fields, and the conflict when somebody else wants them.

use super::fields::Fields;
use crate::lab::kube::refusal::Refusal;

/// Who does something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) manager: String,
    /// `Apply` or `Update`.
    pub(crate) operation: &'static str,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    pub(crate) time: String,
}

impl Owner {
    /// Whether it is the same manager doing the same; for an applier the version does not matter.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == "Apply" || self.api_version == other.api_version)
    }

    /// As a conflict names it.
    fn shown(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == "Update" {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

/// The refusal that names the owners and their fields.
pub(super) fn refused(conflicts: &[(Owner, Fields)]) -> Box<Refusal> {
    let mut by_owner: Vec<(String, Vec<String>)> =
        conflicts.iter().map(|(owner, fields)| (owner.shown(), fields.paths())).collect();
    by_owner.sort();
    let count: usize = by_owner.iter().map(|(_, paths)| paths.len()).sum();
    let causes: Vec<(String, String)> = by_owner
        .iter()
        .flat_map(|(owner, paths)| paths.iter().map(move |p| (format!("conflict with {owner}"), p.clone())))
        .collect();
    let message = match by_owner.as_slice() {
        [(owner, paths)] if paths.len() == 1 => format!("conflict with {owner}: {}", paths.concat()),
        _ => {
            let text = by_owner.iter().map(|(owner, paths)| {
                let lines: String = paths.iter().map(|p| format!("\n- {p}")).collect();
                format!("conflicts with {owner}:{lines}")
            });
            text.collect::<Vec<_>>().join("\n")
        }
    };
    let noun = if count == 1 { "conflict" } else { "conflicts" };
    Refusal::field_conflicts(format!("Apply failed with {count} {noun}: {message}"), &causes)
}

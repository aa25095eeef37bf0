//! The boxes of the checklist that steps say they cover.

use std::collections::BTreeSet;

use super::{Finding, Level};
use crate::error::{Error, Kind, did_you_mean};
use crate::playbook::Source;
use crate::playbook::checklist::boxes;
use crate::script::load::Loaded;

/// The ids of a checklist: the first column of its lines, without the heading.
pub fn known_boxes(checklist: &Source) -> BTreeSet<String> {
    boxes(checklist).into_iter().map(|row| row.id).collect()
}

/// Boxes that are not on the list.
pub(super) fn check(loaded: &Loaded, boxes: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in loaded.declared.steps.get(&None).into_iter().flatten() {
        for id in step.covers.iter().filter(|id| !boxes.contains(*id)) {
            let error = Error::new(
                Kind::Playbook,
                format!("step \"{}\" covers \"{id}\", and the checklist has no such box", step.id),
            )
            .at(step.place.clone())
            .maybe_hint(did_you_mean(id, boxes.iter().map(String::as_str)));
            findings.push(Finding { level: Level::Error, error });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Origin;

    #[test]
    fn the_first_column_names_the_boxes() {
        let text = "id\tgroup\ttext\nT5.1\tCilium\tstatus\n\nT5.2\tCilium\ttest\n";
        let source = Source { name: "c.tsv".into(), text: text.into(), origin: Origin::Embedded };
        assert_eq!(known_boxes(&source), ["T5.1", "T5.2"].map(ToString::to_string).into());
    }
}

//! The checklist: the boxes that steps cover, one a line with id, group and wording, separated by tabs.

use std::collections::BTreeSet;

use super::source::Source;

/// A box of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckBox {
    /// `T5.12`
    pub id: String,
    /// The heading that it stands under; empty where the list has none.
    pub group: String,
    /// What has to be so, in a few words; empty where the list has none.
    pub text: String,
}

/// The boxes of a list, in its order, each id once. The first line is a heading; empty lines and those that begin with
/// `#` are none.
pub fn boxes(checklist: &Source) -> Vec<CheckBox> {
    let mut ids = BTreeSet::new();
    let row = |line: &str| {
        let mut columns = line.split('\t').map(|column| column.trim().to_string());
        let mut next = || columns.next().unwrap_or_default();
        CheckBox { id: next(), group: next(), text: next() }
    };
    let lines = checklist.text.lines().skip(1).map(row);
    lines.filter(|row| !row.id.is_empty() && !row.id.starts_with('#') && ids.insert(row.id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{Library, Origin};

    #[test]
    fn a_line_is_a_box_with_as_many_columns_as_it_has() {
        let text = "id\tgroup\tbox\nT5.1\tBGP\tsessions stand\n\n# later\nT5.2\nT5.2\tagain\nT5.3\tDNS\n";
        let list = Source { name: "c.tsv".into(), text: text.into(), origin: Origin::Embedded };
        let row =
            |id: &str, group: &str, text: &str| CheckBox { id: id.into(), group: group.into(), text: text.into() };
        assert_eq!(boxes(&list), [row("T5.1", "BGP", "sessions stand"), row("T5.2", "", ""), row("T5.3", "DNS", "")]);
    }

    #[test]
    fn every_box_of_the_embedded_list_is_said_in_a_few_words() {
        let nowhere = Library::new("/nonexistent", "/nonexistent");
        let all = boxes(&nowhere.checklist(None).expect("it is embedded"));
        let tasks = all.iter().filter(|row| row.id.starts_with('T')).count();
        assert_eq!((all.len(), tasks), (397, 256));
        let wrong: Vec<&CheckBox> =
            all.iter().filter(|b| b.group.is_empty() || !(8..=60).contains(&b.text.chars().count())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let texts: BTreeSet<&str> = all.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts.len(), all.len(), "two boxes have the same words");
    }
}

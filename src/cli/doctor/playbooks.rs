//! Whether the playbooks and modules are well, as `pb check` would say, in short.

use super::super::check::{Looked, look};
use super::super::prepare::Prepared;
use super::view::{Row, Section, State};
use crate::ui::plural;

/// So many errors are told; `pb check` has all.
const TOLD: usize = 5;

/// The section of the table.
pub(super) fn section(prepared: &Prepared) -> Section {
    let rows = match look(prepared, &[]) {
        Ok(mut looked) => {
            // Wrong settings are told of the configuration.
            let wrong = prepared.wrong_settings(&[]);
            looked.errors.retain(|e| !wrong.iter().any(|w| w.message == e.message));
            told(&looked)
        }
        Err(errors) => errors.iter().map(|error| Row::of_error("", error)).collect(),
    };
    Section { title: "playbooks", rows }
}

fn told(found: &Looked) -> Vec<Row> {
    let counts = format!("{}, {}", plural(found.errors.len(), "error"), plural(found.warnings.len(), "warning"));
    let (state, said) = match (found.errors.len(), found.warnings.len()) {
        (0, 0) => (State::Good, "nothing wrong".to_string()),
        (0, _) => (State::Good, format!("{counts}: pb check shows them")),
        (_, _) => (State::Bad, format!("{counts}: pb check shows them")),
    };
    let mut rows = vec![Row::new(state, vec![found.looked.clone(), said])];
    rows.extend(found.errors.iter().take(TOLD).map(|error| Row::of_error("", error)));
    rows
}

//! Label and field selectors as the server parses them, with its errors.

mod fields;
mod labels;
mod lexer;

pub(crate) use fields::Fields;
pub(crate) use labels::{Labels, of_selector};

use serde_json::Value;

/// Both selectors of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    pub(crate) labels: Labels,
    pub(crate) fields: Fields,
}

impl Selection {
    /// Whether everything is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.labels.is_all() && self.fields.is_all()
    }

    pub(crate) fn holds(&self, object: &Value) -> bool {
        self.labels.holds(&object["metadata"]["labels"]) && self.fields.holds(object)
    }
}

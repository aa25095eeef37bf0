//! The few fields of an object that the client itself needs, read without building the rest.

use serde::{Deserialize, Serialize};

/// Who an object is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Its name.
    pub name: String,
    /// None for what is not in a namespace.
    pub namespace: Option<String>,
    /// Its uid.
    pub uid: String,
    /// The version of it that this is.
    pub resource_version: String,
    /// `name-`, of which the server makes a name.
    pub generate_name: Option<String>,
    /// Its labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    metadata: Meta,
}

impl Meta {
    /// Reads an object's metadata; what is absent is empty.
    pub fn of(text: &str) -> Self {
        serde_json::from_str::<Head>(text).map(|h| h.metadata).unwrap_or_default()
    }
}

//! The shape of objects: types, and how lists and maps merge. Built-in kinds and registered ones have the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Type {
    /// Whatever comes.
    #[default]
    Anything,
    /// Named fields.
    Object,
    /// Any keys, values of one shape.
    Map,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    IntOrString,
    Quantity,
}

impl Type {
    /// What the word of a schema's `type` says, where an object has named fields; anything where there is none.
    pub(crate) fn of_word(word: &str) -> Self {
        match word {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => Self::Anything,
        }
    }

    /// As a schema writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Anything => "",
            Self::Object | Self::Map => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::IntOrString | Self::Quantity => "integer,string",
        }
    }
}

/// How the items of a list are known when it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ListKind {
    /// The list is one value.
    #[default]
    Atomic,
    /// By their value.
    Set,
    /// By these fields.
    Map(Vec<String>),
}

/// The shape of a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    /// A built-in definition's name, `core.v1.Container`; empty for others.
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) format: String,
    pub(crate) properties: BTreeMap<String, Arc<Schema>>,
    pub(crate) required: Vec<String>,
    /// The shape of a map's values.
    pub(crate) values: Option<Arc<Schema>>,
    pub(crate) items: Option<Arc<Schema>>,
    pub(crate) list: ListKind,
    /// A map or object that is one value when it is applied.
    pub(crate) atomic: bool,
    /// Strategic merge: the key by which items merge.
    pub(crate) merge_key: Option<String>,
    /// Strategic merge: a list of plain values that is a set.
    pub(crate) merge_values: bool,
    /// Strategic merge: one of several fields holds, others go.
    pub(crate) retain_keys: bool,
    /// A part that is there even when it is empty.
    pub(crate) by_value: bool,
    /// Fields that are not named are kept.
    pub(crate) preserve: bool,
    /// An object with `apiVersion`, `kind` and `metadata` lies there.
    pub(crate) embedded: bool,
    pub(crate) nullable: bool,
    pub(crate) default: Option<Value>,
    /// What a registered kind demands besides.
    pub(crate) limits: Option<Arc<Limits>>,
}

/// What a schema of a registered kind demands of a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    pub(crate) one_of: Vec<Value>,
    pub(crate) minimum: Option<(f64, bool)>,
    pub(crate) maximum: Option<(f64, bool)>,
    pub(crate) length: (Option<u64>, Option<u64>),
    pub(crate) items: (Option<u64>, Option<u64>),
    pub(crate) fields: (Option<u64>, Option<u64>),
    pub(crate) pattern: Option<(String, regex::Regex)>,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) unique: bool,
    /// `allOf`, `anyOf`, `oneOf` and `not`: names and their schemas.
    pub(crate) junctors: Vec<(&'static str, Vec<Arc<Schema>>)>,
}

impl Schema {
    /// A value of which nothing is known.
    pub(crate) fn anything() -> Self {
        Self { preserve: true, ..Self::default() }
    }

    /// The shape of a field, of a named one or of a map's value.
    pub(crate) fn field(&self, key: &str) -> Option<&Arc<Schema>> {
        self.properties.get(key).or(self.values.as_ref())
    }

    /// Whether fields that are not known stay.
    pub(crate) fn keeps_unknown(&self) -> bool {
        self.preserve || self.of == Type::Anything
    }
}

//! How a change is undone, as data: written before the change, worked off at the step's end.

use serde::{Deserialize, Serialize};

/// A Kubernetes object by its place in the API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The cluster's name in `pb.toml`.
    pub cluster: String,
    /// `v1`, `apps/v1`
    pub api_version: String,
    /// `Pod`
    pub kind: String,
    /// `pods`: what stands in the URL.
    pub plural: String,
    /// None for what is not in a namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its uid, once it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What undoes a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "snake_case")]
pub enum Undo {
    /// Delete what was created, with its uid as a precondition; where no uid was seen, only when it
    /// carries the run's label.
    Delete {
        /// What was created.
        object: ObjectRef,
    },
    /// Put fields back, each only if it still has the value that the run gave it.
    Restore {
        /// What was changed.
        object: ObjectRef,
        /// The subresource that was written, `scale` or `status`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subresource: Option<String>,
        /// Field by field.
        fields: Vec<FieldChange>,
        /// What it took from whom of the ownership of fields, to be given back.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        owners: Vec<Owned>,
    },
    /// Make a node schedulable again.
    Uncordon {
        /// The node.
        object: ObjectRef,
    },
    /// Send an HTTP request.
    Http {
        /// `DELETE`
        method: String,
        /// Where to.
        url: String,
        /// The endpoint of `pb.toml` whose credentials and route it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
    },
    /// Run a program.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

impl Undo {
    /// What the object that it acts on is called by: its cluster, namespace and name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let object = match self {
            Self::Delete { object } | Self::Restore { object, .. } | Self::Uncordon { object } => Some(object),
            Self::Http { .. } | Self::Command { .. } => None,
        };
        let names = object.into_iter().flat_map(|o| [Some(&o.cluster), o.namespace.as_ref(), Some(&o.name)]);
        names.flatten().map(String::as_str)
    }

    /// The cluster that it acts on, if it acts on one.
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Self::Delete { object } | Self::Restore { object, .. } | Self::Uncordon { object } => Some(&object.cluster),
            Self::Http { .. } | Self::Command { .. } => None,
        }
    }
}

/// What a change does to a manager's entry in an object's `metadata.managedFields`. The fields are trees of `FieldsV1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owned {
    /// Who: `kubectl`
    pub manager: String,
    /// `Apply` or `Update`
    pub operation: String,
    /// `apps/v1`: the version that its fields are meant in.
    pub api_version: String,
    /// The subresource that it wrote through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// What it owned before, and did no longer once the change was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<serde_json::Value>,
    /// What it owned from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gained: Option<serde_json::Value>,
    /// Whether it had no entry any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// One field's change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// A JSON pointer: `/spec/replicas`. A step in brackets names an item of a list by its key:
    /// `/spec/template/spec/containers/[name=main]/image`.
    pub pointer: String,
    /// The value before; none where the field was absent, which is not the same as null.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub before: Option<serde_json::Value>,
    /// The value that the run gave; none where it was removed.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub after: Option<serde_json::Value>,
    /// The outermost map around it that the change made: it was absent before, and goes again once it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// Where in its list an item stood that was removed, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The server chose the value when the change was tried out, and may have chosen another when it was made: a node port.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allotted: bool,
}

/// A value that stands there, be it null.
fn there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(from).map(Some)
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Number within the run, from 1.
    pub row: u64,
    /// What was about to be done: `create Pod pb-1a2b3c/probe-1a2b3c`.
    pub change: String,
    /// What undoes it.
    #[serde(flatten)]
    pub undo: Undo,
    /// Which cluster it is made on, beyond its name and address: `kube-system UID`, or `CA HASH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
}

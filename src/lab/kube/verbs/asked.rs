//! A request as the verbs see it, and what they answer.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::query::Query;
use crate::lab::kube::cluster;
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::patch::Owner;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::store::{Place, Store, Stored};

/// The part of an object that is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sub {
    Whole,
    Status,
    Scale,
    /// Changed through a narrow door, such as a namespace's `finalize`.
    Finalize,
}

/// A request for objects of a kind.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Arc<Kind>,
    /// Empty for all namespaces, and for kinds without.
    pub(crate) namespace: String,
    /// Empty for the whole kind.
    pub(crate) name: String,
    pub(crate) sub: Sub,
    pub(crate) query: Query,
    /// Who changes: the first part of `User-Agent`, unless `fieldManager` says otherwise.
    pub(crate) agent: String,
    pub(crate) user: String,
    pub(crate) now: Timestamp,
}

/// What came with it.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    /// `Content-Type` without its parameters.
    pub(crate) media: String,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) code: u16,
    pub(crate) value: Value,
    /// What the answer warns of.
    pub(crate) warnings: Vec<String>,
}

impl Answered {
    pub(crate) fn new(code: u16, value: Value) -> Self {
        Self { code, value, warnings: Vec::new() }
    }
}

impl Asked {
    /// What a controller asks for, by itself.
    pub(crate) fn by_controller(kind: Arc<Kind>, namespace: &str, name: &str, now: Timestamp) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            sub: Sub::Whole,
            query: Query::default(),
            agent: "kube-controller-manager".to_owned(),
            user: "system:kube-controller-manager".to_owned(),
            now,
        }
    }

    pub(crate) fn place(&self) -> Place {
        Place::new(&self.kind.resource(), &self.namespace, &self.name)
    }

    /// The object that is addressed.
    pub(crate) fn find(&self, store: &Store) -> Answer<Arc<Stored>> {
        store.get(&self.place()).cloned().ok_or_else(|| Refusal::not_found(&self.kind.named(&self.name)))
    }

    pub(crate) fn time(&self) -> String {
        cluster::time(self.now)
    }

    /// Who owns what is changed.
    pub(crate) fn owner(&self, operation: &'static str) -> Owner {
        let manager = self.query.get("fieldManager").filter(|m| !m.is_empty()).unwrap_or(&self.agent);
        let subresource = match self.sub {
            Sub::Status => "status",
            Sub::Scale => "scale",
            Sub::Whole | Sub::Finalize => "",
        };
        Owner {
            manager: manager.to_owned(),
            operation,
            api_version: self.kind.api_version(),
            subresource: subresource.to_owned(),
            time: self.time(),
        }
    }

    /// An object in the version that is asked for.
    pub(crate) fn shown(&self, object: &Value) -> Value {
        shown(&self.kind, object)
    }
}

/// An object in a version of its kind.
pub(crate) fn shown(kind: &Kind, object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.insert("apiVersion".to_owned(), Value::String(kind.api_version()));
        object.insert("kind".to_owned(), Value::String(kind.kind.clone()));
    }
    object
}

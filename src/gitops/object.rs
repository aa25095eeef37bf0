//! An object of the cluster, as a build would give it.

use std::sync::Arc;

use super::yaml::{At, Node};

/// An object and the way to it.
#[derive(Debug, Clone)]
pub struct Object {
    /// The object itself.
    pub node: Node,
    /// The kustomization files that lead to it.
    pub chain: Arc<Vec<String>>,
    /// Whether a generator made it and adds a hash to its name.
    pub hashed: bool,
}

/// What names an object; the version is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The API group; empty for the core.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty where it has none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Object {
    /// Whether a document can be an object at all: it has a version, a kind and a name.
    pub fn is_object(node: &Node) -> bool {
        let named = node.at_path("metadata.name").is_some() || node.at_path("metadata.generateName").is_some();
        node.get("apiVersion").is_some()
            && node.get("kind").is_some()
            && (named || node.text_at("kind").ends_with("List"))
    }

    /// What names it.
    pub fn id(&self) -> Id {
        Id {
            group: self.group().into(),
            kind: self.kind().into(),
            namespace: self.namespace().into(),
            name: self.name().into(),
        }
    }

    /// `helm.toolkit.fluxcd.io` of `helm.toolkit.fluxcd.io/v2`; empty for the core.
    pub fn group(&self) -> &str {
        self.node.text_at("apiVersion").split_once('/').map_or("", |(group, _)| group)
    }

    /// `v2` of `helm.toolkit.fluxcd.io/v2`.
    pub fn version(&self) -> &str {
        let version = self.node.text_at("apiVersion");
        version.split_once('/').map_or(version, |(_, version)| version)
    }

    /// The kind.
    pub fn kind(&self) -> &str {
        self.node.text_at("kind")
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.node.text_at("metadata.name")
    }

    /// The namespace; empty where it has none.
    pub fn namespace(&self) -> &str {
        self.node.text_at("metadata.namespace")
    }

    /// Whether a label or annotation keeps Flux from substituting anything in it.
    pub fn is_literal(&self) -> bool {
        let disabled = |field: &str| {
            let of = self.node.at_path(field).and_then(|of| of.get("kustomize.toolkit.fluxcd.io/substitute"));
            of.and_then(Node::as_text) == Some("disabled")
        };
        disabled("metadata.labels") || disabled("metadata.annotations")
    }

    /// Where it begins.
    pub fn at(&self) -> At {
        self.node.at
    }

    /// Whether it is of a kind of a group, in any version.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.kind() == kind && self.group() == group
    }

    /// `Kind namespace/name`
    pub fn words(&self) -> String {
        self.id().words()
    }
}

impl Id {
    /// `Kind namespace/name`
    pub fn words(&self) -> String {
        let Self { kind, namespace, name, .. } = self;
        if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
    }
}

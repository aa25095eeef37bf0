//! One kind, and the register of all.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::custom::Custom;
use super::schema::Schema;
use super::{builtin, typed};
use crate::lab::kube::refusal::Named;

/// What can be done with a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbs {
    /// Everything.
    All,
    /// It is a question, answered when it is created, and not kept.
    Review,
}

/// Where a kind that can be scaled has its numbers, as paths like `.spec.replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) spec: String,
    pub(crate) status: String,
    pub(crate) selector: Option<String>,
}

/// A kind in one version.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) short: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Verbs,
    /// There is `/status`, and the main address does not write it.
    pub(crate) status: bool,
    pub(crate) scale: Option<Scale>,
    /// `metadata.generation` counts changes of what is wanted.
    pub(crate) generation: bool,
    /// Registered by a CustomResourceDefinition, not built in.
    pub(crate) custom: Option<Arc<Custom>>,
    pub(crate) source: Option<typed::Source>,
    pub(crate) schema: OnceLock<Arc<Schema>>,
}

impl Kind {
    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Where its objects are kept, whatever the version: `deployments.apps`.
    pub(crate) fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// An object as messages about addresses call it: `deployments.apps "web"`.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> Named<'a> {
        Named { group: &self.group, kind: &self.plural, name }
    }

    /// An object as messages about fields call it: `Deployment.apps "web"`.
    pub(crate) fn by_kind<'a>(&'a self, name: &'a str) -> Named<'a> {
        Named { group: &self.group, kind: &self.kind, name }
    }

    /// The shape of its objects.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        self.schema.get_or_init(|| match (&self.source, &self.custom) {
            (Some(source), _) => typed::schema(*source),
            (None, Some(custom)) => super::custom::root(&custom.raw()),
            (None, None) => Arc::new(Schema::anything()),
        })
    }

    /// Whether strategic merge patches are understood.
    pub(crate) fn strategic(&self) -> bool {
        self.custom.is_none()
    }
}

/// All kinds that are served.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    /// By group, plural and version.
    all: BTreeMap<(String, String, String), Arc<Kind>>,
}

impl Kinds {
    /// The built-in kinds.
    pub(crate) fn builtin() -> Self {
        let mut kinds = Self::default();
        for kind in builtin::all() {
            kinds.add(kind);
        }
        kinds
    }

    pub(crate) fn add(&mut self, kind: Kind) {
        let key = (kind.group.clone(), kind.plural.clone(), kind.version.clone());
        self.all.insert(key, Arc::new(kind));
    }

    /// Forgets every version of a registered kind.
    pub(crate) fn forget(&mut self, group: &str, plural: &str) {
        self.all.retain(|(g, p, _), _| g != group || p != plural);
    }

    pub(crate) fn get(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.all.get(&(group.to_owned(), plural.to_owned(), version.to_owned())).cloned()
    }

    /// The kind that an object says it is.
    pub(crate) fn of(&self, object: &Value) -> Option<Arc<Kind>> {
        let (api_version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        self.all.values().find(|k| k.group == group && k.version == version && k.kind == kind).cloned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.all.values()
    }

    /// Groups with their versions, the preferred one first.
    pub(crate) fn groups(&self) -> BTreeMap<String, Vec<String>> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for kind in self.all.values() {
            let versions = groups.entry(kind.group.clone()).or_default();
            if !versions.contains(&kind.version) {
                versions.push(kind.version.clone());
            }
        }
        for versions in groups.values_mut() {
            versions.sort_by_key(|v| std::cmp::Reverse(rank(v)));
        }
        groups
    }
}

/// `v2` above `v1` above `v1beta2` above `v1alpha1`, as Kubernetes orders versions.
pub(crate) fn rank(version: &str) -> (u8, u32, u32) {
    let rest = version.strip_prefix('v').unwrap_or_default();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let major = rest[..digits].parse().unwrap_or(0);
    let (stage, tail) = match &rest[digits..] {
        "" if digits > 0 => (3, ""),
        other if other.starts_with("beta") => (2, &other[4..]),
        other if other.starts_with("alpha") => (1, &other[5..]),
        _ => (0, ""),
    };
    (stage, major, tail.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_kubernetes_orders_them() {
        let mut versions = vec!["v1beta1", "v1", "v2alpha1", "v2", "v1beta2"];
        versions.sort_by_key(|v| std::cmp::Reverse(rank(v)));
        assert_eq!(versions, ["v2", "v1", "v1beta2", "v1beta1", "v2alpha1"]);
    }

    #[test]
    fn every_builtin_kind_has_a_shape_with_metadata() {
        let kinds = Kinds::builtin();
        assert!(kinds.iter().count() > 50);
        for kind in kinds.iter().filter(|k| k.verbs == Verbs::All) {
            assert!(kind.schema().properties.contains_key("metadata"), "{}", kind.resource());
        }
    }
}

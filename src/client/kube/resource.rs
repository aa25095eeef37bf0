//! A kind of object as the API knows it: its names, its place in the URL, what can be done with it.

use serde::{Deserialize, Serialize};

use super::query::escaped;
use crate::error::{Error, Kind, Result};

/// A kind of object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// `apps`; empty for the core group.
    pub group: String,
    /// `v1`
    pub version: String,
    /// `Deployment`
    pub kind: String,
    /// `deployments`: what stands in the URL.
    pub plural: String,
    /// `deployment`
    pub singular: String,
    /// `deploy`
    pub short: Vec<String>,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// `get`, `list`, `watch`, `create` …
    pub verbs: Vec<String>,
    /// `status`, `scale` …
    pub subresources: Vec<String>,
}

impl Resource {
    /// `apps/v1`; `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// What kubectl is sure to understand: `deployments.apps`; `pods` for the core group.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `Deployment web/shop`
    pub fn describe(&self, namespace: Option<&str>, name: &str) -> String {
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{} {namespace}/{name}", self.kind),
            None => format!("{} {name}", self.kind),
        }
    }

    /// The URL's path of the collection; in all namespaces where none is given.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{}/{}", escaped(namespace), self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// The URL's path of one object, or of a subresource of it.
    pub fn path(&self, namespace: Option<&str>, name: &str, subresource: Option<&str>) -> String {
        let mut path = format!("{}/{}", self.collection(namespace), escaped(name));
        if let Some(subresource) = subresource {
            path.push('/');
            path.push_str(subresource);
        }
        path
    }

    /// Refuses names that would lead to another path than the object's own: an empty one leads to the collection.
    ///
    /// # Errors
    /// [`Kind::Invalid`]
    pub fn check(&self, namespace: Option<&str>, name: &str) -> Result<()> {
        for (what, word) in [("name", Some(name)), ("namespace", namespace)] {
            if word.is_some_and(|w| w.is_empty() || w == "." || w == ".." || w.contains(['/', '%'])) {
                let word = word.unwrap_or_default();
                return Err(Error::new(Kind::Invalid, format!("\"{word}\" can't be the {what} of a {}", self.kind)));
            }
        }
        if self.namespaced && namespace.is_none() {
            return Err(Error::new(
                Kind::Invalid,
                format!("{} {name}: objects of this kind are in a namespace, and none is named", self.kind),
            ));
        }
        Ok(())
    }

    /// Whether one of its names, in any case, is this word.
    pub fn answers_to(&self, word: &str) -> bool {
        let is = |name: &str| name.eq_ignore_ascii_case(word);
        is(&self.plural) || is(&self.singular) || is(&self.kind) || self.short.iter().any(|s| is(s))
    }
}

/// The ways in which a word can be meant: `deploy`, `deployments.apps`, `deployments.v1.apps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted<'a> {
    pub(crate) word: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// The readings of a name, the most exact first.
    pub(crate) fn readings(name: &'a str) -> Vec<Self> {
        let Some((word, rest)) = name.split_once('.') else {
            return vec![Self { word: name, version: None, group: None }];
        };
        let mut out = Vec::new();
        let (first, group) = rest.split_once('.').unwrap_or((rest, ""));
        if is_version(first) {
            out.push(Self { word, version: Some(first), group: Some(group) });
        }
        out.push(Self { word, version: None, group: Some(rest) });
        out
    }

    /// The kind of these that is meant: of the whole group first, then of a group that begins so.
    pub(crate) fn pick<'r>(&self, all: &'r [Resource]) -> Option<&'r Resource> {
        let matches = |exact: bool| {
            all.iter().find(|r| {
                let group =
                    self.group.is_none_or(|g| if exact { r.group == g } else { r.group.starts_with(&format!("{g}.")) });
                group && self.version.is_none_or(|v| r.version == v) && r.answers_to(self.word)
            })
        };
        matches(true).or_else(|| self.group.is_some_and(|g| !g.is_empty()).then(|| matches(false)).flatten())
    }
}

/// `v1`, `v1beta1`, `v2alpha3`
fn is_version(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('v') else { return false };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    ["alpha", "beta"]
        .iter()
        .find_map(|stage| rest.split_once(stage))
        .map_or_else(|| digits(rest), |(a, b)| digits(a) && digits(b))
}

/// Finds a name in a list of kinds.
pub(crate) fn find<'r>(all: &'r [Resource], name: &str) -> Option<&'r Resource> {
    Wanted::readings(name).iter().find_map(|wanted| wanted.pick(all))
}

#[cfg(test)]
mod tests {
    use super::super::resource_table::well_known;
    use super::*;

    #[test]
    fn a_kind_goes_by_every_name_that_kubectl_takes() {
        let names = [
            "deploy",
            "deployment",
            "deployments",
            "Deployment",
            "deployments.apps",
            "deployments.v1.apps",
            "Deployment.apps",
        ];
        for name in names {
            assert_eq!(find(well_known(), name).map(|r| r.plural.as_str()), Some("deployments"), "{name}");
        }
        assert_eq!(find(well_known(), "pods.v1.").map(Resource::api_version).as_deref(), Some("v1"));
        assert_eq!(
            find(well_known(), "netpol.networking").map(Resource::qualified).as_deref(),
            Some("networkpolicies.networking.k8s.io")
        );
        for name in ["deployments.v2.apps", "deployments.ap", "pods.apps", "kustomizations", ""] {
            assert_eq!(find(well_known(), name), None, "{name}");
        }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let deployment = find(well_known(), "deploy").expect("known");
        assert_eq!(
            deployment.path(Some("web"), "shop", Some("scale")),
            "/apis/apps/v1/namespaces/web/deployments/shop/scale"
        );
        let node = find(well_known(), "node").expect("known");
        assert_eq!(node.path(Some("web"), "n1", None), "/api/v1/nodes/n1");
        assert_eq!(node.describe(Some("web"), "n1"), "Node n1");
        for (namespace, name) in
            [(Some("web"), ""), (Some("web"), ".."), (Some(""), "a"), (Some("web"), "a/b"), (None, "a")]
        {
            assert!(deployment.check(namespace, name).is_err(), "{namespace:?} {name}");
        }
    }
}

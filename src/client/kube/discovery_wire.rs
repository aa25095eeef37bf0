//! What servers answer to discovery, in both forms, and the kinds that it says.

use serde::Deserialize;

use super::Resource;
use super::discovery::Catalogue;

impl Catalogue {
    /// Takes the kinds of a group in aggregated discovery.
    pub(super) fn take(&mut self, group: Group) {
        let name = group.metadata.name;
        for version in group.versions {
            if version.freshness == "Stale" && version.resources.is_empty() {
                self.broken
                    .push((format!("{name}/{}", version.version), "the server behind it does not answer".into()));
            }
            self.resources.extend(version.resources.into_iter().filter_map(|r| {
                Some(Resource {
                    group: name.clone(),
                    version: version.version.clone(),
                    kind: r.response_kind?.kind,
                    singular: r.singular.filter(|s| !s.is_empty()).unwrap_or_default(),
                    plural: r.plural,
                    short: r.short,
                    namespaced: r.scope == "Namespaced",
                    verbs: r.verbs,
                    subresources: r.subresources.into_iter().map(|s| s.name).collect(),
                })
            }));
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Discovery {
    pub(super) kind: String,
    /// Aggregated.
    pub(super) items: Vec<Group>,
    /// `/api` of an old server.
    pub(super) versions: Vec<String>,
    /// `/apis` of an old server.
    pub(super) groups: Vec<LegacyGroup>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    #[serde(default)]
    pub(super) metadata: Named,
    #[serde(default)]
    pub(super) versions: Vec<GroupVersion>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct GroupVersion {
    pub(super) version: String,
    pub(super) freshness: String,
    pub(super) resources: Vec<Aggregated>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Aggregated {
    #[serde(rename = "resource")]
    pub(super) plural: String,
    pub(super) response_kind: Option<ResponseKind>,
    pub(super) scope: String,
    #[serde(rename = "singularResource")]
    pub(super) singular: Option<String>,
    pub(super) verbs: Vec<String>,
    #[serde(rename = "shortNames")]
    pub(super) short: Vec<String>,
    pub(super) subresources: Vec<Subresource>,
}

#[derive(Deserialize)]
pub(super) struct ResponseKind {
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct Subresource {
    #[serde(rename = "subresource")]
    pub(super) name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LegacyGroup {
    pub(super) versions: Vec<LegacyVersion>,
    pub(super) preferred_version: LegacyVersion,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LegacyVersion {
    pub(super) group_version: String,
}

impl LegacyGroup {
    /// The preferred one first.
    pub(super) fn versions(self) -> impl Iterator<Item = String> {
        let preferred = self.preferred_version;
        let rest: Vec<_> = self.versions.into_iter().filter(|v| *v != preferred).collect();
        std::iter::once(preferred).chain(rest).map(|v| v.group_version).filter(|v| !v.is_empty())
    }
}

#[derive(Deserialize)]
pub(super) struct LegacyList {
    pub(super) resources: Vec<LegacyResource>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LegacyResource {
    pub(super) name: String,
    pub(super) singular_name: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
    pub(super) verbs: Vec<String>,
    pub(super) short_names: Vec<String>,
}

impl LegacyList {
    pub(super) fn resources(self, api_version: &str) -> Vec<Resource> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let (subresources, resources): (Vec<_>, Vec<_>) =
            self.resources.into_iter().partition(|r| r.name.contains('/'));
        resources
            .into_iter()
            .map(|r| Resource {
                group: group.into(),
                version: version.into(),
                subresources: subresources
                    .iter()
                    .filter_map(|s| s.name.strip_prefix(&r.name)?.strip_prefix('/'))
                    .map(Into::into)
                    .collect(),
                singular: if r.singular_name.is_empty() { r.kind.to_lowercase() } else { r.singular_name },
                kind: r.kind,
                plural: r.name,
                short: r.short_names,
                namespaced: r.namespaced,
                verbs: r.verbs,
            })
            .collect()
    }
}

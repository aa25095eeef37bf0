//! What is outside of the clusters: the Git repository, registries and chart repositories, the vault. It has what the
//! topology's objects name, so that whatever an object names besides is not there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lab::pods::images::is_earlier;
use crate::lab::world::cause::Flaw;
use crate::lab::world::objects::names::hex;
use crate::lab::world::topology::{Cluster, Topology};
use crate::lab::world::{Cause, World, wanted};

/// The names of services outside, by which causes know them: the Git server.
pub(crate) const GIT: &str = "github";
/// OCI registries and chart repositories.
pub(crate) const REGISTRY: &str = "registries";
/// 1Password Connect.
pub(crate) const VAULT: &str = "onepassword";
/// The authority that certificates come from.
pub(crate) const ACME: &str = "letsencrypt";

/// Something that a folder of the repository has the manifest of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A folder of the repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folder {
    pub(crate) items: Vec<Item>,
    /// The variables that its manifests use.
    pub(crate) uses: Vec<String>,
}

/// What there is outside.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// The topology's name and the cluster's, of which revisions are made.
    seed: String,
    pub(crate) url: String,
    pub(crate) branch: String,
    folders: BTreeMap<String, Folder>,
    /// Folders whose kustomization has nothing in it.
    empty: BTreeSet<String>,
    /// Locations of OCI artifacts, with their tags.
    oci: BTreeSet<(String, String)>,
    /// Chart repositories, and their charts with versions.
    helm: BTreeSet<String>,
    charts: BTreeSet<(String, String)>,
    /// Items of the vault with their fields.
    vault: BTreeMap<String, BTreeSet<String>>,
    vaults: BTreeSet<String>,
}

impl Upstream {
    /// What the objects of a cluster name, and those of the others.
    pub(crate) fn of(topology: &Topology, cluster: &str) -> Self {
        let mut upstream = Self { seed: format!("{}/{cluster}", topology.name), ..Self::default() };
        for (name, cluster_of) in &topology.clusters {
            let objects: Vec<Value> =
                cluster_of.objects.iter().flat_map(|rows| wanted::expand(rows.get_ref()).unwrap_or_default()).collect();
            if name == cluster {
                upstream.repository(cluster_of, &objects);
            }
            objects.iter().for_each(|object| upstream.named(object));
        }
        upstream
    }

    fn repository(&mut self, cluster: &Cluster, objects: &[Value]) {
        let Some(flux) = &cluster.flux else { return };
        self.empty = flux.empty.iter().map(|path| normal(path)).collect();
        (self.url, self.branch) = (flux.url.clone(), flux.branch.clone());
        let mut by: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
        for object in objects {
            if let Some(name) = object["metadata"]["annotations"][wanted::BY].as_str() {
                by.entry(name).or_default().push(Item::of(object));
            }
        }
        for one in &flux.kustomizations {
            if let Some(name) = &one.by {
                by.entry(name).or_default().push(Item {
                    version: "kustomize.toolkit.fluxcd.io/v1".into(),
                    kind: "Kustomization".into(),
                    namespace: "flux-system".into(),
                    name: one.name.clone(),
                });
            }
        }
        for one in &flux.kustomizations {
            let folder = self.folders.entry(normal(&one.path)).or_default();
            folder.uses.extend(one.uses.iter().cloned());
            folder.items.extend(by.remove(one.name.as_str()).unwrap_or_default());
            folder.items.extend(one.applies.iter().filter_map(|text| Item::read(text)));
        }
    }

    fn named(&mut self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        match object["kind"].as_str() {
            Some("OCIRepository") => {
                let reference = ["/spec/ref/tag", "/spec/ref/semver", "/spec/ref/digest"];
                let tag = reference.iter().map(|pointer| text(pointer)).find(|text| !text.is_empty());
                self.oci.insert((text("/spec/url"), tag.unwrap_or_else(|| "latest".into())));
            }
            Some("HelmRepository") => {
                self.helm.insert(text("/spec/url"));
            }
            Some("HelmRelease") if object["spec"]["chart"].is_object() => {
                self.charts.insert((text("/spec/chart/spec/chart"), text("/spec/chart/spec/version")));
            }
            Some("ClusterSecretStore") => {
                let vaults = object["spec"]["provider"]["onepassword"]["vaults"].as_object();
                self.vaults.extend(vaults.into_iter().flat_map(|vaults| vaults.keys().cloned()));
            }
            Some("ExternalSecret") => {
                for one in object["spec"]["data"].as_array().into_iter().flatten() {
                    let (key, field) = (&one["remoteRef"]["key"], &one["remoteRef"]["property"]);
                    let fields = self.vault.entry(key.as_str().unwrap_or_default().into()).or_default();
                    fields.extend(field.as_str().map(String::from));
                }
                for one in object["spec"]["dataFrom"].as_array().into_iter().flatten() {
                    if let Some(key) = one["extract"]["key"].as_str() {
                        let fields = self.vault.entry(key.into()).or_default();
                        fields.extend(["username", "password"].map(String::from));
                    }
                }
            }
            _ => {}
        }
    }

    /// The newest commit. What is wrong in the repository came with a commit, too.
    pub(crate) fn commit(&self, world: &World) -> String {
        let flaws: String = flaws(world).into_iter().map(|(path, flaw)| format!("{path} {flaw}\n")).collect();
        hex(&["git", &self.seed, &flaws], 40)
    }

    /// A folder as it is now, with what is wrong in it.
    pub(crate) fn folder(&self, world: &World, path: &str) -> Option<(&Folder, Vec<Flaw>)> {
        let path = normal(path);
        let flaws: Vec<Flaw> =
            flaws(world).into_iter().filter(|(of, _)| normal(of) == path).map(|(_, flaw)| flaw).collect();
        (!flaws.contains(&Flaw::Gone)).then_some((self.folders.get(&path)?, flaws))
    }

    /// Whether a folder of components is there: those that Kustomizations' own folders hold.
    pub(crate) fn has_folder(&self, path: &str) -> bool {
        self.folders.contains_key(path)
    }

    /// Whether a folder's kustomization has nothing in it.
    pub(crate) fn is_empty(&self, path: &str) -> bool {
        self.empty.contains(&normal(path))
    }

    /// The tags that a location of artifacts has; none where it is unknown.
    pub(crate) fn tags(&self, url: &str) -> Vec<&str> {
        self.oci.iter().filter(|(known, _)| known == url).map(|(_, tag)| tag.as_str()).collect()
    }

    /// Whether a location of artifacts has a tag: one that is named, or an earlier version of it.
    pub(crate) fn has_tag(&self, url: &str, tag: &str) -> bool {
        self.tags(url).iter().any(|known| *known == tag || is_earlier(tag, known))
    }

    /// Whether a chart repository is there.
    pub(crate) fn has_charts(&self, url: &str) -> bool {
        self.helm.contains(url)
    }

    /// Whether a chart is there in a version: one that is named, or an earlier one.
    pub(crate) fn has_chart(&self, chart: &str, version: &str) -> bool {
        let own = self.charts.iter().filter(|(known, _)| known == chart);
        own.into_iter().any(|(_, known)| known == version || is_earlier(version, known))
    }

    /// Whether there is a vault of that name.
    pub(crate) fn has_vault(&self, name: &str) -> bool {
        self.vaults.contains(name)
    }

    /// The fields of an item of the vault.
    pub(crate) fn fields(&self, world: &World, item: &str) -> Option<&BTreeSet<String>> {
        let gone = world.has(&Cause::Item { item: item.to_owned() });
        self.vault.get(item).filter(|_| !gone)
    }
}

/// What a field of an item says; the same each time, and wherever it is asked for.
pub(crate) fn secret(item: &str, field: &str) -> String {
    if field == "username" { "admin".into() } else { crate::lab::services::vault::value(item, field) }
}

fn flaws(world: &World) -> Vec<(String, Flaw)> {
    let manifests = |(cause, _)| match cause {
        Cause::Manifests { path, flaw } => Some((path, flaw)),
        _ => None,
    };
    world.causes().into_iter().filter_map(manifests).collect()
}

/// A path without what makes no difference.
pub(crate) fn normal(path: &str) -> String {
    path.trim_start_matches("./").trim_matches('/').to_owned()
}

impl Item {
    pub(crate) fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            version: text(&object["apiVersion"]),
            kind: text(&object["kind"]),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        }
    }

    /// `Deployment namespace/name`, `ClusterIssuer name`.
    fn read(text: &str) -> Option<Self> {
        let (kind, place) = text.split_once(' ')?;
        let (namespace, name) = place.split_once('/').unwrap_or(("", place));
        let version = match kind {
            "Deployment" | "DaemonSet" | "StatefulSet" => "apps/v1".to_owned(),
            "Namespace" | "Service" | "ServiceAccount" => "v1".to_owned(),
            _ => wanted::version(kind)?,
        };
        Some(Self { version, kind: kind.into(), namespace: namespace.into(), name: name.into() })
    }

    /// As an inventory of Flux names it: `namespace_name_group_Kind`.
    pub(crate) fn id(&self) -> String {
        let group = self.version.split_once('/').map_or("", |(group, _)| group);
        format!("{}_{}_{group}_{}", self.namespace, self.name, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::world::read;

    #[test]
    fn there_is_what_the_topology_names() {
        let topology = read::embedded("monosense").unwrap();
        let upstream = Upstream::of(&topology, "infra");
        let world = World::new(topology, std::sync::Arc::new(crate::lab::clock::LabClock::real()));
        let path = &world.topology.clusters["infra"].flux.as_ref().unwrap().kustomizations[0].path;
        let (folder, flaws) = upstream.folder(&world, path).unwrap();
        assert!(!folder.items.is_empty() && flaws.is_empty());
        assert!(upstream.folder(&world, "./nowhere").is_none());
        let before = upstream.commit(&world);
        assert_eq!(before.len(), 40);
        world.put(Cause::Manifests { path: path.clone(), flaw: Flaw::Gone });
        assert!(upstream.folder(&world, path).is_none());
        assert_ne!(upstream.commit(&world), before, "what is wrong came with a commit");
        assert!(upstream.fields(&world, "nothing").is_none());
    }
}

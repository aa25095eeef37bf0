//! What kinds a server has: aggregated discovery (in two requests), or group by group on servers before 1.26.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use http::Method;
use serde::{Deserialize, Serialize};

use super::discovery_wire::{Discovery, LegacyGroup, LegacyList};
use super::request::request;
use super::resource::{self, Wanted};
use super::resource_table::{addon_of, well_known};
use super::{Cluster, Resource};
use crate::error::{Error, Kind, Result, nearest};

/// The types of aggregated discovery (KEP-3352), newest first; an old server answers with the last.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// The kinds that a server has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Catalogue {
    /// In the order in which a bare name is looked up: core first, then as the server ranks its groups.
    pub resources: Vec<Resource>,
    /// Group versions that could not be asked, and why: an aggregated API whose server is down.
    pub broken: Vec<(String, String)>,
}

impl Cluster {
    /// The kind that a name means: any name that kubectl takes. Kinds that every server has need no request.
    ///
    /// # Errors
    /// [`Kind::UnknownKind`] with the nearest name, or the add-on that is missing.
    pub async fn resolve(&self, name: &str) -> Result<Resource> {
        if let Some(known) = known(name) {
            return Ok(known);
        }
        self.discovered(|catalogue| resource::find(&catalogue.resources, name).cloned(), |c| self.unknown(name, c))
            .await
    }

    /// The kind that a manifest's `apiVersion` and `kind` mean.
    ///
    /// # Errors
    /// [`Kind::UnknownKind`]
    pub async fn resolve_object(&self, api_version: &str, kind: &str) -> Result<Resource> {
        if let Some(known) = known_object(api_version, kind) {
            return Ok(known);
        }
        let is = |r: &&Resource| r.kind == kind && r.api_version() == api_version;
        self.discovered(
            |catalogue| catalogue.resources.iter().find(is).cloned(),
            |catalogue| self.unknown_object(api_version, kind, catalogue),
        )
        .await
    }

    /// The kind of a URL's group, version and plural.
    ///
    /// # Errors
    /// [`Kind::UnknownKind`]
    pub async fn resolve_path(&self, group: &str, version: &str, plural: &str) -> Result<Resource> {
        let is = |r: &&Resource| r.group == group && r.version == version && r.plural == plural;
        if let Some(known) = well_known().iter().find(is) {
            return Ok(known.clone());
        }
        self.discovered(
            |catalogue| catalogue.resources.iter().find(is).cloned(),
            |catalogue| self.unknown(&format!("{plural}.{version}.{group}"), catalogue),
        )
        .await
    }

    /// Everything that the server has, asked now.
    ///
    /// # Errors
    /// What the server or the way to it says.
    pub async fn kinds(&self) -> Result<Arc<Catalogue>> {
        let fresh = Arc::new(self.discover().await?);
        *self.inner.catalogue.lock().await = Some(fresh.clone());
        Ok(fresh)
    }

    /// Looks in what was discovered; asks again once where it is not found, since kinds appear during a run.
    async fn discovered<T>(
        &self,
        find: impl Fn(&Catalogue) -> Option<T>,
        missing: impl Fn(&Catalogue) -> Error,
    ) -> Result<T> {
        let mut kept = self.inner.catalogue.lock().await;
        if let Some(found) = kept.as_ref().and_then(|c| find(c)) {
            return Ok(found);
        }
        let fresh = Arc::new(self.discover().await?);
        *kept = Some(fresh.clone());
        drop(kept);
        find(&fresh).ok_or_else(|| missing(&fresh))
    }

    async fn discover(&self) -> Result<Catalogue> {
        let ask = |path: &'static str| async move {
            let request = request(Method::GET, path).accept(ACCEPT).empty()?;
            Ok::<_, Error>(self.ask(request, "the list of kinds", 256 << 10).await?.text)
        };
        let (core, groups) = futures::try_join!(ask("/api"), ask("/apis"))?;
        let mut catalogue = Catalogue::default();
        let mut versions = Vec::new();
        for body in [core, groups] {
            let answer: Discovery = serde_json::from_str(&body).map_err(|e| {
                Error::new(Kind::Unreadable, format!("cluster {}: the list of kinds can't be read", self.name()))
                    .because(e)
            })?;
            match answer.kind.as_str() {
                "APIGroupDiscoveryList" => answer.items.into_iter().for_each(|g| catalogue.take(g)),
                "APIVersions" => versions.extend(answer.versions),
                _ => versions.extend(answer.groups.into_iter().flat_map(LegacyGroup::versions)),
            }
        }
        // An old server: every group version has a list of its own. Asked side by side.
        for (version, list) in join_all(versions.into_iter().map(|v| self.group_version(v))).await {
            match list {
                Ok(resources) => catalogue.resources.extend(resources),
                Err(e) => catalogue.broken.push((version, e.to_string())),
            }
        }
        if catalogue.resources.is_empty() {
            let broken = catalogue.broken.first().map(|(v, e)| format!("{v}: {e}")).unwrap_or_default();
            return Err(Error::new(Kind::Unreadable, format!("cluster {}: the server names no kinds", self.name()))
                .because(broken));
        }
        Ok(catalogue)
    }

    async fn group_version(&self, version: String) -> (String, Result<Vec<Resource>>) {
        let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let list = async {
            let text = self
                .ask(request(Method::GET, &path).empty()?, &format!("the kinds of {version}"), 32 << 10)
                .await?
                .text;
            let list: LegacyList = serde_json::from_str(&text).map_err(|e| {
                Error::new(Kind::Unreadable, format!("the kinds of {version} can't be read")).because(e)
            })?;
            Ok(list.resources(&version))
        };
        let list = list.await;
        (version, list)
    }

    fn unknown(&self, name: &str, catalogue: &Catalogue) -> Error {
        let cluster = self.name();
        let mut error = Error::new(Kind::UnknownKind, format!("cluster {cluster} has no kind \"{name}\""));
        let groups = catalogue.groups();
        let wanted = Wanted::readings(name);
        let group = wanted.last().and_then(|w| w.group).filter(|g| g.contains('.') && !groups.contains(g));
        let word = name.split('.').next().unwrap_or(name);
        if let Some(group) = group {
            error = error.because(format!("it lacks the API group {group} altogether"));
        } else if let Some((group, addon)) = addon_of(word).filter(|(g, _)| !groups.contains(g)) {
            error = error.because(format!("it lacks the API group {group}: is {addon} installed there?"));
        } else {
            let names = catalogue.resources.iter().flat_map(|r| [r.plural.as_str(), r.singular.as_str()]);
            error = error.maybe_hint(
                nearest(
                    &word.to_lowercase(),
                    names.chain(catalogue.resources.iter().flat_map(|r| r.short.iter().map(String::as_str))),
                )
                .map(|n| format!("did you mean \"{n}\"?")),
            );
        }
        self.named_broken(error, catalogue)
    }

    fn unknown_object(&self, api_version: &str, kind: &str, catalogue: &Catalogue) -> Error {
        let mut error =
            Error::new(Kind::UnknownKind, format!("cluster {} has no {kind} of {api_version}", self.name()));
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let versions: BTreeSet<String> =
            catalogue.resources.iter().filter(|r| r.kind == kind).map(Resource::api_version).collect();
        if !catalogue.groups().contains(group) {
            error = error.because(format!("it lacks the API group {group} altogether"));
        } else if !versions.is_empty() {
            error = error.hint(format!("it has {kind} in {}", versions.into_iter().collect::<Vec<_>>().join(", ")));
        } else {
            let kinds = catalogue.resources.iter().filter(|r| r.group == group).map(|r| r.kind.as_str());
            error = error.maybe_hint(nearest(kind, kinds).map(|n| format!("did you mean \"{n}\"?")));
        }
        self.named_broken(error, catalogue)
    }

    fn named_broken(&self, error: Error, catalogue: &Catalogue) -> Error {
        catalogue.broken.iter().fold(error, |error, (version, why)| {
            error.hint(format!("{version} could not be asked, and the kind may be of it: {why}"))
        })
    }
}

/// A kind that needs no request, by name.
pub fn known(name: &str) -> Option<Resource> {
    resource::find(well_known(), name).cloned()
}

/// A kind that needs no request, by what a manifest says.
pub fn known_object(api_version: &str, kind: &str) -> Option<Resource> {
    well_known().iter().find(|r| r.kind == kind && r.api_version() == api_version).cloned()
}

impl Catalogue {
    fn groups(&self) -> BTreeSet<&str> {
        let broken = self.broken.iter().filter_map(|(v, _)| v.split_once('/').map(|(group, _)| group));
        self.resources.iter().map(|r| r.group.as_str()).chain(broken).collect()
    }
}

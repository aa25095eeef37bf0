//! source-controller: GitRepositories, OCIRepositories, HelmRepositories and HelmCharts have an artifact, or say why not.
//!
//! Messages and reasons: github.com/fluxcd/source-controller `internal/controller`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Operator;
use super::super::site::{Site, after};
use super::super::upstream::{GIT, REGISTRY, Upstream};
use super::{Condition, conditions, every, fetched, handled, observed, ready, requested};
use crate::lab::world::objects::names::hex;

pub(super) const WATCHES: &[&str] = &[
    "gitrepositories.source.toolkit.fluxcd.io",
    "ocirepositories.source.toolkit.fluxcd.io",
    "helmrepositories.source.toolkit.fluxcd.io",
    "helmcharts.source.toolkit.fluxcd.io",
    "networkpolicies.networking.k8s.io",
    "ciliumnetworkpolicies.cilium.io",
    "ciliumclusterwidenetworkpolicies.cilium.io",
];

/// What came of a fetch: revision and message, or reason and message.
type Fetched = Result<(String, String), (&'static str, String)>;

/// The controller.
#[derive(Debug)]
pub(super) struct Sources {
    upstream: Arc<Upstream>,
    /// When each was last fetched, by uid.
    fetched: BTreeMap<String, Timestamp>,
}

impl Sources {
    pub(super) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, fetched: BTreeMap::new() }
    }

    fn git(&self, site: &Site<'_>, object: &Value) -> Fetched {
        let (url, failed) = (text(object, "/spec/url"), "GitOperationFailed");
        let wrong = |why: &str| {
            Err((failed, format!("failed to checkout and determine revision: unable to clone '{url}': {why}")))
        };
        let branch = object["spec"]["ref"]["branch"].as_str().unwrap_or("master");
        let no_branch = || wrong(&format!("couldn't find remote ref \"refs/heads/{branch}\""));
        if let Some(project) = fetched::project(site, object) {
            let project = match project {
                Ok(project) => project,
                Err(why) => return wrong(&why),
            };
            if branch != "main" {
                return no_branch();
            }
            let revision = format!("{branch}@sha1:{}", project.commit);
            return Ok((revision.clone(), format!("stored artifact for revision '{revision}'")));
        }
        if let Some(why) = unreachable(site, GIT, &url) {
            return wrong(&why);
        }
        if url != self.upstream.url {
            return wrong("authentication required: Repository not found.");
        }
        if branch != self.upstream.branch {
            return no_branch();
        }
        let revision = format!("{branch}@sha1:{}", self.upstream.commit(site.world));
        Ok((revision.clone(), format!("stored artifact for revision '{revision}'")))
    }

    fn oci(&self, site: &Site<'_>, object: &Value) -> Fetched {
        let (url, failed) = (text(object, "/spec/url"), "OCIArtifactPullFailed");
        let wrong = |why: String| Err((failed, format!("failed to determine artifact digest: {why}")));
        let wanted = ["/spec/ref/tag", "/spec/ref/semver", "/spec/ref/digest"].map(|pointer| text(object, pointer));
        let tag = wanted.into_iter().find(|text| !text.is_empty()).unwrap_or_else(|| "latest".into());
        let (host, path) = url.trim_start_matches("oci://").split_once('/').map_or(("", ""), |parts| parts);
        let at = format!("GET https://{host}/v2/{path}/manifests/{tag}");
        if let Some(why) = unreachable(site, REGISTRY, &url) {
            return wrong(format!("Get \"https://{host}/v2/\": {why}"));
        }
        let tags = self.upstream.tags(&url);
        if tags.is_empty() {
            return wrong(format!("{at}: NAME_UNKNOWN: repository name not known to registry"));
        }
        if !self.upstream.has_tag(&url, &tag) {
            return wrong(format!("{at}: MANIFEST_UNKNOWN: manifest unknown"));
        }
        let revision = format!("{tag}@sha256:{}", hex(&["oci", &url, &tag], 64));
        Ok((revision.clone(), format!("stored artifact for digest '{revision}'")))
    }

    fn index(&self, site: &Site<'_>, object: &Value) -> Fetched {
        let url = text(object, "/spec/url");
        let at = format!("{}/index.yaml", url.trim_end_matches('/'));
        let wrong = |why: String| Err(("Failed", format!("failed to fetch Helm repository index: {why}")));
        if let Some(why) = unreachable(site, REGISTRY, &url) {
            return wrong(format!("failed to cache index to temporary file: Get \"{at}\": {why}"));
        }
        if !self.upstream.has_charts(&url) {
            return wrong(format!("failed to cache index to temporary file: failed to fetch {at} : 404 Not Found"));
        }
        let revision = format!("sha256:{}", hex(&["index", &url], 64));
        Ok((revision.clone(), format!("stored artifact: revision '{revision}'")))
    }

    fn chart(&self, site: &Site<'_>, object: &Value) -> Fetched {
        let reference = &object["spec"]["sourceRef"];
        let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let resource = format!("{}.source.toolkit.fluxcd.io", plural(&kind));
        let Some(repository) = site.get(&resource, namespace, &name) else {
            let why = format!("failed to get source: {kind}.source.toolkit.fluxcd.io \"{name}\" not found");
            return Err(("SourceUnavailable", why));
        };
        let oci = repository.value["spec"]["type"] == "oci";
        if !oci && repository.value["status"]["artifact"].is_null() {
            return Err(("NoSourceArtifact", format!("no artifact available for {kind} source '{name}'")));
        }
        let (chart, version) = (text(object, "/spec/chart"), text(object, "/spec/version"));
        if !self.upstream.has_chart(&chart, &version) {
            let why = format!("no '{chart}' chart with version matching '{version}' found");
            return Err((
                "InvalidChartReference",
                format!("invalid chart reference: failed to get chart version for remote reference: {why}"),
            ));
        }
        Ok((version.clone(), format!("pulled '{chart}' chart with version '{version}'")))
    }
}

impl Operator for Sources {
    fn look(&mut self, site: &mut Site<'_>) {
        for resource in &WATCHES[..4] {
            for (place, stored) in site.all(resource, "") {
                let object = &*stored.value;
                // A chart repository of the OCI kind is no more than an address.
                let plain = object["kind"] == "HelmRepository" && object["spec"]["type"] == "oci";
                if plain || object["spec"]["suspend"] == true || !object["metadata"]["deletionTimestamp"].is_null() {
                    continue;
                }
                let uid = text(object, "/metadata/uid");
                let interval = every(&object["spec"]["interval"], Duration::from_secs(600));
                let again = self.fetched.get(&uid).map(|at| after(*at, interval));
                let waits = again.is_some_and(|at| at > site.now);
                if waits && observed(object) && requested(object).is_none() {
                    again.into_iter().for_each(|at| site.at(at));
                    continue;
                }
                self.fetched.insert(uid, site.now);
                site.again(interval);
                let fetched = match object["kind"].as_str() {
                    Some("GitRepository") => self.git(site, object),
                    Some("OCIRepository") => self.oci(site, object),
                    Some("HelmRepository") => self.index(site, object),
                    _ => self.chart(site, object),
                };
                let mut value = object.clone();
                tell(site, &mut value, fetched);
                site.put(&place, value);
            }
        }
    }
}

/// Writes what came of a fetch into an object's status.
fn tell(site: &mut Site<'_>, object: &mut Value, fetched: Fetched) {
    let stamp = site.stamp();
    match fetched {
        Ok((revision, message)) => {
            let chart = object["kind"] == "HelmChart";
            let reason = if chart { "ChartPullSucceeded" } else { "Succeeded" };
            if object["status"]["artifact"]["revision"] != revision {
                object["status"]["artifact"] = artifact(object, &revision, &stamp);
                let (of, told) = (object.clone(), message.clone());
                site.event(&of, false, "NewArtifact", &told, "source-controller");
            }
            conditions::clear(object, "FetchFailed");
            ready(object, "True", reason, &message, &stamp);
            Condition::new("ArtifactInStorage", "True", reason, &message).set(object, &stamp);
            object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        }
        Err((reason, message)) => {
            if conditions::text(object, "Ready", "message") != message {
                let of = object.clone();
                site.event(&of, true, reason, &message, "source-controller");
            }
            ready(object, "False", reason, &message, &stamp);
            Condition::new("FetchFailed", "True", reason, &message).set(object, &stamp);
            object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        }
    }
    handled(object);
}

fn artifact(object: &Value, revision: &str, stamp: &str) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let file = revision.rsplit(':').next().unwrap_or(revision);
    let path = format!("{kind}/{namespace}/{name}/{file}.tar.gz");
    json!({
        "digest": format!("sha256:{}", hex(&["artifact", &path], 64)), "lastUpdateTime": stamp, "revision": revision,
        "size": 40_000 + u64::from(file.bytes().map(u32::from).sum::<u32>()), "path": path,
        "url": format!("http://source-controller.flux-system.svc.cluster.local./{path}"),
    })
}

/// Why something outside can't be reached, in Go's words.
fn unreachable(site: &Site<'_>, service: &str, url: &str) -> Option<String> {
    let host = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    site.outside(service, "source-controller", host)
}

pub(super) fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"))
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

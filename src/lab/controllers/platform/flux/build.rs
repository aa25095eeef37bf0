//! What a Kustomization is built from and what it makes: its source, its dependencies, the folder at its path, variables.
//!
//! The platform's kustomize-controller runs with `StrictPostBuildSubstitutions`: a variable without a value is an error.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::site::{Site, go, is};
use super::super::upstream::{Folder, Item, Upstream, normal};
use super::health::{self, Health};
use super::kustomization::RESOURCE;
use super::{every, observed};
use crate::lab::kube::store::Place;
use crate::lab::world::cause::Flaw;
use crate::lab::world::objects;
use crate::lab::world::objects::names::hex;

/// How long it waits for a dependency or an artifact before it looks again.
const DEPENDENCY: Duration = Duration::from_secs(30);

/// Why a Kustomization is not ready: reason, message, and when it is tried again.
pub(super) struct Stop(pub(super) &'static str, pub(super) String, pub(super) Duration);

pub(super) fn retry_of(object: &Value) -> Duration {
    let interval = every(&object["spec"]["interval"], Duration::from_secs(600));
    every(&object["spec"]["retryInterval"], interval)
}

/// The revision of the source's artifact.
pub(super) fn source(site: &Site<'_>, object: &Value) -> Result<String, Stop> {
    let reference = &object["spec"]["sourceRef"];
    let (kind, name) = (reference["kind"].as_str().unwrap_or_default(), reference["name"].as_str().unwrap_or_default());
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let namespace = reference["namespace"].as_str().unwrap_or(own);
    let group = "source.toolkit.fluxcd.io";
    let resource = format!("{}.{group}", super::sources::plural(kind));
    let Some(source) = site.get(&resource, namespace, name) else {
        let why = format!("unable to get source '{namespace}/{name}': {kind}.{group} \"{name}\" not found");
        return Err(Stop("ArtifactFailed", why, retry_of(object)));
    };
    let revision = source.value["status"]["artifact"]["revision"].as_str();
    revision.map(String::from).ok_or_else(|| {
        Stop("ArtifactFailed", format!("Source artifact not found, retrying in {}", go(DEPENDENCY)), DEPENDENCY)
    })
}

pub(super) fn dependencies(site: &Site<'_>, object: &Value) -> Result<(), Stop> {
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let wrong = |why: String| Err(Stop("DependencyNotReady", why, DEPENDENCY));
    for one in object["spec"]["dependsOn"].as_array().into_iter().flatten() {
        let (name, namespace) = (one["name"].as_str().unwrap_or_default(), one["namespace"].as_str().unwrap_or(own));
        let Some(other) = site.get(RESOURCE, namespace, name) else {
            return wrong(format!(
                "dependency '{namespace}/{name}' not found: kustomizations.kustomize.toolkit.fluxcd.io \"{name}\" not found"
            ));
        };
        if !observed(&other.value) || !is(&other.value, "Ready") {
            return wrong(format!("dependency '{namespace}/{name}' is not ready"));
        }
        let same = other.value["spec"]["sourceRef"] == object["spec"]["sourceRef"];
        if same && source(site, object).ok().as_deref() != other.value["status"]["lastAppliedRevision"].as_str() {
            return wrong(format!("dependency '{namespace}/{name}' revision is not up to date"));
        }
    }
    Ok(())
}

/// Why the variables of its manifests can't be filled in.
fn substitution(site: &Site<'_>, object: &Value, folder: &Folder) -> Option<String> {
    let post = &object["spec"]["postBuild"];
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut known: Vec<String> =
        post["substitute"].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
    for from in post["substituteFrom"].as_array().into_iter().flatten() {
        let (kind, name) = (from["kind"].as_str().unwrap_or_default(), from["name"].as_str().unwrap_or_default());
        let resource = if kind == "Secret" { "secrets" } else { "configmaps" };
        match site.get(resource, namespace, name) {
            Some(map) => known.extend(map.value["data"].as_object().into_iter().flat_map(|map| map.keys().cloned())),
            None if from["optional"] == true => {}
            None => {
                let first = folder.items.first();
                let of = first.map_or_else(String::new, |item| format!("{}/{}", item.kind, item.name));
                return Some(format!(
                    "post build failed for '{of}': substitute from '{kind}/{name}' error: {resource} \"{name}\" not found"
                ));
            }
        }
    }
    let missing = folder.uses.iter().find(|name| !known.contains(name))?;
    let of = folder.items.first().map_or_else(String::new, |item| format!("{}/{}", item.kind, item.name));
    Some(format!(
        "post build failed for '{of}': envsubst error: variable substitution failed: variable not set (strict mode): \"{missing}\""
    ))
}

/// What the repository has for it, built, and what is wrong in it that only applying shows.
pub(super) fn build(site: &Site<'_>, upstream: &Upstream, object: &Value) -> Result<(Folder, Vec<Flaw>), Stop> {
    let retry = retry_of(object);
    let path = object["spec"]["path"].as_str().unwrap_or("./");
    let at = format!("/tmp/kustomization-{}/{}", hex(&[path], 9), normal(path));
    let wrong = |why: String| Stop("BuildFailed", format!("kustomize build failed: {why}"), retry);
    if upstream.is_empty(path) {
        return Err(wrong("kustomization.yaml is empty".into()));
    }
    let Some((folder, flaws)) = upstream.folder(site.world, path) else {
        let why = format!("kustomization path not found: stat {at}: no such file or directory");
        return Err(Stop("ArtifactFailed", why, retry));
    };
    for component in object["spec"]["components"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !upstream.has_folder(&joined(path, component)) {
            return Err(wrong(format!(
                "accumulating components: accumulateDirectory: \"couldn't make target for path '{at}/{component}': unable to find one of \
                 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{at}/{component}'\""
            )));
        }
    }
    for flaw in &flaws {
        match flaw {
            Flaw::Missing(what) => {
                return Err(wrong(format!(
                    "accumulating resources: accumulation err='accumulating resources from '{what}': open {at}/{what}: no such file or \
                     directory'"
                )));
            }
            Flaw::Twice(what) => {
                let file = what.rsplit('/').next().unwrap_or(what);
                return Err(wrong(format!(
                    "accumulating resources: accumulation err='merging resources from './{file}': may not add resource with an already \
                     registered id: {what}'"
                )));
            }
            Flaw::Empty => return Err(wrong("kustomization.yaml is empty".into())),
            _ => {}
        }
    }
    match substitution(site, object, folder) {
        Some(why) => Err(Stop("BuildFailed", why, retry)),
        None => {
            let mut folder = folder.clone();
            folder.items.retain(|item| !site.world.pruned(site.cluster, &item.kind, &item.namespace, &item.name));
            Ok((folder, flaws))
        }
    }
}

/// A path from a folder: `../../components/x` of `./a/b/c` is `a/components/x`.
fn joined(folder: &str, path: &str) -> String {
    let folder = normal(folder);
    let mut parts: Vec<&str> = folder.split('/').collect();
    for step in path.split('/') {
        match step {
            ".." => drop(parts.pop()),
            "." | "" => {}
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Makes what is missing as the repository has it, and marks the rest as applied.
pub(super) fn make(site: &mut Site<'_>, object: &Value, items: &[Item]) {
    let labels = [("name", &object["metadata"]["name"]), ("namespace", &object["metadata"]["namespace"])];
    let mut missing = false;
    for item in items {
        let Some(kind) = site.objects.kinds.of(&json!({ "apiVersion": item.version, "kind": item.kind })) else {
            continue;
        };
        let place = Place::new(&kind.resource(), &item.namespace, &item.name);
        let Some(there) = site.objects.store.get(&place) else {
            missing = true;
            continue;
        };
        let mut value = there.value.clone();
        for (key, of) in labels {
            value["metadata"]["labels"][format!("kustomize.toolkit.fluxcd.io/{key}")] = of.clone();
        }
        site.put(&place, value);
    }
    if !missing {
        return;
    }
    for made in objects::all(&site.world.topology, site.cluster, site.now) {
        let text = |key: &str| made["metadata"][key].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        let own = |item: &Item| made["kind"] == item.kind.as_str() && item.namespace == namespace && item.name == name;
        if items.iter().any(|item| own(item) && health::of(site, item) == Health::NotFound) {
            site.create(&made);
        }
    }
}

/// Deletes what an entry of an inventory names: `namespace_name_group_Kind`.
pub(super) fn prune(site: &mut Site<'_>, entry: &Value) {
    let parts: Vec<&str> = entry["id"].as_str().unwrap_or_default().split('_').collect();
    let ([namespace, name, group, kind], version) = (parts.as_slice(), entry["v"].as_str().unwrap_or("v1")) else {
        return;
    };
    let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    if let Some(kind) = site.objects.kinds.of(&json!({ "apiVersion": version, "kind": kind })) {
        site.delete(&Place::new(&kind.resource(), namespace, name));
    }
}

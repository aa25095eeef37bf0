//! What flux-operator does for a FluxInstance: the controllers are marked as its own, and get the images of the version
//! that the instance wants; the instance says what it has installed.
//!
//! Labels, inventory and conditions: github.com/controlplaneio-fluxcd/flux-operator `internal/controller` and
//! `internal/inventory`. A Flux release has a version of its own for each controller; here the third number goes along
//! with that of Flux, and the second one by as many steps.

use serde_json::{Value, json};

use super::super::site::Site;
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::hex;

const DEPLOYMENTS: &str = "deployments.apps";
/// The newest version, which `2.x` means.
const NEWEST: &str = "v2.7.2";

/// The version that an instance wants.
pub(super) fn wanted(object: &Value) -> String {
    let version = object["spec"]["distribution"]["version"].as_str().unwrap_or("2.x");
    if version.contains(['x', '*']) { NEWEST.to_owned() } else { format!("v{}", version.trim_start_matches('v')) }
}

/// The version in the part of the status of that name; none where nothing was installed yet.
fn version(object: &Value, part: &str) -> Option<String> {
    let revision = object["status"][part].as_str()?;
    revision.split('@').next().map(str::to_owned)
}

/// Whether another version is on its way.
pub(super) fn upgrades(object: &Value) -> bool {
    version(object, "lastAppliedRevision").is_some_and(|applied| applied != wanted(object))
}

/// Marks the controllers, and gives them the images of another version, once for each.
pub(super) fn manage(site: &mut Site<'_>, namespace: &str, object: &mut Value, components: &[String]) {
    let (to, from) = (wanted(object), version(object, "lastAttemptedRevision"));
    let step = from.as_deref().filter(|from| **from != to).map(|from| (from.to_owned(), to.clone()));
    for component in components {
        let place = Place::new(DEPLOYMENTS, namespace, component);
        let Some(stored) = site.get(DEPLOYMENTS, namespace, component) else { continue };
        let mut deployment = stored.value.clone();
        let labels = &mut deployment["metadata"]["labels"];
        labels["app.kubernetes.io/managed-by"] = "flux-operator".into();
        labels["app.kubernetes.io/part-of"] = "flux".into();
        labels["fluxcd.controlplane.io/name"] = object["metadata"]["name"].clone();
        labels["fluxcd.controlplane.io/namespace"] = namespace.into();
        if let Some((from, to)) = &step {
            let image = &mut deployment["spec"]["template"]["spec"]["containers"][0]["image"];
            let next = image.as_str().and_then(|image| moved(image, from, to));
            if let Some(next) = next {
                *image = next.into();
                let generation = deployment["metadata"]["generation"].as_u64().unwrap_or(1) + 1;
                deployment["metadata"]["generation"] = generation.into();
            }
        }
        site.put(&place, deployment);
    }
    object["status"]["lastAttemptedRevision"] = revision(&to).into();
}

/// What an instance says that it has installed.
pub(super) fn applied(site: &Site<'_>, namespace: &str, object: &mut Value, components: &[String]) {
    let registry = object["spec"]["distribution"]["registry"].as_str().unwrap_or("ghcr.io/fluxcd").to_owned();
    let tag = |name: &str| {
        let stored = site.get(DEPLOYMENTS, namespace, name)?;
        let image = stored.value["spec"]["template"]["spec"]["containers"][0]["image"].as_str()?;
        image.rsplit_once(':').map(|(_, tag)| tag.to_owned())
    };
    let rows: Vec<Value> = components
        .iter()
        .map(|name| {
            let tag = tag(name).unwrap_or_default();
            json!({ "name": name, "repository": format!("{registry}/{name}"), "tag": tag,
                    "digest": format!("sha256:{}", hex(&["image", name, &tag], 64)) })
        })
        .collect();
    let entries: Vec<Value> = components
        .iter()
        .map(|name| json!({ "id": format!("{namespace}_{name}_apps_Deployment"), "v": "v1" }))
        .collect();
    object["status"]["components"] = rows.into();
    object["status"]["inventory"] = json!({ "entries": entries });
    object["status"]["lastAppliedRevision"] = revision(&wanted(object)).into();
}

fn revision(version: &str) -> String {
    format!("{version}@sha256:{}", hex(&["flux", version], 64))
}

/// An image of one version of Flux as the other one has it.
fn moved(image: &str, from: &str, to: &str) -> Option<String> {
    let (repository, tag) = image.rsplit_once(':')?;
    let numbers = |version: &str| -> Option<[i64; 3]> {
        let mut parts = version.strip_prefix('v')?.split('.').map(str::parse);
        Some([parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?])
    };
    let ([major, minor, _], [_, before, _], [_, after, patch]) = (numbers(tag)?, numbers(from)?, numbers(to)?);
    Some(format!("{repository}:v{major}.{}.{patch}", minor + after - before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_goes_along_with_flux() {
        let next = |to: &str| moved("ghcr.io/fluxcd/helm-controller:v1.4.2", "v2.7.2", to).unwrap();
        assert_eq!(next("v2.7.3"), "ghcr.io/fluxcd/helm-controller:v1.4.3");
        assert_eq!(next("v2.8.0"), "ghcr.io/fluxcd/helm-controller:v1.5.0");
        assert_eq!(moved("ghcr.io/fluxcd/helm-controller:latest", "v2.7.2", "v2.7.3"), None);
    }

    #[test]
    fn the_wanted_version_is_written_whole() {
        let of = |version: &str| wanted(&json!({ "spec": { "distribution": { "version": version } } }));
        assert_eq!([of("2.7.3"), of("v2.7.1"), of("2.x"), of("2.7.*")], ["v2.7.3", "v2.7.1", NEWEST, NEWEST]);
    }
}

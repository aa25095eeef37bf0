//! Where a HelmRelease has its chart from, and the values that it is given.

use serde_json::{Value, json};

use super::super::site::{Site, is};
use super::release::{DEPENDENCY, Stop};
use super::{conditions, sources};
use crate::lab::world::objects::names::hex;

/// A chart in a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) version: String,
    /// The digest of an OCI artifact.
    pub(super) digest: Option<String>,
}

/// The chart that a release names, if its source is ready.
pub(super) fn chart(site: &mut Site<'_>, object: &Value) -> Result<Chart, Stop> {
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let (kind, namespace, name) = if object["spec"]["chartRef"].is_object() {
        let reference = &object["spec"]["chartRef"];
        let text = |key: &str| reference[key].as_str().unwrap_or_default().to_owned();
        (text("kind"), reference["namespace"].as_str().unwrap_or(&own).to_owned(), text("name"))
    } else {
        chart_object(site, object, &own)
    };
    let group = "source.toolkit.fluxcd.io";
    let Some(source) = site.get(&format!("{}.{group}", sources::plural(&kind)), &namespace, &name) else {
        let why = format!("could not get Source object: {kind}.{group} \"{name}\" not found");
        return Err(("ArtifactFailed", why, DEPENDENCY));
    };
    let source = &source.value;
    if !is(source, "Ready") || source["status"]["observedGeneration"] != source["metadata"]["generation"] {
        let told = conditions::text(source, "Ready", "message");
        let why = if told.is_empty() { "latest generation of object has not been reconciled" } else { told };
        return Err(("SourceNotReady", format!("{kind} '{namespace}/{name}' is not ready: {why}"), DEPENDENCY));
    }
    let revision = source["status"]["artifact"]["revision"].as_str().unwrap_or_default();
    let (version, digest) =
        revision.split_once('@').map_or((revision, None), |(tag, digest)| (tag, Some(digest.to_owned())));
    let place = source["spec"]["chart"].as_str().or_else(|| source["spec"]["url"].as_str()).unwrap_or_default();
    Ok(Chart { name: place.rsplit('/').next().unwrap_or(place).to_owned(), version: version.to_owned(), digest })
}

/// The HelmChart that stands between a release and a chart repository; the controller makes it.
fn chart_object(site: &mut Site<'_>, object: &Value, own: &str) -> (String, String, String) {
    let spec = &object["spec"]["chart"]["spec"];
    let release = object["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = spec["sourceRef"]["namespace"].as_str().unwrap_or(own).to_owned();
    let name = format!("{own}-{release}");
    let wanted = json!({
        "chart": spec["chart"], "version": spec["version"].as_str().unwrap_or("*"), "reconcileStrategy": "ChartVersion",
        "interval": object["spec"]["interval"],
        "sourceRef": { "kind": spec["sourceRef"]["kind"], "name": spec["sourceRef"]["name"] },
    });
    let resource = "helmcharts.source.toolkit.fluxcd.io";
    match site.get(resource, &namespace, &name) {
        Some(there) if there.value["spec"] != wanted => {
            let mut value = there.value.clone();
            value["spec"] = wanted;
            value["metadata"]["generation"] = (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
            let place = crate::lab::kube::store::Place::new(resource, &namespace, &name);
            site.put(&place, value);
        }
        Some(_) => {}
        None => site.create(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart",
            "metadata": { "name": name, "namespace": namespace, "generation": 1 }, "spec": wanted,
        })),
    }
    ("HelmChart".into(), namespace, name)
}

/// The digest of the values.
pub(super) fn config(site: &Site<'_>, object: &Value) -> Result<String, Stop> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut all = object["spec"]["values"].to_string();
    for from in object["spec"]["valuesFrom"].as_array().into_iter().flatten() {
        let (kind, name) = (from["kind"].as_str().unwrap_or_default(), from["name"].as_str().unwrap_or_default());
        let key = from["valuesKey"].as_str().unwrap_or("values.yaml");
        let resource = if kind == "Secret" { "secrets" } else { "configmaps" };
        let there = site.get(resource, namespace, name);
        match there.as_ref().map(|map| &map.value["data"][key]) {
            Some(Value::String(text)) => all.push_str(text),
            _ if from["optional"] == true => {}
            found => {
                let why = match found {
                    Some(_) => format!("missing key '{key}' in {kind} '{namespace}/{name}'"),
                    None => format!("could not find {kind} '{namespace}/{name}'"),
                };
                return Err((
                    "ValuesError",
                    format!(
                        "could not resolve {kind} chart values reference '{namespace}/{name}' with key '{key}': {why}"
                    ),
                    DEPENDENCY,
                ));
            }
        }
    }
    Ok(format!("sha256:{}", hex(&["values", &all], 64)))
}

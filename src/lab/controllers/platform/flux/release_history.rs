//! What a HelmRelease says of its attempts: names, limits, and the history that it keeps.

use std::time::Duration;

use serde_json::{Value, json};

use super::release_source::Chart;
use super::{every, observed};
use crate::lab::world::objects::names::hex;

/// Whether it has failed as often as it may.
pub(super) fn exceeded(object: &Value, failures: u64, installed: bool) -> bool {
    let retries = retries(object, if installed { "upgrade" } else { "install" });
    observed(object) && retries >= 0 && failures > retries.unsigned_abs()
}

pub(super) fn retries(object: &Value, action: &str) -> i64 {
    object["spec"][action]["remediation"]["retries"].as_i64().unwrap_or(0)
}

pub(super) fn timeout(object: &Value, action: &str) -> Duration {
    every(&object["spec"][action]["timeout"], every(&object["spec"]["timeout"], Duration::from_secs(300)))
}

/// Namespace and name of the release.
pub(super) fn target(object: &Value) -> (String, String) {
    let own = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    let spec = |key: &str| object["spec"][key].as_str();
    let namespace = spec("targetNamespace").unwrap_or(own("namespace"));
    let name = spec("releaseName").map_or_else(
        || spec("targetNamespace").map_or(own("name").to_owned(), |target| format!("{target}-{}", own("name"))),
        String::from,
    );
    (namespace.to_owned(), name)
}

pub(super) fn full_name(object: &Value) -> String {
    let own = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}", own("namespace"), own("name"))
}

/// `Helm upgrade succeeded for release ns/name.v2 with chart name@1.0.0`
pub(super) fn released(object: &Value, action: &str) -> String {
    let newest = &object["status"]["history"][0];
    let text = |key: &str| newest[key].as_str().unwrap_or_default();
    let action = if newest["version"] == 1 { "install" } else { action };
    format!(
        "Helm {action} succeeded for release {}/{}.v{} with chart {}@{}",
        text("namespace"),
        text("name"),
        newest["version"],
        text("chartName"),
        text("chartVersion")
    )
}

/// Puts a release at the head of the history.
pub(super) fn record(object: &mut Value, chart: &Chart, config: &str, status: &str, stamp: &str) {
    let (namespace, name) = target(object);
    let mut history = object["status"]["history"].as_array().cloned().unwrap_or_default();
    let last = history.first().and_then(|one| one["version"].as_u64()).unwrap_or(0);
    for old in history.iter_mut().filter(|old| old["status"] == "deployed" && status == "deployed") {
        old["status"] = "superseded".into();
    }
    let first = history.last().map_or_else(|| stamp.into(), |one| one["firstDeployed"].clone());
    let version = (last + 1).to_string();
    history.insert(
        0,
        json!({
            "name": name, "namespace": namespace, "version": last + 1, "status": status, "chartName": chart.name,
            "chartVersion": chart.version, "appVersion": chart.version.trim_start_matches('v'), "configDigest": config,
            "digest": format!("sha256:{}", hex(&[&namespace, &name, &version, config], 64)), "firstDeployed": first,
            "lastDeployed": stamp, "deleted": null,
        }),
    );
    history.truncate(3);
    let generation = object["metadata"]["generation"].clone();
    let status = &mut object["status"];
    status["history"] = history.into();
    status["lastAttemptedConfigDigest"] = config.into();
    status["lastAttemptedGeneration"] = generation;
    status["lastAttemptedRevision"] = chart.version.as_str().into();
    status["lastAttemptedReleaseAction"] = if last == 0 { "install" } else { "upgrade" }.into();
    if let Some(digest) = &chart.digest {
        status["lastAttemptedRevisionDigest"] = digest.as_str().into();
    }
    status["storageNamespace"] = namespace.into();
}

//! Older servers: in which API version they have a kind, and which kinds they don't have.
//!
//! Source: the release notes of Kubernetes 1.20 to 1.34, and its guide to deprecated APIs.

use std::fmt;

use serde_json::{Value, json};

/// A minor version of Kubernetes 1: `1.20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32);

/// The oldest one that is known here.
const OLDEST: u32 = 20;

impl Version {
    /// Reads `1.20`, `v1.20` or `1.20.2`.
    ///
    /// # Errors
    /// What is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.trim_start_matches('v').split('.');
        let minor = match (parts.next(), parts.next().map(str::parse::<u32>)) {
            (Some("1"), Some(Ok(minor))) => Some(minor),
            _ => None,
        };
        let minor =
            minor.ok_or_else(|| format!("\"{text}\" is no version of Kubernetes; expected one such as 1.20"))?;
        if minor < OLDEST {
            return Err(format!("Kubernetes {text} is older than 1.{OLDEST}, the oldest that is known here"));
        }
        Ok(Self(minor))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

/// A kind that came, or came to its version, at some time.
struct Row {
    api_version: &'static str,
    /// Empty for all kinds of the version.
    kind: &'static str,
    /// The first minor version that serves it.
    since: u32,
    /// The version that came before it; none where there was none.
    before: Option<&'static str>,
}

const fn row(api_version: &'static str, kind: &'static str, since: u32, before: Option<&'static str>) -> Row {
    Row { api_version, kind, since, before }
}

const ROWS: &[Row] = &[
    row("policy/v1", "PodDisruptionBudget", 21, Some("policy/v1beta1")),
    row("batch/v1", "CronJob", 21, Some("batch/v1beta1")),
    row("discovery.k8s.io/v1", "EndpointSlice", 21, Some("discovery.k8s.io/v1beta1")),
    row("autoscaling/v2", "HorizontalPodAutoscaler", 23, Some("autoscaling/v2beta2")),
    row("storage.k8s.io/v1", "CSIStorageCapacity", 24, None),
    row("storage.k8s.io/v1", "VolumeAttributesClass", 34, None),
    row("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", 30, None),
    row("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", 30, None),
    row("networking.k8s.io/v1", "ServiceCIDR", 33, None),
    row("networking.k8s.io/v1", "IPAddress", 33, None),
    row("resource.k8s.io/v1", "", 34, None),
    row("resource.k8s.io/v1beta1", "", 32, None),
    row("flowcontrol.apiserver.k8s.io/v1", "", 29, None),
];

/// Brings an object into the form that a server has.
///
/// # Errors
/// That it has none, with the object's name.
pub(super) fn fitted(object: &mut Value, version: Option<Version>) -> Result<(), String> {
    let Some(version) = version else { return Ok(()) };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let newer = |row: &&Row| row.api_version == api_version && (row.kind.is_empty() || row.kind == kind);
    let Some(row) = ROWS.iter().find(newer).filter(|row| version.0 < row.since) else { return Ok(()) };
    let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
    let place = if namespace.is_empty() { name } else { format!("{namespace}/{name}") };
    let before =
        row.before.ok_or_else(|| format!("{kind} {place}: {api_version} is served from 1.{} on", row.since))?;
    object["apiVersion"] = before.into();
    if before == "discovery.k8s.io/v1beta1" {
        slice(object);
    }
    Ok(())
}

/// The same for what a status has otherwise.
pub(super) fn fitted_status(object: &mut Value, version: Option<Version>) {
    // Services say no more than an address there.
    if version.is_some_and(|version| version.0 < 29) && object["kind"] == "Service" {
        let ingress = object["status"]["loadBalancer"]["ingress"].as_array_mut();
        for one in ingress.into_iter().flatten().filter_map(Value::as_object_mut) {
            one.remove("ipMode");
        }
    }
}

/// The node and the zone of an endpoint were part of its topology.
fn slice(slice: &mut Value) {
    for endpoint in slice["endpoints"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let mut topology = json!({});
        for (field, key) in [("nodeName", "kubernetes.io/hostname"), ("zone", "topology.kubernetes.io/zone")] {
            if let Some(value) = endpoint.remove(field) {
                topology[key] = value;
            }
        }
        endpoint.remove("hints");
        if topology.as_object().is_some_and(|all| !all.is_empty()) {
            endpoint.insert("topology".into(), topology);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        for text in ["1.20", "v1.20", "1.20.2"] {
            assert_eq!(Version::parse(text).map(|v| v.to_string()), Ok("1.20".to_owned()));
        }
        assert!(Version::parse("2.0").unwrap_err().contains("expected one such as 1.20"));
        assert!(Version::parse("1.19").unwrap_err().contains("older than 1.20"));
    }

    #[test]
    fn what_a_server_has_in_another_version_gets_that_and_what_it_lacks_is_named() {
        let old = Version::parse("1.20").ok();
        let mut budget =
            json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "b" } });
        fitted(&mut budget, old).unwrap();
        assert_eq!(budget["apiVersion"], "policy/v1beta1");
        fitted(&mut budget, None).unwrap();
        let mut job = json!({ "apiVersion": "batch/v1", "kind": "Job" });
        fitted(&mut job, old).unwrap();
        assert_eq!(job["apiVersion"], "batch/v1", "it is as old as that");
        let mut address =
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": { "name": "a" } });
        assert_eq!(fitted(&mut address, old).unwrap_err(), "IPAddress a: networking.k8s.io/v1 is served from 1.33 on");
        assert!(fitted(&mut address, Version::parse("1.34").ok()).is_ok());
        let mut slice = json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "endpoints": [{ "addresses": ["10.0.0.1"], "nodeName": "n1", "hints": {} }] });
        fitted(&mut slice, old).unwrap();
        assert_eq!(
            slice["endpoints"][0],
            json!({ "addresses": ["10.0.0.1"], "topology": { "kubernetes.io/hostname": "n1" } })
        );
    }
}

//! Discovery: which groups, versions and resources there are, group by group or all at once.
//!
//! Source: k8s.io/apiserver `pkg/endpoints/discovery`, `aggregated`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::lab::kube::kinds::{Kind, Kinds, Verbs};

/// The order in which built-in groups are told.
const ORDER: [&str; 17] = [
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
];

/// The media type of aggregated discovery, as clients ask for it and as it is answered.
pub(super) const AGGREGATED: [&str; 2] = [
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
];

/// Groups in the order in which they are told, without the one that has no name.
pub(super) fn groups(kinds: &Kinds) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = kinds.groups().into_iter().filter(|(g, _)| !g.is_empty()).collect();
    groups.sort_by_key(|(group, _)| ORDER.iter().position(|o| o == group).unwrap_or(ORDER.len()));
    groups
}

/// One group.
pub(super) fn group(name: &str, versions: &[String]) -> Value {
    let entry = |version: &String| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    let all: Vec<Value> = versions.iter().map(entry).collect();
    let preferred = all.first().cloned().unwrap_or(Value::Null);
    json!({ "name": name, "versions": all, "preferredVersion": preferred })
}

/// `/api`.
pub(super) fn core(address: &str) -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }],
    })
}

/// `/apis`.
pub(super) fn all(kinds: &Kinds) -> Value {
    let groups: Vec<Value> = groups(kinds).iter().map(|(name, versions)| group(name, versions)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// What can be done with a kind.
fn verbs(kind: &Kind) -> Value {
    match kind.verbs {
        Verbs::Review => json!(["create"]),
        Verbs::All if kind.plural == "componentstatuses" => json!(["get", "list"]),
        Verbs::All if kind.custom.is_some() => {
            json!(["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"])
        }
        Verbs::All => json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]),
    }
}

/// Parts of objects with addresses of their own: name, group and version of what they hold, kind, verbs.
fn parts(kind: &Kind) -> Vec<(&'static str, &'static str, &'static str, String, Value)> {
    let mut parts = Vec::new();
    let changed = || json!(["get", "patch", "update"]);
    if kind.status {
        parts.push(("status", "", "", kind.kind.clone(), changed()));
    }
    if kind.scale.is_some() {
        parts.push(("scale", "autoscaling", "v1", "Scale".to_owned(), changed()));
    }
    if kind.group.is_empty() && kind.plural == "pods" {
        parts.push(("eviction", "policy", "v1", "Eviction".to_owned(), json!(["create"])));
        for (name, kind) in
            [("attach", "PodAttachOptions"), ("exec", "PodExecOptions"), ("portforward", "PodPortForwardOptions")]
        {
            parts.push((name, "", "", kind.to_owned(), json!(["create", "get"])));
        }
        parts.push(("log", "", "", kind.kind.clone(), json!(["get"])));
    }
    if kind.group.is_empty() && kind.plural == "serviceaccounts" {
        let request = ("token", "authentication.k8s.io", "v1", "TokenRequest".to_owned(), json!(["create"]));
        parts.push(request);
    }
    if kind.group.is_empty() && kind.plural == "namespaces" {
        parts.push(("finalize", "", "", kind.kind.clone(), json!(["update"])));
    }
    parts
}

/// The resources of a group's version.
pub(super) fn resources(kinds: &Kinds, group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for kind in kinds.iter().filter(|k| k.group == group && k.version == version) {
        let mut entry = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
            "verbs": verbs(kind),
        });
        if !kind.short.is_empty() {
            entry["shortNames"] = json!(kind.short);
        }
        if !kind.categories.is_empty() {
            entry["categories"] = json!(kind.categories);
        }
        if kind.verbs == Verbs::All && kind.plural != "componentstatuses" {
            entry["storageVersionHash"] = json!(hash(kind));
        }
        resources.push(entry);
        for (name, group, version, part, verbs) in parts(kind) {
            let mut entry = json!({
                "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced, "kind": part,
                "verbs": verbs,
            });
            if !group.is_empty() {
                entry["group"] = json!(group);
                entry["version"] = json!(version);
            }
            resources.push(entry);
        }
    }
    let full = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({ "kind": "APIResourceList", "groupVersion": full, "resources": resources });
    if !group.is_empty() {
        list["apiVersion"] = json!("v1");
    }
    list
}

/// What tells that a kind is stored in another version.
fn hash(kind: &Kind) -> String {
    let digest = Sha256::digest(format!("{}/{}/{}", kind.group, kind.version, kind.kind));
    STANDARD.encode(&digest[..8])
}

/// Everything at once; `core` is the group without a name.
pub(super) fn aggregated(kinds: &Kinds, core: bool, media: &str) -> Value {
    let wanted: Vec<(String, Vec<String>)> =
        if core { vec![(String::new(), vec!["v1".to_owned()])] } else { groups(kinds) };
    let mut by_version: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for kind in kinds.iter() {
        by_version.entry((&kind.group, &kind.version)).or_default().push(whole(kind));
    }
    let items: Vec<Value> = wanted
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources = by_version.get(&(group.as_str(), version.as_str())).cloned().unwrap_or_default();
                    json!({ "version": version, "resources": resources, "freshness": "Current" })
                })
                .collect();
            let metadata = if group.is_empty() {
                json!({ "creationTimestamp": null })
            } else {
                json!({ "name": group, "creationTimestamp": null })
            };
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    let version = if media.contains("v2beta1") { "v2beta1" } else { "v2" };
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": items,
    })
}

fn whole(kind: &Kind) -> Value {
    let mut entry = json!({
        "resource": kind.plural, "singularResource": kind.singular, "verbs": verbs(kind),
        "responseKind": { "group": kind.group, "version": kind.version, "kind": kind.kind },
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
    });
    if !kind.short.is_empty() {
        entry["shortNames"] = json!(kind.short);
    }
    if !kind.categories.is_empty() {
        entry["categories"] = json!(kind.categories);
    }
    let parts: Vec<Value> = parts(kind)
        .into_iter()
        .map(|(name, group, version, part, verbs)| {
            let (group, version) =
                if group.is_empty() { (kind.group.as_str(), kind.version.as_str()) } else { (group, version) };
            json!({
                "subresource": name, "verbs": verbs,
                "responseKind": { "group": group, "version": version, "kind": part },
            })
        })
        .collect();
    if !parts.is_empty() {
        entry["subresources"] = json!(parts);
    }
    entry
}

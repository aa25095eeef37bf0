//! Reloader: a workload that asks for it is rolled out anew when a ConfigMap or Secret that it uses has changed.
//!
//! It writes the changed data's digest into an environment variable of the first container. Source:
//! github.com/stakater/Reloader `internal/pkg/handler`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::site::Site;
use super::{Hand, Operator};
use crate::lab::kube::store::Place;

const WATCHES: &[&str] = &["configmaps", "secrets", "deployments.apps", "statefulsets.apps", "daemonsets.apps"];

pub(super) fn rows() -> Vec<Hand> {
    vec![("reloader", WATCHES, Box::new(Reloader::default()))]
}

#[derive(Debug, Default)]
struct Reloader {
    /// The digest of each map's data, as it was last.
    known: BTreeMap<Place, String>,
}

impl Operator for Reloader {
    fn look(&mut self, site: &mut Site<'_>) {
        let mut now = BTreeMap::new();
        let mut changed = Vec::new();
        for resource in &WATCHES[..2] {
            for (place, stored) in site.all(resource, "") {
                let digest = digest(&stored.value);
                if self.known.get(&place).is_some_and(|before| *before != digest) {
                    changed.push((place.clone(), digest.clone()));
                }
                now.insert(place, digest);
            }
        }
        self.known = now;
        for (map, digest) in changed {
            for resource in &WATCHES[2..] {
                for (place, stored) in site.all(resource, &map.namespace) {
                    if let Some(value) = rolled(&stored.value, &map, &digest) {
                        site.put(&place, value);
                    }
                }
            }
        }
    }
}

fn digest(map: &Value) -> String {
    let data = json!([map["data"], map["binaryData"]]).to_string();
    Sha256::digest(data.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// The workload with the digest in it, where it uses the map and asks for that.
fn rolled(workload: &Value, map: &Place, digest: &str) -> Option<Value> {
    let of_secret = map.resource == "secrets";
    let annotation = |key: &str| {
        let own = &workload["metadata"]["annotations"][key];
        own.as_str().or_else(|| workload["spec"]["template"]["metadata"]["annotations"][key].as_str())
    };
    let kind = if of_secret { "secret" } else { "configmap" };
    let auto = ["reloader.stakater.com/auto".to_owned(), format!("{kind}.reloader.stakater.com/auto")];
    let auto = auto.iter().any(|key| annotation(key) == Some("true"));
    let named = annotation(&format!("{kind}.reloader.stakater.com/reload"))
        .is_some_and(|names| names.split(',').any(|name| name.trim() == map.name));
    let spec = &workload["spec"]["template"]["spec"];
    if !(named || auto && uses(spec, of_secret).contains(map.name.as_str())) {
        return None;
    }
    let upper: String =
        map.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let variable = format!("STAKATER_{upper}_{}", kind.to_uppercase());
    let mut value = workload.clone();
    let container = value["spec"]["template"]["spec"]["containers"].get_mut(0)?;
    if !container["env"].is_array() {
        container["env"] = json!([]);
    }
    let env = container["env"].as_array_mut()?;
    env.retain(|one| one["name"] != variable.as_str());
    env.push(json!({ "name": variable, "value": digest }));
    value["metadata"]["generation"] = (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
    Some(value)
}

/// The names of the ConfigMaps, or Secrets, that a pod's containers and volumes use.
fn uses(spec: &Value, of_secret: bool) -> BTreeSet<&str> {
    let (reference, key, volume, name) = if of_secret {
        ("secretRef", "secretKeyRef", "secret", "secretName")
    } else {
        ("configMapRef", "configMapKeyRef", "configMap", "name")
    };
    let mut found = Vec::new();
    for container in list_of(spec, "containers").iter().chain(list_of(spec, "initContainers")) {
        found.extend(list_of(container, "envFrom").iter().map(|one| &one[reference]["name"]));
        found.extend(list_of(container, "env").iter().map(|one| &one["valueFrom"][key]["name"]));
    }
    for one in list_of(spec, "volumes") {
        found.push(&one[volume][name]);
        found.extend(list_of(&one["projected"], "sources").iter().map(|source| &source[volume]["name"]));
    }
    found.into_iter().filter_map(Value::as_str).collect()
}

fn list_of<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(annotations: &Value, container: &Value) -> Value {
        let mut container = container.clone();
        container["name"] = "c".into();
        json!({ "metadata": { "name": "web", "annotations": annotations, "generation": 3 },
                "spec": { "template": { "spec": { "containers": [container],
                    "volumes": [{ "name": "v", "secret": { "secretName": "keys" } }] } } } })
    }

    #[test]
    fn what_asks_for_it_and_uses_the_map_gets_its_digest() {
        let (map, secret) = (Place::new("configmaps", "shop", "app-settings"), Place::new("secrets", "shop", "keys"));
        let uses = json!({ "envFrom": [{ "configMapRef": { "name": "app-settings" } }] });
        let auto = json!({ "reloader.stakater.com/auto": "true" });
        let rolled_out = rolled(&workload(&auto, &uses), &map, "abc").unwrap();
        let env = &rolled_out["spec"]["template"]["spec"]["containers"][0]["env"];
        assert_eq!(*env, json!([{ "name": "STAKATER_APP_SETTINGS_CONFIGMAP", "value": "abc" }]));
        assert_eq!(rolled_out["metadata"]["generation"], 4);
        assert!(rolled(&workload(&auto, &json!({})), &secret, "abc").is_some(), "by its volume");
        assert!(rolled(&workload(&auto, &json!({})), &map, "abc").is_none(), "it does not use it");
        assert!(rolled(&workload(&json!({}), &uses), &map, "abc").is_none(), "it does not ask for it");
        let by_name = json!({ "configmap.reloader.stakater.com/reload": "other, app-settings" });
        assert!(rolled(&workload(&by_name, &json!({})), &map, "abc").is_some());
    }
}

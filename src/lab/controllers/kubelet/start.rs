//! What has to be there before a pod's containers can start: its volumes.

use serde_json::Value;

use super::Node;
use crate::lab::controllers::fields::{list, text};
use crate::lab::controllers::index::Pod;
use crate::lab::kube::store::Place;

/// What is missing of a pod's volumes, as the kubelet says it.
pub(super) fn missing(node: &Node<'_, '_>, pod: &Pod) -> Option<String> {
    let object = &pod.stored.value;
    let named = |resource: &str, kind: &str, volume: &str, name: &str, optional: &Value| {
        let place = Place::new(resource, &pod.place.namespace, name);
        (*optional != true && !name.is_empty() && node.scene.get(&place).is_none())
            .then(|| format!("MountVolume.SetUp failed for volume \"{volume}\" : {kind} \"{name}\" not found"))
    };
    list(object, "/spec/volumes").iter().find_map(|volume| {
        let own = text(volume, "/name");
        let map = &volume["configMap"];
        let secret = &volume["secret"];
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        let projected = list(volume, "/projected/sources").iter().find_map(|source| {
            let (map, secret) = (&source["configMap"], &source["secret"]);
            // The API server's certificate is made a moment after the namespace, and is no reason to complain.
            named("configmaps", "configmap", own, text(map, "/name"), &map["optional"])
                .filter(|_| map["name"] != "kube-root-ca.crt")
                .or_else(|| named("secrets", "secret", own, text(secret, "/name"), &secret["optional"]))
        });
        named("configmaps", "configmap", own, text(map, "/name"), &map["optional"])
            .or_else(|| named("secrets", "secret", own, text(secret, "/secretName"), &secret["optional"]))
            .or(projected)
            .or_else(|| unbound(node, pod, own, claim))
    })
}

fn unbound(node: &Node<'_, '_>, pod: &Pod, volume: &str, claim: &str) -> Option<String> {
    if claim.is_empty() {
        return None;
    }
    let found = node.scene.get(&Place::new("persistentvolumeclaims", &pod.place.namespace, claim));
    match found {
        None => Some(format!(
            "MountVolume.SetUp failed for volume \"{volume}\" : persistentvolumeclaim \"{claim}\" not found"
        )),
        Some(found) if found.value["status"]["phase"] != "Bound" => {
            Some(format!("MountVolume.SetUp failed for volume \"{volume}\" : PVC \"{claim}\" is not bound"))
        }
        Some(_) => None,
    }
}

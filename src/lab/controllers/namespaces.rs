//! What every namespace has: its default ServiceAccount, and the certificate of the API server's authority.

use serde_json::{Value, json};

use super::Looked;
use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;

/// Makes what is missing.
pub(crate) fn look(world: &mut World, authority: &str, now: jiff::Timestamp) -> Looked {
    let active = |value: &Value| value["metadata"]["deletionTimestamp"].is_null();
    let names: Vec<String> = world
        .store
        .list("namespaces", "")
        .filter(|(_, namespace)| active(&namespace.value))
        .map(|(place, _)| place.name.clone())
        .collect();
    let mut changed = false;
    for namespace in names {
        let made = [
            (
                "serviceaccounts",
                json!({
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": { "name": "default", "namespace": namespace },
                }),
            ),
            (
                "configmaps",
                json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {
                        "name": "kube-root-ca.crt", "namespace": namespace,
                        "annotations": { "kubernetes.io/description":
                            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
                             internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
                             Kubernetes clusters." },
                    },
                    "data": { "ca.crt": authority },
                }),
            ),
        ];
        for (resource, object) in made {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if world.store.get(&Place::new(resource, &namespace, name)).is_none() {
                world.plant(&object, now);
                changed = true;
            }
        }
    }
    Looked { changed, again: None }
}

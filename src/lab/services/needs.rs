//! What a program needs of other namespaces: the connection pooler of its database, and Dragonfly.

use serde_json::Value;

use super::ready;
use crate::lab::kube::cluster::{Cluster, World};

const POOLERS: &str = "poolers.postgresql.cnpg.io";
const CACHES: &str = "dragonflies.dragonflydb.io";

/// Whether the pooler whose name begins so takes connections: one of its pods is ready, and nobody has paused it. A
/// cluster without such a pooler has the database elsewhere, where it is well.
pub(super) fn pooler(cluster: &Cluster, prefix: &str) -> bool {
    let world = cluster.world();
    let own = |name: &str| name.starts_with(prefix);
    let mut asked = world.store.list(POOLERS, "").filter(|(place, _)| own(&place.name)).peekable();
    let there = asked.peek().is_some();
    if asked.any(|(_, pooler)| pooler.value["spec"]["pgbouncer"]["paused"] == true) {
        return false;
    }
    runs(&world, there, |pod| pod["metadata"]["labels"]["cnpg.io/poolerName"].as_str().is_some_and(own))
}

/// Whether Dragonfly takes connections. A cluster without one has its cache elsewhere, where it is well.
pub(super) fn cache(cluster: &Cluster) -> bool {
    let world = cluster.world();
    let there = world.store.list(CACHES, "").next().is_some();
    runs(&world, there, |pod| pod["metadata"]["labels"]["app"] == "dragonfly")
}

/// Whether one of the pods is ready; without any, whether nothing is there that asks for them.
fn runs(world: &World, asked: bool, fits: impl Fn(&Value) -> bool) -> bool {
    let pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
    let own: Vec<bool> = pods.filter(|pod| fits(pod)).map(ready).collect();
    if own.is_empty() { !asked } else { own.contains(&true) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::platform;
    use super::*;

    #[test]
    fn a_pooler_that_is_asked_for_has_to_run() {
        let (services, _clock) = platform();
        let cluster = &services.clusters["infra"];
        assert!(pooler(cluster, "harbor") && cache(cluster), "nobody asks for any");
        let now = cluster.clock.now();
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": POOLERS },
            "spec": { "group": "postgresql.cnpg.io", "scope": "Namespaced",
                      "names": { "kind": "Pooler", "plural": "poolers", "singular": "pooler" },
                      "versions": [{ "name": "v1", "served": true, "storage": true, "schema": {
                          "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }] },
        });
        let asked = json!({ "apiVersion": "postgresql.cnpg.io/v1", "kind": "Pooler",
            "metadata": { "name": "harbor-pooler-rw", "namespace": "cnpg-system" }, "spec": { "instances": 0 } });
        let mut world = cluster.world();
        world.plant(&definition, now);
        world.register(&definition, true);
        world.plant(&asked, now);
        drop(world);
        assert!(!pooler(cluster, "harbor"), "it has no pod");
        assert!(pooler(cluster, "gitlab"), "nobody asks for that one");
    }
}

//! What takes a cluster down, in part or whole. It stands at an earlier stage then, and whoever builds it up again makes
//! what is missing.

use std::sync::Arc;

use super::{Bench, Say, act};
use crate::lab::kube::cluster::Cluster;

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Resets the machines: etcd has nothing any more, and they wait for a configuration.
pub(super) fn whole(bench: &Bench, name: &str, say: &Say) -> i32 {
    let cluster = match bench.cluster(Some(name)) {
        Ok(cluster) => cluster,
        Err(why) => {
            say.err(format!("error: {why}\n"));
            return 1;
        }
    };
    let first = bench.services.world.topology.stages.first().map(|stage| stage.name.clone()).unwrap_or_default();
    let code = back(bench, cluster, &first, say);
    let revision = {
        let mut world = cluster.world();
        world.clear(cluster.clock.now());
        world.store.revision()
    };
    cluster.ring(revision);
    say.out(format!("{name}: the machines were reset\n"));
    code
}

/// Puts a cluster back to a stage: what the later ones have made is missing, and made anew with the next.
pub(super) fn back(bench: &Bench, cluster: &Cluster, stage: &str, say: &Say) -> i32 {
    match bench.services.world.put_at(&cluster.name, stage) {
        Ok(()) => 0,
        Err(why) => {
            say.err(format!("error: {}\n", why.message));
            1
        }
    }
}

/// Deletes all definitions, and with them every object of their kinds.
pub(super) fn definitions(bench: &Bench, cluster: &Arc<Cluster>, say: &Say) -> i32 {
    for definition in act::list(cluster, DEFINITIONS, None) {
        if let Err(why) = act::delete(cluster, &definition, "helm") {
            say.err(format!("Error: {why}\n"));
            return 1;
        }
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        say.out(format!("customresourcedefinition.apiextensions.k8s.io \"{name}\" deleted\n"));
    }
    back(bench, cluster, "api", say)
}

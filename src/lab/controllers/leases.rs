//! The leases by which kubelets say that they live, every ten seconds.
//!
//! Nobody but a client that looks would see it, and writing so often would keep a lab busy that is at rest. So what the
//! kubelets have written meanwhile is written when somebody looks.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kubelet::is_alive;
use crate::lab::kube::cluster::{Cluster, World as Objects, time};
use crate::lab::kube::store::Place;
use crate::lab::world::{Cause, World};

const NAMESPACE: &str = "kube-node-lease";
const LEASES: &str = "leases.coordination.k8s.io";
/// How often a kubelet renews its lease, in seconds; it holds for four times as long.
const EVERY: i64 = 10;
const HOLDS: i64 = 40;

/// Brings the leases of a cluster's nodes up to now.
pub(crate) fn renew(cluster: &Cluster) {
    let Some(world) = cluster.platform() else { return };
    let revision = {
        let mut objects = cluster.world();
        let before = objects.store.revision();
        let nodes: Vec<Value> = objects.store.list("nodes", "").map(|(_, node)| node.value.clone()).collect();
        for node in &nodes {
            one(world, &mut objects, node, cluster.clock.now());
        }
        let after = objects.store.revision();
        (after != before).then_some(after)
    };
    if let Some(revision) = revision {
        cluster.ring(revision);
    }
}

fn one(world: &World, objects: &mut Objects, node: &Value, now: Timestamp) {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    // A node that no machine stands behind has nobody who would renew anything.
    if !world.topology.nodes().any(|(_, one)| *one.name.get_ref() == name) {
        return;
    }
    let heard = if is_alive(world, name) { now } else { last(world, name, now) };
    // Each kubelet has a beat of its own.
    let beat = i64::from(name.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte))) % EVERY;
    let second = (heard.as_second() - beat).div_euclid(EVERY) * EVERY + beat;
    let Ok(renewed) = Timestamp::from_second(second) else { return };
    let stamp = json!(renewed.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string());
    let place = Place::new(LEASES, NAMESPACE, name);
    match objects.store.get(&place).map(|stored| stored.value.clone()) {
        Some(mut lease) => {
            let known = lease["spec"]["renewTime"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
            let own = lease["spec"]["holderIdentity"] == name;
            if own && known.is_none_or(|known| known < renewed) {
                lease["spec"]["renewTime"] = stamp;
                objects.store.put(place, lease);
            }
        }
        None => {
            let born = node["metadata"]["creationTimestamp"].as_str().and_then(|text| text.parse().ok()).unwrap_or(now);
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {
                    "name": name, "namespace": NAMESPACE,
                    "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"] }],
                    "managedFields": [{
                        "apiVersion": "coordination.k8s.io/v1", "fieldsType": "FieldsV1", "manager": "kubelet",
                        "operation": "Update", "time": time(born),
                        "fieldsV1": { "f:metadata": { "f:ownerReferences": {} },
                                      "f:spec": { "f:holderIdentity": {}, "f:leaseDurationSeconds": {}, "f:renewTime": {} } },
                    }],
                },
                "spec": { "holderIdentity": name, "leaseDurationSeconds": HOLDS, "renewTime": stamp },
            });
            objects.plant(&lease, born);
        }
    }
}

/// When something was last heard of a node that is silent.
fn last(world: &World, node: &str, now: Timestamp) -> Timestamp {
    let causes = [Cause::process(node, "kubelet"), Cause::link(node)];
    let instant = world.clock.instant();
    let since = causes.iter().filter_map(|cause| world.since(cause)).min().unwrap_or(instant);
    let silent = SignedDuration::try_from(instant.saturating_duration_since(since)).unwrap_or_default();
    now.checked_sub(silent).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::controllers::testing::Stage;

    #[test]
    fn a_lease_is_renewed_as_long_as_its_kubelet_lives() {
        let stage = Stage::new(2);
        stage.cluster.lie_in(&stage.world);
        for (number, node) in ["node-1", "node-2"].into_iter().enumerate() {
            let node =
                json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": node, "uid": number.to_string() } });
            stage.cluster.world().plant(&node, stage.world.clock.now());
        }
        let renewed = |node: &str| -> (Timestamp, String) {
            renew(&stage.cluster);
            let objects = stage.cluster.world();
            let lease = &objects.store.get(&Place::new(LEASES, NAMESPACE, node)).unwrap().value;
            let uid = lease["metadata"]["uid"].to_string();
            (lease["spec"]["renewTime"].as_str().unwrap().parse().unwrap(), uid)
        };
        let late = |node: &str| stage.world.clock.now().duration_since(renewed(node).0).as_secs();
        let (_, uid) = renewed("node-1");
        assert!((0..EVERY).contains(&late("node-1")));
        let revision = stage.cluster.world().store.revision();
        renew(&stage.cluster);
        assert_eq!(stage.cluster.world().store.revision(), revision, "nothing is written twice");
        stage.world.put(Cause::link("node-2"));
        stage.clock.jump(Duration::from_secs(60));
        assert!((0..EVERY).contains(&late("node-1")));
        assert!((60..60 + EVERY).contains(&late("node-2")), "{}", late("node-2"));
        assert_eq!(renewed("node-1").1, uid, "it is the same lease");
    }
}

//! The disruption budgets that operators keep for what they run.
//!
//! Source: github.com/cloudnative-pg/cloudnative-pg `pkg/specs/poddisruptionbudget.go`, github.com/strimzi/strimzi-kafka-operator
//! `KafkaCluster.generatePodDisruptionBudget`, github.com/rook/rook `pkg/operator/ceph/disruption`.

use serde_json::{Value, json};

use super::site::Site;
use crate::lab::kube::store::Place;

const BUDGETS: &str = "poddisruptionbudgets.policy";

/// How many pods have to be there, or may be gone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Room {
    Least(u64),
    Most(u64),
}

/// Keeps a budget as its owner wants it; one that is not wanted any more goes.
pub(super) fn keep(site: &mut Site<'_>, owner: &Value, name: &str, labels: &Value, room: Option<Room>) {
    let namespace = owner["metadata"]["namespace"].as_str().unwrap_or_default();
    let place = Place::new(BUDGETS, namespace, name);
    let Some(room) = room else { return site.delete(&place) };
    let mut spec = json!({ "selector": { "matchLabels": labels } });
    match room {
        Room::Least(least) => spec["minAvailable"] = least.into(),
        Room::Most(most) => spec["maxUnavailable"] = most.into(),
    }
    let Some(there) = site.objects.store.get(&place) else {
        return site.create(&json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {
                "name": name, "namespace": namespace, "generation": 1,
                "ownerReferences": [{
                    "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": spec,
        }));
    };
    if there.value["spec"] != spec {
        let mut value = there.value.clone();
        value["spec"] = spec;
        value["metadata"]["generation"] = (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
        site.put(&place, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Bench;
    use super::BUDGETS;

    #[test]
    fn operators_keep_budgets_for_what_they_run() {
        let mut bench = Bench::new("monosense", "apps");
        let of = |bench: &Bench, namespace: &str, name: &str| bench.get(BUDGETS, namespace, name)["spec"].clone();
        assert_eq!(of(&bench, "cnpg-system", "shared-postgres-primary")["minAvailable"], 1);
        assert_eq!(of(&bench, "cnpg-system", "shared-postgres")["minAvailable"], 1);
        assert_eq!(of(&bench, "messaging", "kafka-cluster-kafka")["minAvailable"], 2);
        assert_eq!(of(&bench, "rook-ceph", "rook-ceph-mon-pdb")["maxUnavailable"], 1);
        bench.change("clusters.postgresql.cnpg.io", "cnpg-system", "shared-postgres", |one| {
            one["spec"]["enablePDB"] = false.into();
        });
        bench.change(BUDGETS, "rook-ceph", "rook-ceph-osd", |one| one["spec"]["maxUnavailable"] = 3.into());
        bench.look();
        assert!(bench.get(BUDGETS, "cnpg-system", "shared-postgres").is_null());
        assert_eq!(of(&bench, "rook-ceph", "rook-ceph-osd")["maxUnavailable"], 1, "it is put right");
    }

    #[test]
    fn a_primary_leaves_a_node_that_is_to_be_drained() {
        let mut bench = Bench::new("monosense", "apps");
        let (ns, name) = ("cnpg-system", "shared-postgres");
        let primary =
            |bench: &Bench| bench.get("clusters.postgresql.cnpg.io", ns, name)["status"]["currentPrimary"].clone();
        let first = primary(&bench);
        let node = bench.get("pods", ns, first.as_str().unwrap())["spec"]["nodeName"].clone();
        bench.change("nodes", "", node.as_str().unwrap(), |node| node["spec"]["unschedulable"] = true.into());
        bench.look();
        bench.pass(5);
        let now = primary(&bench);
        assert_ne!(now, first);
        let pod = bench.get("pods", ns, now.as_str().unwrap());
        assert_eq!(pod["metadata"]["labels"]["cnpg.io/instanceRole"], json!("primary"));
        assert_ne!(pod["spec"]["nodeName"], node);
    }
}

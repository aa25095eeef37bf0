//! `pods/eviction`: a pod is to go, unless a disruption budget stands against it.
//!
//! Source: k8s.io/kubernetes `pkg/registry/core/pod/storage/eviction.go`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::lab::kube::cluster::{World, time};
use crate::lab::kube::refusal::{Answer, Named, Refusal};
use crate::lab::kube::store::Place;

/// Evicts a pod; what the server answers.
pub(crate) fn evict(world: &mut World, namespace: &str, name: &str, body: &Value, now: Timestamp) -> Answer<Value> {
    let what = Named { group: "", kind: "pods", name };
    let place = Place::new("pods", namespace, name);
    if body["metadata"]["name"].as_str().is_some_and(|other| !other.is_empty() && other != name) {
        return Err(Refusal::bad_request("name in URL does not match name in Eviction object"));
    }
    let Some(stored) = world.store.get(&place).cloned() else { return Err(Refusal::not_found(&what)) };
    let mut pod = stored.value.clone();
    let wanted = &body["deleteOptions"]["preconditions"]["uid"];
    let uid = &pod["metadata"]["uid"];
    if !wanted.is_null() && wanted != uid {
        let (wanted, uid) = (wanted.as_str().unwrap_or_default(), uid.as_str().unwrap_or_default());
        let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}");
        return Err(Refusal::conflict(&what, &why));
    }
    let done = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 });
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return Ok(done);
    }
    budgets(world, namespace, &pod)?;
    let grace = body["deleteOptions"]["gracePeriodSeconds"]
        .as_i64()
        .or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64())
        .unwrap_or(30);
    if grace == 0 || pod["spec"]["nodeName"].is_null() {
        world.store.remove(&place);
        return Ok(done);
    }
    let end = now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(now);
    pod["metadata"]["deletionTimestamp"] = time(end).into();
    pod["metadata"]["deletionGracePeriodSeconds"] = grace.into();
    world.store.put(place, pod);
    Ok(done)
}

/// Refuses where a budget has no room for one more.
fn budgets(world: &World, namespace: &str, pod: &Value) -> Answer<()> {
    for (place, budget) in world.store.list("poddisruptionbudgets.policy", namespace) {
        let spec = &budget.value["spec"];
        let takes = |pod: &Value| crate::lab::router::advertise::selects(&spec["selector"], &pod["metadata"]["labels"]);
        if !takes(pod) {
            continue;
        }
        let of: Vec<&Value> =
            world.store.list("pods", namespace).map(|(_, pod)| &*pod.value).filter(|pod| takes(pod)).collect();
        let healthy = of.iter().filter(|pod| is_healthy(pod)).count();
        let least = match (&spec["minAvailable"], &spec["maxUnavailable"]) {
            (Value::Null, Value::Null) => 0,
            (Value::Null, most) => of.len().saturating_sub(share(most, of.len())),
            (least, _) => share(least, of.len()),
        };
        // A pod that is not healthy takes nothing away.
        if is_healthy(pod) && healthy <= least {
            let mut refusal = Refusal::new(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            );
            let why =
                format!("The disruption budget {} needs {least} healthy pods and has {healthy} currently", place.name);
            refusal.details = Some(json!({ "causes": [{ "reason": "DisruptionBudget", "message": why }] }));
            return Err(refusal);
        }
    }
    Ok(())
}

fn is_healthy(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

/// A number, or a share of so many, rounded up.
fn share(wanted: &Value, of: usize) -> usize {
    match (wanted.as_u64(), wanted.as_str().and_then(|text| text.strip_suffix('%')?.parse::<usize>().ok())) {
        (Some(number), _) => usize::try_from(number).unwrap_or(usize::MAX),
        (None, Some(percent)) => (of * percent).div_ceil(100),
        (None, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;

    #[test]
    fn a_budget_stands_against_one_too_many() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let (mut world, now) = (cluster.world(), Timestamp::UNIX_EPOCH);
        for name in ["a", "b"] {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default", "labels": { "app": "x" } },
                "spec": { "nodeName": "n", "containers": [] },
                "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
            });
            world.plant(&pod, now);
        }
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "x", "namespace": "default" },
            "spec": { "minAvailable": "50%", "selector": { "matchLabels": { "app": "x" } } },
        });
        world.plant(&budget, now);
        let body = json!({ "deleteOptions": { "gracePeriodSeconds": 5 } });
        evict(&mut world, "default", "a", &body, now).unwrap();
        let pod = world.store.get(&Place::new("pods", "default", "a")).unwrap().value.clone();
        assert_eq!(pod["metadata"]["deletionTimestamp"], "1970-01-01T00:00:05Z");
        assert!(evict(&mut world, "default", "a", &body, now).is_ok(), "it goes already");
        let refused = evict(&mut world, "default", "b", &body, now).unwrap_err().to_json();
        assert_eq!((&refused["code"], &refused["reason"]), (&json!(429), &json!("TooManyRequests")));
        assert!(refused.to_string().contains("needs 1 healthy pods and has 1 currently"), "{refused}");
        assert_eq!(evict(&mut world, "default", "c", &body, now).unwrap_err().to_json()["code"], 404);
        let other = json!({ "deleteOptions": { "preconditions": { "uid": "another" } } });
        assert!(
            evict(&mut world, "default", "b", &other, now)
                .unwrap_err()
                .to_json()
                .to_string()
                .contains("Precondition failed")
        );
    }
}

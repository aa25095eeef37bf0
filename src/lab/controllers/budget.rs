//! The status of disruption budgets: how many pods there are to be, are healthy, and may go.
//!
//! Source: k8s.io/kubernetes `pkg/controller/disruption`.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::fields::{self, number, share};
use super::index::Pod;
use super::route;
use super::scene::Scene;
use crate::lab::kube::select;
use crate::lab::kube::store::Place;

/// Brings a budget's status into order.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let budget = &stored.value;
    let selector = select::of_selector(&budget["spec"]["selector"]);
    let pods = scene.objects.store.list("pods", &place.namespace);
    let pods: Vec<Arc<Pod>> = pods
        .filter_map(|(place, _)| scene.index.pod(place))
        .filter(|pod| !pod.is_over() && selector.holds(pod.labels()))
        .cloned()
        .collect();
    let healthy = i64::try_from(pods.iter().filter(|pod| pod.ready.is_some() && !pod.ending).count()).unwrap_or(0);
    let count = i64::try_from(pods.len()).unwrap_or(0);
    let spec = &budget["spec"];
    let (expected, desired) = match (&spec["minAvailable"], &spec["maxUnavailable"]) {
        (Value::Null, Value::Null) => (count, 0),
        (Value::Null, most) => {
            let expected = scale(scene, &pods).max(0);
            (expected, (expected - share(most, expected, true)).max(0))
        }
        (Value::Number(least), _) => (count, least.as_i64().unwrap_or(0)),
        (least, _) => {
            let expected = scale(scene, &pods).max(0);
            (expected, share(least, expected, true))
        }
    };
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    let (status, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let generation = budget["metadata"]["generation"].clone();
    let old = fields::condition(budget, "DisruptionAllowed");
    let since =
        old.filter(|one| one["status"] == status).map_or(json!(scene.stamp), |one| one["lastTransitionTime"].clone());
    let mut conditions: Vec<Value> = fields::list(budget, "/status/conditions").to_vec();
    let condition = json!({
        "type": "DisruptionAllowed", "status": status, "reason": reason, "message": "", "lastTransitionTime": since,
        "observedGeneration": generation,
    });
    match conditions.iter_mut().find(|one| one["type"] == "DisruptionAllowed") {
        Some(one) => *one = condition,
        None => conditions.push(condition),
    }
    let status = json!({
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed, "expectedPods": expected,
        "observedGeneration": generation, "conditions": conditions,
    });
    let mut whole = budget["status"].clone();
    if let (Some(whole), Some(status)) = (whole.as_object_mut(), status.as_object()) {
        whole.remove("disruptedPods");
        whole.extend(status.clone());
    } else {
        whole = status;
    }
    scene.status(place, whole);
}

/// How many pods their controllers want together.
fn scale(scene: &Scene<'_>, pods: &[Arc<Pod>]) -> i64 {
    let mut seen = BTreeSet::new();
    let mut sum = 0;
    for pod in pods {
        let Some(owner) = fields::controller_of(&pod.stored.value) else { continue };
        let Some(mut key) = route::key_of(owner, &pod.place.namespace) else {
            // What is no controller of ours has as many as there are.
            sum += 1;
            continue;
        };
        // A Deployment's number counts, not those of its sets.
        if let Some(above) = scene
            .get(&key.place)
            .and_then(|set| route::key_of(fields::controller_of(&set.value)?, &pod.place.namespace))
        {
            key = above;
        }
        if seen.insert(key.place.clone())
            && let Some(set) = scene.get(&key.place)
        {
            sum += match key.place.resource.as_str() {
                "daemonsets.apps" => number(&set.value, "/status/desiredNumberScheduled"),
                "jobs.batch" => number(&set.value, "/spec/parallelism"),
                _ => set.value["spec"]["replicas"].as_i64().unwrap_or(1),
            };
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::lab::controllers::testing::Stage;

    #[test]
    fn a_budget_counts_its_healthy_pods() {
        let mut stage = Stage::new(2);
        stage.create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "default" },
            "spec": { "replicas": 3, "selector": { "matchLabels": { "app": "web" } },
                      "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "web", "image": "nginx" }] } } },
        }));
        for (name, spec) in [("least", json!({ "minAvailable": 3 })), ("most", json!({ "maxUnavailable": "34%" }))] {
            let mut spec = spec;
            spec["selector"] = json!({ "matchLabels": { "app": "web" } });
            stage.create(json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                                 "metadata": { "name": name, "namespace": "default" }, "spec": spec }));
        }
        stage.run(5);
        let told = |stage: &Stage, name: &str| {
            let status = stage.get("poddisruptionbudgets.policy", name)["status"].clone();
            ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"]
                .map(|key| status[key].as_i64().unwrap())
        };
        assert_eq!(told(&stage, "least"), [3, 3, 0, 3]);
        assert_eq!(told(&stage, "most"), [3, 1, 2, 3]);
        let status = stage.get("poddisruptionbudgets.policy", "least")["status"]["conditions"][0].clone();
        assert_eq!((&status["status"], &status["reason"]), (&json!("False"), &json!("InsufficientPods")));
    }
}

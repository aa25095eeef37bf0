//! Runners of GitHub Actions: a scale set registers with GitHub, a listener waits for jobs, and runners stand by.
//!
//! Source: github.com/actions/actions-runner-controller `controllers/actions.github.com`.

use std::time::Duration;

use serde_json::{Value, json};

use super::site::{Site, is_ready};
use super::{Hand, Operator, pods};
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::{hex, suffix, uid};

const WATCHES: &[&str] = &[
    "autoscalingrunnersets.actions.github.com",
    "ephemeralrunnersets.actions.github.com",
    "ephemeralrunners.actions.github.com",
    "autoscalinglisteners.actions.github.com",
    "secrets",
    "pods",
];
const SETS: &str = WATCHES[1];
const RUNNERS: &str = WATCHES[2];
const VERSION: &str = "actions.github.com/v1alpha1";
/// How often it is tried to register, where GitHub does not answer.
const RETRY: Duration = Duration::from_secs(10);

pub(super) fn rows() -> Vec<Hand> {
    vec![("actions-runner-controller", WATCHES, Box::new(RunnerSets))]
}

#[derive(Debug)]
struct RunnerSets;

impl Operator for RunnerSets {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(WATCHES[0], "") {
            scale_set(site, &place, &stored.value);
        }
    }
}

fn number(parts: &[&str]) -> u64 {
    u64::from_str_radix(&hex(parts, 4), 16).unwrap_or(0) + 1
}

fn scale_set(site: &mut Site<'_>, place: &Place, object: &Value) {
    let secret = object["spec"]["githubConfigSecret"].as_str().unwrap_or_default();
    let url = object["spec"]["githubConfigUrl"].as_str().unwrap_or_default();
    if site.get("secrets", &place.namespace, secret).is_none() {
        // Nothing registers without it; the controller only logs.
        site.again(RETRY);
        return;
    }
    let reached = site.outside("github", "actions-runner-controller", "api.github.com").is_none();
    let name = format!("{}-{}", place.name, suffix(&[site.cluster, &place.namespace, &place.name, "set"], 5));
    let owner = |kind: &str, of: &Value| json!([{ "apiVersion": VERSION, "kind": kind, "name": of["metadata"]["name"], "uid": of["metadata"]["uid"], "controller": true }]);
    let known = site.get(SETS, &place.namespace, &name).is_some();
    if !reached && !known {
        site.again(RETRY);
        return;
    }
    let labels = json!({
        "actions.github.com/scale-set-name": place.name, "actions.github.com/scale-set-namespace": place.namespace,
        "app.kubernetes.io/part-of": "gha-runner-scale-set",
    });
    let wanted = object["spec"]["minRunners"].as_u64().unwrap_or(0);
    if !known {
        site.create(&json!({
            "apiVersion": VERSION, "kind": "EphemeralRunnerSet",
            "metadata": { "name": name, "namespace": place.namespace, "labels": labels, "generation": 1, "ownerReferences": owner("AutoscalingRunnerSet", object) },
            "spec": { "patchID": 0, "replicas": wanted, "ephemeralRunnerSpec": { "githubConfigUrl": url, "githubConfigSecret": secret,
                      "runnerScaleSetId": number(&["scale-set", &place.name]), "spec": object["spec"]["template"]["spec"] } },
        }));
    }
    let listener = format!("{}-listener", place.name);
    if site.get(WATCHES[3], &place.namespace, &listener).is_none() {
        site.create(&json!({
            "apiVersion": VERSION, "kind": "AutoscalingListener",
            // The listener's pod names it as its owner.
            "metadata": { "name": listener, "namespace": place.namespace, "labels": labels, "generation": 1,
                          "uid": uid(&[site.cluster, "AutoscalingListener", &place.namespace, &listener]) },
            "spec": {
                "autoscalingRunnerSetName": place.name, "autoscalingRunnerSetNamespace": place.namespace, "ephemeralRunnerSetName": name,
                "githubConfigSecret": secret, "githubConfigUrl": url, "minRunners": wanted, "maxRunners": object["spec"]["maxRunners"],
                "runnerScaleSetId": number(&["scale-set", &place.name]),
            },
        }));
    }
    // The listener's pod is made anew where it went.
    let pod = format!("{listener}-0");
    pods::again(site, &place.namespace, &pod, None);
    let listens = site.get("pods", &place.namespace, &pod).is_some_and(|pod| is_ready(&pod.value));
    let at = Place::new(SETS, &place.namespace, &name);
    let Some(set) = site.objects.store.get(&at).cloned() else { return };
    let mine: Vec<(Place, Value)> = site
        .all(RUNNERS, &place.namespace)
        .into_iter()
        .filter(|(at, _)| at.name.starts_with(&format!("{name}-runner-")))
        .map(|(at, one)| (at, one.value.clone()))
        .collect();
    // Without a listener nobody says how many are wanted.
    let target = if listens { wanted } else { set.value["spec"]["replicas"].as_u64().unwrap_or(0) };
    let mut counted = 0;
    for place_of in 0..target {
        let own = format!("{name}-runner-{}", suffix(&[&name, &place_of.to_string()], 5));
        counted += 1;
        let there = mine.iter().find(|(at, _)| at.name == own).map(|(_, value)| value.clone());
        if let Some(mut value) = there {
            if value["status"]["phase"] != "Running" && reached {
                value["status"] = running(&own, &place.name);
                site.put(&Place::new(RUNNERS, &place.namespace, &own), value);
            }
            continue;
        }
        let status = if reached {
            running(&own, &place.name)
        } else {
            json!({ "phase": "Pending", "message": "Failed to register the runner" })
        };
        site.create(&json!({
            "apiVersion": VERSION, "kind": "EphemeralRunner",
            "metadata": { "name": own, "namespace": place.namespace, "labels": labels, "generation": 1, "ownerReferences": owner("EphemeralRunnerSet", &set.value) },
            "spec": { "githubConfigSecret": secret, "githubConfigUrl": url, "runnerScaleSetId": number(&["scale-set", &place.name]) },
            "status": status,
        }));
    }
    for (at, _) in mine.iter().skip(usize::try_from(target).unwrap_or(usize::MAX)) {
        site.delete(at);
    }
    if !reached {
        site.again(RETRY);
    }
    let mut value = set.value.clone();
    value["spec"]["replicas"] = target.into();
    let up = if reached {
        counted
    } else {
        mine.iter().filter(|(_, one)| one["status"]["phase"] == "Running").count() as u64
    };
    let counts = json!({ "currentReplicas": counted, "runningEphemeralRunners": up, "pendingEphemeralRunners": counted - up.min(counted), "failedEphemeralRunners": 0 });
    value["status"] = counts.clone();
    site.put(&at, value);
    let mut value = object.clone();
    value["status"] = json!({ "currentRunners": counted, "runningEphemeralRunners": up, "pendingEphemeralRunners": counts["pendingEphemeralRunners"], "failedEphemeralRunners": 0, "phase": "Running" });
    value["metadata"]["annotations"]["runner-scale-set-id"] = number(&["scale-set", &place.name]).to_string().into();
    site.put(place, value);
}

fn running(name: &str, set: &str) -> Value {
    json!({ "phase": "Running", "ready": true, "runnerId": number(&["runner", name, set]), "runnerName": name })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;
    use crate::lab::world::{Cause, Wrong};

    #[test]
    fn a_scale_set_has_its_runners_and_needs_its_secret() {
        let mut bench = Bench::new("spec", "apps");
        let ns = "actions-runner";
        let status = bench.get(WATCHES[0], ns, "k8s-gitops")["status"].clone();
        assert_eq!((&status["currentRunners"], &status["runningEphemeralRunners"]), (&json!(1), &json!(1)));
        bench.world.put(Cause::service("github", Wrong::Down));
        let mut own = bench.get(WATCHES[0], ns, "k8s-gitops");
        own["metadata"] = json!({ "name": "late", "namespace": ns });
        bench.create(&own);
        bench.pass(30);
        let sets =
            || bench.cluster.world().store.list(SETS, ns).filter(|(place, _)| place.name.starts_with("late-")).count();
        assert_eq!(sets(), 0, "nobody registers");
        bench.world.lift(&Cause::service("github", Wrong::Down));
        bench.pass(30);
        assert_eq!(
            bench.cluster.world().store.list(SETS, ns).filter(|(place, _)| place.name.starts_with("late-")).count(),
            1
        );
    }
}

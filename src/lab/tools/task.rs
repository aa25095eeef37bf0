//! `task`: the tasks of the platform's repository that bootstrap clusters, phase by phase.
//!
//! A phase is over when what it makes is there and works; it fails when that does not come to pass in time, as
//! `kubectl wait` in a real one would.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Bench, Call, Say, act};
use crate::lab::kube::cluster::Cluster;

/// How long a phase waits for what it has made.
const PATIENCE: Duration = Duration::from_secs(600);

/// The task that takes a cluster down.
const DESTROY: &str = "cluster:destroy";

/// The tasks, with what they say that they do and the stage that they lead to.
const TASKS: [(&str, &str, &str); 9] = [
    ("bootstrap:talos", "Phase -1: apply Talos machine configuration and bootstrap etcd", "api"),
    ("bootstrap:phase:-1", "Phase -1: apply Talos machine configuration and bootstrap etcd", "api"),
    ("bootstrap:phase:0", "Phase 0: install CustomResourceDefinitions", "crds"),
    ("bootstrap:phase:1", "Phase 1: create namespaces and first secrets", "crds"),
    ("bootstrap:phase:2", "Phase 2: install the core with helmfile", "core"),
    ("bootstrap:phase:3", "Phase 3: hand over to Flux", "complete"),
    (DESTROY, "Reset a cluster's machines: all that is on them is lost", "bare"),
    ("cluster:create-infra", "Bootstrap the cluster infra from bare machines", "complete"),
    ("cluster:create-apps", "Bootstrap the cluster apps from bare machines", "complete"),
];

pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let variable = |name: &str| call.args.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let plain: Vec<&String> = call.args.iter().filter(|word| !word.starts_with('-') && !word.contains('=')).collect();
    if plain.is_empty() || call.args.iter().any(|word| matches!(word.as_str(), "--list" | "-l" | "--list-all")) {
        say.out("task: Available tasks for this project:\n");
        say.out(TASKS.iter().map(|(name, about, _)| format!("* {name:<24} {about}\n")).collect::<String>());
        return 0;
    }
    for name in plain {
        let bare = name.trim_start_matches(':');
        let Some((_, about, stage_name)) = TASKS.iter().find(|(known, ..)| *known == bare) else {
            say.err(format!("task: Task {name:?} does not exist\n"));
            return 200;
        };
        let cluster =
            bare.strip_prefix("cluster:create-").or_else(|| variable("CLUSTER")).or_else(|| variable("CONTEXT"));
        let Some(cluster) = cluster else {
            say.err(format!("task: Task {bare:?} cancelled because it is missing required variables: CLUSTER\n"));
            return 209;
        };
        if call.args.iter().any(|word| matches!(word.as_str(), "--dry" | "-n")) {
            say.err(format!("task: [{bare}] {about} ({cluster})\n"));
            continue;
        }
        say.err(format!("task: [{bare}] {about} ({cluster})\n"));
        let code = if bare == DESTROY {
            super::teardown::whole(bench, cluster, say)
        } else {
            stage(bench, cluster, stage_name, say).await
        };
        if code != 0 {
            say.err(format!("task: Failed to run task {bare:?}: exit status {code}\n"));
            return 201;
        }
    }
    0
}

/// Brings a cluster to a stage, and waits until all of it holds.
pub(super) async fn stage(bench: &Bench, name: &str, stage: &str, say: &Say) -> i32 {
    let cluster = match bench.cluster(Some(name)) {
        Ok(cluster) => cluster,
        Err(why) => {
            say.err(format!("error: {why}\n"));
            return 1;
        }
    };
    if let Err(why) = bench.services.world.advance(name, stage) {
        say.err(format!("error: {}\n", why.message));
        return 1;
    }
    let order = ["api", "crds", "core", "complete"];
    for one in order.iter().take_while(|one| **one != stage).chain([&stage]) {
        let reached = || bench.services.world.reached(name, one);
        let missing = || {
            if reached() { missing(cluster, one) } else { vec![format!("{name}: it has not come to the stage {one}")] }
        };
        if !act::until(cluster, PATIENCE, || missing().is_empty()).await {
            say.err(
                missing()
                    .iter()
                    .map(|line| format!("error: timed out waiting for the condition on {line}\n"))
                    .collect::<String>(),
            );
            return 1;
        }
        say.out(done(cluster, one));
    }
    0
}

/// What is not there yet, or does not work, of a stage.
fn missing(cluster: &Arc<Cluster>, stage: &str) -> Vec<String> {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_string();
    let holds = |object: &Value, kind: &str| act::condition(object, kind).is_some_and(|(status, ..)| status == "True");
    let mut out = Vec::new();
    match stage {
        "api" => {
            if act::list(cluster, "nodes", None).is_empty() {
                out.push("nodes: none has registered".into());
            }
        }
        "crds" => {
            let all = act::list(cluster, "customresourcedefinitions.apiextensions.k8s.io", None);
            if all.is_empty() {
                out.push("customresourcedefinitions: there are none".into());
            }
            out.extend(
                all.iter()
                    .filter(|one| !holds(one, "Established"))
                    .map(|one| format!("customresourcedefinitions/{}", name(one))),
            );
        }
        "core" => {
            let nodes = act::list(cluster, "nodes", None);
            out.extend(nodes.iter().filter(|one| !holds(one, "Ready")).map(|one| format!("nodes/{}", name(one))));
            for space in ["kube-system", "flux-system", "cert-manager", "external-secrets"] {
                let all = act::list(cluster, "deployments.apps", Some(space));
                let short = |one: &&Value| {
                    one["status"]["readyReplicas"].as_i64().unwrap_or(0) < one["spec"]["replicas"].as_i64().unwrap_or(1)
                };
                out.extend(all.iter().filter(short).map(|one| format!("deployments/{} in {space}", name(one))));
            }
            match act::get(cluster, "daemonsets.apps", "kube-system", "cilium") {
                Some(set)
                    if set["status"]["numberReady"].as_i64() >= set["status"]["desiredNumberScheduled"].as_i64() => {}
                _ => out.push("daemonsets/cilium in kube-system".into()),
            }
        }
        _ => {
            let all = act::list(cluster, "kustomizations.kustomize.toolkit.fluxcd.io", None);
            out.extend(
                all.iter().filter(|one| !holds(one, "Ready")).map(|one| format!("kustomizations/{}", name(one))),
            );
        }
    }
    out
}

/// What a stage that is reached prints.
fn done(cluster: &Arc<Cluster>, stage: &str) -> String {
    let list = |resource: &str, word: &str| {
        let all = act::list(cluster, resource, None);
        all.iter()
            .map(|one| {
                format!(
                    "{}/{} {word}\n",
                    resource.split('.').next().unwrap_or_default().trim_end_matches('s'),
                    one["metadata"]["name"].as_str().unwrap_or_default()
                )
            })
            .collect::<String>()
    };
    match stage {
        "api" => list("nodes", "registered") + "kubeconfig exported\n",
        "crds" => list("customresourcedefinitions.apiextensions.k8s.io", "condition met"),
        "core" => list("nodes", "condition met"),
        _ => list("kustomizations.kustomize.toolkit.fluxcd.io", "condition met"),
    }
}

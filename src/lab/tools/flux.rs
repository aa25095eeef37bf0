//! `flux`: check, get, reconcile, suspend, resume, build, events, version.
//!
//! Source: fluxcd.io/flux/cmd.

mod kinds;
mod print;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::words::Words;
use super::{Bench, Call, Say, act, kustomize, not_simulated};
use crate::lab::kube::cluster::Cluster;
use kinds::Kind;

/// Flags with a value.
const VALUED: [&str; 14] = [
    "context",
    "n",
    "namespace",
    "timeout",
    "path",
    "for",
    "status-selector",
    "label-selector",
    "l",
    "kubeconfig",
    "kustomization-file",
    "patch",
    "components",
    "interval",
];

pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    if words.value(&["patch"]).is_some() {
        say.err("✗ unknown flag: --patch\n");
        return 1;
    }
    let cluster = match bench.cluster(words.value(&["context"])) {
        Ok(cluster) => cluster,
        Err(why) => {
            say.err(format!("✗ {why}\n"));
            return 1;
        }
    };
    match words.plain().as_slice() {
        ["check"] => check(cluster, &words, say),
        ["version"] => version(cluster, say),
        ["get", what @ ..] => get(cluster, &words, what, say).await,
        ["reconcile", what @ ..] => reconcile(bench, cluster, &words, what, say).await,
        ["suspend", what @ ..] => suspend(cluster, &words, what, true, say).await,
        ["resume", what @ ..] => suspend(cluster, &words, what, false, say).await,
        ["build", "kustomization" | "ks", name] => build(cluster, call, &words, name, say),
        ["events"] => events(cluster, &words, say),
        _ => not_simulated(say, call),
    }
}

/// The namespace that is meant; none for all.
fn namespace(words: &Words) -> Option<&str> {
    if words.has(&["A", "all-namespaces"]) {
        return None;
    }
    Some(words.value(&["n", "namespace"]).unwrap_or("flux-system"))
}

fn limit(words: &Words) -> Duration {
    let asked = words.value(&["timeout"]).and_then(crate::config::units::duration);
    asked.unwrap_or(Duration::from_secs(300))
}

/// The controllers of a cluster: their Deployments, with image and whether they are ready.
fn controllers(cluster: &Cluster) -> Vec<(String, String, bool)> {
    let all = act::list(cluster, "deployments.apps", Some("flux-system"));
    let own =
        all.iter().filter(|one| one["metadata"]["name"].as_str().is_some_and(|name| name.ends_with("-controller")));
    own.map(|one| {
        let text = |pointer: &str| one.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
        let wanted = one["spec"]["replicas"].as_i64().unwrap_or(1);
        let ready = one["status"]["readyReplicas"].as_i64().unwrap_or(0) >= wanted;
        (text("/metadata/name"), text("/spec/template/spec/containers/0/image"), ready)
    })
    .collect()
}

fn check(cluster: &Cluster, words: &Words, say: &Say) -> i32 {
    say.out("► checking prerequisites\n");
    say.out("✔ Kubernetes 1.34.1 >=1.32.0-0\n");
    if words.has(&["pre"]) {
        say.out("✔ prerequisites checks passed\n");
        return 0;
    }
    let controllers = controllers(cluster);
    if controllers.is_empty() {
        say.err("✗ no controllers found in the 'flux-system' namespace with the label selector 'app.kubernetes.io/part-of=flux'\n");
        return 1;
    }
    say.out("► checking controllers\n");
    for (name, image, ready) in &controllers {
        if *ready {
            say.out(format!("✔ {name}: deployment ready\n► {image}\n"));
        } else {
            say.err(format!("✗ {name}: deployment not ready\n"));
        }
    }
    say.out("► checking crds\n");
    for kind in &kinds::ALL {
        let name = kind.resource.to_string();
        match act::get(cluster, "customresourcedefinitions.apiextensions.k8s.io", "", &name) {
            Some(_) => say.out(format!("✔ {name}/{}\n", kind.version)),
            None => say.err(format!("✗ {name}: not found\n")),
        }
    }
    if controllers.iter().all(|(.., ready)| *ready) {
        say.out("✔ all checks passed\n");
        0
    } else {
        say.err("✗ check failed\n");
        1
    }
}

fn version(cluster: &Cluster, say: &Say) -> i32 {
    say.out("flux: v2.7.0\n");
    let mut lines: Vec<String> = controllers(cluster)
        .into_iter()
        .filter_map(|(name, image, _)| Some(format!("{name}: {}\n", image.rsplit_once(':')?.1)))
        .collect();
    lines.sort();
    say.out(lines.concat());
    0
}

async fn get(cluster: &Arc<Cluster>, words: &Words, what: &[&str], say: &Say) -> i32 {
    let (kinds, name) = match what {
        ["all"] => (kinds::ALL.iter().collect::<Vec<_>>(), None),
        ["sources" | "source", "all"] => (kinds::ALL.iter().filter(|kind| kind.source).collect(), None),
        ["sources" | "source", kind, name @ ..] => (kinds::source(kind).into_iter().collect(), name.first()),
        [kind, name @ ..] => (kinds::named(kind).into_iter().collect(), name.first()),
        [] => (Vec::new(), None),
    };
    if kinds.is_empty() {
        say.err(format!("✗ unknown command {:?} for \"flux get\"\n", what.join(" ")));
        return 1;
    }
    let space = namespace(words);
    let shown = |head: bool| -> (String, usize) {
        let mut text = String::new();
        let mut count = 0;
        for kind in &kinds {
            let mut all = act::list(cluster, kind.resource, space);
            all.retain(|one| name.is_none_or(|name| one["metadata"]["name"] == *name) && print::selected(one, words));
            count += all.len();
            if !all.is_empty() {
                text.push_str(&print::table(
                    kind,
                    &all,
                    space.is_none(),
                    head && !words.has(&["no-header"]),
                    kinds.len() > 1,
                ));
            }
        }
        (text, count)
    };
    let (text, count) = shown(true);
    if count == 0 {
        if let (Some(name), Some(kind)) = (name, kinds.first()) {
            say.err(format!(
                "✗ {} object '{name}' not found in {:?} namespace\n",
                kind.kind,
                space.unwrap_or_default()
            ));
            return 1;
        }
        let where_ = space.map_or("any namespace".to_string(), |space| format!("{space:?} namespace"));
        say.err(format!("✗ no {} objects found in {where_}\n", kinds.first().map_or("", |kind| kind.kind)));
        return if kinds.len() > 1 { 0 } else { 1 };
    }
    say.out(&*text);
    if !words.has(&["watch", "w"]) {
        return 0;
    }
    let (mut last, mut changes) = (text, cluster.listen());
    loop {
        changes.mark_unchanged();
        let (now, _) = shown(true);
        let known: Vec<&str> = last.lines().collect();
        say.out(now.lines().filter(|line| !known.contains(line)).map(|line| format!("{line}\n")).collect::<String>());
        last = now;
        if changes.changed().await.is_err() {
            return 0;
        }
    }
}

/// The object of a command such as `reconcile kustomization apps`.
fn object<'k>(cluster: &Cluster, words: &Words, what: &[&str], say: &Say) -> Option<(&'k Kind, Value)> {
    let (kind, name) = match what {
        ["source" | "sources", kind, name] => (kinds::source(kind), *name),
        [kind, name] => (kinds::named(kind), *name),
        _ => {
            say.err("✗ name argument is required\n");
            return None;
        }
    };
    let Some(kind) = kind else {
        say.err(format!("✗ unknown command {:?}\n", what.join(" ")));
        return None;
    };
    let space = words.value(&["n", "namespace"]).unwrap_or("flux-system");
    let found = act::get(cluster, kind.resource, space, name);
    if found.is_none() {
        say.err(format!("✗ {} \"{name}\" not found\n", kind.resource));
    }
    found.map(|object| (kind, object))
}

async fn reconcile(bench: &Bench, cluster: &Arc<Cluster>, words: &Words, what: &[&str], say: &Say) -> i32 {
    hand_over(bench, cluster, words, what.last().copied().unwrap_or_default()).await;
    let Some((kind, object)) = object(cluster, words, what, say) else { return 1 };
    if words.has(&["with-source"]) {
        let reference = if object["spec"]["sourceRef"].is_object() {
            &object["spec"]["sourceRef"]
        } else {
            &object["spec"]["chartRef"]
        };
        let source = reference["kind"].as_str().and_then(kinds::of_kind);
        let space =
            reference["namespace"].as_str().or_else(|| object["metadata"]["namespace"].as_str()).unwrap_or_default();
        let name = reference["name"].as_str().unwrap_or_default();
        let found = source.and_then(|kind| Some((kind, act::get(cluster, kind.resource, space, name)?)));
        let Some((kind, source)) = found else {
            say.err(format!("✗ source {name:?} not found\n"));
            return 1;
        };
        let code = once(cluster, words, kind, &source, say).await;
        if code != 0 {
            return code;
        }
    }
    once(cluster, words, kind, &object, say).await
}

/// A cluster whose core stands is handed over to Flux by the first reconciliation of what it is to have: it is built up, as
/// far as the entry says.
async fn hand_over(bench: &Bench, cluster: &Arc<Cluster>, words: &Words, name: &str) {
    let world = &bench.services.world;
    let stage = match name {
        name if name.starts_with("cluster-") && name.ends_with("-infrastructure") => "storage",
        name if name.starts_with("cluster-") && name.ends_with("-workloads") => "workloads",
        _ => return,
    };
    if world.reached(&cluster.name, "core") && world.advance(&cluster.name, stage).is_ok() {
        act::until(cluster, limit(words), || world.reached(&cluster.name, stage)).await;
    }
}

/// Asks for one reconciliation, and waits for its end.
async fn once(cluster: &Arc<Cluster>, words: &Words, kind: &Kind, object: &Value, say: &Say) -> i32 {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_string();
    let (space, name) = (text("namespace"), text("name"));
    if object["spec"]["suspend"] == true {
        say.err("✗ resource is suspended\n");
        return 1;
    }
    say.out(format!("► annotating {} {name} in {space} namespace\n", kind.kind));
    let at = cluster.clock.now().to_string();
    let patch = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": at } } });
    if let Err(why) = act::patch(cluster, object, "flux", &patch) {
        say.err(format!("✗ {why}\n"));
        return 1;
    }
    say.out(format!("✔ {} annotated\n◎ waiting for {} reconciliation\n", kind.kind, kind.kind));
    let now = || act::get(cluster, kind.resource, &space, &name);
    let done = || {
        now().is_none_or(|one| {
            one["status"]["lastHandledReconcileAt"] == at.as_str()
                && act::condition(&one, "Ready")
                    .is_some_and(|(status, reason, _)| status != "Unknown" && reason != "Progressing")
        })
    };
    if !act::until(cluster, limit(words), done).await {
        say.err("✗ timed out waiting for the condition\n");
        return 1;
    }
    let Some(one) = now() else {
        say.err(format!("✗ {} \"{name}\" not found\n", kind.resource));
        return 1;
    };
    match act::condition(&one, "Ready") {
        Some(("True", _, message)) => {
            say.out(format!("✔ {}\n", print::applied(kind, &one, message)));
            0
        }
        Some((_, _, message)) => {
            say.err(format!("✗ {} reconciliation failed: '{message}'\n", kind.kind));
            1
        }
        None => {
            say.err(format!("✗ {} reconciliation failed\n", kind.kind));
            1
        }
    }
}

async fn suspend(cluster: &Arc<Cluster>, words: &Words, what: &[&str], on: bool, say: &Say) -> i32 {
    let all: Vec<(&Kind, Value)> = if words.has(&["all"]) {
        let kind = what.first().and_then(|kind| kinds::named(kind));
        kind.into_iter()
            .flat_map(|kind| {
                act::list(cluster, kind.resource, namespace(words)).into_iter().map(move |one| (kind, one))
            })
            .collect()
    } else {
        object(cluster, words, what, say).into_iter().collect()
    };
    if all.is_empty() {
        return 1;
    }
    for (kind, one) in &all {
        let text = |key: &str| one["metadata"][key].as_str().unwrap_or_default();
        let word = if on { "suspending" } else { "resuming" };
        say.out(format!("► {word} {} {} in {} namespace\n", kind.kind, text("name"), text("namespace")));
        if let Err(why) = act::patch(cluster, one, "flux", &json!({ "spec": { "suspend": on } })) {
            say.err(format!("✗ {why}\n"));
            return 1;
        }
        say.out(format!("✔ {} {}\n", kind.kind, if on { "suspended" } else { "resumed" }));
    }
    if on {
        return 0;
    }
    for (kind, one) in &all {
        let Some(one) = act::get(
            cluster,
            kind.resource,
            one["metadata"]["namespace"].as_str().unwrap_or_default(),
            one["metadata"]["name"].as_str().unwrap_or_default(),
        ) else {
            continue;
        };
        let code = once(cluster, words, kind, &one, say).await;
        if code != 0 {
            return code;
        }
    }
    0
}

/// What a Kustomization's folder builds, with its variables in place.
fn build(cluster: &Cluster, call: &Call, words: &Words, name: &str, say: &Say) -> i32 {
    let Some(path) = words.value(&["path"]) else {
        say.err("✗ invalid resource path \"\"\n");
        return 1;
    };
    let folder = Path::new(&call.dir).join(path);
    if !folder.is_dir() {
        say.err(format!("✗ invalid resource path {path:?}\n"));
        return 1;
    }
    let built = match kustomize::build(&folder) {
        Ok(built) => built,
        Err(why) => {
            say.err(format!("✗ failed to build kustomization: {why}\n"));
            return 1;
        }
    };
    // Variables come from what the Kustomization of the cluster names, or of the file that is given.
    let own = act::get(
        cluster,
        "kustomizations.kustomize.toolkit.fluxcd.io",
        words.value(&["n", "namespace"]).unwrap_or("flux-system"),
        name,
    );
    let mut variables: Vec<(String, String)> = Vec::new();
    for source in
        own.iter().flat_map(|one| one["spec"]["postBuild"]["substituteFrom"].as_array().cloned().unwrap_or_default())
    {
        let map = act::get(cluster, "configmaps", "flux-system", source["name"].as_str().unwrap_or_default());
        let fields = map.as_ref().and_then(|map| map["data"].as_object()).into_iter().flatten();
        variables.extend(fields.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_string())));
    }
    say.out(built.iter().map(|one| format!("---\n{}", print::substituted(one, &variables))).collect::<String>());
    0
}

fn events(cluster: &Cluster, words: &Words, say: &Say) -> i32 {
    let space = namespace(words);
    let wanted = words.value(&["for"]).and_then(|text| text.split_once('/'));
    if let Some((kind, name)) = wanted {
        let there = kinds::named(&kind.to_lowercase())
            .and_then(|kind| act::get(cluster, kind.resource, space.unwrap_or("flux-system"), name));
        if there.is_none() {
            say.err(format!("✗ {kind} {name:?} not found\n"));
            return 1;
        }
    }
    let mut all = act::list(cluster, "events", space);
    all.retain(|event| {
        let about = &event["involvedObject"];
        let flux = about["apiVersion"].as_str().is_some_and(|version| version.contains("toolkit.fluxcd.io"));
        flux && wanted.is_none_or(|(kind, name)| {
            about["name"] == name && about["kind"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(kind))
        })
    });
    if all.is_empty() {
        let about = wanted.map(|(kind, name)| format!(" for {kind} {name}")).unwrap_or_default();
        say.out(format!("No events found{about} in {} namespace.\n", space.unwrap_or("any")));
        return 0;
    }
    say.out(print::events(&all, cluster.clock.now()));
    0
}

//! helm-controller: HelmReleases install and upgrade their charts, wait for what these run, and keep a history.
//!
//! Messages and reasons: github.com/fluxcd/helm-controller `internal/reconcile`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Operator;
use super::super::site::{Site, after, go, is};
use super::health::{self, Health};
use super::release_source::{Chart, chart, config};
use super::{Condition, conditions, every, handled, observed, ready, requested};
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::hex;
use crate::lab::world::{Cause, objects};

pub(super) const WATCHES: &[&str] = &[
    "helmreleases.helm.toolkit.fluxcd.io",
    "ocirepositories.source.toolkit.fluxcd.io",
    "helmcharts.source.toolkit.fluxcd.io",
    "helmrepositories.source.toolkit.fluxcd.io",
    "configmaps",
    "secrets",
];

const RESOURCE: &str = WATCHES[0];
/// How long it waits for a dependency or a source.
pub(super) const DEPENDENCY: Duration = Duration::from_secs(30);
/// What the quickest upgrade takes: hooks, manifests, and pods that are replaced.
const WORK: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_secs(5);
const COMPONENT: &str = "helm-controller";

/// Why nothing can be done: reason, message, and when it is tried again.
pub(super) type Stop = (&'static str, String, Duration);

/// An action under way.
#[derive(Debug, Clone)]
struct Run {
    began: Timestamp,
    generation: Value,
    action: &'static str,
}

/// The controller.
#[derive(Debug, Default)]
pub(super) struct Releases {
    runs: BTreeMap<String, Run>,
    /// When one that failed is tried again, by uid, and the generation that failed.
    again: BTreeMap<String, (Timestamp, Value)>,
}

impl Operator for Releases {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(RESOURCE, "") {
            let mut object = stored.value.clone();
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            if !object["metadata"]["deletionTimestamp"].is_null() {
                uninstall(site, &place, object);
                continue;
            }
            if object["spec"]["suspend"] == true {
                self.runs.remove(&uid);
                continue;
            }
            if let Err((reason, message, span)) = self.step(site, &uid, &mut object) {
                self.prerequisite(site, &uid, &mut object, reason, &message, span);
            }
            site.put(&place, object);
        }
    }
}

impl Releases {
    /// Brings a release one step on, or says what stands against it.
    fn step(&mut self, site: &mut Site<'_>, uid: &str, object: &mut Value) -> Result<(), Stop> {
        if let Some(run) = self.runs.get(uid).cloned() {
            if run.generation == object["metadata"]["generation"] {
                self.go_on(site, uid, &run, object);
                return Ok(());
            }
            self.runs.remove(uid);
        }
        let generation = object["metadata"]["generation"].clone();
        let (asked, waiting) = (requested(object).is_some(), self.again.get(uid).cloned());
        if let Some((at, failed)) = &waiting {
            if !asked && *failed == generation && *at > site.now {
                site.at(*at);
                return Ok(());
            }
        }
        dependencies(site, object)?;
        let chart = chart(site, object)?;
        let config = config(site, object)?;
        self.again.remove(uid);
        let annotations = object["metadata"]["annotations"].clone();
        let annotation = |name: &str| annotations[name].clone();
        let handled_at = object["status"].clone();
        let wish = |name: &str, status: &str| {
            let at = annotation(name);
            let token = annotation(super::REQUESTED);
            !at.is_null() && at == token && handled_at[status] != at
        };
        let (forced, reset) = (
            wish("reconcile.fluxcd.io/forceAt", "lastHandledForceAt"),
            wish("reconcile.fluxcd.io/resetAt", "lastHandledResetAt"),
        );
        for (name, status, yes) in [
            ("reconcile.fluxcd.io/forceAt", "lastHandledForceAt", forced),
            ("reconcile.fluxcd.io/resetAt", "lastHandledResetAt", reset),
        ] {
            if yes {
                object["status"][status] = annotation(name);
            }
        }
        if reset || !observed(object) {
            for key in ["failures", "installFailures", "upgradeFailures"] {
                object["status"].as_object_mut().map(|status| status.remove(key));
            }
        }
        let newest = &object["status"]["history"][0];
        let deployed = newest["status"] == "deployed";
        let same = newest["chartVersion"] == chart.version.as_str() && newest["configDigest"] == config.as_str();
        if deployed && same && !forced {
            // What is in order stays as it is; it is only seen.
            if !is(object, "Ready") {
                let message = released(object, "upgrade");
                ready(object, "True", "UpgradeSucceeded", &message, &site.stamp());
            }
            settled(object);
            handled(object);
            return Ok(());
        }
        let failures = object["status"]["failures"].as_u64().unwrap_or(0);
        if failures > 0 && !forced && exceeded(object, failures, deployed || !newest.is_null()) {
            handled(object);
            return Ok(());
        }
        let action = if newest.is_null() || newest["version"].is_null() { "install" } else { "upgrade" };
        let message = format!("Running '{action}' action with timeout of {}", go(timeout(object, action)));
        let stamp = site.stamp();
        conditions::clear(object, "Stalled");
        Condition::new("Reconciling", "True", "Progressing", &message).set(object, &stamp);
        ready(object, "Unknown", "Progressing", &message, &stamp);
        if object["status"]["observedGeneration"].is_null() {
            object["status"]["observedGeneration"] = (-1).into();
        }
        self.runs.insert(uid.to_owned(), Run { began: site.now, generation, action });
        site.again(WORK.min(timeout(object, action)));
        Ok(())
    }

    /// Looks whether an action is done: its time is up, or what it runs is as it should be.
    fn go_on(&mut self, site: &mut Site<'_>, uid: &str, run: &Run, object: &mut Value) {
        let timeout = timeout(object, run.action);
        let (done, over) = (after(run.began, WORK), after(run.began, timeout));
        if site.now < done.min(over) {
            site.at(done.min(over));
            return;
        }
        let (Ok(chart), Ok(config)) = (chart(site, object), config(site, object)) else {
            self.runs.remove(uid);
            return;
        };
        make(site, object);
        let broken = site.world.has(&Cause::Chart { release: full_name(object) });
        let waits = object["spec"][run.action]["disableWait"] != true;
        let ill = waits && !workloads(site, object).iter().all(|one| health::judge(one) == Health::Current);
        if !broken && ill && site.now < over {
            site.again(POLL);
            site.at(over);
            return;
        }
        self.runs.remove(uid);
        if broken || ill || over < done {
            let why = if broken {
                let (_, name) = target(object);
                format!(
                    "post-{} hooks failed: 1 error occurred:\n\t* job {name}-hook failed: BackoffLimitExceeded",
                    run.action
                )
            } else {
                "context deadline exceeded".into()
            };
            self.failed(site, uid, run, object, &chart, &config, &why);
            return;
        }
        let stamp = site.stamp();
        record(object, &chart, &config, "deployed", &stamp);
        let reason = if run.action == "install" { "InstallSucceeded" } else { "UpgradeSucceeded" };
        let message = released(object, run.action);
        Condition::new("Released", "True", reason, &message).set(object, &stamp);
        ready(object, "True", reason, &message, &stamp);
        for key in ["failures", "installFailures", "upgradeFailures"] {
            object["status"].as_object_mut().map(|status| status.remove(key));
        }
        settled(object);
        handled(object);
        let of = object.clone();
        site.event(&of, false, reason, &message, COMPONENT);
    }

    #[allow(clippy::too_many_arguments)]
    fn failed(
        &mut self,
        site: &mut Site<'_>,
        uid: &str,
        run: &Run,
        object: &mut Value,
        chart: &Chart,
        config: &str,
        why: &str,
    ) {
        let stamp = site.stamp();
        let (namespace, name) = target(object);
        let (reason, count) = if run.action == "install" {
            ("InstallFailed", "installFailures")
        } else {
            ("UpgradeFailed", "upgradeFailures")
        };
        let message = format!(
            "Helm {} failed for release {namespace}/{name} with chart {}@{}: {why}",
            run.action, chart.name, chart.version
        );
        record(object, chart, config, "failed", &stamp);
        Condition::new("Released", "False", reason, &message).set(object, &stamp);
        ready(object, "False", reason, &message, &stamp);
        for key in ["failures", count] {
            object["status"][key] = (object["status"][key].as_u64().unwrap_or(0) + 1).into();
        }
        object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        handled(object);
        let of = object.clone();
        site.event(&of, true, reason, &message, COMPONENT);
        let failures = object["status"]["failures"].as_u64().unwrap_or(1);
        let retries = retries(object, run.action);
        if retries >= 0 && failures > retries.unsigned_abs() {
            let told = format!("Failed to {} after {failures} attempt(s)", run.action);
            conditions::clear(object, "Reconciling");
            Condition::new("Stalled", "True", "RetriesExceeded", &told).set(object, &stamp);
            self.again.insert(uid.to_owned(), (Timestamp::MAX, run.generation.clone()));
        } else {
            let again = after(
                site.now,
                every(&object["spec"]["interval"], Duration::from_secs(600)).min(Duration::from_secs(60)),
            );
            self.again.insert(uid.to_owned(), (again, run.generation.clone()));
            site.at(again);
        }
    }

    /// Notes what stands against a release.
    fn prerequisite(
        &mut self,
        site: &mut Site<'_>,
        uid: &str,
        object: &mut Value,
        reason: &'static str,
        message: &str,
        span: Duration,
    ) {
        let stamp = site.stamp();
        if conditions::text(object, "Ready", "message") != message {
            let of = object.clone();
            site.event(&of, reason != "DependencyNotReady", reason, message, COMPONENT);
        }
        ready(object, "False", reason, message, &stamp);
        Condition::new("Reconciling", "True", "ProgressingWithRetry", message).set(object, &stamp);
        if object["status"]["observedGeneration"].is_null() {
            object["status"]["observedGeneration"] = (-1).into();
        }
        handled(object);
        let again = after(site.now, span);
        // A source or a dependency that changes is seen at once; this is for what nobody tells.
        self.again.remove(uid);
        site.at(again);
    }
}

fn settled(object: &mut Value) {
    conditions::clear(object, "Reconciling");
    conditions::clear(object, "Stalled");
    object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
}

/// Whether it has failed as often as it may.
fn exceeded(object: &Value, failures: u64, installed: bool) -> bool {
    let retries = retries(object, if installed { "upgrade" } else { "install" });
    observed(object) && retries >= 0 && failures > retries.unsigned_abs()
}

fn retries(object: &Value, action: &str) -> i64 {
    object["spec"][action]["remediation"]["retries"].as_i64().unwrap_or(0)
}

fn timeout(object: &Value, action: &str) -> Duration {
    every(&object["spec"][action]["timeout"], every(&object["spec"]["timeout"], Duration::from_secs(300)))
}

/// Namespace and name of the release.
pub(super) fn target(object: &Value) -> (String, String) {
    let own = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    let spec = |key: &str| object["spec"][key].as_str();
    let namespace = spec("targetNamespace").unwrap_or(own("namespace"));
    let name = spec("releaseName").map_or_else(
        || spec("targetNamespace").map_or(own("name").to_owned(), |target| format!("{target}-{}", own("name"))),
        String::from,
    );
    (namespace.to_owned(), name)
}

fn full_name(object: &Value) -> String {
    let own = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}", own("namespace"), own("name"))
}

/// `Helm upgrade succeeded for release ns/name.v2 with chart name@1.0.0`
fn released(object: &Value, action: &str) -> String {
    let newest = &object["status"]["history"][0];
    let text = |key: &str| newest[key].as_str().unwrap_or_default();
    let action = if newest["version"] == 1 { "install" } else { action };
    format!(
        "Helm {action} succeeded for release {}/{}.v{} with chart {}@{}",
        text("namespace"),
        text("name"),
        newest["version"],
        text("chartName"),
        text("chartVersion")
    )
}

/// Puts a release at the head of the history.
fn record(object: &mut Value, chart: &Chart, config: &str, status: &str, stamp: &str) {
    let (namespace, name) = target(object);
    let mut history = object["status"]["history"].as_array().cloned().unwrap_or_default();
    let last = history.first().and_then(|one| one["version"].as_u64()).unwrap_or(0);
    for old in history.iter_mut().filter(|old| old["status"] == "deployed" && status == "deployed") {
        old["status"] = "superseded".into();
    }
    let first = history.last().map_or_else(|| stamp.into(), |one| one["firstDeployed"].clone());
    let version = (last + 1).to_string();
    history.insert(
        0,
        json!({
            "name": name, "namespace": namespace, "version": last + 1, "status": status, "chartName": chart.name,
            "chartVersion": chart.version, "appVersion": chart.version.trim_start_matches('v'), "configDigest": config,
            "digest": format!("sha256:{}", hex(&[&namespace, &name, &version, config], 64)), "firstDeployed": first,
            "lastDeployed": stamp, "deleted": null,
        }),
    );
    history.truncate(3);
    let generation = object["metadata"]["generation"].clone();
    let status = &mut object["status"];
    status["history"] = history.into();
    status["lastAttemptedConfigDigest"] = config.into();
    status["lastAttemptedGeneration"] = generation;
    status["lastAttemptedRevision"] = chart.version.as_str().into();
    status["lastAttemptedReleaseAction"] = if last == 0 { "install" } else { "upgrade" }.into();
    if let Some(digest) = &chart.digest {
        status["lastAttemptedRevisionDigest"] = digest.as_str().into();
    }
    status["storageNamespace"] = namespace.into();
}

/// What a release runs.
fn workloads(site: &Site<'_>, object: &Value) -> Vec<Value> {
    let (namespace, name) = target(object);
    let own = |one: &Value| {
        let labels = &one["metadata"]["labels"];
        labels["app.kubernetes.io/managed-by"] == "Helm" && labels["app.kubernetes.io/instance"] == name.as_str()
    };
    let kinds = ["deployments.apps", "statefulsets.apps", "daemonsets.apps"];
    let all = kinds.iter().flat_map(|kind| site.all(kind, &namespace));
    all.filter(|(_, stored)| own(&stored.value)).map(|(_, stored)| stored.value.clone()).collect()
}

/// Makes what a release runs and is missing, as the topology has it.
fn make(site: &mut Site<'_>, object: &Value) {
    let (namespace, name) = target(object);
    let Some(cluster) = site.topology() else { return };
    let mine = |one: &&crate::lab::world::topology::Workload| {
        one.release.as_deref() == Some(&name) && *one.namespace.get_ref() == namespace
    };
    let there = workloads(site, object).len();
    if cluster.workloads.iter().filter(mine).count() <= there {
        return;
    }
    for one in objects::all(&site.world.topology, site.cluster, site.now) {
        let own = one["metadata"]["labels"]["app.kubernetes.io/instance"] == name.as_str()
            && one["metadata"]["namespace"] == namespace.as_str();
        if own && matches!(one["kind"].as_str(), Some("Deployment" | "StatefulSet" | "DaemonSet")) {
            let mut one = one;
            one["status"] = json!({});
            site.create(&one);
        }
    }
}

fn dependencies(site: &Site<'_>, object: &Value) -> Result<(), Stop> {
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let wrong = |why: String| Err(("DependencyNotReady", why, DEPENDENCY));
    for one in object["spec"]["dependsOn"].as_array().into_iter().flatten() {
        let (name, namespace) = (one["name"].as_str().unwrap_or_default(), one["namespace"].as_str().unwrap_or(own));
        match site.get(RESOURCE, namespace, name) {
            None => {
                return wrong(format!(
                    "unable to get '{namespace}/{name}' dependency: helmreleases.helm.toolkit.fluxcd.io \"{name}\" not found"
                ));
            }
            Some(other) if !observed(&other.value) || !is(&other.value, "Ready") => {
                return wrong(format!("dependency '{namespace}/{name}' is not ready"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// A release that is deleted takes along what it ran.
fn uninstall(site: &mut Site<'_>, place: &Place, mut object: Value) {
    if object["spec"]["suspend"] != true {
        for one in workloads(site, &object) {
            let text = |key: &str| one["metadata"][key].as_str().unwrap_or_default().to_owned();
            let resource = format!("{}s.apps", one["kind"].as_str().unwrap_or_default().to_lowercase());
            site.delete(&Place::new(&resource, &text("namespace"), &text("name")));
        }
    }
    if let Some(all) = object["metadata"]["finalizers"].as_array_mut() {
        all.retain(|one| one != "finalizers.fluxcd.io");
    }
    if object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
        site.objects.store.remove(place);
        site.changed = true;
    } else {
        site.put(place, object);
    }
}

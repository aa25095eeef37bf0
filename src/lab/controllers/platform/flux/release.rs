//! helm-controller: HelmReleases install and upgrade their charts, wait for what these run, and keep a history.
//!
//! Messages and reasons: github.com/fluxcd/helm-controller `internal/reconcile`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::Operator;
use super::super::site::{Site, after, go, is};
use super::health::{self, Health};
use super::release_history::{exceeded, full_name, record, released, retries, target, timeout};
use super::release_objects::{dependencies, make, uninstall, workloads};
use super::release_source::{Chart, chart, config};
use super::{Condition, conditions, every, handled, observed, ready, requested};
use crate::lab::world::Cause;

pub(super) const WATCHES: &[&str] = &[
    "helmreleases.helm.toolkit.fluxcd.io",
    "ocirepositories.source.toolkit.fluxcd.io",
    "helmcharts.source.toolkit.fluxcd.io",
    "helmrepositories.source.toolkit.fluxcd.io",
    "configmaps",
    "secrets",
];

pub(super) const RESOURCE: &str = WATCHES[0];
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
        if let Some((at, failed)) = &waiting
            && !asked
            && *failed == generation
            && *at > site.now
        {
            site.at(*at);
            return Ok(());
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

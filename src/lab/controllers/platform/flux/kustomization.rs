//! kustomize-controller: Kustomizations are applied in the order of their dependencies, from what the repository has at
//! their path, and are ready when what they check is healthy.
//!
//! What differs in the cluster from what was applied counts as changed in the repository, too: missing objects are made
//! anew, others are left as they are. Messages and reasons: github.com/fluxcd/kustomize-controller `internal/controller`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Operator;
use super::super::site::{Site, after, go, is};
use super::super::upstream::{Item, Upstream};
use super::build::{Stop, build, dependencies, make, prune, retry_of, source};
use super::health::{self, Health};
use super::{Condition, Tried, conditions, every, fetched, handled, observed, ready, requested};
use crate::lab::kube::store::Place;
use crate::lab::world::cause::Flaw;

pub(super) const WATCHES: &[&str] = &[
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "gitrepositories.source.toolkit.fluxcd.io",
    "ocirepositories.source.toolkit.fluxcd.io",
    "configmaps",
    "secrets",
];

pub(super) const RESOURCE: &str = WATCHES[0];
/// What building and applying takes.
const WORK: Duration = Duration::from_secs(1);
/// How often health is looked at.
const POLL: Duration = Duration::from_secs(5);
const COMPONENT: &str = "kustomize-controller";

/// A reconciliation under way.
#[derive(Debug, Clone)]
struct Run {
    tried: Tried,
    /// Since when it waits for health.
    checks: Option<Timestamp>,
}

/// The controller.
#[derive(Debug)]
pub(super) struct Kustomizations {
    upstream: Arc<Upstream>,
    runs: BTreeMap<String, Run>,
    /// What was tried last, and when it is tried again, by uid.
    tried: BTreeMap<String, (Tried, Timestamp)>,
}

impl Kustomizations {
    pub(super) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, runs: BTreeMap::new(), tried: BTreeMap::new() }
    }

    /// Whether there is reason to begin, and with what revision.
    fn begins(&self, site: &mut Site<'_>, uid: &str, object: &Value) -> Option<Result<Tried, Stop>> {
        let revision = source(site, object);
        let tried = Tried {
            at: site.now,
            generation: object["metadata"]["generation"].clone(),
            revision: revision.as_ref().ok().cloned().unwrap_or_default(),
        };
        let asked = requested(object).is_some();
        if !asked {
            match self.tried.get(uid) {
                Some((last, again)) => {
                    let news = last.generation != tried.generation || last.revision != tried.revision;
                    if !news && *again > site.now {
                        site.at(*again);
                        return None;
                    }
                }
                // What is ready when the controller begins is tried again in its time.
                None if observed(object)
                    && is(object, "Ready")
                    && object["status"]["lastAppliedRevision"] == tried.revision =>
                {
                    let span = every(&object["spec"]["interval"], Duration::from_secs(600));
                    site.again(span);
                    return None;
                }
                None => {}
            }
        }
        Some(revision.and_then(|_| dependencies(site, object).map(|()| tried)))
    }

    /// Applies what was built; the inventory is what it has then.
    fn apply(&self, site: &mut Site<'_>, object: &mut Value, revision: &str) -> Result<Vec<Item>, Stop> {
        let items = match fetched::objects(site, object) {
            Some(objects) => fetched::apply(site, object, objects?)?,
            None => self.applied(site, object)?,
        };
        let entries: Vec<Value> =
            items.iter().map(|item| json!({ "id": item.id(), "v": item.version.rsplit('/').next() })).collect();
        let before = object["status"]["inventory"]["entries"].as_array().cloned().unwrap_or_default();
        if object["spec"]["prune"] == true {
            for gone in before.iter().filter(|entry| !entries.contains(entry)) {
                prune(site, gone);
            }
        }
        object["status"]["inventory"] = json!({ "entries": entries });
        object["status"]["lastAttemptedRevision"] = revision.into();
        Ok(items)
    }

    /// Applies what the platform's repository has at its path.
    fn applied(&self, site: &mut Site<'_>, object: &Value) -> Result<Vec<Item>, Stop> {
        let (folder, flaws) = build(site, &self.upstream, object)?;
        for flaw in flaws {
            if let Flaw::Field { object: of, field } = flaw {
                let why = format!(
                    "{of} dry-run failed: failed to create typed patch object ({}): {field}: field not declared in schema",
                    of.split_once('/').map_or(of.as_str(), |(_, place)| place)
                );
                return Err(Stop("ReconciliationFailed", why, retry_of(object)));
            }
        }
        for item in &folder.items {
            let named = json!({ "apiVersion": item.version, "kind": item.kind });
            if site.objects.kinds.of(&named).is_none() {
                let why = format!(
                    "{}/{}/{} dry-run failed: no matches for kind \"{}\" in version \"{}\"",
                    item.kind, item.namespace, item.name, item.kind, item.version
                );
                return Err(Stop("ReconciliationFailed", why, retry_of(object)));
            }
        }
        make(site, object, &folder.items);
        Ok(folder.items)
    }

    /// Brings one under way to its end, if it is time.
    fn finish(&mut self, site: &mut Site<'_>, uid: &str, mut run: Run, object: &mut Value) {
        let stamp = site.stamp();
        let applied = self.apply(site, object, &run.tried.revision);
        let items = match applied {
            Ok(items) => items,
            Err(stop) => return self.stop(site, uid, &run.tried, object, &stop),
        };
        let timeout = every(&object["spec"]["timeout"], every(&object["spec"]["interval"], Duration::from_secs(300)));
        let checked = checked(object, &items);
        if checked.is_empty() {
            conditions::clear(object, "Healthy");
        } else {
            let ill: Vec<(&Item, Health)> = checked
                .iter()
                .map(|item| (item, health::of(site, item)))
                .filter(|(_, health)| *health != Health::Current)
                .collect();
            let since = *run.checks.get_or_insert(site.now);
            let failed = ill.iter().any(|(_, health)| *health == Health::Failed);
            let over = after(since, timeout) <= site.now;
            if !ill.is_empty() && !failed && !over {
                let message = format!(
                    "Running health checks for revision {} with a timeout of {}",
                    run.tried.revision,
                    go(timeout)
                );
                Condition::new("Reconciling", "True", "Progressing", &message).set(object, &stamp);
                Condition::new("Healthy", "Unknown", "Progressing", &message).set(object, &stamp);
                site.again(POLL.min(timeout));
                site.at(after(since, timeout));
                self.runs.insert(uid.to_owned(), run);
                return;
            }
            if !ill.is_empty() {
                let told: Vec<String> = ill
                    .iter()
                    .map(|(item, health)| {
                        format!("{}/{}/{} status: '{}'", item.kind, item.namespace, item.name, health.word())
                    })
                    .collect();
                let what = if failed { "failed early due to stalled resources" } else { "timeout waiting for" };
                let why = format!("{what}: [{}]", told.join(", "));
                Condition::new("Healthy", "False", "HealthCheckFailed", &why).set(object, &stamp);
                let stop = Stop("HealthCheckFailed", why, retry_of(object));
                return self.stop(site, uid, &run.tried, object, &stop);
            }
            let took = go(Duration::try_from(site.now.duration_since(since)).unwrap_or_default());
            let message = format!("Health check passed in {took}");
            if conditions::text(object, "Healthy", "status") != "True" {
                Condition::new("Healthy", "True", "Succeeded", &message).set(object, &stamp);
            }
        }
        let revision = &run.tried.revision;
        // What was ready all the time is only looked at, and tells nobody.
        let news = !is(object, "Ready");
        object["status"]["lastAppliedRevision"] = revision.as_str().into();
        object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        conditions::clear(object, "Reconciling");
        ready(object, "True", "ReconciliationSucceeded", &format!("Applied revision: {revision}"), &stamp);
        handled(object);
        let interval = every(&object["spec"]["interval"], Duration::from_secs(600));
        let message = format!("Reconciliation finished in {}, next run in {}", go(WORK), go(interval));
        if news {
            let of = object.clone();
            site.event(&of, false, "ReconciliationSucceeded", &message, COMPONENT);
        }
        site.again(interval);
        self.tried.insert(uid.to_owned(), (run.tried, after(site.now, interval)));
    }

    /// Ends one without success.
    fn stop(&mut self, site: &mut Site<'_>, uid: &str, tried: &Tried, object: &mut Value, stop: &Stop) {
        let (Stop(reason, message, again), stamp) = (stop, site.stamp());
        if conditions::text(object, "Ready", "message") != message {
            let of = object.clone();
            let warning = *reason != "DependencyNotReady";
            site.event(&of, warning, reason, message, COMPONENT);
        }
        ready(object, "False", reason, message, &stamp);
        if conditions::find(object, "Reconciling").is_some() {
            let told = conditions::text(object, "Reconciling", "message").to_owned();
            Condition::new("Reconciling", "True", "ProgressingWithRetry", &told).set(object, &stamp);
        }
        object["status"]["observedGeneration"] = match reason {
            // Only a success says that the newest is observed; what never succeeded says so with -1.
            _ if object["status"]["observedGeneration"].is_null() => (-1).into(),
            _ => object["status"]["observedGeneration"].clone(),
        };
        if !tried.revision.is_empty() {
            object["status"]["lastAttemptedRevision"] = tried.revision.as_str().into();
        }
        handled(object);
        site.again(*again);
        self.tried.insert(uid.to_owned(), (tried.clone(), after(site.now, *again)));
    }
}

impl Operator for Kustomizations {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(RESOURCE, "") {
            let mut object = stored.value.clone();
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            if !object["metadata"]["deletionTimestamp"].is_null() {
                end(site, &place, object);
                continue;
            }
            if object["metadata"]["finalizers"].is_null() {
                object["metadata"]["finalizers"] = json!(["finalizers.fluxcd.io"]);
            }
            if object["spec"]["suspend"] == true {
                self.runs.remove(&uid);
                site.put(&place, object);
                continue;
            }
            if let Some(run) = self.runs.get(&uid).cloned() {
                let done = after(run.tried.at, WORK);
                // A newer wish ends it; else it goes on when it is time.
                if run.tried.generation == object["metadata"]["generation"] {
                    if done > site.now {
                        site.at(done);
                    } else {
                        self.runs.remove(&uid);
                        self.finish(site, &uid, run, &mut object);
                        site.put(&place, object);
                    }
                    continue;
                }
                self.runs.remove(&uid);
            }
            match self.begins(site, &uid, &object) {
                None => {}
                Some(Err(stop)) => {
                    let tried = Tried {
                        at: site.now,
                        generation: object["metadata"]["generation"].clone(),
                        revision: source(site, &object).unwrap_or_default(),
                    };
                    self.stop(site, &uid, &tried, &mut object, &stop);
                    site.put(&place, object);
                }
                Some(Ok(tried)) => {
                    let timeout = every(&object["spec"]["timeout"], Duration::from_secs(300));
                    let message =
                        format!("Fetching manifests for revision {} with a timeout of {}", tried.revision, go(timeout));
                    // What is well and only looked at again says nothing of it.
                    let quiet = is(&object, "Ready")
                        && observed(&object)
                        && object["status"]["lastAppliedRevision"] == tried.revision
                        && requested(&object).is_none();
                    if !quiet {
                        let stamp = site.stamp();
                        ready(&mut object, "Unknown", "Progressing", "Reconciliation in progress", &stamp);
                        Condition::new("Reconciling", "True", "Progressing", &message).set(&mut object, &stamp);
                        if object["status"]["observedGeneration"].is_null() {
                            object["status"]["observedGeneration"] = (-1).into();
                        }
                        site.put(&place, object);
                    }
                    site.again(WORK);
                    self.runs.insert(uid, Run { tried, checks: None });
                }
            }
        }
    }
}

/// What has to be healthy.
fn checked(object: &Value, items: &[Item]) -> Vec<Item> {
    if object["spec"]["wait"] == true {
        let own = (&object["metadata"]["name"], "Kustomization");
        return items.iter().filter(|item| !(item.kind == own.1 && *own.0 == item.name.as_str())).cloned().collect();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |check: &Value| Item {
        version: text(&check["apiVersion"]),
        kind: text(&check["kind"]),
        namespace: text(&check["namespace"]),
        name: text(&check["name"]),
    };
    object["spec"]["healthChecks"].as_array().map(|all| all.iter().map(one).collect()).unwrap_or_default()
}

/// A Kustomization that is deleted takes along what it applied.
fn end(site: &mut Site<'_>, place: &Place, mut object: Value) {
    let entries = object["status"]["inventory"]["entries"].as_array().cloned().unwrap_or_default();
    if object["spec"]["prune"] == true && object["spec"]["suspend"] != true {
        entries.iter().for_each(|entry| prune(site, entry));
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

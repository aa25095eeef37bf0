//! ScheduledBackups, which make Backups at their times, and Backups, which need the object store.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Operator;
use super::super::conditions::Condition;
use super::super::cron::Schedule;
use super::super::site::{Site, after, is_ready, parsed};
use super::CLUSTERS;
use crate::lab::kube::cluster::time;
use crate::lab::kube::store::Place;
use crate::lab::world::Wrong;

pub(super) const WATCHES: &[&str] =
    &["scheduledbackups.postgresql.cnpg.io", "backups.postgresql.cnpg.io", CLUSTERS, "secrets"];
const BACKUPS: &str = WATCHES[1];
/// What a backup takes.
const WORK: Duration = Duration::from_secs(30);

/// The controller.
#[derive(Debug)]
pub(super) struct Backups;

impl Operator for Backups {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(WATCHES[0], "") {
            scheduled(site, &place, &stored.value);
        }
        for (place, stored) in site.all(BACKUPS, "") {
            backup(site, &place, &stored.value);
        }
    }
}

fn scheduled(site: &mut Site<'_>, place: &Place, object: &Value) {
    let schedule = object["spec"]["schedule"].as_str().and_then(Schedule::with_seconds);
    let (Some(schedule), false) = (schedule, object["spec"]["suspend"] == true) else { return };
    let (mut value, stamp) = (object.clone(), site.stamp());
    let last =
        parsed(&object["status"]["lastScheduleTime"]).or_else(|| parsed(&object["metadata"]["creationTimestamp"]));
    let Some(mut due) = last.and_then(|last| schedule.next(last)) else { return };
    // One that is to begin with a backup waits for no schedule the first time.
    let immediate = object["spec"]["immediate"] == true && object["status"]["lastCheckTime"].is_null();
    if immediate {
        due = site.now;
    }
    if due <= site.now {
        // What was missed is made up for once.
        while let Some(next) = schedule.next(due).filter(|next| *next <= site.now) {
            due = next;
        }
        let name = format!("{}-{}", place.name, due.strftime("%Y%m%d%H%M%S"));
        let owner = match object["spec"]["backupOwnerReference"].as_str() {
            Some("self") => json!([{ "apiVersion": object["apiVersion"], "kind": "ScheduledBackup", "name": place.name,
                                     "uid": object["metadata"]["uid"], "controller": true }]),
            _ => Value::Null,
        };
        let mut made = json!({
            "apiVersion": object["apiVersion"], "kind": "Backup",
            "metadata": { "name": name, "namespace": place.namespace, "generation": 1, "labels": {
                "cnpg.io/scheduled-backup": place.name, "cnpg.io/cluster": object["spec"]["cluster"]["name"], "cnpg.io/immediateBackup": immediate.to_string() } },
            "spec": { "cluster": object["spec"]["cluster"], "method": object["spec"]["method"].as_str().unwrap_or("barmanObjectStore") },
        });
        if !owner.is_null() {
            made["metadata"]["ownerReferences"] = owner;
        }
        site.create(&made);
        value["status"]["lastScheduleTime"] = time(due).into();
        value["status"]["lastCheckTime"] = stamp.into();
    }
    if let Some(next) = schedule.next(due.max(site.now)) {
        let next = if due > site.now { due } else { next };
        value["status"]["nextScheduleTime"] = time(next).into();
        site.at(next);
    }
    site.put(place, value);
}

fn backup(site: &mut Site<'_>, place: &Place, object: &Value) {
    let phase = object["status"]["phase"].as_str().unwrap_or_default();
    if phase == "completed" || phase == "failed" {
        return;
    }
    let (mut value, stamp) = (object.clone(), site.stamp());
    let name = object["spec"]["cluster"]["name"].as_str().unwrap_or_default();
    let Some(cluster) = site.get(CLUSTERS, &place.namespace, name) else {
        // It waits for one to appear.
        site.again(WORK);
        value["status"]["phase"] = "pending".into();
        value["status"]["error"] = format!("Unknown cluster {name}").into();
        site.put(place, value);
        return;
    };
    if phase != "running" {
        value["status"]["phase"] = "running".into();
        value["status"]["startedAt"] = stamp.into();
        value["status"]["method"] = object["spec"]["method"].clone();
        site.again(WORK);
        site.put(place, value);
        return;
    }
    let done = after(parsed(&object["status"]["startedAt"]).unwrap_or(site.now), WORK);
    if done > site.now {
        site.at(done);
        return;
    }
    let primary = cluster.value["status"]["currentPrimary"].as_str().unwrap_or_default();
    let lives = site.get("pods", &place.namespace, primary).is_some_and(|pod| is_ready(&pod.value));
    let wrong = store(site, &cluster.value).or_else(|| (!lives).then(|| format!("instance {primary} is not ready")));
    let mut of = cluster.value.clone();
    match wrong {
        Some(why) => {
            value["status"]["phase"] = "failed".into();
            value["status"]["error"] = why.as_str().into();
            Condition::new("LastBackupSucceeded", "False", "LastBackupFailed", &why).set(&mut of, &stamp);
            of["status"]["lastFailedBackup"] = stamp.as_str().into();
            site.event(object, true, "Failed", &format!("Backup failed: {why}"), "cloudnative-pg-backup");
        }
        None => {
            let stopped = stamp.as_str();
            value["status"]["phase"] = "completed".into();
            value["status"]["stoppedAt"] = stopped.into();
            value["status"]["backupName"] =
                format!("backup-{}", place.name.rsplit('-').next().unwrap_or_default()).into();
            value["status"]["instanceID"] = json!({ "podName": primary });
            value["status"]["destinationPath"] =
                cluster.value["spec"]["backup"]["barmanObjectStore"]["destinationPath"].clone();
            Condition::new("LastBackupSucceeded", "True", "LastBackupSucceeded", "Backup was successful")
                .set(&mut of, &stamp);
            of["status"]["lastSuccessfulBackup"] = stopped.into();
            if of["status"]["firstRecoverabilityPoint"].is_null() {
                of["status"]["firstRecoverabilityPoint"] = stopped.into();
            }
        }
    }
    for one in of["status"]["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        one.remove("observedGeneration");
    }
    site.put(&Place::new(CLUSTERS, &place.namespace, name), of);
    site.put(place, value);
}

/// Why nothing can be written to a cluster's object store.
pub(super) fn store(site: &Site<'_>, cluster: &Value) -> Option<String> {
    let store = &cluster["spec"]["backup"]["barmanObjectStore"];
    if !store.is_object() {
        return Some("cannot proceed with the backup as the cluster has no backup section".into());
    }
    let namespace = cluster["metadata"]["namespace"].as_str().unwrap_or_default();
    let credentials = store["s3Credentials"]["accessKeyId"]["name"].as_str().unwrap_or_default();
    if !credentials.is_empty() && site.get("secrets", namespace, credentials).is_none() {
        return Some(format!("while getting secret {credentials}: secrets \"{credentials}\" not found"));
    }
    let wrong = site.world.service("minio").into_iter().find_map(|wrong| match wrong {
        Wrong::Down => Some("connection refused".to_owned()),
        Wrong::Hangs => Some("read timeout".to_owned()),
        Wrong::Status(code) => Some(format!("{code}")),
        Wrong::Unavailable(_) => Some("503 Service Unavailable".to_owned()),
        _ => None,
    });
    let at = store["endpointURL"].as_str().unwrap_or("s3");
    wrong.map(|why| format!("unexpected failure invoking barman-cloud-wal-archive: exit status 4: {at}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::lab::world::Cause;

    #[test]
    fn a_schedule_makes_backups_and_five_fields_make_too_many() {
        let mut bench = Bench::new("spec", "apps");
        let (ns, name) = ("cnpg-system", "shared-postgres-backup");
        let backups = |bench: &Bench| {
            let world = bench.cluster.world();
            world
                .store
                .list(BACKUPS, ns)
                .map(|(place, one)| format!("{} {}", place.name, one.value["status"]["phase"]))
                .collect::<Vec<_>>()
        };
        // The first one is made at once.
        let first = [
            "shared-postgres-backup-20261029000000 \"completed\"",
            "shared-postgres-backup-20261101020000 \"completed\"",
        ];
        assert_eq!(backups(&bench), first);
        assert_eq!(bench.get(WATCHES[0], ns, name)["status"]["nextScheduleTime"], "2026-11-02T02:00:00Z");
        bench.change(WATCHES[0], ns, name, |one| one["spec"]["schedule"] = "0 2 * * *".into());
        bench.pass(7300);
        assert_eq!(backups(&bench).len(), 5, "two minutes past each hour: {:?}", backups(&bench));
        bench.world.put(Cause::service("minio", Wrong::Unavailable(30)));
        bench.pass(3700);
        assert!(backups(&bench).iter().any(|one| one.contains("failed")), "{:?}", backups(&bench));
        assert!(bench.told(CLUSTERS, ns, "shared-postgres", "ContinuousArchiving").contains("503"));
    }
}

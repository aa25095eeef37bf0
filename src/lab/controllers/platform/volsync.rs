//! VolSync: copies of volumes, by schedule or by hand, through snapshots; and the snapshots' own controller.
//!
//! Source: github.com/backube/volsync `internal/controller`; kubernetes-csi/external-snapshotter.

use std::time::Duration;

use serde_json::{Value, json};

use super::conditions::Condition;
use super::cron::Schedule;
use super::site::{Site, after, parsed};
use super::{Hand, Operator};
use crate::lab::kube::cluster::time;
use crate::lab::kube::store::Place;
use crate::lab::world::Wrong;

const SYNCS: &[&str] = &[
    "replicationsources.volsync.backube",
    "replicationdestinations.volsync.backube",
    "persistentvolumeclaims",
    "secrets",
    "volumesnapshots.snapshot.storage.k8s.io",
];
const SNAPSHOTS: &[&str] = &[
    "volumesnapshots.snapshot.storage.k8s.io",
    "volumesnapshotclasses.snapshot.storage.k8s.io",
    "persistentvolumeclaims",
];
/// What a copy takes.
const WORK: Duration = Duration::from_secs(25);
const MADE: &str = "volsync.backube/cleanup";

pub(super) fn rows() -> Vec<Hand> {
    vec![("volsync", SYNCS, Box::new(VolSync)), ("snapshot-controller", SNAPSHOTS, Box::new(Snapshots))]
}

#[derive(Debug)]
struct VolSync;

impl Operator for VolSync {
    fn look(&mut self, site: &mut Site<'_>) {
        for (kind, source) in [(SYNCS[0], true), (SYNCS[1], false)] {
            for (place, stored) in site.all(kind, "") {
                if stored.value["spec"]["paused"] != true {
                    replicate(site, &place, &stored.value, source);
                }
            }
        }
    }
}

/// When the next copy is due: now, at a time, or never without being asked.
enum Due {
    Now,
    At(jiff::Timestamp),
    Never,
}

fn due(site: &Site<'_>, object: &Value) -> Result<Due, String> {
    let (trigger, status) = (&object["spec"]["trigger"], &object["status"]);
    if let Some(manual) = trigger["manual"].as_str() {
        return Ok(if status["lastManualSync"] == manual { Due::Never } else { Due::Now });
    }
    let last = parsed(&status["lastSyncTime"]);
    let Some(text) = trigger["schedule"].as_str() else { return Ok(Due::Now) };
    let schedule = Schedule::standard(text).ok_or_else(|| {
        format!("parsing schedule: expected exactly 5 fields, found {}: [{text}]", text.split_whitespace().count())
    })?;
    // The first copy waits for no schedule.
    let Some(from) = last else { return Ok(Due::Now) };
    Ok(match schedule.next(from) {
        Some(at) if at <= site.now => Due::Now,
        Some(at) => Due::At(at),
        None => Due::Never,
    })
}

fn replicate(site: &mut Site<'_>, place: &Place, object: &Value, source: bool) {
    let (mut value, stamp) = (object.clone(), site.stamp());
    let told = |value: &mut Value, status: &str, reason: &str, message: &str| {
        Condition::new("Synchronizing", status, reason, message).set(value, &stamp);
        for one in value["status"]["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            one.remove("observedGeneration");
        }
    };
    if let Some(why) = lacking(site, place, object, source) {
        told(&mut value, "False", "Error", &why);
        if super::conditions::text(object, "Synchronizing", "message") != why {
            site.event(object, true, "VolumeSynchronizationFailed", &why, "volsync-controller");
        }
        site.again(Duration::from_secs(60));
        site.put(place, value);
        return;
    }
    let began = parsed(&object["status"]["lastSyncStartTime"]);
    let when = match due(site, object) {
        Ok(when) => when,
        Err(why) => {
            told(&mut value, "False", "Error", &why);
            site.put(place, value);
            return;
        }
    };
    let manual = object["spec"]["trigger"]["manual"].is_string();
    let waiting = if manual {
        ("WaitingForManual", "Waiting for manual trigger")
    } else {
        ("WaitingForSchedule", "Waiting for next scheduled synchronization")
    };
    match (began, when) {
        (Some(began), _) => {
            let done = after(began, WORK);
            if done > site.now {
                site.at(done);
                return;
            }
            if let Some(why) = unreachable(site) {
                told(&mut value, "True", "SyncInProgress", "Synchronization in-progress");
                value["status"]["latestMoverStatus"] = json!({ "result": "Failed", "logs": why });
                site.again(Duration::from_secs(30));
                site.put(place, value);
                return;
            }
            value["status"].as_object_mut().map(|status| status.remove("lastSyncStartTime"));
            value["status"]["lastSyncTime"] = stamp.as_str().into();
            value["status"]["lastSyncDuration"] = format!("{}.482913754s", WORK.as_secs()).into();
            value["status"]["latestMoverStatus"] = json!({ "result": "Successful", "logs": "Restic completed in 12s" });
            if manual {
                value["status"]["lastManualSync"] = object["spec"]["trigger"]["manual"].clone();
            }
            if !source {
                image(site, place, object, &mut value);
            }
            told(&mut value, "False", waiting.0, waiting.1);
            let of = object.clone();
            site.event(&of, false, "TransferCompleted", "synchronization completed", "volsync-controller");
        }
        (None, Due::Now) => {
            value["status"]["lastSyncStartTime"] = stamp.as_str().into();
            told(&mut value, "True", "SyncInProgress", "Synchronization in-progress");
            site.again(WORK);
        }
        (None, Due::At(at)) => {
            value["status"]["nextSyncTime"] = time(at).into();
            told(&mut value, "False", waiting.0, waiting.1);
            site.at(at);
        }
        (None, Due::Never) => told(&mut value, "False", waiting.0, waiting.1),
    }
    site.put(place, value);
}

/// What a replication names and is not there.
fn lacking(site: &Site<'_>, place: &Place, object: &Value, source: bool) -> Option<String> {
    if source {
        let claim = object["spec"]["sourcePVC"].as_str().unwrap_or_default();
        if site.get("persistentvolumeclaims", &place.namespace, claim).is_none() {
            return Some(format!("PersistentVolumeClaim \"{claim}\" not found"));
        }
    }
    let method = &object["spec"]["restic"];
    let secret = method["repository"].as_str()?;
    if site.get("secrets", &place.namespace, secret).is_none() {
        return Some(format!("Secret \"{secret}\" not found"));
    }
    let class = method["volumeSnapshotClassName"].as_str()?;
    let there = site.get(SNAPSHOTS[1], "", class).is_some();
    (!there && method["copyMethod"] == "Snapshot").then(|| format!("VolumeSnapshotClass \"{class}\" not found"))
}

/// Why the repository, which is in the object store, does not answer.
fn unreachable(site: &Site<'_>) -> Option<String> {
    let wrong = site.world.service("minio");
    wrong.iter().find_map(|wrong| match wrong {
        Wrong::Down | Wrong::Hangs => {
            Some("Fatal: unable to open repository: dial tcp: connect: connection refused".to_owned())
        }
        Wrong::Status(code) => Some(format!("Fatal: unable to open config file: Stat: {code}")),
        Wrong::Unavailable(_) => Some("Fatal: unable to open config file: Stat: 503 Service Unavailable".to_owned()),
        _ => None,
    })
}

/// The snapshot that a destination ends in; the one before it goes.
fn image(site: &mut Site<'_>, place: &Place, object: &Value, value: &mut Value) {
    let name = format!("volsync-{}-dest-{}", place.name, site.now.strftime("%Y%m%d%H%M%S"));
    if let Some(old) = object["status"]["latestImage"]["name"].as_str() {
        site.delete(&Place::new(SNAPSHOTS[0], &place.namespace, old));
    }
    let claim = format!("volsync-{}-dest", place.name);
    site.create(&json!({
        "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
        "metadata": { "name": name, "namespace": place.namespace, "generation": 1, "labels": { "app.kubernetes.io/created-by": "volsync", MADE: "" },
                      "ownerReferences": [{ "apiVersion": object["apiVersion"], "kind": "ReplicationDestination", "name": place.name, "uid": object["metadata"]["uid"], "controller": true }] },
        "spec": { "source": { "persistentVolumeClaimName": claim }, "volumeSnapshotClassName": object["spec"]["restic"]["volumeSnapshotClassName"] },
    }));
    value["status"]["latestImage"] =
        json!({ "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": name });
}

#[derive(Debug)]
struct Snapshots;

impl Operator for Snapshots {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(SNAPSHOTS[0], "") {
            let object = &*stored.value;
            if object["status"]["readyToUse"] == true {
                continue;
            }
            let (mut value, stamp) = (object.clone(), site.stamp());
            let class = object["spec"]["volumeSnapshotClassName"].as_str().unwrap_or_default();
            let claim = object["spec"]["source"]["persistentVolumeClaimName"].as_str().unwrap_or_default();
            // VolSync's own volumes are there for as long as it copies.
            let own = object["metadata"]["labels"][MADE].is_string();
            let wrong = match site.get(SNAPSHOTS[1], "", class) {
                None => Some(format!(
                    "failed to get input parameters to create snapshot {}: \"failed to retrieve snapshot class {class} from the informer: \\\"volumesnapshotclass.snapshot.storage.k8s.io \\\\\\\"{class}\\\\\\\" not found\\\"\"",
                    place.name
                )),
                Some(_) if !own && site.get("persistentvolumeclaims", &place.namespace, claim).is_none() => {
                    Some(format!(
                        "snapshot controller failed to update {} on API server: cannot get claim from snapshot: persistentvolumeclaim \"{claim}\" not found",
                        place.name
                    ))
                }
                Some(_) => None,
            };
            if let Some(message) = wrong {
                let before = object["status"]["error"]["message"] == message.as_str();
                value["status"]["readyToUse"] = false.into();
                if !before {
                    value["status"]["error"] = json!({ "message": message, "time": stamp });
                    site.event(object, true, "SnapshotCreationFailed", &message, "snapshot-controller");
                }
                site.put(&place, value);
                continue;
            }
            let uid = |value: &Value| value["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            let of = site.get("persistentvolumeclaims", &place.namespace, claim).map(|of| of.value.clone());
            let size =
                of.as_ref().and_then(|of| of["status"]["capacity"]["storage"].as_str()).unwrap_or("5Gi").to_owned();
            if let Some(of) = &of {
                site.objects.inside.disks.keep(&uid(of), &uid(object));
            }
            let content = format!("snapcontent-{}", object["metadata"]["uid"].as_str().unwrap_or_default());
            value["status"] = json!({ "readyToUse": true, "boundVolumeSnapshotContentName": content, "creationTime": stamp, "restoreSize": size });
            site.create(&json!({
                "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotContent", "metadata": { "name": content, "generation": 1 },
                "spec": { "deletionPolicy": "Delete", "driver": "rook-ceph.rbd.csi.ceph.com", "volumeSnapshotClassName": class, "source": { "volumeHandle": content },
                          "volumeSnapshotRef": { "apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "name": place.name, "namespace": place.namespace, "uid": object["metadata"]["uid"] } },
                "status": { "readyToUse": true, "restoreSize": 5_368_709_120_u64, "snapshotHandle": content },
            }));
            site.put(&place, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_manual_trigger_copies_and_what_is_missing_is_told() {
        let mut bench = Bench::new("spec", "apps");
        let ns = "test-app";
        assert_eq!(bench.get(SYNCS[0], ns, "data")["status"]["latestMoverStatus"]["result"], "Successful");
        let image = bench.get(SYNCS[1], ns, "data-dst")["status"]["latestImage"]["name"].as_str().unwrap().to_owned();
        assert_eq!(bench.get(SNAPSHOTS[0], ns, &image)["status"]["readyToUse"], true);
        bench.change(SYNCS[0], ns, "data", |one| one["spec"]["trigger"] = json!({ "manual": "now" }));
        bench.pass(5);
        assert!(bench.told(SYNCS[0], ns, "data", "Synchronizing").starts_with("True SyncInProgress"));
        bench.pass(30);
        let status = bench.get(SYNCS[0], ns, "data")["status"].clone();
        assert_eq!(
            (&status["lastManualSync"], &status["lastSyncTime"]),
            (&json!("now"), &json!("2026-11-01T08:00:25Z"))
        );
        bench.change(SYNCS[0], ns, "data", |one| one["spec"]["sourcePVC"] = "gone".into());
        bench.look();
        assert_eq!(
            bench.told(SYNCS[0], ns, "data", "Synchronizing"),
            "False Error: PersistentVolumeClaim \"gone\" not found"
        );
    }
}

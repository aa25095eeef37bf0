//! Rook: what a Ceph cluster's daemons make of its health, in its CephCluster and its pools; and what `ceph` prints.
//!
//! Source: github.com/rook/rook `pkg/operator/ceph/cluster`; docs.ceph.com, health checks.

use serde_json::{Value, json};

use super::budgets::{self, Room};
use super::conditions::Condition;
use super::site::{Site, is_ready};
use super::{Hand, Operator};
use crate::lab::kube::cluster::World as Objects;
use crate::lab::world::objects::names::uid;
use crate::lab::world::{Cause, World};

const WATCHES: &[&str] = &[
    "cephclusters.ceph.rook.io",
    "cephblockpools.ceph.rook.io",
    "pods",
    "nodes",
    "deployments.apps",
    "poddisruptionbudgets.policy",
];

pub(super) fn rows() -> Vec<Hand> {
    vec![("rook-ceph-operator", WATCHES, Box::new(Rook))]
}

/// A disk's daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Osd {
    pub(crate) id: u32,
    /// The node that it is on.
    pub(crate) host: String,
    pub(crate) up: bool,
}

/// How a cluster of Ceph is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) fsid: String,
    /// Monitors by name, with whether they are in the quorum.
    pub(crate) mons: Vec<(String, bool)>,
    /// Managers by name; the first one that runs is active.
    pub(crate) mgrs: Vec<(String, bool)>,
    pub(crate) osds: Vec<Osd>,
    /// Name, severity and message of each health check.
    pub(crate) checks: Vec<(&'static str, &'static str, String)>,
}

impl State {
    /// What the daemons in a namespace make of it.
    pub(crate) fn of(world: &World, cluster: &str, objects: &Objects, namespace: &str) -> Self {
        let daemons = |app: &str| {
            let mut all: Vec<(String, bool, String)> = objects
                .store
                .list("deployments.apps", namespace)
                .filter(|(_, one)| one.value["metadata"]["labels"]["app"] == app)
                .map(|(_, one)| {
                    let id = one.value["metadata"]["labels"]["ceph_daemon_id"].as_str().unwrap_or_default().to_owned();
                    let pod = objects.store.list("pods", namespace).map(|(_, pod)| &*pod.value).find(|pod| {
                        pod["metadata"]["labels"]["app"] == app
                            && pod["metadata"]["labels"]["ceph_daemon_id"] == id.as_str()
                            && is_ready(pod)
                    });
                    let host = pod.and_then(|pod| pod["spec"]["nodeName"].as_str()).unwrap_or_default().to_owned();
                    let cut = world.has(&Cause::link(&host));
                    (id, pod.is_some() && !cut, host)
                })
                .collect();
            all.sort();
            all
        };
        let mons: Vec<(String, bool)> = daemons("rook-ceph-mon").into_iter().map(|(id, up, _)| (id, up)).collect();
        let mgrs: Vec<(String, bool)> = daemons("rook-ceph-mgr").into_iter().map(|(id, up, _)| (id, up)).collect();
        let osds: Vec<Osd> = daemons("rook-ceph-osd")
            .into_iter()
            .map(|(id, up, host)| {
                let id = id.parse().unwrap_or(0);
                let gone = world.has(&Cause::Osd { cluster: cluster.to_owned(), osd: id });
                Osd { id, host, up: up && !gone }
            })
            .collect();
        let mut checks = Vec::new();
        let absent: Vec<&str> = mons.iter().filter(|(_, up)| !up).map(|(id, _)| id.as_str()).collect();
        if !absent.is_empty() {
            let quorum: Vec<&str> = mons.iter().filter(|(_, up)| *up).map(|(id, _)| id.as_str()).collect();
            checks.push((
                "MON_DOWN",
                "HEALTH_WARN",
                format!("{}/{} mons down, quorum {}", absent.len(), mons.len(), quorum.join(",")),
            ));
        }
        if !mgrs.iter().any(|(_, up)| *up) {
            checks.push(("MGR_DOWN", "HEALTH_WARN", "no active mgr".into()));
        }
        let down = osds.iter().filter(|osd| !osd.up).count();
        if down > 0 {
            checks.push(("OSD_DOWN", "HEALTH_WARN", format!("{down} osds down")));
            checks.push(("OSD_HOST_DOWN", "HEALTH_WARN", format!("{down} host ({down} osds) down")));
            let share = 100.0 / 3.0;
            checks.push(("PG_DEGRADED", "HEALTH_WARN", format!("Degraded data redundancy: {}/3000 objects degraded ({share:.3}%), 33 pgs degraded, 33 pgs undersized", down * 1000)));
        }
        if osds.len() >= 2 && down + 1 >= osds.len() {
            checks.push(("PG_AVAILABILITY", "HEALTH_ERR", "Reduced data availability: 33 pgs inactive".into()));
        }
        // What is external is the Ceph of the first cluster.
        let external =
            objects.store.list(WATCHES[0], namespace).any(|(_, one)| one.value["spec"]["external"]["enable"] == true);
        let first = world.topology.clusters.iter().min_by_key(|(_, one)| one.id).map_or(cluster, |(name, _)| name);
        let of = if external { first } else { cluster };
        Self { fsid: uid(&[&world.topology.name, of, "ceph"]), mons, mgrs, osds, checks }
    }

    /// `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR`
    pub(crate) fn health(&self) -> &'static str {
        let has = |severity: &str| self.checks.iter().any(|(_, of, _)| *of == severity);
        match (has("HEALTH_ERR"), self.checks.is_empty()) {
            (true, _) => "HEALTH_ERR",
            (false, false) => "HEALTH_WARN",
            (false, true) => "HEALTH_OK",
        }
    }

    /// Whether there is a quorum of monitors, without which nobody answers.
    pub(crate) fn quorum(&self) -> bool {
        self.mons.iter().filter(|(_, up)| *up).count() * 2 > self.mons.len()
    }
}

#[derive(Debug)]
struct Rook;

impl Operator for Rook {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(WATCHES[0], "") {
            let (mut value, stamp) = (stored.value.clone(), site.stamp());
            let state = State::of(site.world, site.cluster, site.objects, &place.namespace);
            for (name, app, daemons) in [
                ("rook-ceph-mon-pdb", "rook-ceph-mon", state.mons.len()),
                ("rook-ceph-mgr-pdb", "rook-ceph-mgr", state.mgrs.len()),
                ("rook-ceph-osd", "rook-ceph-osd", state.osds.len()),
            ] {
                let room = (daemons > 1).then_some(Room::Most(1));
                budgets::keep(site, &stored.value, name, &json!({ "app": app }), room);
            }
            let nodes = stored.value["spec"]["storage"]["nodes"].as_array().cloned().unwrap_or_default();
            let unknown: Vec<String> = nodes
                .iter()
                .filter_map(|node| node["name"].as_str())
                .filter(|name| site.get("nodes", "", name).is_none())
                .map(String::from)
                .collect();
            let (phase, status, reason, message) = match (unknown.as_slice(), state.quorum()) {
                ([], true) => ("Ready", "True", "ClusterCreated", "Cluster created successfully".to_owned()),
                ([], false) => {
                    ("Failure", "False", "ClusterFailed", "failed to get ceph status: mons out of quorum".to_owned())
                }
                (names, _) => (
                    "Failure",
                    "False",
                    "ClusterFailed",
                    format!(
                        "failed to configure local ceph cluster: failed to start ceph osds: node(s) [{}] of spec.storage.nodes not found",
                        names.join(" ")
                    ),
                ),
            };
            if stored.value["status"]["phase"] == "Ready" && phase != "Ready" {
                site.event(&stored.value, true, "ReconcileFailed", &message, "rook-ceph-cluster-controller");
            }
            Condition::new("Ready", status, reason, &message).set(&mut value, &stamp);
            Condition::new("Progressing", "False", "ClusterCreated", &message).set(&mut value, &stamp);
            for one in
                value["status"]["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut)
            {
                if let Some(generation) = one.remove("observedGeneration") {
                    let _ = generation;
                }
            }
            let own = &mut value["status"];
            own["phase"] = phase.into();
            own["state"] = if phase == "Ready" { "Created" } else { "Error" }.into();
            own["message"] = message.into();
            own["observedGeneration"] = stored.value["metadata"]["generation"].clone();
            own["version"] = json!({ "image": stored.value["spec"]["cephVersion"]["image"], "version": "19.2.3-0" });
            own["storage"] = json!({ "deviceClasses": [{ "name": "ssd" }], "osd": { "storeType": { "bluestore": state.osds.len() } } });
            // Without a quorum nothing new is known.
            if state.quorum() {
                let details: serde_json::Map<String, Value> = state
                    .checks
                    .iter()
                    .map(|(name, severity, message)| {
                        ((*name).to_owned(), json!({ "severity": severity, "message": message }))
                    })
                    .collect();
                let before = own["ceph"].clone();
                own["ceph"] = json!({
                    "health": state.health(), "fsid": state.fsid, "lastChecked": before["lastChecked"],
                    "capacity": { "bytesTotal": TOTAL, "bytesUsed": USED, "bytesAvailable": TOTAL - USED, "lastUpdated": before["capacity"]["lastUpdated"] },
                    "versions": { "overall": { "ceph version 19.2.3 squid (stable)": state.osds.len() + state.mons.len() + state.mgrs.len() } },
                });
                if !details.is_empty() {
                    own["ceph"]["details"] = details.into();
                }
                if before["health"] != own["ceph"]["health"] {
                    own["ceph"]["previousHealth"] = before["health"].clone();
                    own["ceph"]["lastChanged"] = stamp.as_str().into();
                    own["ceph"]["lastChecked"] = stamp.as_str().into();
                    own["ceph"]["capacity"]["lastUpdated"] = stamp.as_str().into();
                } else {
                    own["ceph"]["lastChanged"] = before["lastChanged"].clone();
                    own["ceph"]["previousHealth"] = before["previousHealth"].clone();
                }
            }
            site.put(&place, value);
            pools(site, &place.namespace, state.quorum());
        }
    }
}

/// What the disks of a cluster have, and what of it is used, in bytes.
pub(crate) const TOTAL: u64 = 3 * 1_920_383_410_176;
pub(crate) const USED: u64 = 412_316_860_416;

fn pools(site: &mut Site<'_>, namespace: &str, quorum: bool) {
    for (place, stored) in site.all(WATCHES[1], namespace) {
        let mut value = stored.value.clone();
        if quorum {
            let replicated = stored.value["spec"]["replicated"].is_object();
            value["status"]["phase"] = "Ready".into();
            value["status"]["info"] = json!({
                "type": if replicated { "Replicated" } else { "Erasure Coded" },
                "failureDomain": stored.value["spec"]["failureDomain"].as_str().unwrap_or("host"),
            });
            value["status"]["poolID"] = 2.into();
            value["status"]["observedGeneration"] = stored.value["metadata"]["generation"].clone();
        } else if stored.value["status"].is_null() {
            value["status"]["phase"] = "Progressing".into();
        }
        site.put(&place, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn disks_and_monitors_make_the_health() {
        let mut bench = Bench::new("monosense", "infra");
        let of = |bench: &Bench| bench.get(WATCHES[0], "rook-ceph", "rook-ceph")["status"].clone();
        assert_eq!((&of(&bench)["phase"], &of(&bench)["ceph"]["health"]), (&json!("Ready"), &json!("HEALTH_OK")));
        let cause = Cause::Osd { cluster: "infra".into(), osd: 1 };
        bench.world.put(cause.clone());
        bench.look();
        let ceph = of(&bench)["ceph"].clone();
        assert_eq!(
            (&ceph["health"], &ceph["details"]["OSD_DOWN"]["message"]),
            (&json!("HEALTH_WARN"), &json!("1 osds down"))
        );
        bench.world.lift(&cause);
        bench.look();
        assert_eq!(of(&bench)["ceph"]["health"], "HEALTH_OK");
        bench.change(WATCHES[0], "rook-ceph", "rook-ceph", |one| {
            one["spec"]["storage"]["nodes"][0]["name"] = "infra-99".into();
        });
        bench.look();
        assert!(of(&bench)["message"].to_string().contains("infra-99"), "{}", of(&bench));
        bench.change(WATCHES[0], "rook-ceph", "rook-ceph", |one| {
            one["spec"]["storage"]["nodes"][0]["name"] = "infra-01".into();
        });
        bench.look();
        assert_eq!(of(&bench)["phase"], "Ready");
    }
}

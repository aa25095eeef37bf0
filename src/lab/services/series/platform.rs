//! What Ceph, PostgreSQL, Dragonfly and Kafka show, and the alerts that fire.

use super::{Maker, Out, Scope, born, condition, number, text};
use crate::lab::services::victoria;

pub(super) const TABLE: &[(&[&str], Maker)] = &[
    (&["ceph_health_status", "ceph_osd_up", "ceph_osd_in", "ceph_mon_quorum_status"], ceph),
    (&["ceph_cluster_total_bytes", "ceph_cluster_total_used_bytes"], ceph_space),
    (
        &[
            "cnpg_collector_up",
            "cnpg_pg_replication_lag",
            "cnpg_pg_replication_streaming_replicas",
            "cnpg_collector_last_available_backup_timestamp",
        ],
        postgres,
    ),
    (&["dragonfly_connected_clients", "dragonfly_memory_used_bytes", "dragonfly_master"], dragonfly),
    (
        &[
            "kafka_server_replicamanager_underreplicatedpartitions",
            "kafka_controller_kafkacontroller_activecontrollercount_value",
            "kafka_server_brokertopicmetrics_messagesin_total",
        ],
        kafka,
    ),
    (&["ALERTS"], alerts),
];

fn ceph(scope: &Scope<'_>, out: &mut Out) {
    for cluster in scope.list("cephclusters.ceph.rook.io") {
        let own = [("namespace", text(&cluster, "/metadata/namespace"))];
        let health = match text(&cluster, "/status/ceph/health") {
            "HEALTH_OK" => 0.0,
            "HEALTH_WARN" => 1.0,
            _ => 2.0,
        };
        out.level("ceph_health_status", &own, health);
    }
    for pod in scope.list("pods") {
        let app = text(&pod, "/metadata/labels/app");
        let own = [("namespace", text(&pod, "/metadata/namespace")), ("hostname", text(&pod, "/spec/nodeName"))];
        let up = crate::lab::services::ready(&pod);
        match app {
            "rook-ceph-osd" => {
                let daemon = format!("osd.{}", text(&pod, "/metadata/labels/ceph-osd-id"));
                out.flag("ceph_osd_up", &[own[0], own[1], ("ceph_daemon", &daemon)], up);
                out.flag("ceph_osd_in", &[own[0], own[1], ("ceph_daemon", &daemon)], true);
            }
            "rook-ceph-mon" => {
                let daemon = format!("mon.{}", text(&pod, "/metadata/labels/mon"));
                out.flag("ceph_mon_quorum_status", &[own[0], own[1], ("ceph_daemon", &daemon)], up);
            }
            _ => {}
        }
    }
}

fn ceph_space(scope: &Scope<'_>, out: &mut Out) {
    for cluster in scope.list("cephclusters.ceph.rook.io") {
        let own = [("namespace", text(&cluster, "/metadata/namespace"))];
        out.level("ceph_cluster_total_bytes", &own, number(&cluster, "/status/ceph/capacity/bytesTotal"));
        out.level("ceph_cluster_total_used_bytes", &own, number(&cluster, "/status/ceph/capacity/bytesUsed"));
    }
}

fn postgres(scope: &Scope<'_>, out: &mut Out) {
    for cluster in scope.list("clusters.postgresql.cnpg.io") {
        let (namespace, name) = (text(&cluster, "/metadata/namespace"), text(&cluster, "/metadata/name"));
        let primary = text(&cluster, "/status/currentPrimary");
        let pods: Vec<_> = scope
            .list("pods")
            .into_iter()
            .filter(|pod| {
                pod["metadata"]["labels"]["cnpg.io/cluster"] == name && text(pod, "/metadata/namespace") == namespace
            })
            .collect();
        let replicas = pods
            .iter()
            .filter(|pod| crate::lab::services::ready(pod) && text(pod, "/metadata/name") != primary)
            .count();
        for pod in &pods {
            if !crate::lab::services::ready(pod) {
                continue;
            }
            let own = [("namespace", namespace), ("cluster_name", name), ("pod", text(pod, "/metadata/name"))];
            out.flag("cnpg_collector_up", &own, true);
            let is_primary = own[2].1 == primary;
            out.level("cnpg_pg_replication_lag", &own, if is_primary { 0.0 } else { 0.01 });
            if is_primary {
                out.level("cnpg_pg_replication_streaming_replicas", &own, replicas as f64);
                let backup = super::seconds(&cluster["status"]["lastSuccessfulBackup"]);
                out.level("cnpg_collector_last_available_backup_timestamp", &own, backup.unwrap_or(0.0));
            }
        }
    }
}

fn dragonfly(scope: &Scope<'_>, out: &mut Out) {
    for pod in scope.list("pods").iter().filter(|pod| pod["metadata"]["labels"]["app"] == "dragonfly") {
        if crate::lab::services::ready(pod) {
            let own = [("namespace", text(pod, "/metadata/namespace")), ("pod", text(pod, "/metadata/name"))];
            out.level("dragonfly_connected_clients", &own, 12.0);
            out.level("dragonfly_memory_used_bytes", &own, 48.0 * 1024.0 * 1024.0);
            out.flag("dragonfly_master", &own, text(pod, "/metadata/labels/role") == "master");
        }
    }
}

fn kafka(scope: &Scope<'_>, out: &mut Out) {
    for kafka in scope.list("kafkas.kafka.strimzi.io") {
        let (namespace, name) = (text(&kafka, "/metadata/namespace"), text(&kafka, "/metadata/name"));
        let pods: Vec<_> = scope
            .list("pods")
            .into_iter()
            .filter(|pod| {
                pod["metadata"]["labels"]["strimzi.io/cluster"] == name
                    && text(pod, "/metadata/namespace") == namespace
                    && pod["metadata"]["labels"]["strimzi.io/kind"] != "KafkaBridge"
            })
            .collect();
        let down = pods.iter().filter(|pod| !crate::lab::services::ready(pod)).count() as f64;
        let good = condition(&kafka, "Ready").is_some_and(|one| one["status"] == "True");
        for (index, pod) in pods.iter().filter(|pod| crate::lab::services::ready(pod)).enumerate() {
            let own = [("namespace", namespace), ("strimzi_io_cluster", name), ("pod", text(pod, "/metadata/name"))];
            out.level("kafka_server_replicamanager_underreplicatedpartitions", &own, down * 10.0);
            let active = index == 0 && (good || down < pods.len() as f64 / 2.0);
            out.flag("kafka_controller_kafkacontroller_activecontrollercount_value", &own, active);
            out.counter("kafka_server_brokertopicmetrics_messagesin_total", &own, born(pod), 3.0);
        }
    }
}

/// What vmalert writes back of the alerts of its own cluster.
fn alerts(scope: &Scope<'_>, out: &mut Out) {
    for alert in victoria::alerts(scope.services, scope.cluster) {
        let own: Vec<(&str, &str)> = alert.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let mut own = own;
        own.push(("alertstate", alert.state));
        out.level("ALERTS", &own, 1.0);
    }
}

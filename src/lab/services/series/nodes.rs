//! What node-exporter shows of machines, and what the control plane shows of itself.

use serde_json::Value;

use super::kube::quantity;
use super::{Maker, Out, Scope, born, text};
use crate::lab::services::ready;
use crate::lab::world::Cause;

pub(super) const TABLE: &[(&[&str], Maker)] = &[
    (&["node_load1", "node_load5", "node_load15", "node_uname_info", "node_boot_time_seconds"], machines),
    (&["node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes"], memory),
    (&["node_filesystem_size_bytes", "node_filesystem_avail_bytes"], disks),
    (
        &["node_disk_io_time_seconds_total", "node_disk_write_time_seconds_total", "node_disk_writes_completed_total"],
        io,
    ),
    (&["node_cpu_seconds_total"], cpus),
    (&["node_timex_offset_seconds", "node_timex_sync_status"], clocks),
    (&["etcd_server_has_leader", "etcd_mvcc_db_total_size_in_bytes", "etcd_server_quota_backend_bytes"], etcd),
    (
        &[
            "apiserver_request_total",
            "apiserver_request_duration_seconds_bucket",
            "apiserver_request_duration_seconds_count",
            "apiserver_request_duration_seconds_sum",
        ],
        apiserver,
    ),
];

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// The nodes that a running node-exporter shows, each with its pod's name and its address.
fn shown(scope: &Scope<'_>) -> Vec<(Value, String, String)> {
    let exporters = scope.pods("node-exporter");
    let one = |node: Value| {
        let name = text(&node, "/metadata/name");
        let own = exporters.iter().find(|pod| pod["spec"]["nodeName"] == name && ready(pod))?;
        if scope.since(&Cause::link(name)).is_some() {
            return None;
        }
        let instance = format!("{}:9100", text(own, "/status/hostIP"));
        Some((node.clone(), text(own, "/metadata/name").to_string(), instance))
    };
    scope.list("nodes").into_iter().filter_map(one).collect()
}

fn each(scope: &Scope<'_>, mut of: impl FnMut(&Value, [(&str, &str); 4])) {
    for (node, pod, instance) in shown(scope) {
        let name = text(&node, "/metadata/name").to_string();
        of(&node, [("node", name.as_str()), ("pod", &pod), ("instance", &instance), ("job", "node-exporter")]);
    }
}

fn machines(scope: &Scope<'_>, out: &mut Out) {
    each(scope, |node, labels| {
        let name = labels[0].1;
        let slow = scope.since(&Cause::DiskSlow { node: name.into() }).is_some();
        for (metric, load) in [("node_load1", 1.2), ("node_load5", 1.0), ("node_load15", 0.9)] {
            out.level(metric, &labels, if slow { load * 12.0 } else { load });
        }
        out.level("node_boot_time_seconds", &labels, born(node));
        let kernel = text(node, "/status/nodeInfo/kernelVersion");
        out.level(
            "node_uname_info",
            &[labels[0], labels[1], labels[2], labels[3], ("nodename", name), ("release", kernel)],
            1.0,
        );
    });
}

fn memory(scope: &Scope<'_>, out: &mut Out) {
    each(scope, |node, labels| {
        let total = node["status"]["capacity"]["memory"].as_str().and_then(quantity).unwrap_or(64.0 * GIB);
        let full = scope.since(&Cause::MemoryFull { node: labels[0].1.into() }).is_some();
        out.level("node_memory_MemTotal_bytes", &labels, total);
        out.level("node_memory_MemAvailable_bytes", &labels, total * if full { 0.01 } else { 0.6 });
    });
}

fn disks(scope: &Scope<'_>, out: &mut Out) {
    each(scope, |_, labels| {
        let full = scope.since(&Cause::DiskFull { node: labels[0].1.into() }).is_some();
        let labels = [
            labels[0],
            labels[1],
            labels[2],
            labels[3],
            ("mountpoint", "/var"),
            ("fstype", "xfs"),
            ("device", "/dev/nvme0n1p4"),
        ];
        out.level("node_filesystem_size_bytes", &labels, 500.0 * GIB);
        out.level("node_filesystem_avail_bytes", &labels, if full { 0.0 } else { 320.0 * GIB });
    });
}

fn io(scope: &Scope<'_>, out: &mut Out) {
    each(scope, |node, labels| {
        let slow = scope.since(&Cause::DiskSlow { node: labels[0].1.into() }).is_some();
        let labels = [labels[0], labels[1], labels[2], labels[3], ("device", "nvme0n1")];
        // Seconds of writing a second; 200 writes a second of 0.4 ms, or of 40 ms.
        out.counter("node_disk_writes_completed_total", &labels, born(node), 200.0);
        out.counter("node_disk_write_time_seconds_total", &labels, born(node), if slow { 8.0 } else { 0.08 });
        out.counter("node_disk_io_time_seconds_total", &labels, born(node), if slow { 0.99 } else { 0.08 });
    });
}

fn cpus(scope: &Scope<'_>, out: &mut Out) {
    each(scope, |node, labels| {
        let cpus = node["status"]["capacity"]["cpu"].as_str().and_then(quantity).unwrap_or(8.0);
        for cpu in 0..cpus as u32 {
            for (mode, part) in [("idle", 0.85), ("user", 0.08), ("system", 0.05), ("iowait", 0.02)] {
                let cpu = cpu.to_string();
                let labels = [labels[0], labels[1], labels[2], labels[3], ("cpu", cpu.as_str()), ("mode", mode)];
                out.counter("node_cpu_seconds_total", &labels, born(node), part);
            }
        }
    });
}

fn clocks(scope: &Scope<'_>, out: &mut Out) {
    each(scope, |_, labels| {
        let wrong = scope.services.world.causes().into_iter().find_map(|(cause, _)| match cause {
            Cause::Clock { node, seconds } if node == labels[0].1 => Some(seconds as f64),
            _ => None,
        });
        out.level("node_timex_offset_seconds", &labels, wrong.unwrap_or(0.000_02));
        out.flag("node_timex_sync_status", &labels, wrong.is_none());
    });
}

/// Control plane nodes that are reached, with a process that runs.
fn masters(scope: &Scope<'_>, process: &str, mut of: impl FnMut(&Value, &str, &str)) {
    for node in scope.list("nodes") {
        let name = text(&node, "/metadata/name");
        let master = node["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some();
        let gone = [Cause::link(name), Cause::process(name, process)].iter().any(|cause| scope.since(cause).is_some());
        if master && !gone {
            let addresses = node["status"]["addresses"].as_array();
            let internal = addresses.and_then(|all| all.iter().find(|one| one["type"] == "InternalIP"));
            of(&node, name, internal.and_then(|one| one["address"].as_str()).unwrap_or_default());
        }
    }
}

fn etcd(scope: &Scope<'_>, out: &mut Out) {
    masters(scope, "etcd", |_, node, address| {
        let instance = format!("{address}:2381");
        let labels = [("job", "etcd"), ("instance", instance.as_str()), ("node", node)];
        let has = |cause: &Cause| scope.since(cause).is_some();
        out.flag("etcd_server_has_leader", &labels, !has(&Cause::NoLeader { node: node.into() }));
        let quota = 2.0 * GIB;
        let full = has(&Cause::NoSpace { node: node.into() });
        out.level("etcd_server_quota_backend_bytes", &labels, quota);
        out.level("etcd_mvcc_db_total_size_in_bytes", &labels, if full { quota } else { 0.06 * quota });
    });
}

fn apiserver(scope: &Scope<'_>, out: &mut Out) {
    masters(scope, "kube-apiserver", |node, name, address| {
        let instance = format!("{address}:6443");
        let labels = [("job", "apiserver"), ("instance", instance.as_str()), ("node", name), ("verb", "GET")];
        for (code, rate) in [("200", 40.0), ("404", 0.5)] {
            out.counter(
                "apiserver_request_total",
                &[labels[0], labels[1], labels[2], labels[3], ("code", code)],
                born(node),
                rate,
            );
        }
        let buckets = [("0.005", 0.6), ("0.025", 0.9), ("0.05", 0.96), ("0.1", 0.99), ("0.5", 0.999), ("1", 1.0)];
        out.histogram("apiserver_request_duration_seconds", &labels, born(node), 40.5, &buckets, 0.008);
    });
}

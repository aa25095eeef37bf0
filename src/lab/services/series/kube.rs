//! What kube-state-metrics shows of a cluster's objects, and what kubelets count of containers.

use serde_json::Value;

use super::{Maker, Out, Scope, born, condition, number, text, turned};
use crate::lab::services::promql::Shape;

pub(super) const TABLE: &[(&[&str], Maker)] = &[
    (
        &["kube_node_info", "kube_node_status_condition", "kube_node_spec_unschedulable", "kube_node_status_capacity"],
        nodes,
    ),
    (&["kube_pod_info", "kube_pod_status_phase", "kube_pod_status_ready"], pods),
    (
        &[
            "kube_pod_container_status_restarts_total",
            "kube_pod_container_status_ready",
            "kube_pod_container_status_running",
            "kube_pod_container_status_waiting_reason",
            "kube_pod_container_status_last_terminated_reason",
        ],
        containers,
    ),
    (
        &[
            "kube_deployment_spec_replicas",
            "kube_deployment_status_replicas_available",
            "kube_deployment_status_replicas",
            "kube_deployment_status_replicas_unavailable",
        ],
        deployments,
    ),
    (
        &[
            "kube_daemonset_status_desired_number_scheduled",
            "kube_daemonset_status_number_ready",
            "kube_daemonset_status_number_available",
            "kube_daemonset_status_number_unavailable",
        ],
        daemon_sets,
    ),
    (
        &["kube_statefulset_replicas", "kube_statefulset_status_replicas_ready", "kube_statefulset_status_replicas"],
        stateful_sets,
    ),
    (&["kube_persistentvolumeclaim_status_phase", "kube_persistentvolumeclaim_info"], claims),
    (
        &[
            "kube_poddisruptionbudget_status_pod_disruptions_allowed",
            "kube_poddisruptionbudget_status_current_healthy",
            "kube_poddisruptionbudget_status_desired_healthy",
        ],
        budgets,
    ),
    (&["kube_namespace_status_phase"], namespaces),
    (&["kube_service_info", "kube_service_status_load_balancer_ingress"], services),
    (&["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"], usage),
];

/// kube-state-metrics shows nothing where it does not run; a cluster without it is shown by the agents' own.
fn shown(scope: &Scope<'_>) -> bool {
    let own = scope.pods("kube-state-metrics");
    own.iter().any(crate::lab::services::ready)
}

fn nodes(scope: &Scope<'_>, out: &mut Out) {
    if !shown(scope) {
        return;
    }
    for node in scope.list("nodes") {
        let name = text(&node, "/metadata/name");
        let info = &node["status"]["nodeInfo"];
        let version = info["kubeletVersion"].as_str().unwrap_or_default();
        let os = info["osImage"].as_str().unwrap_or_default();
        out.add(
            "kube_node_info",
            &[("node", name), ("kubelet_version", version), ("os_image", os)],
            born(&node),
            Shape::Level(1.0),
        );
        out.flag("kube_node_spec_unschedulable", &[("node", name)], node["spec"]["unschedulable"] == true);
        for one in node["status"]["conditions"].as_array().into_iter().flatten() {
            let kind = one["type"].as_str().unwrap_or_default();
            for status in ["true", "false", "unknown"] {
                let labels = [("node", name), ("condition", kind), ("status", status)];
                let now = one["status"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(status));
                let shape = match (status, one["status"].as_str()) {
                    ("true", Some("True" | "False")) => turned(&node, kind, 1.0, 0.0),
                    ("false", Some("True" | "False")) => turned(&node, kind, 0.0, 1.0),
                    _ => Shape::Level(f64::from(u8::from(now))),
                };
                out.add("kube_node_status_condition", &labels, born(&node), shape);
            }
        }
        for (resource, unit) in [("cpu", "core"), ("memory", "byte"), ("pods", "integer")] {
            if let Some(value) = node["status"]["capacity"][resource].as_str().and_then(quantity) {
                out.level(
                    "kube_node_status_capacity",
                    &[("node", name), ("resource", resource), ("unit", unit)],
                    value,
                );
            }
        }
    }
}

/// `16Gi`, `500m`
pub(super) fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

fn pods(scope: &Scope<'_>, out: &mut Out) {
    if !shown(scope) {
        return;
    }
    for pod in scope.list("pods") {
        let (namespace, name, node) =
            (text(&pod, "/metadata/namespace"), text(&pod, "/metadata/name"), text(&pod, "/spec/nodeName"));
        let phase = text(&pod, "/status/phase");
        let labels = [("namespace", namespace), ("pod", name)];
        out.add(
            "kube_pod_info",
            &[labels[0], labels[1], ("node", node), ("pod_ip", text(&pod, "/status/podIP"))],
            born(&pod),
            Shape::Level(1.0),
        );
        for known in ["Pending", "Running", "Succeeded", "Failed", "Unknown"] {
            out.add(
                "kube_pod_status_phase",
                &[labels[0], labels[1], ("phase", known)],
                born(&pod),
                Shape::Level(f64::from(u8::from(known == phase))),
            );
        }
        out.add(
            "kube_pod_status_ready",
            &[labels[0], labels[1], ("condition", "true")],
            born(&pod),
            turned(&pod, "Ready", 1.0, 0.0),
        );
        out.add(
            "kube_pod_status_ready",
            &[labels[0], labels[1], ("condition", "false")],
            born(&pod),
            turned(&pod, "Ready", 0.0, 1.0),
        );
    }
}

fn containers(scope: &Scope<'_>, out: &mut Out) {
    if !shown(scope) {
        return;
    }
    for pod in scope.list("pods") {
        for status in pod["status"]["containerStatuses"].as_array().into_iter().flatten() {
            let name = text(status, "/name");
            let labels = [
                ("namespace", text(&pod, "/metadata/namespace")),
                ("pod", text(&pod, "/metadata/name")),
                ("container", name),
            ];
            out.level("kube_pod_container_status_restarts_total", &labels, number(status, "/restartCount"));
            out.flag("kube_pod_container_status_ready", &labels, status["ready"] == true);
            out.flag("kube_pod_container_status_running", &labels, status["state"].get("running").is_some());
            if let Some(reason) = status["state"]["waiting"]["reason"].as_str() {
                out.level(
                    "kube_pod_container_status_waiting_reason",
                    &[labels[0], labels[1], labels[2], ("reason", reason)],
                    1.0,
                );
            }
            if let Some(reason) = status["lastState"]["terminated"]["reason"].as_str() {
                out.level(
                    "kube_pod_container_status_last_terminated_reason",
                    &[labels[0], labels[1], labels[2], ("reason", reason)],
                    1.0,
                );
            }
        }
    }
}

/// Numbers of a workload: each metric with where its number is, and the label that the workload's name has.
fn numbers(scope: &Scope<'_>, out: &mut Out, resource: &str, label: &str, rows: &[(&str, &str)]) {
    if !shown(scope) {
        return;
    }
    for object in scope.list(resource) {
        let labels = [("namespace", text(&object, "/metadata/namespace")), (label, text(&object, "/metadata/name"))];
        for (metric, pointer) in rows {
            out.level(metric, &labels, number(&object, pointer));
        }
    }
}

fn deployments(scope: &Scope<'_>, out: &mut Out) {
    numbers(
        scope,
        out,
        "deployments.apps",
        "deployment",
        &[
            ("kube_deployment_spec_replicas", "/spec/replicas"),
            ("kube_deployment_status_replicas", "/status/replicas"),
            ("kube_deployment_status_replicas_available", "/status/availableReplicas"),
            ("kube_deployment_status_replicas_unavailable", "/status/unavailableReplicas"),
        ],
    );
}

fn daemon_sets(scope: &Scope<'_>, out: &mut Out) {
    numbers(
        scope,
        out,
        "daemonsets.apps",
        "daemonset",
        &[
            ("kube_daemonset_status_desired_number_scheduled", "/status/desiredNumberScheduled"),
            ("kube_daemonset_status_number_ready", "/status/numberReady"),
            ("kube_daemonset_status_number_available", "/status/numberAvailable"),
            ("kube_daemonset_status_number_unavailable", "/status/numberUnavailable"),
        ],
    );
}

fn stateful_sets(scope: &Scope<'_>, out: &mut Out) {
    numbers(
        scope,
        out,
        "statefulsets.apps",
        "statefulset",
        &[
            ("kube_statefulset_replicas", "/spec/replicas"),
            ("kube_statefulset_status_replicas", "/status/replicas"),
            ("kube_statefulset_status_replicas_ready", "/status/readyReplicas"),
        ],
    );
}

fn budgets(scope: &Scope<'_>, out: &mut Out) {
    numbers(
        scope,
        out,
        "poddisruptionbudgets.policy",
        "poddisruptionbudget",
        &[
            ("kube_poddisruptionbudget_status_pod_disruptions_allowed", "/status/disruptionsAllowed"),
            ("kube_poddisruptionbudget_status_current_healthy", "/status/currentHealthy"),
            ("kube_poddisruptionbudget_status_desired_healthy", "/status/desiredHealthy"),
        ],
    );
}

/// One of a row of phases is 1.
fn phases(out: &mut Out, metric: &str, labels: &[(&str, &str)], phase: &str, known: &[&str]) {
    for one in known {
        let mut labels = labels.to_vec();
        labels.push(("phase", one));
        out.flag(metric, &labels, *one == phase);
    }
}

fn claims(scope: &Scope<'_>, out: &mut Out) {
    if !shown(scope) {
        return;
    }
    for claim in scope.list("persistentvolumeclaims") {
        let labels = [
            ("namespace", text(&claim, "/metadata/namespace")),
            ("persistentvolumeclaim", text(&claim, "/metadata/name")),
        ];
        phases(
            out,
            "kube_persistentvolumeclaim_status_phase",
            &labels,
            text(&claim, "/status/phase"),
            &["Bound", "Pending", "Lost"],
        );
        let class = text(&claim, "/spec/storageClassName");
        out.level(
            "kube_persistentvolumeclaim_info",
            &[labels[0], labels[1], ("storageclass", class), ("volumename", text(&claim, "/spec/volumeName"))],
            1.0,
        );
    }
}

fn namespaces(scope: &Scope<'_>, out: &mut Out) {
    if shown(scope) {
        for namespace in scope.list("namespaces") {
            let labels = [("namespace", text(&namespace, "/metadata/name"))];
            phases(
                out,
                "kube_namespace_status_phase",
                &labels,
                text(&namespace, "/status/phase"),
                &["Active", "Terminating"],
            );
        }
    }
}

fn services(scope: &Scope<'_>, out: &mut Out) {
    if !shown(scope) {
        return;
    }
    for service in scope.list("services") {
        let labels =
            [("namespace", text(&service, "/metadata/namespace")), ("service", text(&service, "/metadata/name"))];
        out.level("kube_service_info", &[labels[0], labels[1], ("cluster_ip", text(&service, "/spec/clusterIP"))], 1.0);
        for one in service["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten() {
            out.level(
                "kube_service_status_load_balancer_ingress",
                &[labels[0], labels[1], ("ip", text(one, "/ip"))],
                1.0,
            );
        }
    }
}

fn usage(scope: &Scope<'_>, out: &mut Out) {
    for pod in scope.list("pods") {
        if condition(&pod, "Ready").is_none_or(|ready| ready["status"] != "True") {
            continue;
        }
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            let labels = [
                ("namespace", text(&pod, "/metadata/namespace")),
                ("pod", text(&pod, "/metadata/name")),
                ("container", text(container, "/name")),
                ("node", text(&pod, "/spec/nodeName")),
            ];
            out.counter("container_cpu_usage_seconds_total", &labels, born(&pod), 0.02);
            let limit = Value::as_str(&container["resources"]["requests"]["memory"]).and_then(quantity);
            out.level("container_memory_working_set_bytes", &labels, limit.unwrap_or(134_217_728.0) * 0.8);
        }
    }
}

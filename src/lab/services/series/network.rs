//! What Cilium, Hubble, CoreDNS, Envoy and Spegel show.

use serde_json::Value;

use super::{Maker, Out, Scope, born, text};
use crate::lab::services::ready;
use crate::lab::world::{Cause, cause};

pub(super) const TABLE: &[(&[&str], Maker)] = &[
    (
        &["cilium_version", "cilium_unreachable_nodes", "cilium_unreachable_health_endpoints", "cilium_endpoint_state"],
        agents,
    ),
    (&["cilium_bgp_control_plane_session_state", "cilium_bgp_control_plane_advertised_routes"], sessions),
    (&["cilium_drop_count_total", "cilium_forward_count_total", "hubble_flows_processed_total"], flows),
    (
        &[
            "cilium_clustermesh_remote_clusters",
            "cilium_clustermesh_remote_cluster_readiness_status",
            "cilium_clustermesh_global_services",
        ],
        mesh,
    ),
    (
        &[
            "coredns_dns_requests_total",
            "coredns_dns_responses_total",
            "coredns_dns_request_duration_seconds_bucket",
            "coredns_dns_request_duration_seconds_count",
            "coredns_dns_request_duration_seconds_sum",
        ],
        dns,
    ),
    (
        &[
            "envoy_http_downstream_rq_xx",
            "envoy_http_downstream_rq_time_bucket",
            "envoy_http_downstream_rq_time_count",
            "envoy_http_downstream_rq_time_sum",
        ],
        envoy,
    ),
    (
        &[
            "spegel_advertised_images",
            "spegel_advertised_keys",
            "spegel_mirror_requests_total",
            "spegel_mirror_last_success_timestamp_seconds",
        ],
        spegel,
    ),
];

/// Each running agent, with its pod's labels.
fn each(scope: &Scope<'_>, program: &str, mut of: impl FnMut(&Value, [(&str, &str); 3])) {
    // The agent's process has another name than its image.
    let process = if program == "cilium" { cause::BGP } else { program };
    for pod in scope.pods(program) {
        let node = text(&pod, "/spec/nodeName").to_string();
        let gone =
            [Cause::link(&node), Cause::process(&node, process)].iter().any(|cause| scope.since(cause).is_some());
        if ready(&pod) && !gone {
            let (namespace, name) = (text(&pod, "/metadata/namespace"), text(&pod, "/metadata/name"));
            of(&pod, [("namespace", namespace), ("pod", name), ("node", &node)]);
        }
    }
}

fn agents(scope: &Scope<'_>, out: &mut Out) {
    let nodes = scope.list("nodes");
    let silent = |node: &Value| {
        let name = text(node, "/metadata/name");
        [Cause::link(name), Cause::process(name, cause::BGP)].iter().any(|cause| scope.since(cause).is_some())
    };
    let unreachable = nodes.iter().filter(|node| silent(node)).count() as f64;
    let pods = scope.list("pods");
    each(scope, "cilium", |pod, labels| {
        let image = text(pod, "/spec/containers/0/image");
        let version = image.rsplit_once(":v").map(|(_, version)| version).unwrap_or_default();
        out.level("cilium_version", &[labels[0], labels[1], labels[2], ("version", version)], 1.0);
        out.level("cilium_unreachable_nodes", &labels, unreachable);
        out.level("cilium_unreachable_health_endpoints", &labels, unreachable);
        let own =
            pods.iter().filter(|one| one["spec"]["nodeName"] == labels[2].1 && one["spec"]["hostNetwork"] != true);
        out.level(
            "cilium_endpoint_state",
            &[labels[0], labels[1], labels[2], ("endpoint_state", "ready")],
            own.count() as f64,
        );
    });
}

/// BGP sessions as the agents' own objects say; where those have no status, by the causes.
pub(crate) fn sessions(scope: &Scope<'_>, out: &mut Out) {
    let world = &scope.services.world;
    let router = &world.topology.router;
    let Some(cluster) = world.topology.clusters.get(&scope.cluster.name) else { return };
    let vrouter = cluster.asn.to_string();
    let services = scope.list("services");
    let balanced = services.iter().filter(|s| s["status"]["loadBalancer"]["ingress"].is_array()).count() as f64;
    let neighbour = format!("{}:179", router.address);
    each(scope, "cilium", |_, labels| {
        let node = cluster.nodes.iter().find(|node| node.name.get_ref() == labels[2].1);
        let shut = node.is_some_and(|node| world.has(&Cause::NeighbourShut { neighbour: *node.address.get_ref() }));
        let asn = world
            .causes()
            .into_iter()
            .any(|(cause, _)| matches!(cause, Cause::Asn { node, .. } if node == labels[2].1));
        let up = !shut && !asn;
        let own = [labels[0], labels[1], labels[2], ("neighbor", neighbour.as_str()), ("vrouter", vrouter.as_str())];
        out.flag("cilium_bgp_control_plane_session_state", &own, up);
        let own = [own[0], own[1], own[2], own[3], own[4], ("afi", "ipv4"), ("safi", "unicast")];
        out.level("cilium_bgp_control_plane_advertised_routes", &own, if up { balanced } else { 0.0 });
    });
}

fn flows(scope: &Scope<'_>, out: &mut Out) {
    each(scope, "cilium", |pod, labels| {
        let from = born(pod);
        for (verdict, rate) in [("FORWARDED", 180.0), ("DROPPED", 0.2)] {
            out.counter(
                "hubble_flows_processed_total",
                &[labels[0], labels[1], labels[2], ("verdict", verdict), ("protocol", "TCP")],
                from,
                rate,
            );
        }
        out.counter(
            "cilium_forward_count_total",
            &[labels[0], labels[1], labels[2], ("direction", "EGRESS")],
            from,
            900.0,
        );
        let own = [labels[0], labels[1], labels[2], ("direction", "INGRESS"), ("reason", "Policy denied")];
        out.counter("cilium_drop_count_total", &own, from, 0.2);
    });
}

fn mesh(scope: &Scope<'_>, out: &mut Out) {
    let own = scope.cluster.name.as_str();
    let others: Vec<&String> = scope.services.clusters.keys().filter(|name| *name != own).collect();
    let answers = |other: &str| {
        let cluster = scope.services.clusters.get(other);
        let world = &scope.services.world;
        cluster.is_some_and(|cluster| {
            let other_scope = Scope { services: scope.services, cluster, now: scope.now };
            other_scope.shown("clustermesh-apiserver")
        }) && world.passes(own, other)
    };
    let global = scope
        .list("services")
        .iter()
        .filter(|s| s["metadata"]["annotations"]["service.cilium.io/global"] == "true")
        .count();
    each(scope, "cilium", |_, labels| {
        out.level("cilium_clustermesh_remote_clusters", &labels, others.len() as f64);
        out.level("cilium_clustermesh_global_services", &labels, global as f64);
        for other in &others {
            let own = [labels[0], labels[1], labels[2], ("source_cluster", own), ("target_cluster", other.as_str())];
            out.flag("cilium_clustermesh_remote_cluster_readiness_status", &own, answers(other));
        }
    });
}

fn dns(scope: &Scope<'_>, out: &mut Out) {
    each(scope, "coredns", |pod, labels| {
        let from = born(pod);
        let own = [labels[0], labels[1], labels[2], ("server", "dns://:53"), ("zone", ".")];
        out.counter("coredns_dns_requests_total", &own, from, 25.0);
        for (code, rate) in [("NOERROR", 21.0), ("NXDOMAIN", 4.0)] {
            out.counter(
                "coredns_dns_responses_total",
                &[own[0], own[1], own[2], own[3], own[4], ("rcode", code)],
                from,
                rate,
            );
        }
        let buckets =
            [("0.00025", 0.7), ("0.0005", 0.85), ("0.001", 0.95), ("0.004", 0.98), ("0.016", 0.995), ("0.256", 1.0)];
        out.histogram("coredns_dns_request_duration_seconds", &own, from, 25.0, &buckets, 0.0008);
    });
}

fn envoy(scope: &Scope<'_>, out: &mut Out) {
    each(scope, "cilium-envoy", |pod, labels| {
        let from = born(pod);
        for (class, rate) in [("2", 6.0), ("4", 0.1), ("5", 0.0)] {
            out.counter(
                "envoy_http_downstream_rq_xx",
                &[labels[0], labels[1], labels[2], ("envoy_response_code_class", class)],
                from,
                rate,
            );
        }
        // Milliseconds, as Envoy counts.
        let buckets = [("1", 0.1), ("5", 0.5), ("10", 0.8), ("25", 0.95), ("50", 0.98), ("100", 0.99), ("250", 1.0)];
        out.histogram("envoy_http_downstream_rq_time", &labels, from, 6.1, &buckets, 9.0);
    });
}

fn spegel(scope: &Scope<'_>, out: &mut Out) {
    let pods = scope.list("pods");
    let images = |node: &str| {
        let own = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node);
        let images = own.filter_map(|pod| pod["spec"]["containers"][0]["image"].as_str());
        images.collect::<std::collections::BTreeSet<_>>().len() as f64
    };
    each(scope, "spegel", |pod, labels| {
        let from = born(pod);
        for registry in ["https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io"] {
            out.level(
                "spegel_advertised_images",
                &[labels[0], labels[1], labels[2], ("registry", registry)],
                images(labels[2].1),
            );
            out.level(
                "spegel_advertised_keys",
                &[labels[0], labels[1], labels[2], ("registry", registry)],
                images(labels[2].1) * 8.0,
            );
            for (cache, rate) in [("hit", 0.02), ("miss", 0.005)] {
                let own =
                    [labels[0], labels[1], labels[2], ("registry", registry), ("cache", cache), ("source", "internal")];
                out.counter("spegel_mirror_requests_total", &own, from, rate);
            }
        }
        out.level("spegel_mirror_last_success_timestamp_seconds", &labels, scope.now - 40.0);
    });
}

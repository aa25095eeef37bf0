//! Services with their addresses, and who answers for them.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::Making;
use super::workload::{self, Pod};
use crate::lab::world::range::after;
use crate::lab::world::topology::{Service, ServiceKind, Workload};

pub(super) fn all(making: &Making<'_>) -> Vec<Value> {
    let mut out = vec![api_server(making)];
    let mut free = making.cluster.pools.values().flatten().flat_map(|range| range.addresses()).filter(|address| {
        !making.cluster.services.iter().any(|s| s.address.as_ref().is_some_and(|own| own.get_ref() == address))
    });
    for (index, service) in making.cluster.services.iter().enumerate() {
        let address = match (&service.address, service.kind) {
            (Some(address), _) => Some(*address.get_ref()),
            (None, ServiceKind::LoadBalancer) => free.next(),
            (None, ServiceKind::ClusterIP) => None,
        };
        out.push(object(making, index, service, address));
        out.push(slice(making, service));
    }
    out
}

/// The address inside the cluster: CoreDNS has its own, the others come in order.
fn cluster_ip(making: &Making<'_>, index: usize, service: &Service) -> Option<IpAddr> {
    if service.name.get_ref() == "kube-dns" {
        return Some(making.cluster.dns);
    }
    after(making.cluster.service_cidr.network(), 256 + u32::try_from(index).ok()?)
}

/// The workload that a Service leads to.
fn behind<'t>(making: &Making<'t>, service: &Service) -> Option<&'t Workload> {
    let name = service.workload.as_ref()?.get_ref();
    let mut all = making.cluster.workloads.iter();
    all.find(|one| one.namespace.get_ref() == service.namespace.get_ref() && one.name.get_ref() == name)
}

/// The container's port behind the nth port of a Service: the same where the container has it, or else its own.
fn target(workload: Option<&Workload>, nth: usize, port: u16) -> u16 {
    let own = workload.map(|workload| workload.ports.as_slice()).unwrap_or_default();
    if own.contains(&port) { port } else { own.get(nth).or(own.first()).copied().unwrap_or(port) }
}

fn ports(making: &Making<'_>, service: &Service, node_port: bool, index: usize) -> Vec<Value> {
    let workload = behind(making, service);
    let port = |(nth, port): (usize, &u16)| {
        let mut one = json!({ "name": format!("port-{port}"), "port": port, "protocol": "TCP" });
        one["targetPort"] = target(workload, nth, *port).into();
        if node_port {
            one["nodePort"] = (30_000 + index * 16 + nth).into();
        }
        one
    };
    service.ports.iter().enumerate().map(port).collect()
}

fn object(making: &Making<'_>, index: usize, service: &Service, address: Option<IpAddr>) -> Value {
    let (namespace, name) = (service.namespace.get_ref(), service.name.get_ref());
    let mut labels = json!({ "app.kubernetes.io/name": name });
    for (key, value) in &service.labels {
        labels[key] = value.as_str().into();
    }
    let balanced = service.kind == ServiceKind::LoadBalancer;
    let ip = cluster_ip(making, index, service).map(|ip| ip.to_string());
    let mut spec = json!({
        "type": if balanced { "LoadBalancer" } else { "ClusterIP" },
        "clusterIP": ip, "clusterIPs": [ip], "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack", "ports": ports(making, service, balanced, index), "sessionAffinity": "None",
    });
    if let Some(workload) = &service.workload {
        spec["selector"] = json!({ "app.kubernetes.io/name": workload.get_ref() });
    }
    let mut status = json!({ "loadBalancer": {} });
    let mut metadata = super::node::without_generation(making.metadata("Service", namespace, name, labels));
    if balanced {
        spec["allocateLoadBalancerNodePorts"] = true.into();
        spec["externalTrafficPolicy"] = if service.local { "Local" } else { "Cluster" }.into();
    }
    if let Some(address) = address {
        if service.address.is_some() {
            metadata["annotations"] = json!({ "lbipam.cilium.io/ips": address.to_string() });
        }
        status = json!({
            "loadBalancer": { "ingress": [{ "ip": address.to_string(), "ipMode": "VIP" }] },
            "conditions": [{
                "type": "cilium.io/IPAMRequestSatisfied", "status": "True", "reason": "satisfied", "message": "",
                "lastTransitionTime": making.born,
            }],
        });
    }
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": status })
}

fn slice(making: &Making<'_>, service: &Service) -> Value {
    let (namespace, name) = (service.namespace.get_ref(), service.name.get_ref());
    let behind = behind(making, service);
    let pods: Vec<Pod> = behind.map(|workload| workload::pods(making, workload)).unwrap_or_default();
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            json!({
                "addresses": [pod.address.to_string()], "nodeName": pod.node,
                "conditions": { "ready": true, "serving": true, "terminating": false },
                "targetRef": { "kind": "Pod", "namespace": namespace, "name": pod.name },
            })
        })
        .collect();
    let own = format!("{name}-{}", super::names::suffix(&[making.name, namespace, name, "slice"], 5));
    let ports: Vec<Value> = service
        .ports
        .iter()
        .enumerate()
        .map(|(nth, port)| {
            json!({ "name": format!("port-{port}"), "port": target(behind, nth, *port), "protocol": "TCP" })
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": making.metadata("EndpointSlice", namespace, &own, json!({
            "kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        })),
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
    })
}

/// `default/kubernetes`, which every API server makes for itself.
fn api_server(making: &Making<'_>) -> Value {
    let ip = after(making.cluster.service_cidr.network(), 1).map(|ip| ip.to_string());
    let labels = json!({ "component": "apiserver", "provider": "kubernetes" });
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": super::node::without_generation(making.metadata("Service", "default", "kubernetes", labels)),
        "spec": {
            "type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None",
            "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }],
        },
        "status": { "loadBalancer": {} },
    })
}

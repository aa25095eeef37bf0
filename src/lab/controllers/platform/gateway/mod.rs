//! Gateway API as Cilium's operator serves it: classes, Gateways with their Services and addresses, routes.

mod gateways;
mod routes;

use serde_json::Value;

use super::Hand;
use super::site::Site;

/// The name by which classes ask for Cilium.
const CONTROLLER: &str = "io.cilium/gateway-controller";
const GATEWAYS: &str = "gateways.gateway.networking.k8s.io";
const CLASSES: &str = "gatewayclasses.gateway.networking.k8s.io";
const ROUTES: &str = "httproutes.gateway.networking.k8s.io";
const GRANTS: &str = "referencegrants.gateway.networking.k8s.io";

pub(super) fn rows() -> Vec<Hand> {
    vec![
        ("cilium-operator", gateways::WATCHES, Box::new(gateways::Gateways)),
        ("cilium-operator", routes::WATCHES, Box::new(routes::Routes)),
    ]
}

/// Whether objects of one kind may refer to one of another in another namespace.
fn granted(site: &Site<'_>, from: (&str, &str), kind: &str, namespace: &str, name: &str) -> bool {
    from.1 == namespace
        || site.all(GRANTS, namespace).iter().any(|(_, grant)| {
            let spec = &grant.value["spec"];
            let rows = |key: &str| spec[key].as_array().cloned().unwrap_or_default();
            rows("from").iter().any(|one| one["kind"] == from.0 && one["namespace"] == from.1)
                && rows("to").iter().any(|one| one["kind"] == kind && (one["name"].is_null() || one["name"] == name))
        })
}

/// Whether a listener takes routes of a namespace.
fn takes(site: &Site<'_>, listener: &Value, gateway: &str, namespace: &str) -> bool {
    let from = &listener["allowedRoutes"]["namespaces"];
    match from["from"].as_str().unwrap_or("Same") {
        "All" => true,
        "Selector" => site.get("namespaces", "", namespace).is_some_and(|one| {
            crate::lab::router::advertise::selects(&from["selector"], &one.value["metadata"]["labels"])
        }),
        _ => gateway == namespace,
    }
}

/// Whether the names of a route and of a listener have one in common; either may have a star in front, or none at all.
fn meet(listener: &Value, route: &Value) -> bool {
    let own = listener["hostname"].as_str().unwrap_or_default();
    let names: Vec<&str> =
        route["spec"]["hostnames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fits = |pattern: &str, name: &str| {
        pattern.strip_prefix('*').map_or(pattern == name, |end| name.ends_with(end) && name.len() > end.len())
    };
    own.is_empty() || names.is_empty() || names.iter().any(|name| fits(own, name) || fits(name, own))
}

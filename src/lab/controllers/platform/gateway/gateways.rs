//! GatewayClasses and Gateways: the Service behind each, its address, its listeners with their certificates.
//!
//! Messages and reasons: github.com/cilium/cilium `operator/pkg/gateway-api`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::Operator;
use super::super::conditions::Condition;
use super::super::site::Site;
use super::{CLASSES, CONTROLLER, GATEWAYS, ROUTES, granted, meet, takes};
use crate::lab::kube::store::Place;

pub(super) const WATCHES: &[&str] =
    &[CLASSES, GATEWAYS, ROUTES, "services", "secrets", "referencegrants.gateway.networking.k8s.io", "namespaces"];

/// The controller.
#[derive(Debug)]
pub(super) struct Gateways;

impl Operator for Gateways {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(CLASSES, "") {
            if stored.value["spec"]["controllerName"] != CONTROLLER {
                continue;
            }
            let (mut value, stamp) = (stored.value.clone(), site.stamp());
            Condition::new("Accepted", "True", "Accepted", "Valid GatewayClass").set(&mut value, &stamp);
            Condition::new(
                "SupportedVersion",
                "True",
                "SupportedVersion",
                "Gateway API CRD bundle version v1.3.0 is supported.",
            )
            .set(&mut value, &stamp);
            site.put(&place, value);
        }
        for (place, stored) in site.all(GATEWAYS, "") {
            if stored.value["metadata"]["deletionTimestamp"].is_null() {
                gateway(site, &place, &stored.value);
            }
        }
    }
}

fn gateway(site: &mut Site<'_>, place: &Place, object: &Value) {
    let (mut value, stamp) = (object.clone(), site.stamp());
    let class = object["spec"]["gatewayClassName"].as_str().unwrap_or_default();
    let found = site.get(CLASSES, "", class);
    match found {
        // Another controller's, or one that nobody has made: it is told where it was Cilium's.
        Some(class) if class.value["spec"]["controllerName"] != CONTROLLER => return,
        None => {
            Condition::new("Accepted", "False", "NoResources", "GatewayClass does not exist").set(&mut value, &stamp);
            site.put(place, value);
            return;
        }
        Some(_) => {}
    }
    Condition::new("Accepted", "True", "Accepted", "Gateway successfully scheduled").set(&mut value, &stamp);
    let name = format!("cilium-gateway-{}", place.name);
    let service = service(site, place, object, &name);
    let address = service["status"]["loadBalancer"]["ingress"][0]["ip"].clone();
    let listeners = object["spec"]["listeners"].as_array().cloned().unwrap_or_default();
    let rows: Vec<Value> = listeners.iter().map(|one| listener(site, place, object, one)).collect();
    value["status"]["listeners"] = rows.into();
    if address.is_null() {
        value["status"].as_object_mut().map(|status| status.remove("addresses"));
        Condition::new("Programmed", "False", "AddressNotAssigned", "Gateway waiting for address")
            .set(&mut value, &stamp);
    } else {
        value["status"]["addresses"] = json!([{ "type": "IPAddress", "value": address }]);
        Condition::new("Programmed", "True", "Programmed", "Gateway successfully reconciled").set(&mut value, &stamp);
    }
    site.put(place, value);
}

/// The Service that Cilium makes for a Gateway.
fn service(site: &mut Site<'_>, place: &Place, object: &Value, name: &str) -> Value {
    if let Some(there) = site.get("services", &place.namespace, name) {
        return there.value.clone();
    }
    let mut ports: Vec<Value> =
        object["spec"]["listeners"].as_array().into_iter().flatten().map(|one| one["port"].clone()).collect();
    ports.dedup();
    let ports: Vec<Value> = ports
        .iter()
        .map(|port| json!({ "name": format!("port-{port}"), "port": port, "targetPort": port, "protocol": "TCP" }))
        .collect();
    let made = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": name, "namespace": place.namespace, "annotations": object["spec"]["infrastructure"]["annotations"],
            "labels": { "io.cilium.gateway/owning-gateway": place.name, "gateway.networking.k8s.io/gateway-name": place.name },
            "ownerReferences": [{ "apiVersion": object["apiVersion"], "kind": "Gateway", "name": place.name,
                                  "uid": object["metadata"]["uid"], "controller": true }],
        },
        "spec": {
            "type": "LoadBalancer", "ports": ports, "selector": { "app.kubernetes.io/name": "cilium-envoy" },
            "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "allocateLoadBalancerNodePorts": true,
        },
        "status": { "loadBalancer": {} },
    });
    site.create(&made);
    made
}

/// The status of a listener.
fn listener(site: &Site<'_>, place: &Place, object: &Value, one: &Value) -> Value {
    let (stamp, generation) = (site.stamp(), &object["metadata"]["generation"]);
    let before = object["status"]["listeners"].as_array().into_iter().flatten().find(|old| old["name"] == one["name"]);
    let mut conditions = before.map(|old| old["conditions"].clone()).unwrap_or_default();
    let wrong = certificate(site, place, one);
    let mut set = |kind: &str, right: bool, reason: &str, message: &str| {
        Condition::new(kind, if right { "True" } else { "False" }, reason, message).set_in(
            &mut conditions,
            generation,
            &stamp,
        );
    };
    match &wrong {
        None => {
            set("Programmed", true, "Programmed", "Listener Programmed");
            set("Accepted", true, "Accepted", "Listener Accepted");
            set("ResolvedRefs", true, "ResolvedRefs", "Resolved Refs");
        }
        Some((reason, message)) => {
            set("Programmed", false, "Invalid", message);
            set("Accepted", true, "Accepted", "Listener Accepted");
            set("ResolvedRefs", false, reason, message);
        }
    }
    let hangs = |route: &Value| {
        let own = route["metadata"]["namespace"].as_str().unwrap_or_default();
        route["spec"]["parentRefs"].as_array().into_iter().flatten().any(|parent| {
            parent["name"] == place.name.as_str()
                && parent["namespace"].as_str().unwrap_or(own) == place.namespace
                && (parent["sectionName"].is_null() || parent["sectionName"] == one["name"])
        }) && takes(site, one, &place.namespace, own)
            && meet(one, route)
    };
    let attached = site.objects.store.list(ROUTES, "").filter(|(_, route)| hangs(&route.value)).count();
    let group = "gateway.networking.k8s.io";
    json!({
        "name": one["name"], "attachedRoutes": attached, "conditions": conditions,
        "supportedKinds": [{ "group": group, "kind": "HTTPRoute" }, { "group": group, "kind": "GRPCRoute" }],
    })
}

/// Why the certificates of a listener are of no use.
fn certificate(site: &Site<'_>, place: &Place, one: &Value) -> Option<(&'static str, String)> {
    if one["protocol"] != "HTTPS" && one["protocol"] != "TLS" || one["tls"]["mode"] == "Passthrough" {
        return None;
    }
    let references = one["tls"]["certificateRefs"].as_array().filter(|all| !all.is_empty());
    let Some(references) = references else { return Some(("InvalidCertificateRef", "Invalid CertificateRef".into())) };
    references.iter().find_map(|reference| {
        let name = reference["name"].as_str().unwrap_or_default();
        let namespace = reference["namespace"].as_str().unwrap_or(&place.namespace);
        if !granted(site, ("Gateway", &place.namespace), "Secret", namespace, name) {
            return Some(("RefNotPermitted", "CertificateRef is not permitted".to_owned()));
        }
        let secret = site.get("secrets", namespace, name);
        let pem = secret.as_ref().and_then(|secret| STANDARD.decode(secret.value["data"]["tls.crt"].as_str()?).ok());
        let valid = pem.is_some_and(|pem| pem.starts_with(b"-----BEGIN CERTIFICATE-----"));
        (!valid).then(|| ("InvalidCertificateRef", "Invalid CertificateRef".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::site::is;
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_gateway_has_its_address_and_says_what_its_listeners_lack() {
        let mut bench = Bench::new("monosense", "infra");
        let (ns, name) = ("kube-system", "cilium-gateway-external");
        let gateway = bench.get(GATEWAYS, ns, name);
        assert_eq!(gateway["status"]["addresses"][0]["value"], "10.25.11.110");
        assert!(is(&gateway, "Programmed") && is(&gateway, "Accepted"));
        bench.change(GATEWAYS, ns, name, |gateway| {
            gateway["spec"]["listeners"][1]["tls"]["certificateRefs"][0]["name"] = "wildcard-tsl".into();
        });
        bench.look();
        let listener = bench.get(GATEWAYS, ns, name)["status"]["listeners"][1].clone();
        assert_eq!(
            super::super::super::conditions::find(&json!({ "status": listener }), "ResolvedRefs").unwrap()["reason"],
            "InvalidCertificateRef"
        );
        bench.change(GATEWAYS, ns, name, |gateway| {
            gateway["spec"]["listeners"][1]["tls"]["certificateRefs"][0]["name"] = "wildcard-tls".into();
        });
        bench.change("services", ns, "cilium-gateway-cilium-gateway-external", |service| {
            service["status"] = json!({ "loadBalancer": {} });
        });
        bench.look();
        assert_eq!(
            bench.told(GATEWAYS, ns, name, "Programmed"),
            "False AddressNotAssigned: Gateway waiting for address"
        );
        bench.change(GATEWAYS, ns, name, |gateway| gateway["spec"]["gatewayClassName"] = "nonesuch".into());
        bench.look();
        assert!(bench.told(GATEWAYS, ns, name, "Accepted").ends_with("GatewayClass does not exist"));
    }

    #[test]
    fn a_certificate_in_another_namespace_has_to_be_granted() {
        let mut bench = Bench::new("spec", "infra");
        let (ns, name) = ("kube-system", "cilium-gateway-internal");
        let reason = |bench: &Bench| {
            let listener = bench.get(GATEWAYS, ns, name)["status"]["listeners"][1].clone();
            super::super::super::conditions::text(&json!({ "status": listener }), "ResolvedRefs", "reason").to_owned()
        };
        assert_eq!(reason(&bench), "ResolvedRefs");
        bench.delete("referencegrants.gateway.networking.k8s.io", "cert-manager", "gateways");
        bench.look();
        assert_eq!(reason(&bench), "RefNotPermitted");
    }
}

//! Endpoints and EndpointSlices: who is behind a Service, and ready.
//!
//! Source: k8s.io/kubernetes `pkg/controller/endpoint`, k8s.io/endpointslice.

use std::sync::Arc;

use serde_json::{Value, json};

use super::fields::{self, list, owner_reference, text};
use super::index::Pod;
use super::scene::Scene;
use crate::lab::kube::select;
use crate::lab::kube::store::Place;
use crate::lab::pods::reach;

/// How many endpoints a slice has at most.
const MOST: usize = 100;
const MANAGED: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const OWNER: &str = "kubernetes.io/service-name";

/// Brings a Service's endpoints into order.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else {
        scene.delete(&Place::new("endpoints", &place.namespace, &place.name));
        return;
    };
    let service = &stored.value;
    let plain = service["spec"]["selector"].as_object().is_some_and(|map| !map.is_empty());
    // Without a selector, they are somebody else's to write.
    if !plain || service["spec"]["type"] == "ExternalName" || fields::is_ending(service) {
        return;
    }
    let selector = select::of_selector(&service["spec"]["selector"]);
    let pods = scene.objects.store.list("pods", &place.namespace);
    let pods: Vec<Arc<Pod>> = pods
        .filter_map(|(place, _)| scene.index.pod(place))
        .filter(|pod| {
            selector.holds(pod.labels()) && !pod.is_over() && !text(&pod.stored.value, "/status/podIP").is_empty()
        })
        .cloned()
        .collect();
    slices(scene, service, &pods);
    plain_endpoints(scene, service, &pods);
}

/// The ports of a Service as a pod has them.
fn ports(service: &Value, pod: Option<&Value>) -> Vec<Value> {
    let of = |row: &Value| {
        let number = match pod {
            Some(pod) => reach::target(row, pod)?,
            None => u16::try_from(row["targetPort"].as_u64().or_else(|| row["port"].as_u64())?).ok()?,
        };
        let mut port = json!({ "name": text(row, "/name"), "port": number, "protocol": row["protocol"].as_str().unwrap_or("TCP") });
        if row["appProtocol"].is_string() {
            port["appProtocol"] = row["appProtocol"].clone();
        }
        Some(port)
    };
    list(service, "/spec/ports").iter().filter_map(of).collect()
}

fn is_ready(service: &Value, pod: &Pod) -> bool {
    service["spec"]["publishNotReadyAddresses"] == true || (pod.ready.is_some() && !pod.ending)
}

/// One endpoint of a slice.
fn endpoint(service: &Value, pod: &Pod) -> Value {
    let object = &pod.stored.value;
    let mut one = json!({
        "addresses": [text(object, "/status/podIP")],
        "conditions": { "ready": is_ready(service, pod), "serving": pod.ready.is_some(), "terminating": pod.ending },
        "nodeName": pod.node,
        "targetRef": { "kind": "Pod", "namespace": pod.place.namespace, "name": pod.place.name, "uid": pod.uid },
    });
    let hostname = text(object, "/spec/hostname");
    if !hostname.is_empty() && text(object, "/spec/subdomain") == fields::name(service) {
        one["hostname"] = json!(hostname);
    }
    one
}

/// The slices of a Service: those that there are keep what is still right, and new ones take what is left.
fn slices(scene: &mut Scene<'_>, service: &Value, pods: &[Arc<Pod>]) {
    let uid = fields::uid(service);
    let name = fields::name(service);
    let mut groups: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    for pod in pods {
        let own = ports(service, Some(&pod.stored.value));
        let one = endpoint(service, pod);
        match groups.iter_mut().find(|(ports, _)| *ports == own) {
            Some((_, endpoints)) => endpoints.push(one),
            None => groups.push((own, vec![one])),
        }
    }
    if groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    let existing: Vec<Arc<_>> = scene
        .objects
        .store
        .list("endpointslices.discovery.k8s.io", fields::namespace(service))
        .filter(|(_, slice)| {
            slice.value["metadata"]["labels"][OWNER] == name && slice.value["metadata"]["labels"][MANAGED] == MANAGER
        })
        .map(|(_, slice)| slice.clone())
        .collect();
    let mut left = existing;
    let family =
        if list(service, "/spec/ipFamilies").first().is_some_and(|one| one == "IPv6") { "IPv6" } else { "IPv4" };
    for (ports, endpoints) in groups {
        let chunks: Vec<Vec<Value>> = if endpoints.is_empty() {
            vec![Vec::new()]
        } else {
            endpoints.chunks(MOST).map(<[Value]>::to_vec).collect()
        };
        for chunk in chunks {
            let mut labels = service["metadata"]["labels"].clone();
            labels[MANAGED] = json!(MANAGER);
            labels[OWNER] = json!(name);
            if service["spec"]["clusterIP"] == "None" {
                labels["service.kubernetes.io/headless"] = json!("");
            }
            let fits = |slice: &Value| {
                let first = |slice: &Value| {
                    list(slice, "/endpoints")
                        .iter()
                        .any(|one| chunk.iter().any(|new| new["targetRef"]["name"] == one["targetRef"]["name"]))
                };
                slice["ports"].as_array() == Some(&ports) || first(slice) || list(slice, "/endpoints").is_empty()
            };
            let mut owner = owner_reference(service);
            owner["apiVersion"] = json!("v1");
            owner["kind"] = json!("Service");
            match left.iter().position(|slice| fits(&slice.value)) {
                Some(at) => {
                    let slice = left.remove(at);
                    let place = fields::place("endpointslices.discovery.k8s.io", &slice.value);
                    scene.change(&place, |slice| {
                        let whole = json!([owner]);
                        if slice["endpoints"] != Value::from(chunk.clone())
                            || slice["ports"] != Value::from(ports.clone())
                            || slice["metadata"]["labels"] != labels
                            || slice["metadata"]["ownerReferences"] != whole
                        {
                            let generation = slice["metadata"]["generation"].as_i64().unwrap_or(0);
                            slice["metadata"]["generation"] = json!(generation + 1);
                        }
                        slice["endpoints"] = chunk.clone().into();
                        slice["ports"] = ports.clone().into();
                        slice["metadata"]["labels"] = labels;
                        slice["metadata"]["ownerReferences"] = whole;
                    });
                }
                None => {
                    let slice = json!({
                        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                        "metadata": {
                            "generateName": format!("{name}-"), "namespace": fields::namespace(service), "labels": labels,
                            "ownerReferences": [owner],
                        },
                        "addressType": family, "endpoints": chunk, "ports": ports,
                    });
                    // It fails only in a namespace that is going.
                    let _ = scene.create(slice);
                }
            }
        }
    }
    for slice in left {
        if slice.value["metadata"]["ownerReferences"][0]["uid"] == uid
            || slice.value["metadata"]["ownerReferences"].is_null()
        {
            scene.delete(&fields::place("endpointslices.discovery.k8s.io", &slice.value));
        }
    }
}

/// The older form, one object a Service.
fn plain_endpoints(scene: &mut Scene<'_>, service: &Value, pods: &[Arc<Pod>]) {
    let mut subsets: Vec<Value> = Vec::new();
    for pod in pods.iter().filter(|pod| !pod.ending).take(1000) {
        let ports = ports(service, Some(&pod.stored.value));
        let plain: Vec<Value> = ports
            .into_iter()
            .map(|mut port| {
                if port["name"] == "" {
                    fields::unset(&mut port, "", "name");
                }
                port
            })
            .collect();
        let address = json!({
            "ip": text(&pod.stored.value, "/status/podIP"), "nodeName": pod.node,
            "targetRef": { "kind": "Pod", "namespace": pod.place.namespace, "name": pod.place.name, "uid": pod.uid },
        });
        let key = if is_ready(service, pod) { "addresses" } else { "notReadyAddresses" };
        let at = subsets.iter().position(|subset| subset["ports"] == Value::from(plain.clone()));
        let at = at.unwrap_or_else(|| {
            subsets.push(json!({ "ports": plain }));
            subsets.len() - 1
        });
        match subsets[at][key].as_array_mut() {
            Some(all) => all.push(address),
            None => subsets[at][key] = json!([address]),
        }
    }
    let place = Place::new("endpoints", fields::namespace(service), fields::name(service));
    let labels = {
        let mut labels = service["metadata"]["labels"].clone();
        labels["endpoints.kubernetes.io/managed-by"] = json!("endpoint-controller");
        if service["spec"]["clusterIP"] == "None" {
            labels["service.kubernetes.io/headless"] = json!("");
        }
        labels
    };
    let subsets = if subsets.is_empty() { Value::Null } else { subsets.into() };
    if scene.get(&place).is_none() {
        let mut object = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": { "name": place.name, "namespace": place.namespace, "labels": labels },
        });
        if !subsets.is_null() {
            object["subsets"] = subsets;
        }
        let _ = scene.create(object);
        return;
    }
    scene.change(&place, |object| {
        object["metadata"]["labels"] = labels;
        if subsets.is_null() {
            fields::unset(object, "", "subsets");
        } else {
            object["subsets"] = subsets;
        }
    });
}

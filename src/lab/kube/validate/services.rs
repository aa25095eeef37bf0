//! The addresses and ports of Services: given, kept, and refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::lab::kube::cluster::World;
use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};

/// The ports of nodes that Services may have: the default of kube-apiserver's `--service-node-port-range`.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30_000..=32_767;

/// The kinds of Service that have an address.
fn addressed(object: &Value) -> bool {
    object["spec"]["type"] != "ExternalName"
}

fn ports(object: &Value) -> bool {
    matches!(object["spec"]["type"].as_str(), Some("NodePort" | "LoadBalancer"))
        && object["spec"]["allocateLoadBalancerNodePorts"] != false
}

/// Gives a new Service its addresses.
pub(super) fn create(world: &mut World, object: &mut Value) -> Answer<()> {
    if addressed(object) {
        address(world, object)?;
    }
    node_ports(world, object, &Value::Null)
}

/// A changed Service keeps what it has.
pub(super) fn update(world: &mut World, old: &Value, object: &mut Value) -> Answer<()> {
    if !addressed(object) {
        return Ok(());
    }
    for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if object["spec"][key].is_null() && !old["spec"][key].is_null() && old["spec"]["type"] != "ExternalName" {
            object["spec"][key] = old["spec"][key].clone();
        }
    }
    // The two forms of one address move together.
    if object["spec"]["clusterIP"] != old["spec"]["clusterIP"]
        && object["spec"]["clusterIPs"] == old["spec"]["clusterIPs"]
    {
        object["spec"]["clusterIPs"] = json!([object["spec"]["clusterIP"]]);
    }
    if object["spec"]["clusterIP"].is_null() {
        address(world, object)?;
    }
    node_ports(world, object, old)
}

fn address(world: &mut World, object: &mut Value) -> Answer<()> {
    let given = object["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    let taken: BTreeSet<String> = world
        .store
        .list("services", "")
        .filter_map(|(_, s)| s.value["spec"]["clusterIP"].as_str().map(str::to_owned))
        .collect();
    let ip = if given.is_empty() {
        let mut found = None;
        for _ in 0..65_000 {
            let number = world.naming.next();
            let ip = format!("{}.{}.{}", world.services, (number >> 8) & 0xff, (number & 0xff).clamp(1, 254));
            if !taken.contains(&ip) {
                found = Some(ip);
                break;
            }
        }
        found.ok_or_else(|| Refusal::internal("no address is free in the range of Services"))?
    } else if let Some((field, why)) = refused(world, &given, &taken) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let what = Named { group: "", kind: "Service", name };
        let value = if field.ends_with(']') { json!(given) } else { json!([given]) };
        return Err(Refusal::invalid(&what, &[Fault::invalid(field, &value, why)]));
    } else {
        given
    };
    object["spec"]["clusterIP"] = json!(ip);
    object["spec"]["clusterIPs"] = json!([ip]);
    object["spec"]["ipFamilies"] = json!(["IPv4"]);
    object["spec"]["ipFamilyPolicy"] = json!("SingleStack");
    Ok(())
}

/// Why a Service can't have an address, and which field is to blame.
fn refused(world: &World, given: &str, taken: &BTreeSet<String>) -> Option<(&'static str, String)> {
    if given == "None" {
        return None;
    }
    let Ok(address) = given.parse::<std::net::IpAddr>() else {
        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        return Some(("spec.clusterIPs[0]", why.to_owned()));
    };
    let why = if !address.to_string().starts_with(&format!("{}.", world.services)) {
        format!("provided IP is not in the valid range. The range of valid IPs is {}.0.0/16", world.services)
    } else if taken.contains(given) {
        "provided IP is already allocated".to_owned()
    } else {
        return None;
    };
    Some(("spec.clusterIPs", format!("failed to allocate IP {given}: {why}")))
}

/// Gives ports of nodes to a Service that wants some; what it had it keeps.
fn node_ports(world: &mut World, object: &mut Value, old: &Value) -> Answer<()> {
    if !ports(object) {
        return Ok(());
    }
    let own = object["metadata"]["uid"].clone();
    let mut taken: BTreeSet<u64> = BTreeSet::new();
    for (_, service) in world.store.list("services", "").filter(|(_, s)| s.value["metadata"]["uid"] != own) {
        let ports = service.value["spec"]["ports"].as_array().into_iter().flatten();
        taken.extend(ports.filter_map(|p| p["nodePort"].as_u64()));
    }
    let had: Vec<Value> = old["spec"]["ports"].as_array().cloned().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut list = object["spec"]["ports"].as_array().cloned().unwrap_or_default();
    for (at, port) in list.iter_mut().enumerate() {
        if let Some(wanted) = port["nodePort"].as_u64() {
            let why = if !NODE_PORTS.contains(&wanted) {
                "provided port is not in the valid range. The range of valid ports is 30000-32767"
            } else if !taken.insert(wanted) {
                "provided port is already allocated"
            } else {
                continue;
            };
            let what = Named { group: "", kind: "Service", name: &name };
            let fault = Fault::invalid(format!("spec.ports[{at}].nodePort"), &json!(wanted), why);
            return Err(Refusal::invalid(&what, &[fault]));
        }
        let before = had.iter().find(|h| h["port"] == port["port"] && h["protocol"] == port["protocol"]);
        let kept = before.and_then(|b| b["nodePort"].as_u64());
        let number = kept.unwrap_or_else(|| {
            (0..2768)
                .map(|_| NODE_PORTS.start() + world.naming.next() % 2768)
                .find(|n| !taken.contains(n))
                .unwrap_or(*NODE_PORTS.end())
        });
        taken.insert(number);
        port["nodePort"] = json!(number);
    }
    object["spec"]["ports"] = Value::Array(list);
    Ok(())
}

/// The rules of Services.
pub(super) fn rules(object: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let spec = &object["spec"];
    let ports: Vec<&Value> = spec["ports"].as_array().into_iter().flatten().collect();
    let headless = spec["clusterIP"] == "None";
    let external = spec["type"] == "ExternalName";
    if ports.is_empty() && !headless && !external {
        faults.push(Fault::required("spec.ports"));
    }
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (at, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{at}]");
        match port["name"].as_str() {
            None if ports.len() > 1 => faults.push(Fault::required(format!("{path}.name"))),
            Some(name) => {
                for why in super::names::label(name) {
                    faults.push(Fault::invalid(format!("{path}.name"), &port["name"], why));
                }
                if !names.insert(name.to_owned()) {
                    faults.push(Fault::duplicate(format!("{path}.name"), &port["name"]));
                }
            }
            None => {}
        }
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65_535).contains(&number) {
            let why = "must be between 1 and 65535, inclusive";
            faults.push(Fault::invalid(format!("{path}.port"), &json!(number), why));
        }
        if !port["nodePort"].is_null() && matches!(spec["type"].as_str(), Some("ClusterIP" | "ExternalName")) {
            let why = format!("may not be used when `type` is '{}'", spec["type"].as_str().unwrap_or_default());
            faults.push(Fault::forbidden(format!("{path}.nodePort"), why));
        }
        if !matches!(port["protocol"].as_str(), Some("TCP" | "UDP" | "SCTP")) {
            faults.push(Fault::unsupported(format!("{path}.protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]));
        }
        if !numbers.insert((number, port["protocol"].to_string())) {
            let value = json!({"protocol": port["protocol"], "port": number});
            faults.push(Fault::duplicate(path, &value));
        }
    }
    if !matches!(spec["sessionAffinity"].as_str(), Some("ClientIP" | "None")) {
        faults.push(Fault::unsupported("spec.sessionAffinity", &spec["sessionAffinity"], &["ClientIP", "None"]));
    }
    if !matches!(spec["type"].as_str(), Some("ClusterIP" | "ExternalName" | "LoadBalancer" | "NodePort")) {
        let known = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        faults.push(Fault::unsupported("spec.type", &spec["type"], &known));
    }
    if external && spec["externalName"].as_str().unwrap_or_default().is_empty() {
        faults.push(Fault::required("spec.externalName"));
    }
    faults
}

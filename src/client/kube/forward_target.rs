//! Where a forward leads: to a pod, and to a port there.

use serde_json::Value;

use super::rest;
use super::target::{Target, selector};
use super::{Cluster, Query};
use crate::error::{Error, Kind, Result};

/// A port that is named by its number or its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// `8080`
    Number(u16),
    /// `http`
    Name(String),
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// The pod and its port that a forward leads to.
pub(super) async fn resolve(cluster: &Cluster, target: &Target, port: &Port) -> Result<(String, u16)> {
    if target.kind != "Service" {
        let pods = target.pods(cluster).await?;
        let running = pods.iter().find(|p| p.pointer("/status/phase").is_some_and(|phase| phase == "Running"));
        let Some(pod) = running else {
            let phase = pods[0].pointer("/status/phase").and_then(Value::as_str).unwrap_or("unknown");
            return Err(Error::new(
                Kind::NotFound,
                format!("{target} on cluster {}: no pod is Running (the first is {phase})", cluster.name()),
            ));
        };
        let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        return Ok((name.to_string(), pod_port(pod, port, target)?));
    }
    let service = target.get(cluster).await?;
    let path = format!("/api/v1/namespaces/{}/endpoints/{}", target.namespace, target.name);
    let endpoints = rest::find(cluster, &path, &format!("the endpoints of {target}")).await?.unwrap_or(Value::Null);
    let found = async {
        let wanted = service_port(&service, port)?;
        match ready_endpoint(wanted, &endpoints, port)? {
            Some(found) => Ok(found),
            None => selected(cluster, target, &service, wanted, port).await,
        }
    };
    found.await.map_err(|e| e.context(format!("{target} on cluster {}", cluster.name())))
}

/// A ready pod that the service's selector finds, for where its endpoints name none: they come a moment after the pod,
/// and not at all where nothing fills them in.
async fn selected(
    cluster: &Cluster,
    target: &Target,
    service: &Value,
    wanted: &Value,
    port: &Port,
) -> Result<(String, u16)> {
    let none = || Error::new(Kind::NotFound, format!("no ready pod stands behind port {port}"));
    let Some(selector) = selector(service) else {
        return Err(none().because("its endpoints name no pod, and it has no selector to find one by"));
    };
    let (namespace, labels) = (Some(target.namespace.clone()), Some(selector.clone()));
    let pods = rest::list(cluster, "pods", &Query { namespace, labels, ..Query::default() }).await?;
    ready_pod(&pods, wanted, target)?.ok_or_else(|| {
        let error = none().because(format!("its endpoints name no pod, and its selector is {selector}"));
        let names: Vec<&str> = pods.iter().filter_map(|p| p.pointer("/metadata/name")?.as_str()).collect();
        if names.is_empty() {
            error.because("no pod has these labels")
        } else {
            error.because(format!("not ready: {}", names.join(", ")))
        }
    })
}

/// The first of these pods that is ready and not ending, and the port there that the service's port leads to.
fn ready_pod(pods: &[Value], wanted: &Value, target: &Target) -> Result<Option<(String, u16)>> {
    let ready = pods.iter().find(|pod| {
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
        let ready =
            |c: &Value| c.get("type").is_some_and(|t| t == "Ready") && c.get("status").is_some_and(|s| s == "True");
        pod.pointer("/metadata/deletionTimestamp").is_none() && conditions.into_iter().flatten().any(ready)
    });
    let Some(pod) = ready else { return Ok(None) };
    let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let there = match wanted.get("targetPort").or_else(|| wanted.get("port")) {
        Some(Value::String(name)) => Port::Name(name.clone()),
        Some(number) => Port::Number(number.as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or_default()),
        None => Port::Number(0),
    };
    Ok(Some((name.to_string(), pod_port(pod, &there, target)?)))
}

/// A port of a pod: any number, or a name that one of its containers declares.
fn pod_port(pod: &Value, port: &Port, target: &Target) -> Result<u16> {
    let name = match port {
        Port::Number(number) => return Ok(*number),
        Port::Name(name) => name,
    };
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let ports: Vec<&Value> =
        containers.into_iter().flatten().filter_map(|c| c.get("ports")?.as_array()).flatten().collect();
    let found = ports.iter().find(|p| p.get("name").is_some_and(|n| n == name.as_str()));
    found.and_then(|p| u16::try_from(p.get("containerPort")?.as_u64()?).ok()).ok_or_else(|| {
        let known: Vec<&str> = ports.iter().filter_map(|p| p.get("name")?.as_str()).collect();
        Error::new(Kind::NotFound, format!("{target} has no port named \"{name}\" (it has: {})", known.join(", ")))
    })
}

/// The service's own port of this number or name.
fn service_port<'a>(service: &'a Value, port: &Port) -> Result<&'a Value> {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let wanted = ports.iter().find(|p| match port {
        Port::Number(number) => p.get("port").and_then(Value::as_u64) == Some(u64::from(*number)),
        Port::Name(name) => name_of(p) == *name,
    });
    wanted.ok_or_else(|| {
        let known: Vec<String> = ports
            .iter()
            .map(|p| format!("{} {}", p.get("port").unwrap_or(&Value::Null), name_of(p)).trim().to_string())
            .collect();
        Error::new(Kind::NotFound, format!("it has no port {port} (it has: {})", known.join(", ")))
    })
}

fn name_of(port: &Value) -> &str {
    port.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// The pod behind a ready address of a service, and the port there: what `targetPort` says, names resolved. None where
/// the endpoints name no pod at all; pods that are not ready are an error.
fn ready_endpoint(wanted: &Value, endpoints: &Value, port: &Port) -> Result<Option<(String, u16)>> {
    let array = |v: &Value, key: &str| v.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut waiting = Vec::new();
    for subset in array(endpoints, "subsets") {
        let ports = array(&subset, "ports");
        let target = ports.iter().find(|p| name_of(p) == name_of(wanted)).and_then(|p| p.get("port")?.as_u64());
        let Some(target) = target.and_then(|p| u16::try_from(p).ok()) else { continue };
        let pod = |address: &Value| {
            let reference = address.get("targetRef").filter(|r| r.get("kind").is_some_and(|k| k == "Pod"))?;
            Some(reference.get("name")?.as_str()?.to_string())
        };
        if let Some(pod) = array(&subset, "addresses").iter().find_map(pod) {
            return Ok(Some((pod, target)));
        }
        waiting.extend(array(&subset, "notReadyAddresses").iter().filter_map(pod));
    }
    if waiting.is_empty() {
        return Ok(None);
    }
    let error = Error::new(Kind::NotFound, format!("no ready pod stands behind port {port}"));
    Err(error.because(format!("not ready: {}", waiting.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_leads_to_a_ready_pod_and_its_named_target_port() {
        let service = json!({ "spec": { "ports": [{ "name": "web", "port": 80, "targetPort": "http" }] } });
        let mut endpoints = json!({ "subsets": [{
            "addresses": [{ "ip": "10.0.0.2", "targetRef": { "kind": "Pod", "name": "shop-1" } }],
            "notReadyAddresses": [{ "ip": "10.0.0.3", "targetRef": { "kind": "Pod", "name": "shop-2" } }],
            "ports": [{ "name": "web", "port": 8080 }] }] });
        let ready = |endpoints: &Value, port: Port| ready_endpoint(service_port(&service, &port)?, endpoints, &port);
        let found = Ok(Some(("shop-1".to_string(), 8080)));
        assert_eq!(ready(&endpoints, Port::Number(80)), found);
        assert_eq!(ready(&endpoints, Port::Name("web".into())), found);
        let error = ready(&endpoints, Port::Number(81)).expect_err("no such port");
        assert_eq!(error.message, "it has no port 81 (it has: 80 web)");
        endpoints["subsets"][0]["addresses"] = json!([]);
        let error = ready(&endpoints, Port::Number(80)).expect_err("nothing ready");
        assert_eq!(error.causes, ["not ready: shop-2"]);
        assert_eq!(ready(&json!({}), Port::Number(80)), Ok(None));
    }

    #[test]
    fn without_endpoints_the_selector_finds_a_ready_pod() {
        let pod = |name: &str, ready: &str| {
            json!({ "metadata": { "name": name }, "status": { "conditions": [{ "type": "Ready", "status": ready }] },
                "spec": { "containers": [{ "ports": [{ "name": "http", "containerPort": 8080 }] }] } })
        };
        let mut pods = [pod("starts", "False"), pod("ends", "True"), pod("serves", "True")];
        pods[1]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let target = Target::parse("svc/shop", "web").expect("a service");
        let by = |wanted: Value| ready_pod(&pods, &wanted, &target);
        assert_eq!(by(json!({ "port": 80, "targetPort": "http" })), Ok(Some(("serves".into(), 8080))));
        assert_eq!(by(json!({ "port": 80, "targetPort": 9000 })), Ok(Some(("serves".into(), 9000))));
        assert_eq!(by(json!({ "port": 80 })), Ok(Some(("serves".into(), 80))));
        assert!(by(json!({ "port": 80, "targetPort": "grpc" })).is_err());
        assert_eq!(ready_pod(&pods[..2], &json!({ "port": 80 }), &target), Ok(None));
    }

    #[test]
    fn a_pod_has_any_number_and_the_names_it_declares() {
        let pod = json!({ "spec": { "containers": [{ "name": "a", "ports": [{ "name": "http", "containerPort": 8080 }] }] } });
        let target = Target::parse("shop", "web").expect("a pod");
        assert_eq!(pod_port(&pod, &Port::Number(9), &target), Ok(9));
        assert_eq!(pod_port(&pod, &Port::Name("http".into()), &target), Ok(8080));
        let error = pod_port(&pod, &Port::Name("grpc".into()), &target).expect_err("no such name");
        assert!(error.message.contains("it has: http"), "{error}");
    }
}

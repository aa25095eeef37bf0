//! What answers at a LoadBalancer address: the pods behind the Service, as far as something listens there.

use std::sync::Arc;

use serde_json::Value;

use crate::lab::kube::cluster::Cluster;
use crate::lab::net::Way;
use crate::lab::pods::serve;
use crate::lab::router::advertise::Objects as _;

/// Where a port of a Service's address leads. The first pod that is ready answers.
pub(super) fn way(cluster: &Arc<Cluster>, service: &Value, port: u16) -> Way {
    let ports = service["spec"]["ports"].as_array();
    let Some(port) = ports.and_then(|all| all.iter().find(|one| one["port"] == port)) else { return Way::Refused };
    let target = port["targetPort"].as_u64().or_else(|| port["port"].as_u64()).unwrap_or(0);
    let Some(pod) = ready(cluster, service) else { return Way::Refused };
    let target = u16::try_from(target).unwrap_or(0);
    serve::handler(cluster, &pod, target).map_or(Way::Refused, Way::Handler)
}

/// A pod behind a Service that is ready.
fn ready(cluster: &Cluster, service: &Value) -> Option<Value> {
    let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty())?;
    let takes = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array();
        pod["metadata"]["namespace"] == service["metadata"]["namespace"]
            && selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value)
            && conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
    };
    cluster.list("pods").into_iter().find(takes)
}

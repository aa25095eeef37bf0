//! What answers at a LoadBalancer address: the pods behind the Service, as far as they are web servers.

use std::sync::Arc;

use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::Value;

use crate::lab::kube::cluster::Cluster;
use crate::lab::net::{Handler, Way};
use crate::lab::pods::programs;
use crate::lab::router::advertise::Objects as _;

/// Where a port of a Service's address leads. The first pod that is ready answers.
pub(super) fn way(cluster: &Arc<Cluster>, service: &Value, port: u16) -> Way {
    let ports = service["spec"]["ports"].as_array();
    let Some(port) = ports.and_then(|all| all.iter().find(|one| one["port"] == port)) else { return Way::Refused };
    let target = port["targetPort"].as_u64().or_else(|| port["port"].as_u64()).unwrap_or(0);
    let Some(pod) = ready(cluster, service) else { return Way::Refused };
    let Some(root) = httpd(&pod, target) else { return Way::Refused };
    let (cluster, root) = (cluster.clone(), root);
    let handler: Handler = Arc::new(move |stream| {
        let (cluster, pod, root) = (cluster.clone(), pod.clone(), root.clone());
        Box::pin(async move {
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let found = file(&cluster, &pod, &root, request.uri().path());
                async move { Ok::<_, std::convert::Infallible>(answer(found)) }
            });
            // A client that breaks off is no matter of ours.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        })
    });
    Way::Handler(handler)
}

fn answer(found: Option<String>) -> Response<Full<Bytes>> {
    let (status, text) = match found {
        Some(text) => (StatusCode::OK, text),
        None => (StatusCode::NOT_FOUND, "404 Not Found\nThe requested URL was not found\n".into()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html"));
    response
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
    let mut found = None;
    cluster.each("pods", &mut |pod| {
        if found.is_none() && takes(pod) {
            found = Some(pod.clone());
        }
    });
    found
}

/// The folder that busybox' `httpd` serves in a pod at a port; none where none runs there.
fn httpd(pod: &Value, port: u64) -> Option<String> {
    let containers = pod["spec"]["containers"].as_array()?;
    let words = |container: &Value| -> Vec<String> {
        let list = |key: &str| container[key].as_array().cloned().unwrap_or_default();
        let all = list("command").into_iter().chain(list("args"));
        all.filter_map(|word| word.as_str().map(String::from)).collect()
    };
    containers.iter().map(words).find_map(|words| {
        let after = |flag: &str| words.iter().skip_while(|word| *word != flag).nth(1);
        let own: u64 = after("-p").map_or(Some(80), |port| port.rsplit(':').next()?.parse().ok())?;
        let runs = words.first().is_some_and(|program| program.rsplit('/').next() == Some("httpd"));
        (runs && own == port).then(|| after("-h").cloned().unwrap_or_else(|| "/".into()))
    })
}

/// A file of a pod, under the folder that is served.
fn file(cluster: &Cluster, pod: &Value, root: &str, path: &str) -> Option<String> {
    let path = if path.ends_with('/') { format!("{path}index.html") } else { path.to_string() };
    programs::file(&cluster.world(), pod, &format!("{}{path}", root.trim_end_matches('/')))
}

//! What listens at the ports of pods.

use std::sync::Arc;

use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::Value;

use super::files::Files;
use super::reach::{self, Listener};
use crate::lab::kube::cluster::Cluster;
use crate::lab::net::Handler;
use crate::lab::services::at;

/// What talks at a port of a pod.
pub(crate) fn handler(cluster: &Arc<Cluster>, pod: &Value, port: u16) -> Option<Handler> {
    let inside = cluster.world().inside.clone();
    match inside.services() {
        Some(services) => at::of_pod(&services, cluster, pod.clone(), port).map(|found| found.handler(&services)),
        // A cluster by itself, without the rest of a lab.
        None => web(cluster, pod, port),
    }
}

/// busybox' `httpd`, where the pod's command runs it.
fn web(cluster: &Arc<Cluster>, pod: &Value, port: u16) -> Option<Handler> {
    let root = httpd(pod, port)?;
    let (cluster, pod) = (cluster.clone(), pod.clone());
    Some(Arc::new(move |stream| {
        let (cluster, pod, root) = (cluster.clone(), pod.clone(), root.clone());
        Box::pin(async move {
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let found = file(&cluster, &pod, &root, request.uri().path());
                async move { Ok::<_, std::convert::Infallible>(answer(found)) }
            });
            // A client that breaks off is no matter of ours.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        })
    }))
}

fn answer(found: Option<Vec<u8>>) -> Response<Full<Bytes>> {
    let (status, text) = match found {
        Some(bytes) => (StatusCode::OK, bytes),
        None => (StatusCode::NOT_FOUND, b"404 Not Found\nThe requested URL was not found\n".to_vec()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html"));
    response
}

/// The folder that busybox' `httpd` serves in a pod at a port; none where none runs there.
pub(crate) fn httpd(pod: &Value, port: u16) -> Option<String> {
    match reach::listener(pod, port)? {
        Listener::Files(root) => Some(root),
        Listener::Answers(_) | Listener::Opaque => None,
    }
}

/// A file of a pod, under the folder that is served: one that a container has, or that is mounted.
pub(crate) fn file(cluster: &Cluster, pod: &Value, root: &str, path: &str) -> Option<Vec<u8>> {
    let path = if path.ends_with('/') { format!("{path}index.html") } else { path.to_string() };
    let path = format!("{}{path}", root.trim_end_matches('/'));
    let world = cluster.world();
    let containers = pod["spec"]["containers"].as_array()?;
    containers.iter().find_map(|container| Files::of(&world, pod, container, "/").bytes(&path))
}

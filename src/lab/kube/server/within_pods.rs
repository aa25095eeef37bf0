//! The parts of pods that are no objects: programs that are run in them, and evictions.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::{Response, StatusCode};

use super::answer::{self, Body, Style};
use super::route::Head;
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::verbs::Payload;
use crate::lab::pods::{evict, exec};

/// Answers a request that turns its connection into another; none where it is no such request.
pub(super) fn connect(
    cluster: &Arc<Cluster>,
    head: &Head,
    style: Style,
    headers: &http::HeaderMap,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
) -> Option<Response<Body>> {
    let path: Vec<&str> = head.path.iter().map(String::as_str).collect();
    let ["api", "v1", "namespaces", namespace, "pods", name, "exec"] = path.as_slice() else { return None };
    let command: Vec<String> = head.query.all("command").into_iter().map(str::to_owned).collect();
    Some(match exec::start(cluster, (namespace, name), command, headers, upgrade) {
        Ok(headers) => {
            let mut response = Response::new(Empty::new().boxed());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            for (name, value) in headers {
                response.headers_mut().insert(name, value);
            }
            response
        }
        Err(refused) => answer::refusal(style, &refused),
    })
}

/// Evicts a pod.
pub(super) fn evict(
    cluster: &Cluster,
    style: Style,
    payload: &Payload,
    namespace: &str,
    name: &str,
) -> Answer<Response<Body>> {
    let body: serde_json::Value = serde_json::from_slice(&payload.bytes)
        .map_err(|e| Refusal::bad_request(format!("the object provided is unrecognized: {e}")))?;
    let (evicted, revision) = {
        let mut world = cluster.world();
        let evicted = evict::evict(&mut world, namespace, name, &body, cluster.clock.now());
        (evicted, world.store.revision())
    };
    cluster.ring(revision);
    Ok(answer::value(style, 201, &evicted?))
}

//! The parts of pods and ServiceAccounts that are no objects: programs that are run, ports, logs, evictions, tokens.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::{Response, StatusCode};

use super::answer::{self, Body, Style};
use super::route::Head;
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::verbs::{self, Payload, Query};
use crate::lab::pods::exec::{self, Ask};
use crate::lab::pods::logs::{self, Told};
use crate::lab::pods::{evict, forward};

/// Answers a request that turns its connection into another; none where it is no such request.
pub(super) fn connect(
    cluster: &Arc<Cluster>,
    head: &Head,
    style: Style,
    headers: &http::HeaderMap,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
) -> Option<Response<Body>> {
    let path: Vec<&str> = head.path.iter().map(String::as_str).collect();
    let ["api", "v1", "namespaces", namespace, "pods", name, part] = path.as_slice() else { return None };
    let (place, query) = ((*namespace, *name), &head.query);
    let started = match *part {
        "exec" => exec::start(cluster, place, Ask::Exec, query, headers, upgrade),
        "attach" => exec::start(cluster, place, Ask::Attach, query, headers, upgrade),
        "portforward" => forward::start(cluster, place, query, headers, upgrade),
        _ => return None,
    };
    Some(match started {
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

/// Hands out what a container wrote.
pub(super) fn log(cluster: &Arc<Cluster>, place: (&str, &str), query: &Query) -> Answer<Response<Body>> {
    Ok(match logs::tell(cluster, place, query)? {
        Told::Nobody => {
            let mut response = Response::new(Empty::new().boxed());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Told::Whole(text) => answer::whole(200, "text/plain", text),
        Told::Followed(pieces) => answer::streamed("text/plain", pieces),
    })
}

/// Gives a token for a ServiceAccount.
pub(super) fn token(cluster: &Cluster, style: Style, payload: &Payload, place: (&str, &str)) -> Answer<Response<Body>> {
    let answered = verbs::token(&mut cluster.world(), place.0, place.1, payload, cluster.clock.now())?;
    Ok(answer::value(style, answered.code, &answered.value))
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

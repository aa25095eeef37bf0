//! From an address to its answer.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::json;

use super::answer::{self, Body, Style};
use super::identity;
use super::{discovery, health, resource, weather, within_pods};
use crate::lab::kube::access::{self, Attributes, Who};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::kinds::openapi;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::verbs::{Media, Payload, Query, View};

/// The largest body that is read.
const LARGEST: usize = 3 * 1024 * 1024;
/// As much beyond it is heard out.
const HEARD_OUT: usize = 64 * 1024 * 1024;

/// What of a request's head counts.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: http::Method,
    pub(super) path: Vec<String>,
    pub(super) query: Query,
    pub(super) accept: String,
    /// `kubectl`, of `kubectl/v1.32`.
    pub(super) agent: String,
    pub(super) who: Who,
}

/// Answers a request.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    shown: Option<Who>,
    token: &str,
    request: Request<Incoming>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let authorization = parts.headers.get("authorization").and_then(|v| v.to_str().ok());
    let own = match shown {
        Some(_) if weather::expired(cluster) => None,
        shown => identity::of_request(cluster, shown, authorization, token),
    };
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let agent = header("user-agent");
    let people = ["curl/", "Wget/", "Mozilla/"].iter().any(|p| agent.starts_with(p));
    let style = Style { media: Media::Json, pretty: people || query.is("pretty") };
    let mut head = Head {
        method: parts.method.clone(),
        path: parts.uri.path().split('/').filter(|p| !p.is_empty()).map(decoded).collect(),
        query,
        accept: header("accept"),
        agent: agent.split('/').next().unwrap_or_default().to_owned(),
        who: Who::anonymous(),
    };
    if let Some(instead) = weather::before(cluster, &head.method, style).await {
        return instead;
    }
    match admit(cluster, own, &head, &parts.headers) {
        Ok(who) => head.who = who,
        Err(refused) => return answer::refusal(style, &refused),
    }
    if let Some(response) = within_pods::connect(cluster, &head, style, &parts.headers, upgrade) {
        return response;
    }
    let bytes = match whole(body).await {
        Some(bytes) => bytes,
        None => {
            let why = format!("Request entity too large: limit is {LARGEST}");
            return answer::refusal(style, &Refusal::new(413, "RequestEntityTooLarge", why));
        }
    };
    let media = header("content-type");
    let media = media.split(';').next().unwrap_or_default().trim().to_owned();
    let payload = Payload { bytes, media };
    match dispatch(cluster, &head, style, &payload).await {
        Ok(response) => response,
        Err(refused) => answer::refusal(style, &refused),
    }
}

/// Who is let in, and as whom: those with a wrong token are strangers, the others may what their roles allow.
fn admit(cluster: &Cluster, own: Option<Who>, head: &Head, headers: &http::HeaderMap) -> Answer<Who> {
    let Some(own) = own else { return Err(Refusal::new(401, "Unauthorized", "Unauthorized")) };
    let world = cluster.world();
    let who = access::impersonated(&world, own, headers, &format!("/{}", head.path.join("/")))?;
    let what = Attributes::of_request(&head.method, &head.path, &head.query);
    match access::allowed(&world, &who, &what) {
        Some(_) => Ok(who),
        None => Err(what.forbidden(&who)),
    }
}

/// A whole body; none where it is too large. What is too much is heard out, within bounds: a client that is still sending
/// when the connection closes never sees the answer.
async fn whole(mut body: Incoming) -> Option<Vec<u8>> {
    let (mut bytes, mut beyond) = (Vec::new(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        if beyond == 0 && bytes.len() + data.len() <= LARGEST {
            bytes.extend_from_slice(&data);
        } else {
            beyond += data.len();
        }
        if beyond > HEARD_OUT {
            break;
        }
    }
    (beyond == 0).then_some(bytes)
}

async fn dispatch(cluster: &Arc<Cluster>, head: &Head, style: Style, payload: &Payload) -> Answer<Response<Body>> {
    let path: Vec<&str> = head.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        [] => {
            let groups: Vec<String> = discovery::groups(&cluster.world().kinds).into_iter().map(|(g, _)| g).collect();
            Ok(answer::value(style, 200, &health::paths(&groups)))
        }
        [check @ ("healthz" | "livez" | "readyz"), part @ ..] => {
            Ok(health::check(check, &part.join("/"), head.query.is("verbose")))
        }
        ["version"] => Ok(answer::value(style, 200, &health::version())),
        ["openapi", "v2"] if openapi::is_packed(&head.accept) => {
            let packed = openapi::v2_packed(&cluster.world().kinds);
            Ok(answer::whole(200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", packed))
        }
        ["openapi", "v2"] => {
            let document = openapi::v2(&cluster.world().kinds);
            Ok(answer::value(Style { pretty: false, ..style }, 200, &document))
        }
        ["openapi", "v3"] => Ok(answer::value(style, 200, &openapi::index(&cluster.world().kinds))),
        ["openapi", "v3", "api", version] => specification(cluster, style, "", version),
        ["openapi", "v3", "apis", group, version] => specification(cluster, style, group, version),
        ["api"] | ["apis"] => found(cluster, head, style),
        ["apis", group] => {
            let groups = discovery::groups(&cluster.world().kinds);
            let (name, versions) = groups.iter().find(|(g, _)| g == group).ok_or_else(Refusal::no_page)?;
            let mut value = discovery::group(name, versions);
            value["kind"] = json!("APIGroup");
            value["apiVersion"] = json!("v1");
            Ok(answer::value(style, 200, &value))
        }
        ["api", "v1", "namespaces", namespace, "pods", name, "eviction"] if head.method == http::Method::POST => {
            within_pods::evict(cluster, style, payload, namespace, name)
        }
        ["api", "v1", "namespaces", namespace, "serviceaccounts", name, "token"]
            if head.method == http::Method::POST =>
        {
            within_pods::token(cluster, style, payload, (namespace, name))
        }
        ["api", "v1", "namespaces", namespace, "pods", name, "log"] if head.method == http::Method::GET => {
            within_pods::log(cluster, (namespace, name), &head.query)
        }
        ["api", version, rest @ ..] => within(cluster, head, style, payload, "", version, rest).await,
        ["apis", group, version, rest @ ..] => within(cluster, head, style, payload, group, version, rest).await,
        _ => Err(Refusal::no_page()),
    }
}

/// `/api` and `/apis`, plain or with everything below.
fn found(cluster: &Arc<Cluster>, head: &Head, style: Style) -> Answer<Response<Body>> {
    let world = cluster.world();
    let core = head.path[0] == "api";
    for wanted in head.accept.split(',').map(|a| a.replace(' ', "")) {
        if let Some(media) = discovery::AGGREGATED.into_iter().find(|m| *m == wanted) {
            let value = discovery::aggregated(&world.kinds, core, media);
            return Ok(answer::whole(200, media, value.to_string()));
        }
    }
    let value = if core { discovery::core("127.0.0.1") } else { discovery::all(&world.kinds) };
    Ok(answer::value(style, 200, &value))
}

fn specification(cluster: &Arc<Cluster>, style: Style, group: &str, version: &str) -> Answer<Response<Body>> {
    let world = cluster.world();
    let value = openapi::v3(&world.kinds, group, version).ok_or_else(Refusal::no_page)?;
    Ok(answer::value(Style { pretty: false, ..style }, 200, &value))
}

/// Within a group's version.
async fn within(
    cluster: &Arc<Cluster>,
    head: &Head,
    style: Style,
    payload: &Payload,
    group: &str,
    version: &str,
    rest: &[&str],
) -> Answer<Response<Body>> {
    {
        let world = cluster.world();
        let known = world.kinds.groups();
        let versions = known.get(group).ok_or_else(Refusal::no_page)?;
        if !versions.iter().any(|v| v == version) {
            return Err(Refusal::no_resource());
        }
        if rest.is_empty() {
            return Ok(answer::value(style, 200, &discovery::resources(&world.kinds, group, version)));
        }
    }
    let (view, media) = View::of(&head.accept)?;
    let style = Style { media, ..style };
    resource::answer(cluster, head, style, payload, view, resource::Address::of(group, version, rest)).await
}

fn decoded(part: &str) -> String {
    Query::parse(&format!("x={}", part.replace('+', "%2B"))).get("x").unwrap_or_default().to_owned()
}

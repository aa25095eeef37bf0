//! What programs in pods ask of others, asked: by the same doors as forwarded ports and the SOCKS port, as far as names,
//! links and policies let it through.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::SignedDuration;
use serde_json::Value;

use super::line::{Answer, Came, Request, Wants, What, Wish};
use super::reach::{self, Asker, Miss};
use super::{mesh, policy, way, words};
use crate::lab::controllers::platform::egress;
use crate::lab::kube::cluster::{Cluster, World as Objects};
use crate::lab::services::at::{self, Unfetched};
use crate::lab::services::serve::{self, Cut, Door};
use crate::lab::services::{Asked, Services, gateway, links, programs};

/// Whether anybody hears what a pod's own program asks.
pub(super) fn heard(objects: &Objects) -> bool {
    objects.lies.is_some() && objects.inside.services().is_some() && tokio::runtime::Handle::try_current().is_ok()
}

/// Asks beside whoever goes on with something else; what came of it is there once it is.
pub(super) fn begin(objects: &Objects, pod: &Value, wish: Wish) -> Option<Arc<OnceLock<Came>>> {
    let services = objects.inside.services()?;
    let cluster = services.clusters.get(&objects.lies.as_ref()?.0)?.clone();
    let slot = Arc::new(OnceLock::new());
    let (filled, pod) = (slot.clone(), pod.clone());
    tokio::runtime::Handle::try_current().ok()?.spawn(async move {
        // It is set once.
        let _ = filled.set(ask(&services, &cluster, &pod, &wish).await);
    });
    Some(slot)
}

/// Where a wish is led.
enum Led {
    Door(Door),
    /// To software of a cluster's pod that the lab knows no more of than that it serves.
    Plain(Arc<Cluster>, Value, u16),
    Nowhere(What),
    /// Packets are lost.
    Lost,
}

/// Asks for a program of a pod, and waits for what comes.
pub(super) async fn ask(services: &Arc<Services>, cluster: &Arc<Cluster>, pod: &Value, wish: &Wish) -> Came {
    let clock = services.world.clock.clone();
    let began = clock.now();
    let (at, led) = lead(services, cluster, pod, wish);
    let what = match (led, &wish.wants) {
        (Led::Nowhere(what), _) => what,
        (Led::Lost, _) => {
            clock.sleep(wish.limit).await;
            What::Silent
        }
        (_, Wants::Names | Wants::Connection) => What::Open,
        (Led::Plain(cluster, pod, port), Wants::Answer(request)) => {
            match reach::answer(&cluster.world(), &pod, port, &request.path) {
                Some((status, body)) => What::Answer(Answer { status, body, ..Answer::default() }),
                None => What::Cut,
            }
        }
        (Led::Door(door), Wants::Answer(request)) => {
            tokio::select! {
                what = answered(services, &door, &wish.host, request) => what,
                () = clock.sleep(wish.limit) => What::Late,
            }
        }
    };
    let took = clock.now().duration_since(began).max(SignedDuration::ZERO);
    Came { at, took: Duration::try_from(took).unwrap_or_default(), what }
}

fn lead(services: &Arc<Services>, cluster: &Arc<Cluster>, pod: &Value, wish: &Wish) -> (Option<IpAddr>, Led) {
    let namespace = words::text(pod, "/metadata/namespace");
    let literal: Option<IpAddr> = wish.host.parse().ok();
    if wish.host == "localhost" || literal.is_some_and(|at| at.is_loopback()) {
        let at = literal.or_else(|| "127.0.0.1".parse().ok());
        let led = match at::of_pod(services, cluster, pod.clone(), wish.port) {
            Some(listener) => Led::Door(Door::Pod(listener)),
            None if programs::of_pod(pod, wish.port).is_none() && reach::listener(pod, wish.port).is_some() => {
                Led::Plain(cluster.clone(), pod.clone(), wish.port)
            }
            None => Led::Nowhere(What::Refused),
        };
        return (at, led);
    }
    let (inside, told) = {
        let objects = cluster.world();
        (
            reach::addresses(&objects, pod, &wish.host),
            reach::resolver(Asker { objects: &objects, pod, now: services.now() }).is_some(),
        )
    };
    if literal.is_none() && (!told || at::cut_off(&services.world, pod)) {
        return (None, Led::Nowhere(What::NoServer));
    }
    let found = literal.or_else(|| inside.first().copied()).or_else(|| links::resolve(services, &wish.host));
    if wish.wants == Wants::Names {
        let all = if inside.is_empty() { found.into_iter().collect() } else { inside };
        let what = if all.is_empty() { What::NoName } else { What::Names(all) };
        return (found, Led::Nowhere(what));
    }
    let host = found.map_or_else(|| wish.host.clone(), |address| address.to_string());
    let door = at::door(services, &cluster.name, namespace, &host, wish.port);
    // Behind a Service of the mesh the other cluster's pods may be.
    let far = found.filter(|_| door.is_err()).and_then(|at| mesh::find(services, cluster, pod, at, wish.port));
    let objects = cluster.world();
    let found = found.or_else(|| match &door {
        Ok(Door::Pod(listener)) => words::text(&listener.pod, "/status/podIP").parse().ok(),
        _ => None,
    });
    if at::cut_off(&services.world, pod) {
        return (found, Led::Lost);
    }
    let led = match door {
        Ok(Door::Pod(listener)) if Arc::ptr_eq(&listener.cluster, cluster) => {
            if let Some(led) = stopped(services, &objects, pod, &listener.pod, listener.port) {
                led
            } else {
                Led::Door(Door::Pod(listener))
            }
        }
        Ok(door) => {
            if leaves(services, &objects, cluster, pod, &door, &wish.host) {
                Led::Door(door)
            } else {
                Led::Lost
            }
        }
        Err(Unfetched::NoName) => Led::Nowhere(What::NoName),
        Err(_) if far.is_some() => far.map_or(Led::Lost, |(cluster, server, port)| {
            match at::of_pod(services, &cluster, server.clone(), port) {
                Some(listener) => Led::Door(Door::Pod(listener)),
                None if reach::listener(&server, port).is_some() => Led::Plain(cluster, server, port),
                None => Led::Nowhere(What::Refused),
            }
        }),
        Err(_) => match found
            .map(|found| reach::find(Asker { objects: &objects, pod, now: services.now() }, found, wish.port))
        {
            // What the lab knows as a program of its own, and does not answer, has a reason for that.
            Some(Ok((server, port))) => match stopped(services, &objects, pod, &server, port) {
                Some(led) => led,
                None if programs::of_pod(&server, port).is_some() => Led::Nowhere(What::Refused),
                None if reach::listener(&server, port).is_some() => Led::Plain(cluster.clone(), server, port),
                None => Led::Nowhere(What::Refused),
            },
            Some(Err(Miss::Silent)) => Led::Lost,
            Some(Err(Miss::Refused)) | None => Led::Nowhere(What::Refused),
        },
    };
    (found, led)
}

/// Why nothing comes from a pod of the same cluster, if nothing does.
fn stopped(services: &Services, objects: &Objects, pod: &Value, server: &Value, port: u16) -> Option<Led> {
    let apart = at::cut_off(&services.world, server) || !way::between(objects, pod, server);
    (apart || !policy::passes(objects, pod, server, port)).then_some(Led::Lost)
}

/// Whether packets leave the cluster for a door, and reach it.
fn leaves(services: &Services, objects: &Objects, cluster: &Cluster, pod: &Value, door: &Door, host: &str) -> bool {
    let world = &services.world;
    let open = match door {
        Door::Outside(outside) => outside.names().iter().all(|name| world.reaches(&cluster.name, name)),
        Door::Pod(listener) => {
            !at::cut_off(world, &listener.pod) && world.passes(&cluster.name, &listener.cluster.name)
        }
        Door::Gateway(entrance) => world.passes(&cluster.name, &entrance.cluster.name),
    };
    open && world.reaches(&cluster.name, host) && egress::of_pod(objects, pod, host) != egress::Way::Dropped
}

/// Speaks HTTP at a door.
async fn answered(services: &Arc<Services>, door: &Door, host: &str, request: &Request) -> What {
    match (request.secure, speaks_tls(door)) {
        (true, false) => return What::NoTls,
        // Envoy and servers in Go alike hear no HTTP there.
        (false, true) => {
            let body = "Client sent an HTTP request to an HTTPS server.\n".to_owned();
            return What::Answer(Answer { status: 400, body, ..Answer::default() });
        }
        (true, true) => {
            if let Some(what) = untrusted(services, door, host, request.verify) {
                return what;
            }
        }
        (false, false) => {}
    }
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    let told = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or(host);
    let asked = Asked {
        method: Method::from_bytes(request.method.as_bytes()).unwrap_or(Method::GET),
        host: told.split(':').next().unwrap_or_default().to_lowercase(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: request.body.clone().into(),
        secure: request.secure,
    };
    match serve::answer(services, door, asked).await {
        Err(Cut) => What::Cut,
        Ok(reply) => {
            let head = request.method == "HEAD";
            let mut headers: Vec<(String, String)> =
                reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            headers.push(("content-length".into(), reply.body.len().to_string()));
            let body = if head { String::new() } else { String::from_utf8_lossy(&reply.body).into_owned() };
            let half = body.char_indices().map(|(at, _)| at).find(|at| *at >= body.len() / 2).unwrap_or(0);
            let body = if reply.broken { body[..half].to_owned() } else { body };
            What::Answer(Answer { status: reply.status.as_u16(), headers, body, broken: reply.broken })
        }
    }
}

fn speaks_tls(door: &Door) -> bool {
    match door {
        Door::Pod(listener) => listener.program.tls,
        Door::Gateway(entrance) => entrance.tls,
        Door::Outside(outside) => outside.is_secure(),
    }
}

/// What is said of a certificate, where a client that looks would not go on.
fn untrusted(services: &Services, door: &Door, host: &str, verify: bool) -> Option<What> {
    let unknown = || What::Untrusted("SSL certificate problem: unable to get local issuer certificate".into());
    match door {
        Door::Outside(_) => None,
        // Each signs its own.
        Door::Pod(_) => verify.then(unknown),
        Door::Gateway(entrance) => {
            // Without a certificate Envoy closes the connection.
            let Some(shown) = gateway::shown(services, entrance) else { return Some(What::Cut) };
            let now = services.now();
            let fits = |name: &String| match name.strip_prefix("*.") {
                Some(rest) => host.split_once('.').is_some_and(|(_, own)| own == rest),
                None => name == host,
            };
            let problem = if !shown.known {
                return verify.then(unknown);
            } else if shown.until <= now {
                "SSL certificate problem: certificate has expired".to_owned()
            } else if shown.from > now {
                "SSL certificate problem: certificate is not yet valid".to_owned()
            } else if !shown.names.iter().any(fits) {
                format!("SSL: no alternative certificate subject name matches target host name '{host}'")
            } else {
                return None;
            };
            verify.then_some(What::Untrusted(problem))
        }
    }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;

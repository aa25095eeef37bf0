//! What a program in a pod reaches: names through CoreDNS, Services through their endpoints, pods by what they listen at.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use super::files::Files;
use super::words::{command, holds, list, text};
use super::{images, mesh, way};
use crate::lab::controllers::platform::egress::may_ask_names;
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;
use crate::lab::services::outside::{self, Outside};

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) pod: &'a Value,
    pub(crate) now: Timestamp,
}

impl<'a> Asker<'a> {
    /// One of several pods behind a Service: another one each time.
    fn one_of(&self, pods: &[&'a Value]) -> Option<&'a Value> {
        let turn = usize::try_from(self.now.as_millisecond().unsigned_abs()).unwrap_or_default();
        pods.get(turn.checked_rem(pods.len())?).copied()
    }
}

/// Why nothing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Nobody listens there.
    Refused,
    /// Nobody answers.
    Silent,
}

/// What listens in a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listener {
    /// busybox' `httpd` with its folder.
    Files(String),
    /// A program that answers HTTP requests with a text.
    Answers(String),
    /// A program whose protocol the lab does not speak.
    Opaque,
}

/// CoreDNS' Service, where the pod that asks was told of it, may ask, and one of its pods answers.
pub(crate) fn resolver(asker: Asker<'_>) -> Option<String> {
    let Asker { objects, pod, .. } = asker;
    let told = way::nameserver(objects)?;
    let service = objects.store.get(&Place::new("services", "kube-system", "kube-dns"))?;
    // Elsewhere nobody answers.
    if service.value["spec"]["clusterIP"] != told.as_str() || !may_ask_names(objects, pod) {
        return None;
    }
    let lost = |pod: &Value| {
        list(pod, "/status/conditions").iter().any(|one| one["type"] == "Ready" && one["status"] != "True")
    };
    let servers = objects.store.list("pods", "kube-system").map(|(_, pod)| &*pod.value).filter(|pod| {
        pod["metadata"]["labels"]["k8s-app"] == "kube-dns"
            && pod["metadata"]["deletionTimestamp"].is_null()
            && pod["status"]["phase"] == "Running"
            && !lost(pod)
    });
    let server = asker.one_of(&servers.collect::<Vec<_>>())?;
    way::between(objects, pod, server).then_some(told)
}

/// Who has a name outside of the cluster.
pub(crate) fn outsider(name: &str) -> Option<&'static Outside> {
    outside::of_host(name.trim_end_matches('.'))
}

/// Whether somebody outside takes connections at a port of a host.
pub(crate) fn connects(asker: Asker<'_>, host: &Outside, name: &str, port: u16) -> Result<(), Miss> {
    let listens = asker.objects.lies.as_ref().is_none_or(|(_, world)| host.listens(world, port));
    match way::outside(asker.objects, asker.pod, name) {
        false => Err(Miss::Silent),
        true if listens => Ok(()),
        true => Err(Miss::Refused),
    }
}

/// The addresses of a name of the cluster, whole or cut short as a pod's search list allows.
pub(crate) fn addresses(objects: &Objects, pod: &Value, name: &str) -> Vec<IpAddr> {
    let bare = name.trim_end_matches('.');
    let (bare, shared) = match bare.strip_suffix(mesh::DOMAIN) {
        Some(bare) => (bare, true),
        None => (bare.strip_suffix(".cluster.local").unwrap_or(bare), false),
    };
    let bare = bare.strip_suffix(".svc").unwrap_or(bare);
    let own = Some(text(pod, "/metadata/namespace")).filter(|space| !space.is_empty()).unwrap_or("default");
    let parts: Vec<&str> = bare.split('.').collect();
    let (host, service, namespace) = match parts.as_slice() {
        [service] => (None, *service, own),
        [service, namespace] => (None, *service, *namespace),
        [host, service, namespace] => (Some(*host), *service, *namespace),
        _ => return Vec::new(),
    };
    let Some(found) = objects.store.get(&Place::new("services", namespace, service)) else { return Vec::new() };
    if shared && !mesh::is_global(&found.value) {
        return Vec::new();
    }
    let address = text(&found.value, "/spec/clusterIP");
    if host.is_none() && address != "None" {
        return address.parse().into_iter().collect();
    }
    // Without an address of its own, the Service's pods are what it leads to.
    let selector = found.value["spec"]["selector"].as_object().cloned().unwrap_or_default();
    let behind = objects.store.list("pods", namespace).map(|(_, pod)| &*pod.value).filter(|pod| {
        let named =
            host.is_none_or(|host| text(pod, "/spec/hostname") == host && text(pod, "/spec/subdomain") == service);
        let ready = found.value["spec"]["publishNotReadyAddresses"] == true || holds(pod, "Ready");
        named
            && ready
            && !selector.is_empty()
            && selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value)
    });
    behind.filter_map(|pod| text(pod, "/status/podIP").parse().ok()).collect()
}

/// The pod that answers at an address and port, with its own port: a pod's, or one behind a Service's.
pub(crate) fn find(asker: Asker<'_>, address: IpAddr, port: u16) -> Result<(Value, u16), Miss> {
    let (pod, own) = at(asker, address, port)?;
    if way::between(asker.objects, asker.pod, &pod) { Ok((pod, own)) } else { Err(Miss::Silent) }
}

fn at(asker: Asker<'_>, address: IpAddr, port: u16) -> Result<(Value, u16), Miss> {
    let objects = asker.objects;
    let wanted = address.to_string();
    for (_, service) in objects.store.list("services", "") {
        let service = &service.value;
        let balanced = list(service, "/status/loadBalancer/ingress").iter().any(|one| one["ip"] == wanted.as_str());
        if text(service, "/spec/clusterIP") != wanted && !balanced {
            continue;
        }
        let Some(row) = list(service, "/spec/ports").iter().find(|row| row["port"] == port) else {
            return Err(Miss::Silent);
        };
        let pod = behind(asker, service).ok_or(Miss::Refused)?;
        let own = target(row, &pod).ok_or(Miss::Refused)?;
        return Ok((pod, own));
    }
    let pods = objects.store.list("pods", "").map(|(_, pod)| &*pod.value);
    let mut pods = pods.filter(|pod| text(pod, "/status/podIP") == wanted && pod["status"]["phase"] == "Running");
    let listening = |pod: &&Value| listener(pod, port).is_some();
    let first = pods.next().ok_or(Miss::Silent)?;
    let found = if listening(&first) { Some(first) } else { pods.find(listening) };
    found.map(|pod| (pod.clone(), port)).ok_or(Miss::Refused)
}

/// A pod behind a Service that is ready.
pub(super) fn behind(asker: Asker<'_>, service: &Value) -> Option<Value> {
    let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty())?;
    let pods = asker.objects.store.list("pods", text(service, "/metadata/namespace"));
    let fits = pods.map(|(_, pod)| &*pod.value).filter(|pod| {
        selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value)
            && holds(pod, "Ready")
            && pod["metadata"]["deletionTimestamp"].is_null()
    });
    asker.one_of(&fits.collect::<Vec<_>>()).cloned()
}

/// The port of a pod that a Service's row leads to; a name is looked up among the containers' ports.
pub(crate) fn target(row: &Value, pod: &Value) -> Option<u16> {
    let number = match &row["targetPort"] {
        Value::String(name) => {
            let ports = list(pod, "/spec/containers").iter().flat_map(|container| list(container, "/ports"));
            ports.clone().find(|port| port["name"] == name.as_str())?["containerPort"].as_u64()
        }
        Value::Number(number) => number.as_u64(),
        _ => row["port"].as_u64(),
    };
    u16::try_from(number?).ok()
}

/// What listens at a port of a pod.
pub(crate) fn listener(pod: &Value, port: u16) -> Option<Listener> {
    let running = |container: &&Value| {
        let statuses = list(pod, "/status/containerStatuses");
        let own = statuses.iter().find(|status| status["name"] == container["name"]);
        own.is_none_or(|status| status["state"]["running"].is_object())
    };
    list(pod, "/spec/containers").iter().filter(running).find_map(|container| of_container(container, port))
}

/// What listens at a port of a container.
fn of_container(container: &Value, port: u16) -> Option<Listener> {
    let words = command(container);
    let script = words.join(" ");
    if let Some(at) = script.find("httpd") {
        let rest: Vec<String> =
            script[at..].split_whitespace().map(|w| w.trim_matches(['"', '\'', ';']).to_owned()).collect();
        let after = |flag: &str| rest.iter().skip_while(|word| *word != flag).nth(1);
        let own = after("-p").map_or(Some(80), |text| text.rsplit(':').next()?.parse::<u16>().ok());
        if own == Some(port) {
            return Some(Listener::Files(after("-h").cloned().unwrap_or_else(|| "/".into())));
        }
    }
    if let Some(at) = words
        .iter()
        .position(|word| word.rsplit('/').next() == Some("nc"))
        .filter(|_| script.contains(" -l") || script.contains("-lk"))
    {
        let listens = words[at..].iter().any(|word| word.parse() == Ok(port));
        return listens.then_some(Listener::Opaque);
    }
    let declared = list(container, "/ports").iter().any(|one| one["containerPort"] == port);
    match images::program(text(container, "/image")) {
        Some(program) if words.is_empty() => program.listens(port),
        Some(_) => None,
        // Software that the lab does not know: it listens where it says, and what it says over HTTP is that it is well.
        None if declared => Some(Listener::Answers("ok\n".into())),
        None => probed(container, port).then(|| Listener::Answers("ok\n".into())),
    }
}

/// Whether a container's own probes ask at a port.
fn probed(container: &Value, port: u16) -> bool {
    ["readinessProbe", "livenessProbe", "startupProbe"]
        .iter()
        .any(|probe| ["httpGet", "tcpSocket", "grpc"].iter().any(|way| container[*probe][*way]["port"] == port))
}

/// A GET: status and text.
pub(crate) fn get(asker: Asker<'_>, address: IpAddr, port: u16, path: &str) -> Result<(u16, String), Miss> {
    let (pod, own) = find(asker, address, port)?;
    answer(asker.objects, &pod, own, path).ok_or(Miss::Refused)
}

/// What a pod answers to a GET at one of its ports; none where nothing listens.
pub(crate) fn answer(objects: &Objects, pod: &Value, port: u16, path: &str) -> Option<(u16, String)> {
    match listener(pod, port)? {
        Listener::Files(root) => {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            let path = if path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
            let file = format!("{}{path}", root.trim_end_matches('/'));
            let found = list(pod, "/spec/containers")
                .iter()
                .find_map(|container| Files::of(objects, pod, container, "/").read(&file));
            Some(found.map_or_else(|| (404, "<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD>\n<BODY><H1>404 Not Found</H1>\nThe requested URL was not found\n</BODY></HTML>\n".to_owned()), |text| (200, text)))
        }
        Listener::Answers(text) => Some((200, text)),
        Listener::Opaque => None,
    }
}

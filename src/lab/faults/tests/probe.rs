//! Asking for something: an API server, a watch, a login at the router, a new pod, a new Service's address, a name.

use std::time::Duration;

use serde_json::json;

use crate::clock::Clock as _;
use crate::lab::faults::settle;
use crate::lab::kube::cluster::{Cluster, World as Objects};
use crate::lab::kube::server::Access;
use crate::lab::kube::store::Place;
use crate::lab::pods::{platform, programs};
use crate::lab::services::Reply;
use crate::lab::services::faults::under;
use crate::lab::up::Lab;
use crate::lab::world::{Cause, Wrong};

/// What those say who are asked because of the causes: by place.
pub(super) async fn answers(lab: &Lab, causes: &[Cause]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let api = |cause: &Cause| {
        matches!(cause, Cause::Api { .. } | Cause::NoSpace { .. })
            || matches!(cause, Cause::Process { process, .. } if process == "etcd")
    };
    if causes.iter().any(api) {
        for access in &lab.accesses {
            out.push((format!("api/{}", access.cluster), requests(lab, access).await));
            out.push((format!("watch/{}", access.cluster), watch(lab, access).await));
        }
    }
    for cause in causes {
        if let Cause::Service { service: name, wrong } = cause {
            // What has another value is asked for by its name.
            let named = match wrong {
                Wrong::Value(what) => what.split('=').next().unwrap_or_default(),
                _ => "up",
            };
            out.push((format!("service/{name}"), service(lab, name, named).await));
        }
    }
    let login = |cause: &Cause| match cause {
        Cause::HostKey | Cause::Stuck => true,
        Cause::Silent { listener } | Cause::Closed { listener } => listener == "router",
        _ => false,
    };
    if causes.iter().any(login) {
        out.push(("login".into(), ssh(lab).await));
    }
    let asks_for_new = |cause: &Cause| {
        matches!(
            cause,
            Cause::Egress { .. }
                | Cause::Image { .. }
                | Cause::Mirror { .. }
                | Cause::Resolver { .. }
                | Cause::Cut { .. }
                | Cause::Changed { .. }
        )
    };
    if causes.iter().any(asks_for_new) {
        for name in lab.clusters.keys() {
            out.push((format!("new/{name}"), new(lab, name, causes).await));
        }
    }
    out
}

fn client(access: &Access) -> reqwest::Client {
    let identity = format!("{}{}", access.certificate, access.key);
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(access.authority.as_bytes()).unwrap()])
        .identity(reqwest::Identity::from_pem(identity.as_bytes()).unwrap())
        .no_proxy()
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}

/// A read and a write, and whether they come late by the lab's clock; the quickest of three.
async fn requests(lab: &Lab, access: &Access) -> String {
    let mut best: Option<(bool, String)> = None;
    for _ in 0..3 {
        let begun = lab.clock.instant();
        let told = request(access).await;
        let late = lab.clock.instant() - begun > Duration::from_millis(2500);
        if best.as_ref().is_none_or(|(was_late, _)| *was_late) {
            best = Some((late, told));
        }
        if !late {
            break;
        }
    }
    let (late, told) = best.unwrap_or_default();
    format!("{told}{}", if late { ", late" } else { "" })
}

async fn request(access: &Access) -> String {
    let (client, url) = (client(access), &access.url);
    let read = match client.get(format!("{url}/api/v1/configmaps")).send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            match response.text().await {
                Ok(text) => format!("{status} {}", if text.ends_with("}\n") { "whole" } else { "cut" }),
                Err(_) => format!("{status} broken off"),
            }
        }
        Err(e) if e.is_timeout() => "silent".into(),
        Err(_) => "no connection".into(),
    };
    let body =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "probe", "namespace": "default" } });
    let write = client.post(format!("{url}/api/v1/namespaces/default/configmaps?dryRun=All"));
    let write = write.header("content-type", "application/json").body(body.to_string()).send().await;
    format!("{read}, {}", write.map_or(0, |response| response.status().as_u16()))
}

/// Whether a watch tells of a change.
async fn watch(lab: &Lab, access: &Access) -> String {
    let cluster = &lab.clusters[&access.cluster];
    let revision = cluster.world().store.revision();
    let url = format!("{}/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={revision}", access.url);
    let Ok(mut response) = client(access).get(url).send().await else { return "no answer".into() };
    touch(cluster);
    match tokio::time::timeout(Duration::from_millis(600), response.chunk()).await {
        Ok(Ok(Some(_))) => "told".into(),
        Ok(_) => "ended".into(),
        Err(_) => "silent".into(),
    }
}

/// Changes an object, so that watches have something to tell.
fn touch(cluster: &Cluster) {
    let place = Place::new("configmaps", "default", "probe");
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "probe", "namespace": "default" } });
    let mut world = cluster.world();
    world.store.put(place.clone(), object);
    world.store.remove(&place);
    let revision = world.store.revision();
    drop(world);
    cluster.ring(revision);
}

/// What becomes of an answer of a service, at the one place that all of them pass.
async fn service(lab: &Lab, name: &str, named: &str) -> String {
    let body = json!({ "data": { "result": [{ "metric": { "__name__": named }, "value": [1, "1"] }] }, "name": "app",
                       "result": [{ "name": named, "content": "10.0.0.1" }] });
    let begun = lab.clock.instant();
    let answer = under(&lab.world, name, || Reply::json(200, &body));
    let Ok(answer) = tokio::time::timeout(Duration::from_secs(2), answer).await else { return "silent".into() };
    let late = lab.clock.instant() - begun > Duration::from_millis(2500);
    format!("{answer:?} {late}")
}

async fn ssh(lab: &Lab) -> String {
    let mut ssh = tokio::process::Command::new("ssh");
    ssh.arg("-F").arg(lab.dir.join("ssh_config")).args(["-o", "BatchMode=yes", &lab.world.topology.router.name]);
    ssh.arg("show version").kill_on_drop(true);
    match tokio::time::timeout(Duration::from_secs(4), ssh.output()).await {
        Ok(Ok(output)) if output.status.success() => "well".into(),
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned(),
        Ok(Err(e)) => e.to_string(),
        Err(_) => "silent".into(),
    }
}

/// A new pod on each node, or on whichever is chosen.
fn pods(nodes: &[String]) -> Vec<serde_json::Value> {
    let pod = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default" },
            "spec": { "containers": [{ "name": "probe", "image": "docker.io/library/busybox:1", "imagePullPolicy": "Always",
                                       "command": ["httpd", "-f", "-p", "8080", "-h", "/etc"] }] } })
    };
    let on = |node: &String| {
        let mut pod = pod(&format!("probe-{node}"));
        pod["spec"]["nodeName"] = node.as_str().into();
        pod
    };
    nodes.iter().map(on).chain([pod("probe")]).collect()
}

/// What becomes of new pods, of what they look up and reach, and of a new Service.
async fn new(lab: &Lab, cluster: &str, causes: &[Cause]) -> String {
    let server = &lab.clusters[cluster];
    // Between nodes it matters where somebody is.
    let cut = |cause: &Cause| matches!(cause, Cause::Cut { .. });
    let nodes = lab.world.topology.nodes().filter(|(own, _)| *own == cluster && causes.iter().any(cut));
    let pods = pods(&nodes.map(|(_, node)| node.name.get_ref().clone()).collect::<Vec<_>>());
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "probe", "namespace": "default" },
        "spec": { "type": "LoadBalancer", "selector": { "app": "probe" }, "ports": [{ "port": 80 }] } });
    let now = lab.clock.now();
    let revision = {
        let mut world = server.world();
        pods.iter().chain([&service]).for_each(|object| world.plant(object, now));
        world.store.revision()
    };
    server.ring(revision);
    settle(lab, Duration::from_secs(60)).await;
    let told = told(&server.world(), &pods, causes);
    let revision = {
        let mut world = server.world();
        for pod in &pods {
            world.store.remove(&Place::new("pods", "default", pod["metadata"]["name"].as_str().unwrap_or_default()));
        }
        world.store.remove(&Place::new("services", "default", "probe"));
        let slices: Vec<Place> = world
            .store
            .list("endpointslices.discovery.k8s.io", "default")
            .filter(|(_, slice)| slice.value["metadata"]["labels"]["kubernetes.io/service-name"] == "probe")
            .map(|(place, _)| place.clone())
            .collect();
        slices.iter().for_each(|place| {
            world.store.remove(place);
        });
        world.store.revision()
    };
    server.ring(revision);
    // The router, too, is to have heard that they are gone.
    settle(lab, Duration::from_secs(20)).await;
    told
}

fn told(world: &Objects, pods: &[serde_json::Value], causes: &[Cause]) -> String {
    let get = |resource: &str, name: &str| {
        world.store.get(&Place::new(resource, "default", name)).map(|o| o.value.clone()).unwrap_or_default()
    };
    let pods: Vec<_> =
        pods.iter().map(|pod| get("pods", pod["metadata"]["name"].as_str().unwrap_or_default())).collect();
    let ran = |pod: &serde_json::Value, line: &str| {
        programs::run(world, pod, &shlex::split(line).unwrap()).map(|ran| ran.code)
    };
    let mut out = Vec::new();
    for pod in &pods {
        let state = &pod["status"]["containerStatuses"][0]["state"];
        let looked = ran(pod, "nslookup kubernetes.default.svc.cluster.local");
        out.push(format!("{} {} {looked:?}", pod["status"]["phase"], state["waiting"]["reason"]));
        for other in &pods {
            let address = other["status"]["podIP"].as_str().unwrap_or("none");
            out.push(format!("{:?}", ran(pod, &format!("wget -q -O /dev/null http://{address}:8080/hostname"))));
        }
        for cause in causes {
            if let Cause::Egress { host, .. } = cause {
                let host = if host == "*" { "github.com" } else { host };
                out.push(format!("{host} {:?}", ran(pod, &format!("nc -z {host} 443"))));
            }
        }
    }
    let agents = world.store.list("pods", "kube-system").map(|(_, pod)| &*pod.value);
    if let Some(agent) = agents.into_iter().find(|pod| pod["metadata"]["labels"]["k8s-app"] == "cilium") {
        let words = ["cilium-dbg", "clustermesh", "status"].map(String::from);
        let mesh = platform::run(world, agent, &words, "").map(|(out, ..)| out.contains("1/1 remote clusters ready"));
        out.push(format!("mesh {mesh:?}"));
    }
    out.push(format!("{}", get("services", "probe")["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()));
    out.join(", ")
}

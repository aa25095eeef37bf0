//! What agents scrape, and `up`: by the monitors that a cluster has, and of what every cluster's agent is told.

use serde_json::{Value, json};

use super::{Maker, Out, Scope, born, seconds, text};
use crate::lab::services::promql::Shape;
use crate::lab::services::{at, programs, ready};
use crate::lab::world::{Cause, Wrong};

pub(super) const TABLE: &[(&[&str], Maker)] =
    &[(&["up"], up), (&["scrape_duration_seconds", "scrape_samples_scraped"], scrapes)];

/// The kinds of monitors: the resource, and the word in the pool's name that vmagent shows.
const MONITORS: [(&str, &str); 4] = [
    ("servicemonitors.monitoring.coreos.com", "serviceScrape"),
    ("vmservicescrapes.operator.victoriametrics.com", "serviceScrape"),
    ("podmonitors.monitoring.coreos.com", "podScrape"),
    ("vmpodscrapes.operator.victoriametrics.com", "podScrape"),
];

/// Something that is scraped.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) job: String,
    pub(crate) instance: String,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) node: String,
    pub(crate) service: String,
    /// `serviceScrape/observability/cilium/0`
    pub(crate) pool: String,
    pub(crate) url: String,
    /// Whether it answers, and since when that is so.
    pub(crate) up: bool,
    pub(crate) since: f64,
    pub(crate) born: f64,
    /// Why not.
    pub(crate) error: String,
}

/// Everything that a cluster's agent scrapes.
pub(crate) fn all(scope: &Scope<'_>) -> Vec<Target> {
    let mut out = machines(scope);
    let before = out.len();
    for (resource, word) in MONITORS {
        for monitor in scope.list(resource) {
            let pods = word == "podScrape";
            monitored(scope, &monitor, word, pods, &mut out);
        }
    }
    // The operator makes its own monitors of Prometheus', so that both are there.
    let mut seen = std::collections::BTreeSet::new();
    out.retain(|target| seen.insert((target.job.clone(), target.instance.clone())));
    // What no monitor selects is scraped for its own annotations.
    let known: std::collections::BTreeSet<(String, String)> =
        out.iter().skip(before).map(|target| (target.namespace.clone(), target.pod.clone())).collect();
    let mut others = Vec::new();
    plain(scope, &mut others);
    out.extend(others.into_iter().filter(|target| !known.contains(&(target.namespace.clone(), target.pod.clone()))));
    out
}

/// Kubelets and API servers, which every agent is told of.
fn machines(scope: &Scope<'_>) -> Vec<Target> {
    let mut out = Vec::new();
    for node in scope.list("nodes") {
        let name = text(&node, "/metadata/name");
        let addresses = node["status"]["addresses"].as_array();
        let internal = addresses.and_then(|all| all.iter().find(|one| one["type"] == "InternalIP"));
        let address = internal.and_then(|one| one["address"].as_str()).unwrap_or_default();
        let master = node["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some();
        let mut one = |job: &str, port: u16, process: &str| {
            let cause = [Cause::link(name), Cause::process(name, process)]
                .iter()
                .filter_map(|c| scope.since(c))
                .reduce(f64::min);
            out.push(Target {
                job: job.into(),
                instance: format!("{address}:{port}"),
                namespace: String::new(),
                pod: String::new(),
                node: name.into(),
                service: String::new(),
                pool: format!("nodeScrape/observability/{job}/0"),
                url: format!("https://{address}:{port}/metrics"),
                up: cause.is_none(),
                since: cause.unwrap_or(0.0),
                born: born(&node),
                error: cause.map_or(String::new(), |_| format!("dial tcp4 {address}:{port}: i/o timeout")),
            });
        };
        one("kubelet", 10250, "kubelet");
        if master {
            one("apiserver", 6443, "kube-apiserver");
            one("etcd", 2381, "etcd");
        }
    }
    out
}

fn monitored(scope: &Scope<'_>, monitor: &Value, word: &str, pods: bool, out: &mut Vec<Target>) {
    let (namespace, name) = (text(monitor, "/metadata/namespace"), text(monitor, "/metadata/name"));
    let endpoints = if pods { "podMetricsEndpoints" } else { "endpoints" };
    let endpoints = monitor["spec"][endpoints].as_array().cloned().unwrap_or_else(|| vec![json!({})]);
    let within = &monitor["spec"]["namespaceSelector"];
    let any = within["any"] == true;
    let named: Option<Vec<&str>> =
        within["matchNames"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect());
    let fits = |object: &Value| {
        let own = text(object, "/metadata/namespace");
        let here = any || named.as_ref().map_or(own == namespace, |named| named.contains(&own));
        let labels = monitor["spec"]["selector"]["matchLabels"].as_object();
        here && labels.is_none_or(|all| all.iter().all(|(key, value)| object["metadata"]["labels"][key] == *value))
    };
    let kind = if pods { "pods" } else { "services" };
    for object in scope.list(kind).into_iter().filter(fits) {
        for (index, endpoint) in endpoints.iter().enumerate() {
            let pool = format!("{word}/{namespace}/{name}/{index}");
            let path = endpoint["path"].as_str().unwrap_or("/metrics");
            if pods {
                let port = endpoint["portNumber"].as_u64().or_else(|| named_port(&object, text(endpoint, "/port")));
                out.push(of_pod(scope, &object, name, "", port.unwrap_or(80), path, &pool));
                continue;
            }
            let ports = object["spec"]["ports"].as_array().cloned().unwrap_or_default();
            let wanted = &endpoint["port"];
            let found = ports.iter().find(|port| wanted.is_null() || port["name"] == *wanted);
            let number = endpoint["targetPort"].as_u64();
            if found.is_none() && number.is_none() {
                continue;
            }
            let service = text(&object, "/metadata/name");
            for pod in selected(scope, &object) {
                let port = number.or_else(|| at::target(found?, &pod).map(u64::from)).unwrap_or(80);
                out.push(of_pod(scope, &pod, service, service, port, path, &pool));
            }
        }
    }
}

/// The pods that a Service selects, ready or not.
fn selected(scope: &Scope<'_>, service: &Value) -> Vec<Value> {
    let Some(selector) = service["spec"]["selector"].as_object() else { return Vec::new() };
    let world = scope.cluster.world();
    let pods = world.store.list("pods", text(service, "/metadata/namespace")).map(|(_, pod)| &*pod.value);
    pods.filter(|pod| selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value)).cloned().collect()
}

fn named_port(pod: &Value, name: &str) -> Option<u64> {
    let containers = pod["spec"]["containers"].as_array()?;
    let mut ports = containers.iter().filter_map(|container| container["ports"].as_array()).flatten();
    ports.find(|port| port["name"] == name)?["containerPort"].as_u64()
}

fn plain(scope: &Scope<'_>, out: &mut Vec<Target>) {
    let pods: Vec<(Value, &'static str)> = {
        let world = scope.cluster.world();
        let pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
        pods.filter_map(|pod| Some((pod.clone(), programs::name_of(pod)?))).collect()
    };
    for (pod, program) in pods {
        let port = pod["spec"]["containers"][0]["ports"][0]["containerPort"].as_u64().unwrap_or(8080);
        let pool = format!("podScrape/observability/{program}/0");
        out.push(of_pod(scope, &pod, program, "", port, "/metrics", &pool));
    }
}

fn of_pod(scope: &Scope<'_>, pod: &Value, job: &str, service: &str, port: u64, path: &str, pool: &str) -> Target {
    let (address, node) = (text(pod, "/status/podIP"), text(pod, "/spec/nodeName"));
    let cut = scope.since(&Cause::link(node)).or_else(|| scope.since(&Cause::service("scrapes", Wrong::Down)));
    let answers = ready(pod) && cut.is_none();
    let changed = super::condition(pod, "Ready").and_then(|one| seconds(&one["lastTransitionTime"]));
    let url = format!("http://{address}:{port}{path}");
    Target {
        job: job.into(),
        instance: format!("{address}:{port}"),
        namespace: text(pod, "/metadata/namespace").into(),
        pod: text(pod, "/metadata/name").into(),
        node: node.into(),
        service: service.into(),
        pool: pool.into(),
        up: answers,
        since: cut.or(changed).unwrap_or(0.0),
        born: born(pod),
        error: if answers {
            String::new()
        } else {
            format!("cannot read data: Get \"{url}\": dial tcp4 {address}:{port}: connect: connection refused")
        },
        url,
    }
}

impl Target {
    /// The labels of its series.
    pub(crate) fn labels(&self) -> [(&str, &str); 6] {
        [
            ("job", &self.job),
            ("instance", &self.instance),
            ("namespace", &self.namespace),
            ("pod", &self.pod),
            ("node", &self.node),
            ("service", &self.service),
        ]
    }
}

fn up(scope: &Scope<'_>, out: &mut Out) {
    for target in all(scope) {
        let shape = match target.since > target.born {
            true if target.up => Shape::Turned { before: 0.0, at: target.since, after: 1.0 },
            true => Shape::Turned { before: 1.0, at: target.since, after: 0.0 },
            false => Shape::Level(f64::from(u8::from(target.up))),
        };
        out.add("up", &target.labels(), target.born, shape);
    }
}

fn scrapes(scope: &Scope<'_>, out: &mut Out) {
    for target in all(scope) {
        let labels = target.labels();
        out.level("scrape_duration_seconds", &labels, if target.up { 0.012 } else { 10.0 });
        out.level("scrape_samples_scraped", &labels, if target.up { 850.0 } else { 0.0 });
    }
}

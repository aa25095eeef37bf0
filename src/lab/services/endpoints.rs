//! The `[endpoints]` of a lab: the services by name, how they are reached, and with which credentials.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::{Services, cloudflare, github, gitlab, grafana, harbor, onepassword, outside, programs, vault};
use crate::lab::world::objects;
use crate::lab::world::topology::Cluster as Described;

/// Who may come in.
enum Pass {
    Open,
    Token(String),
    User(String, String),
}

/// The names of endpoints, with the programs that they lead to; of several, the first that there is.
const ROWS: [(&str, &[&str]); 14] = [
    ("vmselect", &["vmselect", "vmsingle"]),
    ("vminsert", &["vminsert", "vmsingle"]),
    ("vmauth", &["vmauth"]),
    ("vmagent", &["vmagent"]),
    ("vmalert", &["vmalert"]),
    ("victorialogs", &["vlogs"]),
    ("alertmanager", &["alertmanager"]),
    ("grafana", &["grafana"]),
    ("schema-registry", &["schema-registry"]),
    ("harbor", &["harbor-nginx", "harbor-core"]),
    ("gitlab", &["gitlab", "gitlab-all"]),
    ("keycloak", &["keycloak"]),
    ("hubble-ui", &["hubble-ui"]),
    ("spegel", &["spegel"]),
];

/// One endpoint, as `pb.toml` says it, and the file that its secret is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `grafana`
    pub name: String,
    /// The lines below its heading.
    pub lines: String,
    /// Its secret, if it has one: the file has the endpoint's name, in the folder `secrets`.
    pub secret: Option<String>,
    /// What a person types to try it, with `curl`; empty where it takes a forward.
    pub address: String,
}

/// All endpoints of a platform, by name. A program that two clusters have is called by the cluster's name in the second.
pub fn all(services: &Services) -> Vec<Endpoint> {
    let topology = &services.world.topology;
    let mut clusters: Vec<(&String, &Described)> = topology.clusters.iter().collect();
    clusters.sort_by_key(|(_, cluster)| cluster.id);
    // Where a route is not there yet, it is to come: an endpoint says how the platform is reached once it stands.
    let gateways: BTreeMap<&str, Gateways> =
        clusters.iter().map(|(name, _)| (name.as_str(), Gateways::of(services, name))).collect();
    let mut out = Vec::new();
    for (row, wanted) in ROWS {
        let mut first = true;
        for (cluster, described) in &clusters {
            let Some((namespace, service, port)) = wanted.iter().find_map(|program| find(described, program)) else {
                continue;
            };
            let name = if first { row.to_string() } else { format!("{row}-{cluster}") };
            first = false;
            let (mut lines, mut address) =
                (format!("service = \"{cluster}/{namespace}/{service}:{port}\"\n"), String::new());
            if let Some((host, at)) = routed(&gateways[cluster.as_str()], namespace, service) {
                address = format!("https://{host}/");
                lines = format!("url = \"https://{host}\"\nresolve = \"{at}\"\nca = \"ca.crt\"\n");
            }
            let pass = match row {
                "grafana" => {
                    let (user, password) = grafana::admin(services);
                    Pass::User(user, password)
                }
                "harbor" => Pass::User("admin".into(), harbor::admin(services)),
                "gitlab" => Pass::Token(gitlab::token()),
                "vmauth" => Pass::User("apps".into(), vault::value("vmauth", "password")),
                _ => Pass::Open,
            };
            out.push(made(name, lines, address, pass));
        }
    }
    let beyond = [
        ("cloudflare", "https://api.cloudflare.com/client/v4", cloudflare::token()),
        ("github", "https://api.github.com", github::token()),
        ("onepassword", "http://opconnect.monosense.io:8080", onepassword::token()),
    ];
    for (name, url, token) in beyond {
        let Some(at) = outside::of_fault(name).map(outside::Outside::address) else { continue };
        let ca = if url.starts_with("https") { "ca = \"ca.crt\"\n" } else { "" };
        out.push(made(
            name.into(),
            format!("url = \"{url}\"\nresolve = \"{at}\"\n{ca}"),
            url.into(),
            Pass::Token(token),
        ));
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

fn made(name: String, mut lines: String, address: String, pass: Pass) -> Endpoint {
    let secret = match pass {
        Pass::Open => None,
        Pass::Token(token) => {
            let _ = writeln!(lines, "token = \"file:secrets/{name}\"");
            Some(token)
        }
        Pass::User(user, password) => {
            let _ = write!(lines, "user = {}\npassword = \"file:secrets/{name}\"\n", toml::Value::from(user));
            Some(password)
        }
    };
    Endpoint { name, lines, secret, address }
}

/// The Service of a topology behind which a program is: namespace, name, port.
fn find<'t>(cluster: &'t Described, program: &str) -> Option<(&'t str, &'t str, u16)> {
    cluster.services.iter().find_map(|service| {
        let workload = cluster.workloads.iter().find(|workload| {
            workload.namespace.get_ref() == service.namespace.get_ref()
                && service.workload.as_ref().is_some_and(|name| name.get_ref() == workload.name.get_ref())
        })?;
        (programs::of_image(&workload.image) == Some(program)).then_some(())?;
        Some((service.namespace.get_ref().as_str(), service.name.get_ref().as_str(), *service.ports.first()?))
    })
}

/// A cluster's Gateways and their routes: those that are there, and those that its topology has, once it stands.
#[derive(Debug, Default)]
struct Gateways {
    gateways: Vec<Value>,
    routes: Vec<Value>,
}

const GATEWAYS: &str = "gateways.gateway.networking.k8s.io";
const ROUTES: &str = "httproutes.gateway.networking.k8s.io";

impl Gateways {
    fn of(services: &Services, cluster: &str) -> Self {
        let Some(world) = services.clusters.get(cluster).map(|cluster| cluster.world()) else { return Self::default() };
        let there =
            |plural: &str| world.store.list(plural, "").map(|(_, one)| (*one.value).clone()).collect::<Vec<_>>();
        let (mut gateways, mut routes) = (there(GATEWAYS), there(ROUTES));
        if routes.is_empty() {
            let described = objects::all(&services.world.topology, cluster, services.world.clock.now());
            gateways.extend(described.iter().filter(|one| one["kind"] == "Gateway").cloned());
            routes.extend(described.into_iter().filter(|one| one["kind"] == "HTTPRoute"));
        }
        Self { gateways, routes }
    }
}

/// The host and address by which a Gateway leads to a Service.
fn routed(cluster: &Gateways, namespace: &str, service: &str) -> Option<(String, String)> {
    let leads = |route: &&Value| {
        let rules = route["spec"]["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        route["metadata"]["namespace"] == namespace
            && rules.iter().any(|rule| rule["backendRefs"][0]["name"] == service)
    };
    let named = |route: &&Value| route["spec"]["hostnames"][0].as_str().is_some_and(|host| !host.starts_with('*'));
    let route = cluster.routes.iter().filter(leads).find(named)?;
    let host = route["spec"]["hostnames"][0].as_str()?;
    let parent = &route["spec"]["parentRefs"][0];
    let home = parent["namespace"].as_str().unwrap_or(namespace);
    let gateway = cluster
        .gateways
        .iter()
        .find(|one| one["metadata"]["name"] == parent["name"] && one["metadata"]["namespace"] == home)?;
    let asked = &gateway["spec"]["infrastructure"]["annotations"]["lbipam.cilium.io/ips"];
    let at = gateway["status"]["addresses"][0]["value"].as_str().or_else(|| asked.as_str())?;
    Some((host.into(), at.split(',').next()?.into()))
}

/// The section of `pb.toml` for all of them, and their secrets as files: each a path in the lab's folder and what is in it.
pub fn sections(services: &Services) -> (String, Vec<(String, String)>) {
    let (mut text, mut files) = (String::new(), Vec::new());
    for endpoint in all(services) {
        let _ = write!(text, "\n[endpoints.{}]\n{}", endpoint.name, endpoint.lines);
        if let Some(secret) = endpoint.secret {
            files.push((Path::new("secrets").join(&endpoint.name).to_string_lossy().into_owned(), secret));
        }
    }
    (text, files)
}

//! What can be seen of an open lab: its objects, the router's table, its machines, where its addresses lead. Two looks
//! compared say what a fault has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;

use super::plain::{fleeting, name, plain};
use crate::lab::kube::validate::defaults;
use crate::lab::ssh::Console as _;
use crate::lab::up::Lab;
use crate::lab::world::Cause;

/// A look at a lab: by place (`kube/infra/services`, `router`, `talos/infra`, `address`) and thing, what is to be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is to be seen.
    pub all: BTreeMap<(String, String), String>,
}

/// One thing that two looks show differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: `kube/infra/services`.
    pub place: String,
    /// What: `kube-system/kube-dns`.
    pub thing: String,
    /// How it was; empty where it was not there.
    pub before: String,
    /// How it is; empty where it is not there any more.
    pub after: String,
}

impl Seen {
    /// What another look shows differently.
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let keys: BTreeSet<&(String, String)> = self.all.keys().chain(after.all.keys()).collect();
        let text = |seen: &Self, key| seen.all.get(key).cloned().unwrap_or_default();
        keys.into_iter()
            .filter(|key| self.all.get(*key) != after.all.get(*key))
            .map(|key| Difference {
                place: key.0.clone(),
                thing: key.1.clone(),
                before: text(self, key),
                after: text(after, key),
            })
            .collect()
    }
}

/// Lets so much of the lab's time pass, in steps in which whoever waits for something does it.
pub async fn settle(lab: &Lab, span: Duration) {
    const STEP: Duration = Duration::from_secs(5);
    for _ in 0..span.as_secs().div_ceil(STEP.as_secs()) {
        lab.clock.jump(STEP);
        // Its own tasks need some of the system's time to do what they woke for.
        tokio::time::sleep(Duration::from_millis(12)).await;
    }
}

/// Looks at everything that can be seen without asking for anything new.
pub fn look(lab: &Lab) -> Seen {
    let mut seen = Seen::default();
    objects(lab, &mut seen);
    router(lab, &mut seen);
    machines(lab, &mut seen);
    addresses(lab, &mut seen);
    seen
}

fn objects(lab: &Lab, seen: &mut Seen) {
    for (cluster, server) in &lab.clusters {
        // Those whose names were drawn by lot count together.
        let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        let world = server.world();
        for (place, stored) in world.store.all() {
            if fleeting(&place.resource, &stored.value) {
                continue;
            }
            // What was there from the beginning has no defaults until somebody changes it.
            let mut object = stored.value.clone();
            if let Some(kind) = world.kinds.of(&object) {
                defaults::apply(&kind, &mut object);
            }
            let own = name(&object);
            let thing = if place.namespace.is_empty() { own } else { format!("{}/{own}", place.namespace) };
            let key = (format!("kube/{cluster}/{}", place.resource), thing);
            found.entry(key).or_default().push(plain(&place.resource, &object).to_string());
        }
        for (key, mut texts) in found {
            texts.sort();
            seen.all.insert(key, texts.join("\n"));
        }
    }
}

fn router(lab: &Lab, seen: &mut Seen) {
    let ask = |line: &str| serde_json::from_str::<Value>(&lab.router.answer(line, false).text).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let summary = ask("show bgp ipv4 unicast summary json");
    for (address, peer) in summary["peers"].as_object().into_iter().flatten() {
        let told = format!("{} {}", text(&peer["state"]), peer["pfxRcd"]);
        seen.all.insert(("router".into(), format!("neighbour {address}")), told);
    }
    let table = ask("show ip bgp json");
    for (prefix, paths) in table["routes"].as_object().into_iter().flatten() {
        let hops = paths.as_array().into_iter().flatten().map(|path| text(&path["nexthops"][0]["ip"]));
        let hops: BTreeSet<String> = hops.collect();
        let hops: Vec<String> = hops.into_iter().collect();
        seen.all.insert(("router".into(), format!("prefix {prefix}")), hops.join(" "));
    }
}

fn machines(lab: &Lab, seen: &mut Seen) {
    for cluster in lab.clusters.keys() {
        let machines = lab.talos(cluster).map(|talos| talos.machines()).unwrap_or_default();
        for machine in machines {
            seen.all.insert((format!("talos/{cluster}"), machine.hostname.clone()), format!("{machine:?}"));
        }
    }
}

fn addresses(lab: &Lab, seen: &mut Seen) {
    let mut known: BTreeSet<(IpAddr, u16)> = BTreeSet::from([(lab.world.topology.router.address, 22)]);
    for (_, node) in lab.world.topology.nodes() {
        known.extend([6443, 50000].map(|port| (*node.address.get_ref(), port)));
    }
    for server in lab.clusters.values() {
        for (_, service) in server.world().store.list("services", "") {
            let ingress = service.value["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten();
            let ports: Vec<u16> = service.value["spec"]["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|port| u16::try_from(port["port"].as_u64()?).ok())
                .collect();
            for address in ingress.filter_map(|one| one["ip"].as_str()?.parse::<IpAddr>().ok()) {
                known.extend(ports.iter().map(|port| (address, *port)));
            }
        }
    }
    for (address, port) in known {
        let way = format!("{:?}", lab.network.way(address, port));
        seen.all.insert(("address".into(), format!("{address}:{port}")), way);
    }
}

/// All names of each kind that a cluster has, in small letters, by the name that places have.
pub fn kinds(lab: &Lab, cluster: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Some(server) = lab.clusters.get(cluster) else { return out };
    for kind in server.world().kinds.iter() {
        let names = out.entry(kind.resource()).or_default();
        let group = |name: &str| format!("{name}.{}", kind.group);
        for name in [&kind.plural, &kind.singular, &kind.kind.to_lowercase()].into_iter().chain(&kind.short) {
            names.extend([name.to_lowercase(), group(&name.to_lowercase())]);
        }
    }
    out
}

/// The places that a cause is about by itself, whatever follows from it: those that are asked, and not looked at.
pub fn places(cause: &Cause) -> Vec<String> {
    match cause {
        Cause::Api { cluster, .. } | Cause::Resolver { cluster, .. } => vec![format!("kube/{cluster}")],
        Cause::Egress { cluster, .. } | Cause::Mirror { cluster } => vec![format!("pods/{cluster}")],
        Cause::Cut { from, to } => vec![format!("pods/{from}"), format!("pods/{to}")],
        Cause::Image { .. } | Cause::DiskSlow { .. } => vec!["pods".into()],
        Cause::Service { service, .. } => vec![format!("service/{service}")],
        Cause::HostKey | Cause::Stuck => vec!["router".into()],
        Cause::Silent { listener } | Cause::Closed { listener } if listener == "router" => vec!["router".into()],
        _ => Vec::new(),
    }
}

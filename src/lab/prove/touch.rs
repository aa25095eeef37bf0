//! What a step looks at, and whether a fault can touch that.
//!
//! While a step runs in the healthy lab, its host calls are watched: the kinds of objects it read and in which cluster,
//! whether it logged in at the router, asked machines, or talked to addresses; and where it changed anything. A fault's
//! reach is the set of places at which a lab with it looks otherwise than without it, some minutes later, and those that
//! its causes name. It can touch a step
//!
//! - that looked at one of these places, or
//! - that makes something in a cluster where the fault reaches anything: what becomes of new objects shows nowhere else.
//!
//! A step that reads the record is touched by whatever touches another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::event::{Effect, Event, Listener, What};

/// What a step looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looks {
    /// By cluster, the kinds as the step named them; an empty one where it did not.
    pub kinds: BTreeMap<String, BTreeSet<String>>,
    /// The clusters that it changed something in.
    pub changed: BTreeSet<String>,
    /// Machines, by cluster.
    pub machines: BTreeSet<String>,
    /// Hosts that it logged in at.
    pub hosts: BTreeSet<String>,
    /// Whether it talked to addresses: HTTP, TCP, TLS, DNS, forwarded ports.
    pub addresses: bool,
    /// Whether it read what other steps found.
    pub record: bool,
}

/// Watches what steps look at. Clones share what they saw.
#[derive(Debug, Clone, Default)]
pub struct Watcher {
    seen: Arc<Mutex<BTreeMap<String, Looks>>>,
}

impl Watcher {
    /// What each step looked at, by its id.
    pub fn seen(&self) -> BTreeMap<String, Looks> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Listener for Watcher {
    fn on(&mut self, event: &Event) {
        let (Some(step), What::CallStarted { function, effect, target, args, .. }) = (&event.step, &event.what) else {
            return;
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(step.clone()).or_default().note(function, *effect, target.as_deref().unwrap_or_default(), args);
    }
}

impl Looks {
    fn note(&mut self, function: &str, effect: Effect, target: &str, args: &Value) {
        let module = function.split(['.', ':']).next().unwrap_or_default();
        match module {
            "kube" | "pod" => {
                let named = ["resource", "kind"].iter().find_map(|key| args[*key].as_str()).unwrap_or_default();
                let named = match args["manifest"]["kind"].as_str() {
                    Some(kind) if named.is_empty() => kind,
                    _ => named,
                };
                self.kinds.entry(target.into()).or_default().insert(named.to_lowercase());
                self.addresses |= function.contains("forward");
                if effect > Effect::Read {
                    self.changed.insert(target.into());
                }
            }
            "talos" => {
                self.machines.insert(target.into());
            }
            "host" | "ssh" | "bgp" => {
                self.hosts.insert(target.into());
            }
            // Programs may ask anybody for anything.
            "sh" => {
                self.addresses = true;
                self.kinds.entry(target.into()).or_default().insert(String::new());
            }
            "record" => self.record = true,
            "file" | "time" | "env" | "secret" | "data" => {}
            _ => self.addresses = true,
        }
    }

    /// Whether a fault that reaches these places can touch the step. `kinds` are all names of the kinds of a cluster, by
    /// the name that the store has: `deployments.apps` → `deployments`, `deploy`, `deployment` …
    pub fn touched(&self, reach: &BTreeSet<String>, kinds: &BTreeMap<String, BTreeSet<String>>) -> bool {
        reach.iter().any(|place| self.touched_at(place, kinds))
    }

    fn touched_at(&self, place: &str, kinds: &BTreeMap<String, BTreeSet<String>>) -> bool {
        let mut parts = place.splitn(3, '/');
        let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        match (first, second, third) {
            ("kube", Some(cluster), None) => self.kinds.contains_key(cluster),
            ("kube", Some(cluster), Some(resource)) => {
                let looked = |names: &BTreeSet<String>| {
                    names.iter().any(|name| {
                        name.is_empty() || name == resource || kinds.get(resource).is_some_and(|all| all.contains(name))
                    })
                };
                self.changed.contains(cluster) || self.kinds.get(cluster).is_some_and(looked)
            }
            ("pods", Some(cluster), _) => self.changed.contains(cluster),
            ("pods", None, _) => !self.changed.is_empty(),
            ("talos", Some(cluster), _) => self.machines.contains(cluster),
            ("router", ..) => !self.hosts.is_empty(),
            ("address" | "service", ..) => self.addresses,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reach(places: &[&str]) -> BTreeSet<String> {
        places.iter().map(|place| (*place).to_owned()).collect()
    }

    #[test]
    fn a_fault_touches_what_was_looked_at_and_what_makes_things_near_it() {
        let kinds = BTreeMap::from([("services".to_owned(), reach(&["services", "service", "svc"]))]);
        let mut reads = Looks::default();
        reads.note("kube.list", Effect::Read, "infra", &json!({ "kind": "svc" }));
        assert!(reads.touched(&reach(&["kube/infra/services"]), &kinds), "by another name of the kind");
        assert!(!reads.touched(&reach(&["kube/apps/services", "kube/infra/nodes", "router", "pods/infra"]), &kinds));
        assert!(reads.touched(&reach(&["kube/infra"]), &kinds), "the API server itself");
        let mut writes = Looks::default();
        writes.note("kube.create", Effect::Write, "infra", &json!({ "manifest": { "kind": "Pod" } }));
        assert!(writes.touched(&reach(&["kube/infra/ciliumloadbalancerippools.cilium.io"]), &kinds));
        assert!(writes.touched(&reach(&["pods/infra"]), &kinds) && !writes.touched(&reach(&["talos/infra"]), &kinds));
        let mut others = Looks::default();
        others.note("host.run", Effect::Read, "edge-1", &json!({}));
        others.note("http::get", Effect::Read, "", &json!({}));
        others.note("talos.version", Effect::Read, "apps", &json!({}));
        assert!(others.touched(&reach(&["router"]), &kinds) && others.touched(&reach(&["service/grafana"]), &kinds));
        assert!(others.touched(&reach(&["talos/apps"]), &kinds) && !others.touched(&reach(&["kube/apps"]), &kinds));
    }
}

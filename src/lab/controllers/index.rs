//! What the controllers look up, kept in step with the changes: pods by owner and by node, objects by owner, addresses.
//!
//! A cluster may have ten thousand pods, and every change wakes the controllers; so they read what they need of a pod
//! once for each of its versions, and find a set's pods without looking at the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::amounts::{self, Amounts};
use super::fields::{self, list, text};
use crate::lab::kube::store::{Place, Stored};

/// What a pod's phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

/// What controllers want to know of a pod.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) place: Place,
    pub(crate) stored: Arc<Stored>,
    pub(crate) uid: String,
    /// Empty where it has none yet.
    pub(crate) node: String,
    pub(crate) phase: Phase,
    /// Whether it is ready, and since when.
    pub(crate) ready: Option<Timestamp>,
    /// Somebody wants it gone.
    pub(crate) ending: bool,
    pub(crate) created: Timestamp,
    pub(crate) restarts: i64,
    /// Kind, name and uid of what controls it.
    pub(crate) controller: Option<(String, String, String)>,
    pub(crate) requests: Amounts,
    pub(crate) address: Option<IpAddr>,
}

impl Pod {
    fn of(place: &Place, stored: &Arc<Stored>) -> Self {
        let pod = &stored.value;
        let ready = fields::condition(pod, "Ready").filter(|one| one["status"] == "True");
        let owner = fields::controller_of(pod);
        let part = |owner: &Value, key: &str| owner[key].as_str().unwrap_or_default().to_owned();
        let own_address = pod["spec"]["hostNetwork"] != true;
        Self {
            place: place.clone(),
            stored: stored.clone(),
            uid: fields::uid(pod).to_owned(),
            node: text(pod, "/spec/nodeName").to_owned(),
            phase: match text(pod, "/status/phase") {
                "Running" => Phase::Running,
                "Succeeded" => Phase::Succeeded,
                "Failed" => Phase::Failed,
                _ => Phase::Pending,
            },
            ready: ready.map(|one| text(one, "/lastTransitionTime").parse().unwrap_or(Timestamp::UNIX_EPOCH)),
            ending: fields::is_ending(pod),
            created: fields::time_at(pod, "/metadata/creationTimestamp").unwrap_or(Timestamp::UNIX_EPOCH),
            restarts: list(pod, "/status/containerStatuses").iter().filter_map(|c| c["restartCount"].as_i64()).sum(),
            controller: owner.map(|owner| (part(owner, "kind"), part(owner, "name"), part(owner, "uid"))),
            requests: amounts::requests(pod),
            address: text(pod, "/status/podIP").parse().ok().filter(|_| own_address),
        }
    }

    /// Neither ended nor about to go.
    pub(crate) fn is_active(&self) -> bool {
        !self.ending && !self.is_over()
    }

    /// Whether its containers have ended for good.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Ready for so many seconds.
    pub(crate) fn is_available(&self, seconds: i64, now: Timestamp) -> bool {
        self.ready.is_some_and(|since| seconds == 0 || now.as_second() - since.as_second() >= seconds)
    }

    pub(crate) fn label(&self, key: &str) -> &str {
        self.stored.value["metadata"]["labels"][key].as_str().unwrap_or_default()
    }

    pub(crate) fn labels(&self) -> &Value {
        &self.stored.value["metadata"]["labels"]
    }

    /// Whether it takes part of its node: those that ended do not.
    fn counts(&self) -> bool {
        !self.node.is_empty() && !self.is_over()
    }
}

/// The look-up tables.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pods: HashMap<Place, Arc<Pod>>,
    controlled: HashMap<String, BTreeMap<String, Arc<Pod>>>,
    on_node: HashMap<String, BTreeMap<Place, Arc<Pod>>>,
    owned: HashMap<String, BTreeSet<Place>>,
    addresses: HashMap<IpAddr, Place>,
    /// Pods without a node.
    pub(crate) pending: BTreeSet<Place>,
    /// Pods that nothing controls.
    pub(crate) orphans: BTreeSet<Place>,
}

impl Index {
    pub(crate) fn pod(&self, place: &Place) -> Option<&Arc<Pod>> {
        self.pods.get(place)
    }

    /// The pods that an owner controls, by name.
    pub(crate) fn controlled(&self, uid: &str) -> impl Iterator<Item = &Arc<Pod>> {
        self.controlled.get(uid).into_iter().flat_map(BTreeMap::values)
    }

    /// The pods that take part of a node.
    pub(crate) fn on_node(&self, node: &str) -> impl Iterator<Item = &Arc<Pod>> {
        self.on_node.get(node).into_iter().flat_map(BTreeMap::values)
    }

    /// The objects of every kind that name an owner, whether it controls them or not.
    pub(crate) fn owned(&self, uid: &str) -> impl Iterator<Item = &Place> {
        self.owned.get(uid).into_iter().flatten()
    }

    /// Whose address it is.
    pub(crate) fn at(&self, address: IpAddr) -> Option<&Place> {
        self.addresses.get(&address)
    }

    /// Takes a change in. What is told is the pod before and after, where it is one.
    pub(crate) fn change(
        &mut self,
        place: &Place,
        before: Option<&Arc<Stored>>,
        after: Option<&Arc<Stored>>,
    ) -> (Option<Arc<Pod>>, Option<Arc<Pod>>) {
        let owners = |object: &Arc<Stored>| -> Vec<String> {
            let all = list(&object.value, "/metadata/ownerReferences").iter();
            all.filter_map(|owner| owner["uid"].as_str().map(str::to_owned)).collect()
        };
        for uid in before.map(owners).unwrap_or_default() {
            if let Some(all) = self.owned.get_mut(&uid) {
                all.remove(place);
                if all.is_empty() {
                    self.owned.remove(&uid);
                }
            }
        }
        for uid in after.map(owners).unwrap_or_default() {
            self.owned.entry(uid).or_default().insert(place.clone());
        }
        if place.resource != "pods" {
            return (None, None);
        }
        let was = self.pods.remove(place);
        if let Some(was) = &was {
            self.forget(was);
        }
        let is = after.map(|stored| Arc::new(Pod::of(place, stored)));
        if let Some(is) = &is {
            self.remember(is);
        }
        (was, is)
    }

    fn forget(&mut self, pod: &Pod) {
        if let Some((_, _, uid)) = &pod.controller
            && let Some(all) = self.controlled.get_mut(uid)
        {
            all.remove(&pod.place.name);
            if all.is_empty() {
                self.controlled.remove(uid);
            }
        }
        if let Some(all) = self.on_node.get_mut(&pod.node) {
            all.remove(&pod.place);
        }
        if let Some(address) = pod.address
            && self.addresses.get(&address) == Some(&pod.place)
        {
            self.addresses.remove(&address);
        }
        self.pending.remove(&pod.place);
        self.orphans.remove(&pod.place);
    }

    fn remember(&mut self, pod: &Arc<Pod>) {
        self.pods.insert(pod.place.clone(), pod.clone());
        match &pod.controller {
            Some((_, _, uid)) => {
                self.controlled.entry(uid.clone()).or_default().insert(pod.place.name.clone(), pod.clone());
            }
            None => {
                self.orphans.insert(pod.place.clone());
            }
        }
        if pod.counts() {
            self.on_node.entry(pod.node.clone()).or_default().insert(pod.place.clone(), pod.clone());
        }
        if let Some(address) = pod.address.filter(|_| !pod.is_over()) {
            self.addresses.insert(address, pod.place.clone());
        }
        if pod.node.is_empty() && !pod.ending && !pod.is_over() {
            self.pending.insert(pod.place.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lab::kube::store::Store;

    #[test]
    fn pods_are_found_by_owner_node_and_address() {
        let (mut store, mut index) = (Store::default(), Index::default());
        let place = Place::new("pods", "x", "web-1");
        let pod = json!({
            "metadata": { "name": "web-1", "namespace": "x", "uid": "p", "ownerReferences": [{ "uid": "set", "controller": true }] },
            "spec": { "nodeName": "a" }, "status": { "phase": "Running", "podIP": "10.0.0.1" },
        });
        let stored = store.put(place.clone(), pod.clone());
        index.change(&place, None, Some(&stored));
        assert_eq!(index.controlled("set").count(), 1);
        assert_eq!(index.owned("set").next(), Some(&place));
        assert_eq!(index.on_node("a").next().unwrap().uid, "p");
        assert_eq!(index.at("10.0.0.1".parse().unwrap()), Some(&place));
        let mut over = pod;
        over["status"]["phase"] = json!("Failed");
        let after = store.put(place.clone(), over);
        index.change(&place, Some(&stored), Some(&after));
        assert_eq!((index.on_node("a").count(), index.controlled("set").count()), (0, 1));
        index.change(&place, Some(&after), None);
        assert_eq!((index.controlled("set").count(), index.owned("set").count()), (0, 0));
    }
}

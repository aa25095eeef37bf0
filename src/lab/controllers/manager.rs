//! The controllers of a cluster, together: they hear of each change once, and look only at what it concerns.
//!
//! Each change of the objects' log becomes keys, a controller with an object each; a key is looked at until nothing is
//! left to do. Each look brings the object one step on, as the controllers of kube-controller-manager do it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::events::Journal;
use super::index::Index;
use super::kubelet::Kubelets;
use super::route::{self, Changed};
use super::scene::Scene;
use super::{
    Looked, adopt, budget, claims, cronjob, daemonset, deployment, endpoints, garbage, job, nodes, replicaset,
    scheduler, statefulset,
};
use crate::lab::kube::cluster::{World as Objects, time};
use crate::lab::kube::store::{Place, Stored};
use crate::lab::world::{Cause, World};

/// How many keys one look takes: others want to get at the objects, too.
const AT_ONCE: usize = 400;

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Who {
    Deployment,
    ReplicaSet,
    DaemonSet,
    StatefulSet,
    Job,
    CronJob,
    /// A pod that may belong to a set, or no longer.
    Adopt,
    Endpoints,
    Claim,
    Volume,
    Budget,
    Garbage,
    Node,
    Schedule,
    Kubelet,
}

/// Who looks at what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) who: Who,
    pub(crate) place: Place,
}

/// Keys in the order that they came, each once.
#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<Key>,
    there: HashSet<Key>,
}

impl Queue {
    fn add(&mut self, key: Key) {
        if self.there.insert(key.clone()) {
            self.order.push_back(key);
        }
    }

    fn take(&mut self) -> Option<Key> {
        let key = self.order.pop_front()?;
        self.there.remove(&key);
        Some(key)
    }
}

/// When keys are to be looked at once more; of several times for one, the first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Timestamp, Key)>,
    due: HashMap<Key, Timestamp>,
}

impl Timers {
    /// Looks at a key at a time, or before if that is so already.
    pub(super) fn add(&mut self, time: Timestamp, key: Key) {
        if let Some(known) = self.due.get(&key).copied() {
            if known <= time {
                return;
            }
            self.order.remove(&(known, key.clone()));
        }
        self.due.insert(key.clone(), time);
        self.order.insert((time, key));
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.due.contains_key(key)
    }

    fn take(&mut self, now: Timestamp) -> Option<Key> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.due.remove(&key);
        Some(key)
    }

    fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(due, _)| *due)
    }
}

/// All of a cluster's controllers.
#[derive(Debug, Default)]
pub(crate) struct Manager {
    index: Index,
    /// The last change that was heard of.
    heard: Option<u64>,
    queue: Queue,
    timers: Timers,
    journal: Journal,
    kubelets: Kubelets,
    causes: Vec<Cause>,
}

impl Manager {
    /// Hears of what changed, and does what there is to do.
    pub(crate) fn look(&mut self, world: &World, objects: &mut Objects) -> Looked {
        let now = world.clock.now();
        let before = objects.store.revision();
        self.hear(objects);
        self.feel(world, objects);
        while let Some(key) = self.timers.take(now) {
            self.queue.add(key);
        }
        self.journal.sweep(objects, now);
        for _ in 0..AT_ONCE {
            let Some(key) = self.queue.take() else { break };
            self.step(&key, world, objects, now);
            self.hear(objects);
        }
        let next = self.timers.next().into_iter().chain(self.journal.next()).min();
        let wait = |due: Timestamp| Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO);
        let again = if self.queue.order.is_empty() { next.map(wait) } else { Some(Duration::ZERO) };
        Looked { changed: objects.store.revision() != before, again }
    }

    /// Takes in what changed since the last time; from the beginning where that is forgotten.
    fn hear(&mut self, objects: &Objects) {
        let revision = objects.store.revision();
        if self.heard == Some(revision) {
            return;
        }
        let (index, queue) = (&mut self.index, &mut self.queue);
        let mut take = |place: &Place, before: Option<&Arc<Stored>>, after: Option<&Arc<Stored>>, first: bool| {
            let pods = index.change(place, before, after);
            let settled = first && pods.1.as_ref().is_some_and(|pod| super::kubelet::is_settled(pod));
            let change = Changed { place, before, after, pods };
            route::concerns(&change, objects, index, &mut |key| {
                // What is there from the beginning needs nobody that looks after it, unless something is still to come.
                if !(first && key.who == Who::Garbage || settled && matches!(key.who, Who::Kubelet | Who::Adopt)) {
                    queue.add(key);
                }
            });
        };
        match self.heard.and_then(|heard| objects.store.since(heard).ok()) {
            Some(changes) => {
                for change in changes {
                    take(&change.place, change.before.as_ref(), change.after.as_ref(), false);
                }
            }
            None => {
                // Definitions are nobody's, and nobody is theirs: they stay the texts that they are.
                let definition = |place: &Place| place.resource == "customresourcedefinitions.apiextensions.k8s.io";
                for (place, stored) in objects.store.all().filter(|(place, _)| !definition(place)) {
                    take(place, None, Some(stored), true);
                }
            }
        }
        self.heard = Some(revision);
    }

    /// Takes in what is wrong with the world: kubelets that are gone, or back.
    fn feel(&mut self, world: &World, objects: &Objects) {
        let causes: Vec<Cause> = world.causes().into_iter().map(|(cause, _)| cause).collect();
        if causes == self.causes {
            return;
        }
        self.causes = causes;
        for (place, _) in objects.store.list("nodes", "") {
            self.queue.add(Key { who: Who::Node, place: place.clone() });
            for pod in self.index.on_node(&place.name) {
                if self.kubelets.knows(&pod.uid) || !super::kubelet::is_settled(pod) {
                    self.queue.add(Key { who: Who::Kubelet, place: pod.place.clone() });
                }
            }
        }
    }

    /// The revision of a set as its pods name it, which is made where there is none.
    pub(super) fn revision(
        &mut self,
        world: &World,
        objects: &mut Objects,
        place: &Place,
        now: Timestamp,
    ) -> Option<String> {
        let set = objects.store.get(place)?.value.clone();
        let mut scene = self.scene(world, objects, now);
        let revision = super::revisions::present(&mut scene, &set)?;
        Some(super::revisions::label(&set, &revision).to_owned())
    }

    /// Writes what the controllers of objects write of what there is, as of a time: nothing starts, and nobody is told.
    pub(super) fn rest(&mut self, world: &World, objects: &mut Objects, now: Timestamp) {
        let told: HashSet<Place> = objects.store.list("events", "").map(|(place, _)| place.clone()).collect();
        self.hear(objects);
        while let Some(key) = self.queue.take() {
            let moves = matches!(
                key.who,
                Who::Kubelet | Who::Schedule | Who::Node | Who::Job | Who::CronJob | Who::Garbage | Who::Adopt
            );
            if !moves {
                self.step(&key, world, objects, now);
                self.hear(objects);
            }
        }
        let new: Vec<Place> = objects.store.list("events", "").map(|(place, _)| place.clone()).collect();
        for place in new.iter().filter(|place| !told.contains(*place)) {
            objects.store.remove(place);
        }
    }

    fn scene<'a>(&'a mut self, world: &'a World, objects: &'a mut Objects, now: Timestamp) -> Scene<'a> {
        Scene {
            world,
            objects,
            index: &self.index,
            now,
            stamp: time(now),
            timers: &mut self.timers,
            journal: &mut self.journal,
        }
    }

    fn step(&mut self, key: &Key, world: &World, objects: &mut Objects, now: Timestamp) {
        let place = &key.place;
        if key.who <= Who::CronJob {
            // One that came without its defaults gets them first: templates are compared as wholes.
            super::rest::complete(objects, place);
        }
        let mut scene = Scene {
            world,
            objects,
            index: &self.index,
            now,
            stamp: time(now),
            timers: &mut self.timers,
            journal: &mut self.journal,
        };
        match key.who {
            Who::Deployment => deployment::look(&mut scene, place),
            Who::ReplicaSet => replicaset::look(&mut scene, place),
            Who::DaemonSet => daemonset::look(&mut scene, place),
            Who::StatefulSet => statefulset::look(&mut scene, place),
            Who::Job => job::look(&mut scene, place),
            Who::CronJob => cronjob::look(&mut scene, place),
            Who::Adopt => adopt::look(&mut scene, place),
            Who::Endpoints => endpoints::look(&mut scene, place),
            Who::Claim => claims::look(&mut scene, place),
            Who::Volume => claims::volume(&mut scene, place),
            Who::Budget => budget::look(&mut scene, place),
            Who::Garbage => garbage::look(&mut scene, place),
            Who::Node => nodes::look(&mut scene, place),
            Who::Schedule => scheduler::look(&mut scene, place),
            Who::Kubelet => self.kubelets.look(&mut scene, place),
        }
    }
}

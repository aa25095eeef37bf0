//! A cluster for tests of controllers: nodes, all controllers, and a clock that is moved by hand.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::manager::Manager;
use crate::clock::Clock as _;
use crate::lab::clock::{LabClock, Pace};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::patch::Managers;
use crate::lab::kube::store::Place;
use crate::lab::kube::verbs::{Asked, by_controller, object_in};
use crate::lab::world::{World, objects, read};

/// The cluster, with what moves it.
pub(crate) struct Stage {
    pub(crate) clock: LabClock,
    pub(crate) world: Arc<World>,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) manager: Manager,
}

impl Stage {
    /// So many nodes, `node-1` and on, and nothing that runs.
    pub(crate) fn new(nodes: usize) -> Self {
        let rows: Vec<String> =
            (1..=nodes).map(|n| format!("{{ name = \"node-{n}\", address = \"10.0.0.{n}\" }}")).collect();
        let text = format!(
            "about = \"a test\"\n[router]\nname = \"r\"\naddress = \"10.0.0.254\"\nasn = 1\n[clusters.infra]\nserver = \"s:6443\"\n\
             kubernetes = \"v1.34.1\"\ntalos = \"v1.11.2\"\ncilium = \"1.18.2\"\nid = 1\nasn = 2\npod_cidr = \"10.244.0.0/16\"\n\
             service_cidr = \"10.245.0.0/16\"\ndns = \"10.245.0.10\"\nnodes = [{}]\n",
            rows.join(", ")
        );
        Self::of(read::parse("test", "test.toml", &text).unwrap(), "infra")
    }

    /// A cluster of a topology, as the lab opens it.
    pub(crate) fn of(topology: crate::lab::world::Topology, name: &str) -> Self {
        let clock = LabClock::new("2026-01-01T00:00:00Z".parse().unwrap(), Pace::Still);
        let world = World::new(topology, Arc::new(clock.clone()));
        let cluster = Cluster::new(name, world.clock.clone());
        let born = clock.now() - Duration::from_secs(80 * 3600);
        {
            let mut there = cluster.world();
            for object in objects::all(&world.topology, name, born) {
                there.plant(&object, born);
                if object["kind"] == "CustomResourceDefinition" {
                    there.register(&object, true);
                }
            }
            super::rest::settle(&world, &mut there, born, clock.now());
        }
        Self { clock, world, cluster, manager: Manager::default() }
    }

    /// Looks until nothing is left to do at once.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut objects = self.cluster.world();
            let looked = self.manager.look(&self.world, &mut objects);
            if !looked.changed && looked.again != Some(Duration::ZERO) {
                return;
            }
        }
        panic!("the controllers never come to rest");
    }

    /// Lets time pass, from one thing that is due to the next.
    pub(crate) fn run(&mut self, seconds: u64) {
        let end = self.clock.instant() + Duration::from_secs(seconds);
        loop {
            self.settle();
            let looked = self.manager.look(&self.world, &mut self.cluster.world());
            let left = end - self.clock.instant();
            if left.is_zero() {
                return;
            }
            self.clock.jump(looked.again.unwrap_or(left).clamp(Duration::from_millis(1), left));
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn create(&mut self, object: Value) -> Value {
        let mut objects = self.cluster.world();
        let kind = objects.kinds.of(&object).unwrap();
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
        let asked = Asked::by_controller(kind, &text("namespace"), &text("name"), self.clock.now());
        object_in(&mut objects, &asked, object, Some(Managers::default()), false).unwrap()
    }

    fn place(resource: &str, name: &str) -> Place {
        let whole = ["nodes", "persistentvolumes", "storageclasses.storage.k8s.io", "namespaces"].contains(&resource);
        Place::new(resource, if whole { "" } else { "default" }, name)
    }

    /// An object of the default namespace, or of the cluster.
    pub(crate) fn find(&self, resource: &str, name: &str) -> Option<Value> {
        self.cluster.world().store.get(&Self::place(resource, name)).map(|stored| stored.value.clone())
    }

    pub(crate) fn get(&self, resource: &str, name: &str) -> Value {
        self.find(resource, name).unwrap_or_else(|| panic!("there is no {resource} {name}"))
    }

    /// All of a kind in the default namespace, or of the cluster.
    pub(crate) fn list(&self, resource: &str) -> Vec<Value> {
        let namespace = Self::place(resource, "").namespace;
        self.cluster.world().store.list(resource, &namespace).map(|(_, stored)| stored.value.clone()).collect()
    }

    pub(crate) fn count(&self, resource: &str) -> usize {
        self.list(resource).len()
    }

    pub(crate) fn only(&self, resource: &str) -> Value {
        let mut all = self.list(resource);
        assert_eq!(all.len(), 1, "{resource}");
        all.remove(0)
    }

    pub(crate) fn patch(&mut self, resource: &str, name: &str, how: impl FnOnce(&mut Value)) {
        let place = Self::place(resource, name);
        let mut objects = self.cluster.world();
        let mut value = objects.store.get(&place).unwrap().value.clone();
        let before = value["spec"].clone();
        how(&mut value);
        if value["spec"] != before
            && let Some(generation) = value["metadata"]["generation"].as_i64()
        {
            value["metadata"]["generation"] = (generation + 1).into();
        }
        objects.store.put(place, value);
    }

    pub(crate) fn delete(&mut self, resource: &str, name: &str, grace: Option<i64>) {
        self.remove(resource, name, None, grace);
    }

    pub(crate) fn delete_by(&mut self, resource: &str, name: &str, propagation: Option<&str>) {
        self.remove(resource, name, propagation, None);
    }

    fn remove(&mut self, resource: &str, name: &str, propagation: Option<&str>, grace: Option<i64>) {
        let place = Self::place(resource, name);
        let mut objects = self.cluster.world();
        let stored = objects.store.get(&place).unwrap().clone();
        let kind = objects.kinds.of(&stored.value).unwrap();
        let asked = Asked::by_controller(kind, &place.namespace, name, self.clock.now());
        by_controller(&mut objects, &asked, propagation, grace).unwrap();
    }

    /// What was told of an object, by its name, in the order that it was told first: type and reason.
    pub(crate) fn events(&self, name: &str) -> Vec<String> {
        self.told(name)
            .iter()
            .map(|event| [&event["type"], &event["reason"]].map(|v| v.as_str().unwrap_or_default()).join(" "))
            .collect()
    }

    /// The messages of what was told of an object.
    pub(crate) fn messages(&self, name: &str) -> Vec<String> {
        self.told(name).iter().map(|event| event["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn told(&self, name: &str) -> Vec<Value> {
        let world = self.cluster.world();
        let mut all: Vec<Value> = world
            .store
            .list("events", "")
            .map(|(_, event)| event.value.clone())
            .filter(|event| event["involvedObject"]["name"] == name)
            .collect();
        // What is counted again has a higher version: the order is that of the first time.
        all.sort_by_key(|event| {
            let version = event["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok());
            (event["firstTimestamp"].as_str().map(str::to_owned), version)
        });
        all
    }
}

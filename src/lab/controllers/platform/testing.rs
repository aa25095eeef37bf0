//! What tests of operators share: a small cluster whose clock is moved by hand.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Operators, site};
use crate::clock::Clock as _;
use crate::lab::clock::{LabClock, Pace};
use crate::lab::kube::cluster::{Cluster, World as Objects};
use crate::lab::kube::store::Place;
use crate::lab::world::{World, objects, read};

/// Serves the kinds of an operator.
pub(crate) fn definitions(objects: &mut Objects, operator: &str) {
    let topology = read::parse("t", "t.toml", &format!("{TINY}operators = [\"{operator}\"]\n")).unwrap();
    for object in objects::all(&topology, "infra", jiff::Timestamp::UNIX_EPOCH) {
        if object["kind"] == "CustomResourceDefinition" {
            objects.register(&object, true);
        }
    }
}

const TINY: &str = "about = \"a test\"\n[router]\nname = \"r\"\naddress = \"10.0.0.1\"\nasn = 1\n[clusters.infra]\nserver = \"x:1\"\nkubernetes = \"v1.34.1\"\ntalos = \"v1.11.2\"\ncilium = \"1.18.2\"\nid = 1\nasn = 2\npod_cidr = \"10.1.0.0/16\"\nservice_cidr = \"10.2.0.0/16\"\ndns = \"10.2.0.10\"\nnodes = [{ name = \"n\", address = \"10.0.0.2\" }]\n";

/// A cluster of an embedded topology, at rest, with its operators.
pub(crate) struct Bench {
    pub(crate) world: Arc<World>,
    pub(crate) clock: LabClock,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) operators: Operators,
}

impl Bench {
    pub(crate) fn new(topology: &str, cluster: &str) -> Self {
        let clock = LabClock::new("2026-11-01T08:00:00Z".parse().unwrap(), Pace::Still);
        let world = World::new(read::embedded(topology).unwrap(), Arc::new(clock.clone()));
        let (made, operators) = crate::lab::up::plant::cluster(&world, cluster);
        Self { world, clock, cluster: made, operators }
    }

    /// Lets the operators come to rest, without moving the clock.
    pub(crate) fn look(&mut self) -> Option<Duration> {
        let mut objects = self.cluster.world();
        let mut before = 0;
        for _ in 0..50 {
            before = objects.store.revision();
            let looked = self.operators.look(&self.world, &mut objects);
            if !looked.changed {
                return looked.again;
            }
        }
        let last: Vec<_> = objects.store.since(before).unwrap().map(|change| change.place.clone()).collect();
        panic!("the operators come to no rest: {last:?}");
    }

    /// Lets time pass, with a look whenever an operator asks for one.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let end = site::after(self.clock.now(), Duration::from_secs(seconds));
        loop {
            let again = self.look();
            let left = Duration::try_from(end.duration_since(self.clock.now())).unwrap();
            match again.filter(|again| *again < left) {
                Some(again) => self.clock.jump(again.max(Duration::from_millis(1))),
                None => break self.clock.jump(left),
            }
        }
        self.look();
    }

    pub(crate) fn get(&self, resource: &str, namespace: &str, name: &str) -> Value {
        let world = self.cluster.world();
        world.store.get(&Place::new(resource, namespace, name)).map(|stored| stored.value.clone()).unwrap_or_default()
    }

    /// Changes an object as a user does: with a new generation where its spec changes.
    pub(crate) fn change(&self, resource: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut world = self.cluster.world();
        let place = Place::new(resource, namespace, name);
        let mut value =
            world.store.get(&place).unwrap_or_else(|| panic!("no {resource} {namespace}/{name}")).value.clone();
        let before = value["spec"].clone();
        change(&mut value);
        if value["spec"] != before {
            value["metadata"]["generation"] = (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
        }
        world.store.put(place, value);
    }

    pub(crate) fn create(&self, object: &Value) {
        let mut object = object.clone();
        object["metadata"]["generation"] = json!(1);
        self.cluster.world().plant(&object, self.clock.now());
    }

    pub(crate) fn delete(&self, resource: &str, namespace: &str, name: &str) {
        self.cluster.world().store.remove(&Place::new(resource, namespace, name));
    }

    /// `reason: message` of a condition.
    pub(crate) fn told(&self, resource: &str, namespace: &str, name: &str, condition: &str) -> String {
        let object = self.get(resource, namespace, name);
        let text = |field| super::conditions::text(&object, condition, field);
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }
}

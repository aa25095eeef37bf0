//! One cluster: its kinds, its objects, its clock, and the bell that watches wait for.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::access::{self, Tokens};
use super::kinds::{Kinds, custom};
use super::refusal::Answer;
use super::store::{Naming, Place, Store};
use crate::clock::Clock;
use crate::lab::pods::Inside;

/// A simulated cluster.
pub struct Cluster {
    /// Its name, `infra`.
    pub name: String,
    pub(crate) clock: Arc<dyn Clock>,
    world: Mutex<World>,
    bell: watch::Sender<u64>,
    platform: OnceLock<Arc<crate::lab::world::World>>,
    /// Whether a node's kubelet answers; all of them do where nobody says otherwise.
    kubelets: OnceLock<Answers>,
}

/// Whether the kubelet of the node of this name answers.
pub(crate) type Answers = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a request works on.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) kinds: Kinds,
    pub(crate) store: Store,
    pub(crate) naming: Naming,
    /// What tokens are signed with.
    pub(crate) tokens: Tokens,
    /// The first two parts of Service addresses: `10.245`.
    pub(crate) services: String,
    /// What is inside of pods: logs and files.
    pub(crate) inside: Arc<Inside>,
    /// The cluster's name in the world that it lies in, and that world.
    pub(crate) lies: Option<(String, Arc<crate::lab::world::World>)>,
}

impl Cluster {
    /// A cluster with nothing but its system namespaces.
    pub fn new(name: impl Into<String>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let name = name.into();
        let now = clock.now();
        let seed = name.bytes().fold(now.as_nanosecond() as u64, |seed, b| seed.rotate_left(7) ^ u64::from(b));
        let mut world = World {
            kinds: Kinds::builtin(),
            store: Store::default(),
            naming: Naming::new(seed),
            tokens: Tokens::default(),
            services: if name == "apps" { "10.247" } else { "10.245" }.to_owned(),
            inside: Arc::default(),
            lies: None,
        };
        world.begin(now);
        Arc::new(Self {
            name,
            clock,
            world: Mutex::new(world),
            bell: watch::Sender::new(0),
            platform: OnceLock::new(),
            kubelets: OnceLock::new(),
        })
    }

    /// Says in which world the cluster lies: from here on, its server feels that world's causes.
    pub fn lie_in(&self, world: &Arc<crate::lab::world::World>) {
        let _ = self.platform.set(world.clone());
        self.world().lies = Some((self.name.clone(), world.clone()));
    }

    /// The world that the cluster lies in.
    pub(crate) fn platform(&self) -> Option<&Arc<crate::lab::world::World>> {
        self.platform.get()
    }

    /// The world, for one request.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets who knows whether kubelets answer; the first one stays.
    pub(crate) fn ask_kubelets(&self, answers: Answers) {
        let _ = self.kubelets.set(answers);
    }

    /// Whether a node's kubelet is reached, which logs and programs come from.
    ///
    /// # Errors
    /// The API server's words for a kubelet that is not; `what` is what it was asked for.
    pub(crate) fn reached(&self, node: &str, what: &str) -> Answer<()> {
        if self.kubelets.get().is_none_or(|answers| answers(node)) {
            return Ok(());
        }
        let world = self.world();
        let addresses = world.store.get(&Place::new("nodes", "", node)).map(|node| &node.value["status"]["addresses"]);
        let internal =
            addresses.and_then(Value::as_array).and_then(|all| all.iter().find(|a| a["type"] == "InternalIP"));
        let address = internal.and_then(|one| one["address"].as_str()).unwrap_or(node);
        Err(crate::lab::pods::logs::unreached(address, what))
    }

    /// Tells the watches that something changed.
    pub(crate) fn ring(&self, revision: u64) {
        self.bell.send_if_modified(|known| std::mem::replace(known, revision) != revision);
    }

    /// Wakes those who listen although no object changed: the world did.
    pub(crate) fn nudge(&self) {
        self.bell.send_modify(|_| {});
    }

    /// Forgets the changes so far, as a server does in time: watches that are behind have to begin anew.
    pub fn compact(&self) {
        let mut world = self.world();
        let revision = world.store.revision();
        world.store.compact(revision);
    }

    /// Where a watch hears of changes.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

impl World {
    /// Puts there what every cluster has from its beginning.
    fn begin(&mut self, now: Timestamp) {
        for namespace in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            self.plant(
                &json!({
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}},
                    "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
                }),
                now,
            );
        }
        for role in access::defaults() {
            self.plant(&role, now);
        }
    }

    /// Forgets everything, as when etcd's disks are wiped.
    pub(crate) fn clear(&mut self, now: Timestamp) {
        let all: Vec<(Place, Value)> =
            self.store.all().map(|(place, stored)| (place.clone(), (*stored.value).clone())).collect();
        for (place, object) in all {
            self.store.remove(&place);
            if object["kind"] == "CustomResourceDefinition" {
                self.register(&object, false);
            }
        }
        self.begin(now);
    }

    /// Whether nothing new may come into a namespace, since it ends.
    pub(crate) fn ends(&self, namespace: &str) -> bool {
        let found = self.store.get(&Place::new("namespaces", "", namespace));
        found.is_some_and(|found| found.value["metadata"]["deletionTimestamp"].is_string())
    }

    /// Puts an object there as it is, without judging it: what is there from the beginning, and what controllers make.
    /// In a namespace that ends, nothing new comes.
    pub(crate) fn plant(&mut self, object: &Value, now: Timestamp) {
        self.take(object.clone(), now);
    }

    /// The same with an object that nobody else needs.
    pub(crate) fn take(&mut self, mut object: Value, now: Timestamp) {
        let Some(kind) = self.kinds.of(&object) else { return };
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = json!(self.naming.uid());
        }
        object["metadata"]["creationTimestamp"] = json!(time(now));
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
        let place = Place::new(&kind.resource(), &text("namespace"), &text("name"));
        if self.store.get(&place).is_none() && self.ends(&place.namespace) {
            return;
        }
        self.store.put(place, object);
    }

    /// Serves what a CustomResourceDefinition registers; a definition that goes takes its kinds along.
    pub(crate) fn register(&mut self, definition: &Value, there: bool) {
        let (group, plural) = (&definition["spec"]["group"], &definition["spec"]["names"]["plural"]);
        let (Some(group), Some(plural)) = (group.as_str(), plural.as_str()) else { return };
        self.kinds.forget(group, plural);
        if there {
            for kind in custom::kinds(definition) {
                self.kinds.add(kind);
            }
        }
    }
}

/// A time as the API writes it.
pub(crate) fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

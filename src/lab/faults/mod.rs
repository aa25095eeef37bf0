//! Faults: what can be broken in a running lab, by name.
//!
//! A fault puts *causes* into the world (a process, a link, a policy, a certificate, a spec, an answer), and takes them
//! away again; what follows is for the controllers, the router and the servers to work out. [`TABLE`] has them, a row a
//! fault; to add one, add a row.

mod changes;
pub mod control;
mod fault;
mod ground;
mod inverse;
pub mod observe;
mod plain;
pub(crate) mod reach;
pub mod table;
pub mod timed;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use changes::Changes;
pub use fault::{Broken, Fault, Target, made};
pub use ground::{Ground, List};
pub use observe::settle;
pub use table::{TABLE, named};

use crate::error::{Error, Kind, Result};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::kinds::{Kinds, custom};
use crate::lab::router::advertise::Objects as _;
use crate::lab::world::{Cause, Topology, World, objects};

/// How long a fault has, by the lab's clock, until what follows from it has followed.
pub const FOLLOWED: Duration = Duration::from_secs(150);

/// The faults of a running lab. Clones are the same.
#[derive(Debug, Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Arc<World>,
    clusters: BTreeMap<String, Arc<Cluster>>,
    changes: Changes,
    active: Mutex<BTreeMap<&'static str, Broken>>,
    after: OnceLock<After>,
}

/// What is done after each change of the faults.
struct After(Box<dyn Fn() -> Result<()> + Send + Sync>);

impl std::fmt::Debug for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "After")
    }
}

impl Inner {
    fn told(&self) -> Result<()> {
        self.after.get().map_or(Ok(()), |after| (after.0)())
    }
}

impl Faults {
    /// None is there yet. What the world's causes change in objects is made and taken back from here on, until the lab
    /// ends. Has to be called within a runtime.
    pub fn start(world: &Arc<World>, clusters: &BTreeMap<String, Arc<Cluster>>, end: &CancellationToken) -> Self {
        let inner = Arc::new(Inner {
            world: world.clone(),
            clusters: clusters.clone(),
            changes: Changes::new(clusters.clone()),
            active: Mutex::default(),
            after: OnceLock::new(),
        });
        let (listening, end) = (inner.clone(), end.clone());
        tokio::spawn(async move {
            let mut news = listening.world.subscribe();
            loop {
                // Whoever switched a fault was told what could not be done.
                let _ = listening.changes.settle(&listening.world);
                tokio::select! {
                    () = end.cancelled() => return,
                    changed = news.changed() => if changed.is_err() { return },
                }
            }
        });
        Self { inner }
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<&'static str, Broken>> {
        self.inner.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Breaks it, and says what is broken. Where it is broken already, nothing happens.
    ///
    /// # Errors
    /// [`Kind::Usage`]: there is no such fault, or this platform can't have it.
    pub fn on(&self, name: &str) -> Result<Broken> {
        let fault = named(name)?;
        let mut active = self.active();
        if let Some(broken) = active.get(fault.name) {
            return Ok(broken.clone());
        }
        let inner = &self.inner;
        let broken = self.look(fault).map_err(|why| impossible(fault, &why))?;
        let problems = inner.changes.after(&inner.world, || {
            for cause in &broken.causes {
                inner.world.put(cause.clone());
            }
        });
        if !problems.is_empty() {
            let _ = inner.changes.after(&inner.world, || lift(&inner.world, &broken, &active));
            return Err(impossible(fault, &problems.join("; ")));
        }
        active.insert(fault.name, broken.clone());
        inner.told()?;
        Ok(broken)
    }

    /// Mends it. Whether it was broken.
    ///
    /// # Errors
    /// [`Kind::Usage`]: there is no such fault. [`Kind::Io`]: what it had changed can't be changed back.
    pub fn off(&self, name: &str) -> Result<bool> {
        let fault = named(name)?;
        let mut active = self.active();
        let Some(broken) = active.remove(fault.name) else { return Ok(false) };
        let inner = &self.inner;
        let problems = inner.changes.after(&inner.world, || lift(&inner.world, &broken, &active));
        inner.told()?;
        if problems.is_empty() {
            return Ok(true);
        }
        Err(Error::new(Kind::Io, format!("fault {name} can't be taken back whole: {}", problems.join("; "))))
    }

    /// Has something done after each fault that is switched on or off, before the switch returns; once for a lab.
    pub(crate) fn whenever(&self, done: impl Fn() -> Result<()> + Send + Sync + 'static) {
        let _ = self.inner.after.set(After(Box::new(done)));
    }

    /// What is broken now, by the faults' names.
    pub fn broken(&self) -> BTreeMap<&'static str, Broken> {
        self.active().clone()
    }

    /// What a fault would break here, without breaking it.
    ///
    /// # Errors
    /// Why this platform can't have it.
    pub fn look(&self, fault: &Fault) -> std::result::Result<Broken, String> {
        let inner = &self.inner;
        let list = |cluster: &str, resource: &str| {
            inner.clusters.get(cluster).map(|cluster| cluster.list(resource)).unwrap_or_default()
        };
        (fault.wrong)(&Ground::new(&inner.world.topology, &list))
    }
}

/// What each fault would break in a topology, by its name; or why the topology can't have it.
pub fn in_topology(topology: &Topology) -> BTreeMap<&'static str, std::result::Result<Broken, String>> {
    let mut objects: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    let mut kinds = Kinds::builtin();
    for name in topology.clusters.keys() {
        for object in objects::all(topology, name, Timestamp::UNIX_EPOCH) {
            if object["kind"] == "CustomResourceDefinition" {
                custom::kinds(&object).into_iter().for_each(|kind| kinds.add(kind));
            }
            let Some(kind) = kinds.of(&object) else { continue };
            objects.entry((name.clone(), kind.resource())).or_default().push(object);
        }
    }
    let list = |cluster: &str, resource: &str| {
        objects.get(&(cluster.to_owned(), resource.to_owned())).cloned().unwrap_or_default()
    };
    let ground = Ground::new(topology, &list);
    table::all().map(|fault| (fault.name, (fault.wrong)(&ground))).collect()
}

/// Takes away what no other fault needs.
fn lift(world: &World, broken: &Broken, others: &BTreeMap<&'static str, Broken>) {
    let shared = |cause: &Cause| others.values().any(|other| other.causes.contains(cause));
    for cause in broken.causes.iter().filter(|cause| !shared(cause)) {
        world.lift(cause);
    }
}

fn impossible(fault: &Fault, why: &str) -> Error {
    Error::new(Kind::Usage, format!("fault {} is not possible in this platform: {why}", fault.name))
        .hint("pb lab faults lists those that are")
}

#[cfg(test)]
mod tests;

//! The machine API of the lab's Talos machines: gRPC over mutual TLS with Ed25519 keys, a server for each node.
//!
//! A [`Talos`] is a cluster's machines as plain data; whoever holds it changes them while it is served, which is how
//! faults work. Each node's server answers for all nodes, as apid does: the call's metadata names the one that is meant.

mod ailments;
pub mod causes;
mod conditions;
mod etcd;
mod grpc;
mod health;
mod kubeconfig;
mod logs;
pub mod machine;
mod machines;
pub mod of_world;
pub mod pki;
mod route;
mod server;
mod services;
mod tar;
#[cfg(test)]
pub(crate) mod tests;
mod unbuilt;
pub mod view;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use causes::{Causes, NoCauses};
pub use machine::{Etcd, Machine, Power, Service};
pub use pki::{Authority, Role};
pub use server::{Serving, serve};
pub use view::{Kubernetes, MachinesAlone};

use crate::clock::Clock;

/// A cluster's machines, as they are now.
pub struct Talos {
    name: String,
    state: Mutex<State>,
    kubernetes: Arc<dyn Kubernetes>,
    causes: Arc<dyn Causes>,
    clock: Arc<dyn Clock>,
}

/// What a [`Talos`] consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// In the order of their addresses.
    pub machines: Vec<Machine>,
    /// The admin's kubeconfig, in YAML; none where the cluster has no Kubernetes yet.
    pub kubeconfig: Option<String>,
}

impl fmt::Debug for Talos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Talos").field("name", &self.name).field("state", &*self.state()).finish_non_exhaustive()
    }
}

impl Talos {
    /// A cluster of these machines. `kubernetes` says what the health check asks the API server.
    pub fn new(name: &str, state: State, kubernetes: Arc<dyn Kubernetes>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let causes = Arc::new(NoCauses);
        Arc::new(Self { name: name.into(), state: Mutex::new(state), kubernetes, causes, clock })
    }

    /// The same machines, under causes from elsewhere.
    #[must_use]
    pub fn under(&self, causes: Arc<dyn Causes>) -> Arc<Self> {
        Arc::new(Self {
            name: self.name.clone(),
            state: Mutex::new(self.state().clone()),
            kubernetes: self.kubernetes.clone(),
            causes,
            clock: self.clock.clone(),
        })
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The machines as they show themselves: what is wrong with them, from wherever, is in force.
    pub fn machines(&self) -> Vec<Machine> {
        let mut machines = self.state().machines.clone();
        self.causes.apply(&mut machines, self.clock.now());
        machines
    }

    /// Everything, to look at and to change, without what follows from causes. Don't hold it over an `await`.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the machine of this name or address; says whether there is one.
    pub fn change(&self, node: &str, change: impl FnOnce(&mut Machine)) -> bool {
        let mut state = self.state();
        match state.machines.iter_mut().find(|machine| machine.is(node)) {
            Some(machine) => {
                change(machine);
                true
            }
            None => false,
        }
    }

    /// The machine of this name or address, as it shows itself.
    pub fn machine(&self, node: &str) -> Option<Machine> {
        self.machines().into_iter().find(|machine| machine.is(node))
    }
}

//! The handle of a cluster's machines, and the connections that a run keeps: one a cluster, made when first used.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::talos::Machines;
use crate::error::Result;
use crate::host::call::CONNECT_LIMIT;
use crate::host::context::Context;
use crate::host::net::Net;
use crate::host::world::World;

/// The machines that a run has asked.
#[derive(Debug, Default)]
pub struct MachinesOfRun {
    open: Mutex<HashMap<String, Machines>>,
}

impl MachinesOfRun {
    /// The machines of a cluster of the configuration, by its name. A failure is not kept: the next call tries again.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] where the cluster, its talosconfig or its context is missing or wrong.
    pub fn get(&self, world: &World, name: &str) -> Result<Machines> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machines) = open.get(name) {
            return Ok(machines.clone());
        }
        let cluster = world.config.cluster(name)?;
        let routes = Net::of(world).routes(world)?;
        let (file, context) = (cluster.talosconfig.as_deref(), world.config.talos_context(name));
        let machines = Machines::new(name, file, context, &cluster.talos_nodes, (*routes).clone(), CONNECT_LIMIT)?;
        open.insert(name.into(), machines.clone());
        Ok(machines)
    }
}

/// `talos("infra")`: a cluster's machines by its name; reads the talosconfig when it is first asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalosHandle {
    name: Arc<str>,
}

impl fmt::Display for TalosHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "machines of cluster {}", self.name)
    }
}

impl TalosHandle {
    /// The handle of a cluster of the configuration.
    ///
    /// # Errors
    /// [`crate::error::Kind::Config`] where it names none.
    pub fn of(cx: &Context, name: &str) -> Result<Self> {
        cx.world.config.cluster(name)?;
        Ok(Self { name: name.into() })
    }

    /// The cluster's name in `pb.toml`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The machines; nothing is sent yet.
    ///
    /// # Errors
    /// As [`MachinesOfRun::get`].
    pub fn machines(&self, cx: &Context) -> Result<Machines> {
        cx.world.part::<MachinesOfRun>().get(&cx.world, &self.name)
    }
}

//! The cluster's methods around pods and nodes: one file a family.

mod create;
mod exec;
mod explain;
mod forward;
mod line;
mod logs;
pub(crate) mod names;
mod namespace;
mod node;
mod pod;
mod run;
mod spec;
#[cfg(test)]
mod tests;

use crate::host::registrar::Registrar;

pub use forward::ForwardHandle;
pub use pod::TestPod;

/// Declares them.
pub(super) fn register(m: &mut Registrar) {
    exec::register(m);
    logs::register(m);
    forward::register(m);
    pod::register(m);
    run::register(m);
    node::register(m);
}

//! What scripts see: one file or folder a module, and [`MODULES`], the one table of them.
//!
//! Every function that reaches outside passes [`context::Context::call`], the single gate: deadline,
//! cancellation, effects, redaction, recording.

pub mod closure;
pub mod context;
pub mod kube;
pub mod ledger;
pub mod object;
pub mod options;
pub(crate) mod paths;
pub mod redact;
pub mod registrar;
pub mod state;
pub mod step;
#[cfg(test)]
pub(crate) mod testing;
pub mod undo;
pub mod values;
pub mod world;

pub use context::{Call, Context, HostResult, Limit};
pub use options::Options;
pub use registrar::{Form, Function, Module, Needs, Registrar};
pub use world::World;

/// Every module that scripts see. To add one, write its file and its row here.
pub const MODULES: &[Module] = &[step::MODULE, values::MODULE, object::MODULE, object::LIST_MODULE, kube::MODULE];

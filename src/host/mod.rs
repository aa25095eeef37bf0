//! What scripts see: one file or folder a module, and [`MODULES`], the one table of them.
//!
//! Every function that reaches outside passes [`context::Context::call`], the single gate: deadline,
//! cancellation, effects, redaction, recording.

pub mod closure;
pub mod context;
pub(crate) mod dns;
pub mod http;
pub mod ledger;
pub(crate) mod net;
pub mod object;
pub mod options;
pub(crate) mod paths;
pub mod redact;
pub mod registrar;
pub mod state;
pub mod step;
pub(crate) mod tcp;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tls;
pub mod values;
pub mod undo;
pub mod world;

pub use context::{Call, Context, HostResult, Limit};
pub use options::Options;
pub use registrar::{Form, Function, Module, Needs, Registrar};
pub use world::World;

/// Every module that scripts see. To add one, write its file and its row here.
pub const MODULES: &[Module] = &[
    step::MODULE,
    values::MODULE,
    object::MODULE,
    object::LIST_MODULE,
    http::MODULE,
    tls::MODULE,
    dns::MODULE,
    tcp::MODULE,
];

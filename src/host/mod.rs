//! What scripts see: one file or folder a module, and [`MODULES`], the one table of them.
//!
//! Every function that reaches outside passes [`context::Context::call`], the single gate: deadline,
//! cancellation, effects, redaction, recording.

mod answer;
pub mod bgp;
pub mod call;
pub mod closure;
pub mod context;
mod covers;
pub(crate) mod data;
pub(crate) mod dns;
pub(crate) mod errors;
pub mod expect;
pub(crate) mod gitops;
pub mod http;
pub mod kube;
pub mod ledger;
pub(crate) mod net;
pub mod object;
pub mod options;
pub(crate) mod paths;
pub(crate) mod place;
pub(crate) mod record;
pub mod redact;
pub mod registrar;
pub mod secret;
pub mod sh;
pub mod ssh;
pub mod state;
pub mod step;
pub mod talos;
pub(crate) mod tcp;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tls;
pub mod undo;
pub mod values;
pub mod world;

pub use call::{Call, Limit};
pub use context::{Context, HostResult};
pub use options::Options;
pub use registrar::{Form, Function, Module, Needs, Registrar};
pub use world::World;

/// Every module that scripts see. To add one, write its file and its row here.
pub const MODULES: &[Module] = &[
    step::MODULE,
    values::MODULE,
    object::MODULE,
    object::LIST_MODULE,
    expect::MODULE,
    errors::MODULE,
    kube::MODULE,
    talos::MODULE,
    bgp::MODULE,
    ssh::MODULE,
    data::base64::MODULE,
    data::file::MODULE,
    data::hash::MODULE,
    data::jq::MODULE,
    data::json::MODULE,
    data::net::MODULE,
    data::prom::MODULE,
    data::regex::MODULE,
    data::stats::MODULE,
    data::table::MODULE,
    data::time::MODULE,
    data::yaml::MODULE,
    gitops::MODULE,
    record::MODULE,
    secret::MODULE,
    sh::MODULE,
    http::MODULE,
    tls::MODULE,
    dns::MODULE,
    tcp::MODULE,
];

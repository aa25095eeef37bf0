//! `pb` runs playbooks written in Rhai against Kubernetes clusters, routers and services.
//!
//! The way through the house, and who may use whom (each only what stands below it):
//!
//! ```text
//! arguments → configuration → sources → declarations → plan → steps → host calls → events → terminal, reports, record
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`cli`] | one file a subcommand; the only place that knows the arguments and the environment |
//! | [`repl`] | the interactive session |
//! | [`runner`] | walks the plan, runs steps, ends them, cleans up after them |
//! | [`script`] | the Rhai engine, imports, declaring functions, lints, diagnostics, the reference |
//! | [`host`] | what scripts see, a file or folder a module, behind the one gate that every call passes |
//! | [`client`] | typed back ends without a Rhai type: the only one that opens sockets and starts programs |
//! | `lab` | the simulated platform |
//! | [`gitops`] | a Flux repository, judged without a cluster: files, builds, substitution, rules |
//! | [`playbook`] | sources, declarations as data, the plan |
//! | [`report`], [`record`] | listeners: the terminal, the files of `--report`, the verdict; the run's folder |
//! | [`config`] | `pb.toml`, profiles, settings |
//! | [`event`], [`error`], [`clock`], [`ui`] | plain data, the clock, words and widths, at the bottom |
//!
//! `docs/architecture.md` says why.

pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod error;
pub mod event;
pub mod gitops;
pub mod host;
#[cfg(feature = "lab")]
pub mod lab;
pub mod playbook;
pub mod record;
pub mod repl;
pub mod report;
pub mod runner;
pub mod script;
pub mod ui;

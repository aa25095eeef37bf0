//! The Rhai engine, the module resolver, limits, lints, positions and diagnostics.

pub mod ask;
pub mod call;
pub mod check;
pub mod declare;
pub mod diagnose;
pub mod engine;
mod left_out;
pub mod load;
mod property;
pub mod reference;
pub mod resolver;
pub mod salvage;
pub mod settings;
mod signature;
mod step_options;
pub mod targets;

#[cfg(test)]
pub(crate) mod examples_tests;
#[cfg(test)]
mod namesakes_tests;

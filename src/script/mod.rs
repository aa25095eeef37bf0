//! The Rhai engine, the module resolver, limits, lints, positions and diagnostics.

pub mod diagnose;
pub mod engine;

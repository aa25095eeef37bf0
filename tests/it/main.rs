//! The integration tests: one binary, told with the builder in [`support`].

mod bad_input;
mod commands;
mod language;
mod real;
mod running;
mod settings;
mod support;

pub(crate) use support::Test;

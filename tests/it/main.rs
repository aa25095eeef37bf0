//! The integration tests: one binary, told with the builder in [`support`].
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong in a test's own tools ends the test")]

mod bad_input;
mod check;
mod clean;
mod commands;
mod control_codes;
mod course;
mod evidence;
#[cfg(feature = "lab")]
mod inside;
#[cfg(feature = "lab")]
mod lab;
mod language;
mod operators;
mod output;
mod places;
mod planted;
mod procedures;
mod reading;
mod real;
mod record;
mod report;
mod resume;
mod running;
mod secrets;
mod settings;
mod step;
mod support;

pub(crate) use support::Test;

//! The integration tests: one binary, told with the builder in [`support`].
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong in a test's own tools ends the test")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod bad_input;
mod commands;
mod language;
mod reading;
mod real;
mod running;
mod settings;
mod support;

pub(crate) use support::Test;

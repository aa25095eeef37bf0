//! The integration tests: one binary, told with the builder in [`support`].
#![expect(clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod bad_input;
mod commands;
mod language;
mod reading;
mod real;
mod running;
mod settings;
mod support;

pub(crate) use support::Test;

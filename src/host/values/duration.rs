//! Spans of time: read from texts such as `15s` or `1h30m`.

use std::time::Duration;

use crate::config::units;
use crate::error::{Error, Kind};

/// Reads `15s`, `1h30m`, `250ms`, `1.5s`, `7d`.
///
/// # Errors
/// [`Kind::Script`] when it is no span, is negative or lacks a unit.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    units::duration(text).ok_or_else(|| {
        Error::new(Kind::Script, format!("not a duration: \"{text}\""))
            .hint("write numbers with units: \"15s\", \"250ms\", \"1h30m\", \"7d\"")
    })
}

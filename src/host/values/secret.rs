//! Secrets: they travel through scripts as a number, and only the host reads what they are.

use std::fmt;
use std::sync::Arc;

use crate::host::redact::Redactor;

/// A secret value. It prints as `<secret:N>`, with the same number for the same value in a run.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: Arc<str>,
    number: usize,
}

impl Secret {
    /// Registers a value with the run's redactor, so that it is hidden wherever it would show.
    pub fn new(redactor: &Redactor, value: &str) -> Self {
        Self { value: value.into(), number: redactor.register(value) }
    }

    /// The value itself, for host functions that send it; scripts have no way to it.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<secret:{}>", self.number)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

//! What a host call answered. It is no event: only the record keeps it, and it may be large.

use serde_json::value::RawValue;

/// What a call answered, redacted.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The number of its [`super::What::CallStarted`].
    pub call: u64,
    /// The answer itself.
    pub body: Body,
}

/// As much of an answer as is kept.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it, as JSON.
    Whole(Box<RawValue>),
    /// The beginning of its JSON text, where it is longer than the limit.
    Cut(String),
    /// Nothing, for this reason.
    Withheld(&'static str),
}

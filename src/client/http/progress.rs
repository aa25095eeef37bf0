//! How far a request has come, for the error when its time is up.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Request;
use crate::error::{Error, Kind};
use crate::event::short;

/// How far a request has come; it starts at its beginning.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Reached>);

#[derive(Debug, Default)]
enum Reached {
    /// The name is looked up.
    #[default]
    Began,
    /// It is connecting, or waits for the answer's head; ` at 10.25.11.110:443`.
    Asking(String),
    /// So many bytes of the body are here, of so many that were announced.
    Reading(String, usize, Option<u64>),
}

impl Progress {
    fn set(&self, reached: Reached) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reached;
    }

    /// The request goes to this address.
    pub(super) fn asking(&self, at: String) {
        self.set(Reached::Asking(at));
    }

    /// The head is here, and so many bytes of the body.
    pub(super) fn reading(&self, at: &str, got: usize, of: Option<u64>) {
        self.set(Reached::Reading(at.into(), got, of));
    }

    /// The error when the time is up now.
    pub(super) fn timed_out(&self, request: &Request, limit: Duration) -> Error {
        let (method, url, limit) = (&request.method, &request.url, short(limit));
        let problem = match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Reached::Began => format!("its name was not found out within {limit}"),
            Reached::Asking(at) => format!("no answer within {limit}{at}, not even its head"),
            Reached::Reading(at, got, of) => {
                let of = of.map(|n| format!(" of {n}")).unwrap_or_default();
                format!("no whole answer within {limit}{at}: its head came, and {got}{of} bytes of its body")
            }
        };
        Error::new(Kind::Timeout, format!("{method} {url}: {problem}"))
            .hint("within: duration(\"…\") in the options gives it longer")
    }
}

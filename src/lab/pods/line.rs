//! What programs in pods ask of others, and what came of it.
//!
//! Programs run while their cluster is held by one, and whoever answers has to look at the cluster, too, and may take
//! their time. So an operation that asks is broken off, what it wants is asked while nobody holds anything, and it is done
//! once more from its beginning: what it had done before is not done twice, but taken from the journal.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::applets::Outcome;

/// What a program asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// A name or an address.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) wants: Wants,
    /// How long it waits.
    pub(crate) limit: Duration,
}

/// What is wanted of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wants {
    /// To know its addresses.
    Names,
    /// To be connected.
    Connection,
    /// An answer to a request.
    Answer(Request),
}

/// A request over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Whether it goes over TLS.
    pub(crate) secure: bool,
    /// Whether the certificate is looked at.
    pub(crate) verify: bool,
}

/// What came of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    /// Where it was asked.
    pub(crate) at: Option<IpAddr>,
    pub(crate) took: Duration,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Nobody has the name.
    NoName,
    /// No server knows names.
    NoServer,
    Names(Vec<IpAddr>),
    Refused,
    /// No connection in time.
    Silent,
    Open,
    /// A connection, and no answer in time.
    Late,
    /// The connection was closed without an answer.
    Cut,
    /// It is not spoken to: what a TLS library says.
    Untrusted(String),
    /// Nobody speaks TLS there.
    NoTls,
    Answer(Answer),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Whether the connection broke in the middle of the body.
    pub(crate) broken: bool,
}

/// The journal of the operation that a script is at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line(Arc<Mutex<Journal>>);

#[derive(Debug, Default)]
struct Journal {
    /// Whether anybody is there who asks.
    open: bool,
    done: Vec<Outcome>,
    next: usize,
    came: Vec<(Wish, Came)>,
    wanted: Option<Wish>,
}

impl Line {
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody is there who asks.
    pub(super) fn open(&self) {
        self.journal().open = true;
    }

    /// Whether wishes are heard.
    pub(super) fn is_open(&self) -> bool {
        self.journal().open
    }

    /// What came of a wish; none where it has yet to be asked.
    pub(super) fn ask(&self, wish: Wish) -> Option<Came> {
        let mut journal = self.journal();
        if let Some((_, came)) = journal.came.iter().find(|(own, _)| *own == wish) {
            return Some(came.clone());
        }
        journal.wanted = Some(wish);
        None
    }

    /// What is to be asked before anything else is done.
    pub(super) fn wanted(&self) -> Option<Wish> {
        self.journal().wanted.clone()
    }

    /// Whether there is something to be asked.
    pub(super) fn waits(&self) -> bool {
        self.journal().wanted.is_some()
    }

    /// Hands over what came of what was wanted.
    pub(super) fn give(&self, came: Came) {
        let mut journal = self.journal();
        if let Some(wish) = journal.wanted.take() {
            journal.came.push((wish, came));
        }
        journal.next = 0;
    }

    /// The operation is through.
    pub(super) fn through(&self) {
        let mut journal = self.journal();
        if journal.next > 0 || !journal.came.is_empty() {
            *journal = Journal { open: journal.open, ..Journal::default() };
        }
    }

    /// Does something that must not be done twice, or says what came of it before.
    pub(super) fn once(&self, work: impl FnOnce() -> Outcome) -> Outcome {
        {
            let mut journal = self.journal();
            if !journal.open {
                drop(journal);
                return work();
            }
            // Whatever this is about is done once somebody has answered.
            if journal.wanted.is_some() {
                return Outcome::default();
            }
            let next = journal.next;
            if let Some(known) = journal.done.get(next).cloned() {
                journal.next += 1;
                return known;
            }
        }
        let outcome = work();
        let mut journal = self.journal();
        if journal.wanted.is_none() {
            journal.done.push(outcome.clone());
            journal.next += 1;
            // Another program's wishes are its own, and a loop may ask the same once more.
            journal.came.clear();
        }
        outcome
    }
}

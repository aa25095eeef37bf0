//! The lab's clock: it runs at a rate, stands still, jumps, or is walked from sleeper to sleeper.
//!
//! `pb`'s deadlines and waits, the router's timers and the controllers all sleep by this one clock, so that ten minutes
//! of the platform's time can take a second, or none.
//!
//! **What it does not do** is to skip ahead by itself whenever everything seems to wait. A deadline is a sleeper like any
//! other; to skip to it is right only if nothing is on its way that would have ended the wait. Between `pb` and the lab
//! there are real sockets, threads and programs, and what is in flight there is in nobody's books: the clock would
//! strike deadlines of calls that were about to be answered. So time moves where somebody who knows moves it: at a rate
//! (safe as long as the shortest deadline is long against what an answer really takes), by [`LabClock::jump`], or by
//! [`LabClock::walk`] where all sleepers are tasks of one thread, as in the tests of controllers.

mod sleepers;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::Clock;
use sleepers::{Shared, Sleep, alarm};

/// How the clock moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many seconds a second; 1 is the system's own pace.
    Rate(f64),
    /// Not at all, besides jumps and walks.
    Still,
}

/// The slowest and the fastest rate. Beyond, an answer over loopback takes as long as a deadline.
pub const RATES: (f64, f64) = (0.001, 1000.0);

/// A clock of the lab's own. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct LabClock {
    shared: Arc<Shared>,
}

impl LabClock {
    /// A clock that begins at a time of day, at a pace.
    pub fn new(begin: Timestamp, pace: Pace) -> Self {
        let shared = Arc::new(Shared::new(begin, bounded(pace)));
        let weak = Arc::downgrade(&shared);
        // Without the thread a clock that runs would wake nobody; one that is moved by hand still does.
        let _ = std::thread::Builder::new().name("lab-clock".into()).spawn(move || alarm(&weak));
        Self { shared }
    }

    /// One that shows the system's time and keeps its pace.
    pub fn real() -> Self {
        Self::new(Timestamp::now(), Pace::Rate(1.0))
    }

    /// How it moves now.
    pub fn pace(&self) -> Pace {
        self.shared.state().pace
    }

    /// Goes on at another pace; a rate beyond [`RATES`] becomes the nearest within.
    pub fn set_pace(&self, pace: Pace) {
        let mut state = self.shared.state();
        let now = state.now();
        state.set(now);
        state.pace = bounded(pace);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Moves ahead at once. Those whose time is passed by wake in the order of their times, and all of them see the time
    /// after the jump, as after a machine's sleep.
    pub fn jump(&self, span: Duration) {
        let mut state = self.shared.state();
        let to = state.now() + span;
        state.set(to);
        let wakers = state.due();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        self.shared.changed.notify_all();
    }

    /// Moves ahead from sleeper to sleeper: each sees the very time that it waited for, and what it starts may sleep
    /// within the span as well. For a clock that stands still, and sleepers on the same thread as the caller: then a
    /// sleeper that was woken has run as far as it can before time goes on.
    pub async fn walk(&self, span: Duration) {
        let end = self.shared.state().now() + span;
        loop {
            self.settle().await;
            let wakers = {
                let mut state = self.shared.state();
                let next = state.sleepers.first_key_value().map_or(end, |(ticket, _)| ticket.0);
                if next >= end {
                    let now = state.now().max(end);
                    state.set(now);
                }
                if state.sleepers.is_empty() || next > end {
                    break;
                }
                let now = state.now().max(next);
                state.set(now);
                state.due()
            };
            wakers.into_iter().for_each(Waker::wake);
        }
        self.settle().await;
    }

    /// How many sleep by it.
    pub fn sleepers(&self) -> usize {
        self.shared.state().sleepers.len()
    }

    /// Lets the woken ones run until they have been seen, and what they woke in turn.
    async fn settle(&self) {
        // A task that hands on to others through channels needs a turn for each of them.
        const TURNS: usize = 32;
        let mut quiet = 0;
        while quiet < TURNS {
            tokio::task::yield_now().await;
            quiet = if self.shared.state().woken.is_empty() { quiet + 1 } else { 0 };
        }
    }
}

fn bounded(pace: Pace) -> Pace {
    match pace {
        Pace::Rate(rate) if rate.is_finite() => Pace::Rate(rate.clamp(RATES.0, RATES.1)),
        Pace::Rate(_) => Pace::Rate(1.0),
        Pace::Still => Pace::Still,
    }
}

impl Clock for LabClock {
    fn now(&self) -> Timestamp {
        let passed = self.shared.state().now();
        self.shared.origin.1.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    fn instant(&self) -> Instant {
        self.shared.origin.0 + self.shared.state().now()
    }

    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut state = self.shared.state();
        state.tickets += 1;
        let ticket = (state.now().saturating_add(span), state.tickets);
        state.sleepers.insert(ticket, None);
        drop(state);
        self.shared.changed.notify_all();
        Box::pin(Sleep { shared: self.shared.clone(), ticket })
    }
}

#[cfg(test)]
mod tests;

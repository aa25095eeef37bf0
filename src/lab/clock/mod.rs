//! The lab's clock: it runs at a rate, skips what nobody uses, stands still, jumps, or is walked from sleeper to sleeper.
//!
//! `pb`'s deadlines and waits, the router's timers and the controllers all sleep by this one clock, so that ten minutes
//! of the platform's time can take a second, or none.
//!
//! **Skipping.** While `pb` waits for nothing but the clock, time goes on to the next sleeper at once. To be right about
//! "nothing but": a deadline is a sleeper like any other, and between `pb` and the lab there are sockets, threads and
//! programs, where an answer may be on its way. So two things are asked first. The books (`sleepers`): whether each of
//! `pb`'s calls that are under way waits for the clock itself or for somebody of the lab who has been asked; and the
//! system (`quiet`): whether every thread of the process sleeps, and slept all along. While either says no, time goes
//! at the system's own pace, at which nothing can go wrong that would not go wrong anywhere. `pb` has a handle of its own
//! ([`LabClock::hurried`]), by which its sleeps are told from the lab's: for the lab's sake alone nothing is skipped.
//!
//! At a **rate** a deadline is safe as long as it is long against what an answer really takes. A clock that stands
//! **still** is moved by [`LabClock::jump`], or by [`LabClock::walk`] where all sleepers are tasks of one thread, as in the
//! tests of controllers.

mod alarm;
mod hurried;
mod quiet;
mod sleepers;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::Clock;
pub use hurried::Hurried;
use quiet::{Look, Threads};
use sleepers::{Shared, WhatFor};

/// How the clock moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many seconds a second; 1 is the system's own pace.
    Rate(f64),
    /// The system's, and ahead at once where nobody but the clock is waited for.
    Skipping,
    /// Not at all, besides jumps and walks.
    Still,
}

impl FromStr for Pace {
    type Err = String;

    /// `60x`, `0.5x`, `60`, `skip`
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "skip" {
            return Ok(Self::Skipping);
        }
        let rate = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
        let (least, most) = RATES;
        rate.filter(|rate| (least..=most).contains(rate))
            .map(Self::Rate)
            .ok_or_else(|| format!("expected a rate from {least}x to {most}x, such as 60x, or skip"))
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "{rate}x"),
            Self::Skipping => f.write_str("skip"),
            Self::Still => f.write_str("still"),
        }
    }
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
        Self::looking(begin, pace, Threads::default())
    }

    fn looking(begin: Timestamp, pace: Pace, look: impl Look) -> Self {
        let shared = Arc::new(Shared::new(begin, bounded(pace)));
        let weak = Arc::downgrade(&shared);
        // Without the thread a clock that runs would wake nobody; one that is moved by hand still does.
        let _ = std::thread::Builder::new().name(alarm::NAME.into()).spawn(move || alarm::run(&weak, look));
        Self { shared }
    }

    /// One that shows the system's time and keeps its pace.
    pub fn real() -> Self {
        Self::new(Timestamp::now(), Pace::Rate(1.0))
    }

    /// One that begins at the system's time, at a pace.
    pub fn at(pace: Pace) -> Self {
        Self::new(Timestamp::now(), pace)
    }

    /// The same clock for `pb`: what sleeps by it wants time to pass.
    pub fn hurried(&self) -> Hurried {
        Hurried::new(self.clone())
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
        Pace::Still | Pace::Skipping => pace,
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
        Box::pin(self.shared.sleep(span, WhatFor::Lab))
    }

    fn asked(&self) -> Box<dyn Any + Send + Sync> {
        Box::new(self.shared.asked())
    }
}

#[cfg(test)]
mod tests;

//! What the clock keeps: its time, and who sleeps by it, and what for.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Pace;

#[derive(Debug)]
pub(super) struct Shared {
    /// What both readings began with.
    pub(super) origin: (Instant, Timestamp),
    pub(super) state: Mutex<State>,
    /// Tells the alarm thread that something is due at another time than it thinks.
    pub(super) changed: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    /// The lab's time since the origin, when it was last set …
    pub(super) at: Duration,
    /// … which was at this reading of the system's clock.
    pub(super) set: Instant,
    pub(super) pace: Pace,
    /// By the time they end at and, among equals, in the order that they began.
    pub(super) sleepers: BTreeMap<Ticket, Sleeper>,
    /// Woken, and not seen since.
    pub(super) woken: BTreeSet<Ticket>,
    pub(super) tickets: u64,
    /// How many have been asked for something, and keep who asked waiting.
    pub(super) asked: usize,
}

/// When a sleep ends, and which one it is.
pub(super) type Ticket = (Duration, u64);

/// Somebody who sleeps.
#[derive(Debug)]
pub(super) struct Sleeper {
    pub(super) waker: Option<Waker>,
    pub(super) what_for: WhatFor,
}

/// What a sleep is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhatFor {
    /// The lab's own: for its sake alone time need not pass.
    Lab,
    /// A pause of `pb`'s between two calls, or within one, whose number this is.
    Pause(Option<u64>),
    /// Ends a call of `pb`'s that is not answered.
    Deadline(Option<u64>),
}

/// A skip that would shorten somebody's wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Skip {
    /// To this time.
    pub(super) to: Duration,
    /// It would strike a deadline.
    pub(super) strikes: bool,
}

impl State {
    pub(super) fn now(&self) -> Duration {
        match self.pace {
            Pace::Still => self.at,
            Pace::Rate(rate) => self.at + self.set.elapsed().mul_f64(rate),
            Pace::Skipping => self.at + self.set.elapsed(),
        }
    }

    /// Makes the time what it is at this moment, and what counts from here on.
    pub(super) fn set(&mut self, at: Duration) {
        (self.at, self.set) = (at, Instant::now());
    }

    /// Takes those whose time has come, in order.
    pub(super) fn due(&mut self) -> Vec<Waker> {
        let now = self.now();
        let mut wakers = Vec::new();
        while let Some(entry) = self.sleepers.first_entry().filter(|entry| entry.key().0 <= now) {
            let (ticket, sleeper) = entry.remove_entry();
            self.woken.insert(ticket);
            wakers.extend(sleeper.waker);
        }
        wakers
    }

    /// Where time could skip to, as far as the books tell: `pb` waits, and every call of its that is under way waits
    /// for the clock itself, or for somebody here who has been asked. What is under way besides, a program or a server
    /// out in the world, takes the time that it takes.
    pub(super) fn skip(&self) -> Option<Skip> {
        if self.pace != Pace::Skipping {
            return None;
        }
        let (mut waits, mut calls, mut pausing, mut nameless) = (false, BTreeSet::new(), BTreeSet::new(), 0);
        for sleeper in self.sleepers.values() {
            match sleeper.what_for {
                WhatFor::Lab => continue,
                WhatFor::Pause(call) => pausing.extend(call),
                WhatFor::Deadline(Some(call)) => {
                    calls.insert(call);
                }
                WhatFor::Deadline(None) => nameless += 1,
            }
            waits = true;
        }
        let unexplained = calls.difference(&pausing).count() + nameless;
        let (ticket, next) = self.sleepers.first_key_value()?;
        let strikes = matches!(next.what_for, WhatFor::Deadline(_));
        (waits && unexplained <= self.asked).then_some(Skip { to: ticket.0, strikes })
    }
}

impl Shared {
    pub(super) fn new(begin: Timestamp, pace: Pace) -> Self {
        let state = State {
            at: Duration::ZERO,
            set: Instant::now(),
            pace,
            sleepers: BTreeMap::new(),
            woken: BTreeSet::new(),
            tickets: 0,
            asked: 0,
        };
        Self { origin: (Instant::now(), begin), state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a sleep.
    pub(super) fn sleep(self: &Arc<Self>, span: Duration, what_for: WhatFor) -> Sleep {
        let mut state = self.state();
        state.tickets += 1;
        let ticket = (state.now().saturating_add(span), state.tickets);
        state.sleepers.insert(ticket, Sleeper { waker: None, what_for });
        drop(state);
        self.changed.notify_all();
        Sleep { shared: self.clone(), ticket }
    }

    /// Somebody has been asked for something, until this is dropped.
    pub(super) fn asked(self: &Arc<Self>) -> Asked {
        self.state().asked += 1;
        Asked { shared: self.clone() }
    }
}

/// Somebody keeps another waiting.
#[derive(Debug)]
pub(super) struct Asked {
    shared: Arc<Shared>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.asked = state.asked.saturating_sub(1);
    }
}

/// One sleep. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Sleep {
    pub(super) shared: Arc<Shared>,
    pub(super) ticket: Ticket,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.state();
        let now = state.now();
        match state.sleepers.get_mut(&self.ticket).filter(|_| now < self.ticket.0) {
            Some(sleeper) => {
                sleeper.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            None => {
                state.sleepers.remove(&self.ticket);
                state.woken.remove(&self.ticket);
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.sleepers.remove(&self.ticket);
        state.woken.remove(&self.ticket);
    }
}

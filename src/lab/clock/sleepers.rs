//! What the clock keeps: its time, and who sleeps by it; and the thread that wakes them while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
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
    pub(super) sleepers: BTreeMap<Ticket, Option<Waker>>,
    /// Woken, and not seen since.
    pub(super) woken: BTreeSet<Ticket>,
    pub(super) tickets: u64,
}

/// When a sleep ends, and which one it is.
pub(super) type Ticket = (Duration, u64);

impl State {
    pub(super) fn now(&self) -> Duration {
        match self.pace {
            Pace::Still => self.at,
            Pace::Rate(rate) => self.at + self.set.elapsed().mul_f64(rate),
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
            let (ticket, waker) = entry.remove_entry();
            self.woken.insert(ticket);
            wakers.extend(waker);
        }
        wakers
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
        };
        Self { origin: (Instant::now(), begin), state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes those whose time comes while the clock runs. Ends with the clock.
pub(super) fn alarm(clock: &Weak<Shared>) {
    // How often it looks whether the clock is still there.
    const LOOK: Duration = Duration::from_millis(500);
    while let Some(shared) = clock.upgrade() {
        let mut state = shared.state();
        let wakers = state.due();
        if wakers.is_empty() {
            let next = state.sleepers.first_key_value().map(|(ticket, _)| ticket.0);
            let wait = match (state.pace, next) {
                (Pace::Rate(rate), Some(next)) => next.saturating_sub(state.now()).div_f64(rate).min(LOOK),
                _ => LOOK,
            };
            drop(shared.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner));
        } else {
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        }
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
            Some(waker) => {
                *waker = Some(cx.waker().clone());
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

//! The thread that wakes sleepers while the clock runs, and that skips what nobody uses where it may.

use std::sync::{PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use super::Pace;
use super::quiet::Look;
use super::sleepers::Shared;

/// The name of the thread.
pub(super) const NAME: &str = "lab-clock";

/// How often it looks whether the clock is still there.
const LOOK: Duration = Duration::from_millis(500);
/// The first pause while somebody works; each further one is twice as long, up to [`LONGEST`].
const FIRST: Duration = Duration::from_micros(100);
/// The longest: it is what a skip may come too late.
const LONGEST: Duration = Duration::from_millis(2);
/// How long nothing may have happened before a deadline is struck: some client may look at its wire only now and then,
/// and Linux holds an acknowledgement back for 40 ms (`TCP_DELACK_MIN`), for which a sender with Nagle's algorithm waits.
const PATIENCE: Duration = Duration::from_millis(60);

/// Wakes those whose time comes. Ends with the clock.
pub(super) fn run(clock: &Weak<Shared>, mut look: impl Look) {
    let mut pause = FIRST;
    while let Some(shared) = clock.upgrade() {
        let mut state = shared.state();
        let wakers = state.due();
        if !wakers.is_empty() {
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            pause = FIRST;
            continue;
        }
        let left = |rate: f64| {
            let next = state.sleepers.first_key_value().map(|(ticket, _)| ticket.0);
            next.map_or(LOOK, |next| next.saturating_sub(state.now()).div_f64(rate).min(LOOK))
        };
        let Some(skip) = state.skip() else {
            let wait = match state.pace {
                Pace::Rate(rate) => left(rate),
                Pace::Skipping => left(1.0),
                Pace::Still => LOOK,
            };
            drop(shared.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner));
            continue;
        };
        let (left, tickets) = (left(1.0), state.tickets);
        drop(state);
        let quiet = look.quiet(if skip.strikes { PATIENCE.min(left) } else { Duration::ZERO });
        let mut state = shared.state();
        if quiet && state.skip() == Some(skip) && state.tickets == tickets {
            let to = state.now().max(skip.to);
            state.set(to);
            pause = FIRST;
            continue;
        }
        drop(state);
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST);
    }
}

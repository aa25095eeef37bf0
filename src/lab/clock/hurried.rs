//! The lab's clock as `pb` has it: whoever sleeps by it is waited for, and what for is known.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::sleepers::WhatFor;
use super::{LabClock, Pace};
use crate::clock::{Clock, call};

/// A handle on a [`LabClock`]. The time is the same.
#[derive(Debug, Clone)]
pub struct Hurried {
    clock: LabClock,
    /// The pace that it had before everybody did nothing but wait.
    before: Arc<Mutex<Option<Pace>>>,
}

impl Hurried {
    pub(super) fn new(clock: LabClock) -> Self {
        Self { clock, before: Arc::default() }
    }
}

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn instant(&self) -> Instant {
        self.clock.instant()
    }

    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.clock.shared.sleep(span, WhatFor::Pause(call())))
    }

    fn deadline(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.clock.shared.sleep(span, WhatFor::Deadline(call())))
    }

    fn asked(&self) -> Box<dyn Any + Send + Sync> {
        self.clock.asked()
    }

    /// An hour that is only waited for is skipped, whatever the pace.
    fn idle(&self, idle: bool) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        match (idle, *before, self.clock.pace()) {
            (true, None, pace @ Pace::Rate(_)) => {
                *before = Some(pace);
                self.clock.set_pace(Pace::Skipping);
            }
            (false, Some(pace), _) => {
                *before = None;
                self.clock.set_pace(pace);
            }
            _ => {}
        }
    }
}

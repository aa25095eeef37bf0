//! The lab's clock as `pb` has it: whoever sleeps by it is waited for, and what for is known.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::LabClock;
use super::sleepers::WhatFor;
use crate::clock::{Clock, call};

/// A handle on a [`LabClock`]. The time is the same.
#[derive(Debug, Clone)]
pub struct Hurried(pub(super) LabClock);

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn instant(&self) -> Instant {
        self.0.instant()
    }

    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.0.shared.sleep(span, WhatFor::Pause(call())))
    }

    fn deadline(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.0.shared.sleep(span, WhatFor::Deadline(call())))
    }

    fn asked(&self) -> Box<dyn Any + Send + Sync> {
        self.0.asked()
    }
}

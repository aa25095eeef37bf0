//! The one clock that deadlines, sleeps and `time::now` use: the system's, the lab's or a record's.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A source of time. `cli` hands one to the run; nothing else asks the system.
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// A reading that never goes back, for measuring.
    fn instant(&self) -> Instant;
    /// Ends after `span` of this clock's time.
    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
    /// Ends after `span`, too: for what ends the wait for something else that does not come. A clock that skips what
    /// nobody uses tells the two apart.
    fn deadline(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.sleep(span)
    }
    /// Until this is dropped, the caller has been asked for something, and keeps the one who asked waiting. Only a clock
    /// that skips takes note.
    fn asked(&self) -> Box<dyn Any + Send + Sync> {
        Box::new(())
    }
    /// Whether nobody does anything but wait for a time to come. A clock that can be moved may hurry then.
    fn idle(&self, idle: bool) {
        let _ = idle;
    }
}

tokio::task_local! {
    /// The number of the host call that is under way, and the clock that it goes by.
    static CALL: (u64, Arc<dyn Clock>);
}

/// Works by a clock: [`timeout`], [`sleep`] and [`call`] in it know which. For one host call.
pub async fn by<T>(clock: Arc<dyn Clock>, work: impl Future<Output = T>) -> T {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    CALL.scope((CALLS.fetch_add(1, Ordering::Relaxed), clock), work).await
}

/// The host call that this is part of, if any.
pub fn call() -> Option<u64> {
    CALL.try_with(|(number, _)| *number).ok()
}

/// The clock of the host call that this is part of; outside of any, the system's.
fn current() -> Arc<dyn Clock> {
    CALL.try_with(|(_, clock)| clock.clone()).unwrap_or_else(|_| Arc::new(System))
}

/// Ends after `span` of the call's clock.
pub async fn sleep(span: Duration) {
    current().sleep(span).await;
}

/// The time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

/// Gives up after `limit` of the call's clock.
///
/// # Errors
/// [`Elapsed`] where `work` did not end before.
pub async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let deadline = current().deadline(limit);
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = deadline => Err(Elapsed),
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A clock that stands where it was put: for what is told after it happened. Nobody sleeps by it.
#[derive(Debug, Default)]
pub struct Told(Mutex<Timestamp>);

impl Told {
    /// Puts it.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for Told {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, _span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

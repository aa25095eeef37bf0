//! A process group that ends when its owner lets go of it: first asked, then killed.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long the group may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);
/// How long the leader's end is awaited after SIGKILL; after that the runtime reaps it later.
const REAP: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(2);

/// A child that leads a process group of its own.
///
/// Dropping it blocks the thread until nobody is left in the group, at most [`GRACE`] and [`REAP`]:
/// a task in the background would be lost when the whole program ends right after the call.
#[derive(Debug)]
pub(super) struct Group {
    /// The leader.
    pub(super) child: tokio::process::Child,
    id: Option<Pid>,
}

impl Group {
    /// Takes a child that was started with `process_group(0)`.
    pub(super) fn new(child: tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { child, id }
    }

    /// Waits until the leader is reaped and nobody is left in the group; whether that came about.
    fn wait(&mut self, group: Pid, within: Duration) -> bool {
        let until = Instant::now() + within;
        loop {
            let leader_is_gone = !matches!(self.child.try_wait(), Ok(None));
            if leader_is_gone && test_kill_process_group(group).is_err() {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(group) = self.id else { return };
        if kill_process_group(group, Signal::TERM).is_err() {
            // Nobody is left; the leader may still have to be reaped.
            let _ = self.child.try_wait();
            return;
        }
        // What is stopped takes no SIGTERM before it goes on.
        let _ = kill_process_group(group, Signal::CONT);
        if !self.wait(group, GRACE) {
            let _ = kill_process_group(group, Signal::KILL);
            self.wait(group, REAP);
        }
    }
}

//! A process group that ends when its owner lets go of it: first asked, then killed.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long the group may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);
/// How long the leader's end is awaited after SIGKILL; after that the runtime reaps it later.
const REAP: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(2);

/// The groups that are there, by their leaders' process ids.
static RUNNING: Mutex<Running> = Mutex::new(Running { leaders: BTreeSet::new(), over: false });

#[derive(Debug)]
struct Running {
    leaders: BTreeSet<i32>,
    /// Nothing may be started any more.
    over: bool,
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every running program and what it started, at once and unasked, and lets none be started after that:
/// for a process that is about to end without clean-up.
pub fn kill_all() {
    let mut running = running();
    running.over = true;
    for leader in &running.leaders {
        if let Some(group) = Pid::from_raw(*leader) {
            // One that has ended meanwhile needs no killing.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

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
    /// Starts a command as the leader of a group.
    pub(super) fn start(command: &mut tokio::process::Command) -> io::Result<Self> {
        // Held while it starts: what is started is in the table when somebody kills all that is in it.
        let mut running = running();
        if running.over {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the run is being ended at once"));
        }
        let child = command.process_group(0).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        running.leaders.extend(id.map(Pid::as_raw_pid));
        Ok(Self { child, id })
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

    /// First asks, then kills.
    fn end(&mut self, group: Pid) {
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

impl Drop for Group {
    fn drop(&mut self) {
        let Some(group) = self.id else { return };
        self.end(group);
        running().leaders.remove(&group.as_raw_pid());
    }
}

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
/// How often `/proc` is asked, which costs more than a signal.
const ASK: Duration = Duration::from_millis(20);

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
        let mut ask = Instant::now() + ASK;
        loop {
            let leader_is_gone = !matches!(self.child.try_wait(), Ok(None));
            if leader_is_gone && test_kill_process_group(group).is_err() {
                return true;
            }
            if leader_is_gone && Instant::now() >= ask {
                if all_dead(group) {
                    return true;
                }
                ask = Instant::now() + ASK;
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

/// Whether all that is left of a group has ended, and only waits for a parent that fetches its exit code late or never,
/// as the first process of many containers does. Where there is no `/proc`, nobody knows.
fn all_dead(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    let mut found = false;
    for process in processes.flatten() {
        if !process.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        // One that has gone meanwhile is dead, too.
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
        // pid (name) state parent group …; the name may hold anything.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, of) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
        if of.parse() == Ok(group.as_raw_pid()) {
            if !matches!(state, "Z" | "X") {
                return false;
            }
            found = true;
        }
    }
    found
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(group) = self.id else { return };
        self.end(group);
        running().leaders.remove(&group.as_raw_pid());
    }
}

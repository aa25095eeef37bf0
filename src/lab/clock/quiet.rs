//! Whether anything goes on in this process: the question before time is skipped.
//!
//! What is on its way between `pb` and the lab is in nobody's books: bytes in sockets, tasks in queues, what a thread is
//! just working out. But it all shows in the threads: whoever can go on is running, or waits for a processor, and the
//! system says so. A thread that sleeps has nothing to read, no task and no lock. So all threads are looked at twice.
//! Where each one slept both times and was not run in between, none of them woke another, and nothing goes on: the first
//! to be run after the first look would have been woken by one that ran, or by what lies outside of the process.
//!
//! Outside are the system's timers, which no jump hurries, other machines, which [`super::sleepers::State::skip`] allows
//! for, and programs that were started: they are looked at like the threads. Where the system does not tell (no `/proc`),
//! something always goes on, and time is not skipped.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::alarm::NAME;

/// Says whether anything goes on.
pub(super) trait Look: Send + 'static {
    /// Whether everybody slept, for so long as well.
    fn quiet(&mut self, patience: Duration) -> bool;
}

/// Looks at the threads of this process and of the programs that it started.
#[derive(Debug, Default)]
pub(super) struct Threads {
    text: String,
}

/// How often each thread was run, by its number.
type Runs = BTreeMap<PathBuf, u64>;

impl Look for Threads {
    fn quiet(&mut self, patience: Duration) -> bool {
        let Some(before) = self.asleep() else { return false };
        if !patience.is_zero() {
            std::thread::sleep(patience);
        }
        self.asleep().is_some_and(|after| before == after)
    }
}

impl Threads {
    /// How often each was run, if all are asleep.
    fn asleep(&mut self) -> Option<Runs> {
        let mut runs = Runs::new();
        self.of_process(Path::new("/proc/self/task"), &mut runs)?;
        if programs() {
            let mut open = vec![PathBuf::from("/proc/self/task")];
            while let Some(tasks) = open.pop() {
                for child in self.children(&tasks)? {
                    let tasks = PathBuf::from(format!("/proc/{child}/task"));
                    // One that is gone meanwhile went, which is something.
                    self.of_process(&tasks, &mut runs)?;
                    open.push(tasks);
                }
            }
        }
        Some(runs)
    }

    fn of_process(&mut self, tasks: &Path, runs: &mut Runs) -> Option<()> {
        for entry in fs::read_dir(tasks).ok()? {
            let thread = entry.ok()?.path();
            if let Some(times) = self.thread(&thread)? {
                runs.insert(thread, times);
            }
        }
        Some(())
    }

    /// How often a sleeping thread was run; the inner `None` for a lab's clock, and the outer for a thread that can go on.
    fn thread(&mut self, thread: &Path) -> Option<Option<u64>> {
        self.read(&thread.join("status"))?;
        let mut times = 0;
        for line in self.text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match key {
                "Name" if value == NAME => return Some(None),
                "State" if !value.starts_with('S') => return None,
                "voluntary_ctxt_switches" | "nonvoluntary_ctxt_switches" => times += value.parse::<u64>().ok()?,
                _ => {}
            }
        }
        Some(Some(times))
    }

    /// The programs that a process' threads started.
    fn children(&mut self, tasks: &Path) -> Option<Vec<u32>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(tasks).ok()? {
            self.read(&entry.ok()?.path().join("children"))?;
            all.extend(self.text.split_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
        Some(all)
    }

    fn read(&mut self, file: &Path) -> Option<()> {
        self.text.clear();
        fs::File::open(file).and_then(|mut file| file.read_to_string(&mut self.text)).ok().map(|_| ())
    }
}

/// Whether this process has started any that has not been waited for.
fn programs() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_of(thread: &Path) -> Option<Option<u64>> {
        Threads::default().thread(thread)
    }

    #[test]
    fn a_thread_that_runs_is_seen_and_one_that_sleeps_too() {
        let own = PathBuf::from("/proc").join(fs::read_link("/proc/thread-self").unwrap());
        assert_eq!(state_of(&own), None, "who looks, runs");
        let (to, from) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let asleep = std::thread::spawn(move || {
            tell.send(fs::read_link("/proc/thread-self").unwrap()).unwrap();
            from.recv().unwrap();
        });
        let thread = Path::new("/proc").join(told.recv().unwrap());
        let until = std::time::Instant::now() + Duration::from_secs(10);
        let first = loop {
            if let Some(Some(times)) = state_of(&thread) {
                break times;
            }
            assert!(std::time::Instant::now() < until, "it never sleeps");
            std::thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(state_of(&thread), Some(Some(first)), "it was not run meanwhile");
        to.send(()).unwrap();
        asleep.join().unwrap();
        assert_eq!(state_of(&thread), None, "it is gone");
    }

    #[test]
    fn programs_are_found_while_they_are_there() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        assert!(programs());
        let all = Threads::default().children(Path::new("/proc/self/task")).unwrap();
        assert!(all.contains(&child.id()), "{all:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

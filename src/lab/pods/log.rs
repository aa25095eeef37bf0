//! What containers wrote: lines with their times and streams, kept as a kubelet keeps them, to be read, followed, and
//! asked for once more when the container has been started anew.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

/// How many lines of one instance are kept; older ones are rotated away, as by a kubelet at 10 MiB.
const KEPT: usize = 20_000;

/// Where a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was written, by the lab's clock.
    pub(crate) time: Timestamp,
    pub(crate) stream: Stream,
    pub(crate) text: String,
}

/// The log of one instance of a container: from its start to its end.
#[derive(Debug)]
pub(crate) struct Log {
    state: Mutex<State>,
    /// Rings at each line, and when the log ends.
    bell: watch::Sender<u64>,
    left: OnceLock<i32>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Line>,
    /// The number of the first line that is kept; they are counted from 0.
    first: u64,
    ended: bool,
}

/// What was there to read from a place on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) lines: Vec<Line>,
    /// Where to go on reading.
    pub(crate) next: u64,
    /// Whether the instance has ended: nothing comes after these lines.
    pub(crate) ended: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { state: Mutex::default(), bell: watch::Sender::new(0), left: OnceLock::new() }
    }
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.bell.send_modify(|rung| *rung += 1);
    }

    /// Writes text; each of its lines is a line of the log. A last one without an end counts as one.
    pub(crate) fn append(&self, time: Timestamp, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut state = self.state();
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            state.lines.push_back(Line { time, stream, text: line.to_owned() });
            if state.lines.len() > KEPT {
                state.lines.pop_front();
                state.first += 1;
            }
        }
        drop(state);
        self.ring();
    }

    /// A program that read what somebody typed has ended so.
    pub(crate) fn leave(&self, code: i32) {
        // It ends once.
        let _ = self.left.set(code);
    }

    /// How the program ended that read what somebody typed; none as long as it reads, or nobody has come.
    pub(crate) fn left(&self) -> Option<i32> {
        self.left.get().copied()
    }

    /// Nothing is written any more: the instance has ended.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.ring();
    }

    /// The lines from a place on: 0, or where [`Log::tail`], [`Log::since`] or an earlier [`Piece`] says. What was rotated
    /// away is left out.
    pub(crate) fn read(&self, from: u64) -> Piece {
        let state = self.state();
        let skip = usize::try_from(from.saturating_sub(state.first)).unwrap_or(usize::MAX);
        let next = state.first + state.lines.len() as u64;
        Piece { lines: state.lines.iter().skip(skip).cloned().collect(), next, ended: state.ended }
    }

    /// Where the last so many lines begin.
    pub(crate) fn tail(&self, lines: u64) -> u64 {
        let state = self.state();
        let next = state.first + state.lines.len() as u64;
        next.saturating_sub(lines).max(state.first)
    }

    /// Where the lines that are no older than a time begin.
    pub(crate) fn since(&self, time: Timestamp) -> u64 {
        let state = self.state();
        state.first + state.lines.partition_point(|line| line.time < time) as u64
    }

    /// Tells of each new line, and of the end; several that come at once are one. Subscribe before reading.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

/// The logs of a cluster's containers: of each the present instance, and the one before.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    all: Mutex<BTreeMap<(String, String), Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    present: Arc<Log>,
    before: Option<Arc<Log>>,
}

impl Logs {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, String), Kept>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log of a new instance of a container of the pod with this uid; the one so far becomes the previous one.
    pub(crate) fn begin(&self, uid: &str, container: &str) -> Arc<Log> {
        let mut all = self.all();
        let log = Arc::new(Log::default());
        match all.entry((uid.to_owned(), container.to_owned())) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Kept { present: log.clone(), before: None });
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let kept = entry.get_mut();
                let last = std::mem::replace(&mut kept.present, log.clone());
                last.end();
                kept.before = Some(last);
            }
        }
        log
    }

    /// The log of a container's present instance. One that was there when the lab was opened has an empty one from the
    /// first time that somebody asks.
    pub(crate) fn present(&self, uid: &str, container: &str) -> Arc<Log> {
        self.all().entry((uid.to_owned(), container.to_owned())).or_default().present.clone()
    }

    /// The log of the instance before the present one; none where the container was started but once.
    pub(crate) fn previous(&self, uid: &str, container: &str) -> Option<Arc<Log>> {
        self.all().get(&(uid.to_owned(), container.to_owned()))?.before.clone()
    }

    /// Forgets a pod that is gone; who follows one of its logs is told of the end.
    pub(crate) fn forget(&self, uid: &str) {
        let mut all = self.all();
        let from = (uid.to_owned(), String::new());
        let gone: Vec<_> = all.range(from..).take_while(|(key, _)| key.0 == uid).map(|(key, _)| key.clone()).collect();
        for key in gone {
            if let Some(kept) = all.remove(&key) {
                kept.present.end();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn texts(piece: &Piece) -> Vec<&str> {
        piece.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn a_log_is_read_from_the_beginning_the_end_and_a_time() {
        let log = Log::default();
        let mut bell = log.listen();
        log.append(at(1), Stream::Stdout, "one\ntwo\n");
        log.append(at(2), Stream::Stderr, "three");
        assert!(bell.has_changed().unwrap());
        bell.mark_unchanged();
        let all = log.read(0);
        assert_eq!((texts(&all), all.ended), (vec!["one", "two", "three"], false));
        assert_eq!(all.lines[2].stream, Stream::Stderr);
        assert_eq!(texts(&log.read(log.tail(1))), ["three"]);
        assert_eq!(log.tail(10), 0);
        assert_eq!(texts(&log.read(log.since(at(2)))), ["three"]);
        log.append(at(3), Stream::Stdout, "\n");
        assert_eq!(texts(&log.read(all.next)), [""], "an empty line is a line");
        log.end();
        assert!(bell.has_changed().unwrap() && log.read(9).ended);
    }

    #[test]
    fn what_is_too_much_is_rotated_away() {
        let log = Log::default();
        for number in 0..KEPT + 5 {
            log.append(at(0), Stream::Stdout, &number.to_string());
        }
        let all = log.read(0);
        assert_eq!((all.lines.len(), all.lines[0].text.as_str()), (KEPT, "5"));
        assert_eq!(texts(&log.read(log.tail(1))), [(KEPT + 4).to_string().as_str()]);
    }

    #[test]
    fn the_instance_before_is_kept_until_the_pod_is_gone() {
        let logs = Logs::default();
        assert!(logs.present("a", "web").read(0).lines.is_empty());
        let first = logs.begin("b", "web");
        assert!(logs.previous("b", "web").is_none());
        first.append(at(1), Stream::Stdout, "first");
        let second = logs.begin("b", "web");
        assert!(first.read(0).ended);
        assert_eq!(texts(&logs.previous("b", "web").unwrap().read(0)), ["first"]);
        second.append(at(2), Stream::Stdout, "second");
        assert_eq!(texts(&logs.present("b", "web").read(0)), ["second"]);
        logs.forget("b");
        assert!(second.read(0).ended && logs.previous("b", "web").is_none());
    }
}

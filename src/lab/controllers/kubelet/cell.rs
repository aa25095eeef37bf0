//! One container of a pod, as its kubelet knows it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::probe::Probes;
use crate::lab::controllers::fields::{number, text};
use crate::lab::kube::cluster::time;
use crate::lab::pods::process::Process;

/// The first wait after a crash, the longest, and what a container has to run to begin anew.
const FIRST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_secs(300);
const CALM: SignedDuration = SignedDuration::from_secs(600);

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It was not begun.
    Waiting,
    /// Something that it needs is not there: reason and message.
    Refused {
        reason: &'static str,
        message: String,
        again: Timestamp,
    },
    Pulling {
        until: Timestamp,
    },
    /// Its image can't be had; it is tried again in a while.
    PullFailed {
        message: String,
        since: Timestamp,
        again: Timestamp,
    },
    Starting {
        until: Timestamp,
    },
    Running {
        since: Timestamp,
    },
    Ended(Ended),
    /// It crashed, and waits.
    BackOff {
        until: Timestamp,
        span: SignedDuration,
    },
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
    pub(super) id: String,
}

impl Ended {
    pub(super) fn json(&self) -> Value {
        let mut value = json!({
            "exitCode": self.code, "reason": self.reason, "startedAt": time(self.started), "finishedAt": time(self.finished),
            "containerID": self.id,
        });
        if !self.message.is_empty() {
            value["message"] = json!(self.message);
        }
        value
    }
}

/// A container, with what is remembered of it.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) name: String,
    pub(super) spec: Value,
    pub(super) init: bool,
    pub(super) state: State,
    pub(super) last: Option<Ended>,
    pub(super) restarts: i64,
    pub(super) id: String,
    pub(super) process: Option<Process>,
    pub(super) probes: Probes,
    /// When it will be killed for good, and what is told of it.
    pub(super) stopping: Option<(Timestamp, i32, &'static str)>,
    pub(super) told_stop: bool,
    back_off: SignedDuration,
    pull_back_off: SignedDuration,
    pub(super) told_pull: bool,
}

impl Cell {
    pub(super) fn new(spec: &Value, init: bool) -> Self {
        Self {
            name: text(spec, "/name").to_owned(),
            spec: spec.clone(),
            init,
            state: State::Waiting,
            last: None,
            restarts: 0,
            id: String::new(),
            process: None,
            probes: Probes::of(spec),
            stopping: None,
            told_stop: false,
            back_off: SignedDuration::ZERO,
            pull_back_off: FIRST,
            told_pull: false,
        }
    }

    /// One that was there before its kubelet was looked at: as its status says.
    pub(super) fn known(spec: &Value, init: bool, status: &Value, now: Timestamp) -> Self {
        let mut cell = Self::new(spec, init);
        cell.restarts = number(status, "/restartCount");
        cell.id = text(status, "/containerID").to_owned();
        let at = |path: &str| text(status, path).parse().unwrap_or(now);
        if status["state"]["running"].is_object() {
            cell.state = State::Running { since: at("/state/running/startedAt") };
            cell.probes.assume(status["ready"] == true);
        } else if status["state"]["terminated"].is_object() {
            cell.state = State::Ended(Ended {
                code: i32::try_from(number(status, "/state/terminated/exitCode")).unwrap_or(0),
                reason: if number(status, "/state/terminated/exitCode") == 0 { "Completed" } else { "Error" },
                message: String::new(),
                started: at("/state/terminated/startedAt"),
                finished: at("/state/terminated/finishedAt"),
                id: cell.id.clone(),
            });
        }
        cell
    }

    /// An init container that stays beside the others.
    pub(super) fn is_sidecar(&self) -> bool {
        self.init && self.spec["restartPolicy"] == "Always"
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    pub(super) fn ended(&self) -> Option<&Ended> {
        match &self.state {
            State::Ended(ended) => Some(ended),
            _ => None,
        }
    }

    /// Whether it was started, as its probe for that says.
    pub(super) fn is_started(&self) -> bool {
        self.is_running() && self.probes.is_started()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_started() && self.probes.is_ready() && self.stopping.is_none()
    }

    /// Whether a container that ended is started again.
    pub(super) fn restarts_by(&self, policy: &str) -> bool {
        let Some(ended) = self.ended() else { return false };
        match policy {
            _ if self.is_sidecar() => true,
            // What has to be done before the others start is done once.
            "Always" => !self.init || ended.code != 0,
            "OnFailure" => ended.code != 0,
            _ => false,
        }
    }

    /// When a container that ended may start again; the wait grows with each crash.
    pub(super) fn next_start(&mut self, ended: &Ended) -> Timestamp {
        if ended.finished.duration_since(ended.started) >= CALM {
            self.back_off = SignedDuration::ZERO;
        }
        ended.finished + self.back_off
    }

    pub(super) fn back_off(&self) -> SignedDuration {
        self.back_off
    }

    pub(super) fn crashed(&mut self) {
        self.back_off = if self.back_off.is_zero() { FIRST } else { (self.back_off * 2).min(LONGEST) };
    }

    /// When an image that can't be had is asked for again.
    pub(super) fn next_pull(&mut self, now: Timestamp) -> Timestamp {
        let again = now + self.pull_back_off;
        self.pull_back_off = (self.pull_back_off * 2).min(LONGEST);
        again
    }
}

/// A span as Go writes it: `10s`, `1m20s`, `5m0s`.
pub(super) fn go(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_a_crash_grows_and_is_forgotten() {
        let mut cell = Cell::new(&json!({ "name": "c" }), false);
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let ended = |started: i64, finished: i64| Ended {
            code: 1,
            reason: "Error",
            message: String::new(),
            started: at(started),
            finished: at(finished),
            id: String::new(),
        };
        let mut waits = Vec::new();
        for _ in 0..7 {
            waits.push((cell.next_start(&ended(0, 1)).as_second()) - 1);
            cell.crashed();
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300]);
        assert_eq!(cell.next_start(&ended(0, 600)), at(600), "it ran for ten minutes");
        assert_eq!([10, 80, 300].map(|s| go(SignedDuration::from_secs(s))), ["10s", "1m20s", "5m0s"]);
    }
}

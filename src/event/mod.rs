//! What happens, as plain data. The runner and the host emit events; the terminal, the record and
//! the reports are listeners, and none of them learns anything in another way.

mod answer;
mod bus;
mod former;
mod number;
mod span;
mod undo;

#[cfg(test)]
mod samples;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Place};

pub use answer::{Answer, Body};
pub use bus::{Bus, Filter, Listener};
pub use former::{EvidenceFile, Former, How, Outstanding};
#[cfg(test)]
pub(crate) use samples::one_of_each;
pub use span::{exact, short};
pub use undo::{FieldChange, LedgerRow, ObjectRef, Owned, Undo};

/// How strongly something may act, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Only looks.
    #[default]
    Read,
    /// Creates test objects of its own, asks for a reconcile or a refresh.
    Write,
    /// Changes what this run did not create: drains, suspends, upgrades.
    Disrupt,
    /// Deletes what this run did not create, resets nodes.
    Destroy,
}

impl Effect {
    /// One line: what it allows.
    pub fn about(self) -> &'static str {
        match self {
            Self::Read => "only looks",
            Self::Write => "creates test objects of its own, asks for a reconcile or a refresh",
            Self::Disrupt => "changes what the run did not create: drains, suspends, upgrades; needs `--allow disrupt`",
            Self::Destroy => "deletes what the run did not create, resets nodes; needs `--allow destroy=CLUSTER`",
        }
    }

    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Disrupt, Self::Destroy];

    /// The word used in playbooks, on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Disrupt => "disrupt",
            Self::Destroy => "destroy",
        }
    }

    /// The effect that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == word)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a step ended. Only [`Outcome::Passed`] counts as passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Something was looked at and was right.
    Passed,
    /// Right, with a warning.
    Warned,
    /// Something was looked at and was not right.
    Failed,
    /// It could not be found out: unreachable, a missing tool, a script error.
    Errored,
    /// Nothing was asserted, or there was nothing to look at.
    Inconclusive,
    /// Waits for a person's attestation.
    Manual,
    /// Left out, with a reason, or its effect was not allowed.
    Skipped,
    /// Something it needs did not pass.
    Blocked,
}

impl Outcome {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Warned,
        Self::Failed,
        Self::Errored,
        Self::Inconclusive,
        Self::Manual,
        Self::Skipped,
        Self::Blocked,
    ];

    /// One line: what it means.
    pub fn about(self) -> &'static str {
        match self {
            Self::Passed => "something was looked at, and it was right",
            Self::Warned => "right, with a warning",
            Self::Failed => "something was looked at, and it was not right",
            Self::Errored => "it could not be found out: unreachable, a missing tool, an error in the script",
            Self::Inconclusive => "nothing was asserted, or there was nothing to look at",
            Self::Manual => "waits for a person's judgement",
            Self::Skipped => "left out, with a reason, or its effect was not allowed",
            Self::Blocked => "something that it needs did not pass",
        }
    }

    /// The word used everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Inconclusive => "inconclusive",
            Self::Manual => "manual",
            Self::Skipped => "skipped",
            Self::Blocked => "blocked",
        }
    }

    /// Whether a step that needs this one may run.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Passed | Self::Warned)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An expectation that did not hold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Failure {
    /// What was judged, in the playbook's words.
    pub label: String,
    /// What should have been there.
    pub expected: String,
    /// What was there.
    pub actual: String,
    /// The object it was read from: `Service web/shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The script line that judged. It is written as `place`, since a failure is also an event, whose `at` is a time.
    #[serde(default, rename = "place", skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// The pruned difference of two structures, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<String>,
}

/// A measured value of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name within the step.
    pub name: String,
    /// The value that is compared: the mean or percentile that the playbook chose.
    #[serde(with = "number")]
    pub value: f64,
    /// `s`, `ms`, `B`, `1` …
    pub unit: String,
    /// The greatest value that is right, if the playbook set one.
    #[serde(default, with = "number::maybe", skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Count, min, mean, percentiles and max, where it came from a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<serde_json::Value>,
}

/// A playbook that takes part in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaybookInfo {
    /// `t5`
    pub id: String,
    /// The title that it declares.
    pub title: String,
    /// Where it was read.
    pub path: String,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
    /// `disk` or `embedded`.
    pub source: String,
}

/// A module that playbooks of a run import: of the standard library, or a file beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// The file's name without folder and ending: `bgp`.
    pub name: String,
    /// Where it was read.
    pub path: String,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
    /// `disk` or `embedded`.
    pub source: String,
    /// The ids of the playbooks that use it, themselves or through another module.
    pub playbooks: Vec<String>,
}

/// A setting and where its value came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingInfo {
    /// The playbook that declares it.
    pub playbook: String,
    /// `bgp_asn`
    pub name: String,
    /// The cluster that it has this value for; none where it is the same for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The value in force.
    pub value: serde_json::Value,
    /// What the playbook says without any configuration.
    pub default: serde_json::Value,
    /// `default`, `pb.toml`, `profile monosense`, `PB_SET_…`, `--set`.
    pub from: String,
    /// What it means, in the playbook's words.
    pub about: String,
}

/// What is known of a step before it runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepInfo {
    /// `t5/bgp-table@infra`
    pub id: String,
    /// `t5`
    pub playbook: String,
    /// `bgp-table`
    pub step: String,
    /// The cluster it runs on, if it runs on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// One line for a person.
    pub title: String,
    /// `P0`, `P1` or `P2`.
    pub priority: String,
    /// Boxes of the checklist.
    pub covers: Vec<String>,
    /// What it may do.
    pub effect: Effect,
    /// `R1` to `R10`, where it answers a risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// The first things to look at when it fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub if_fails: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// Everything that is known of a step when it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// Which step.
    pub id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// One line: why.
    pub message: String,
    /// Wall time.
    pub seconds: f64,
    /// How often it was tried.
    pub attempts: u32,
    /// Host calls of the last attempt.
    pub calls: u64,
    /// Expectations judged.
    pub judged: u64,
    /// Those that did not hold.
    pub failures: Vec<Failure>,
    /// What ended it, where that was not an expectation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// Warnings, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Notes, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What was measured.
    pub metrics: Vec<Metric>,
    /// Evidence files, relative to the run's folder.
    pub evidence: Vec<String>,
    /// For a manual step: what a person has to do and to attach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The run in which it came to this end, where that is an earlier one: `--resume` and `--rerun` take passes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<String>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the run's clock.
    pub at: Timestamp,
    /// The step it belongs to: `t5/bgp-table@infra`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

impl Event {
    /// Whether it tells of a change that is to be undone, or of its undoing: the ledger keeps these.
    pub fn is_undo(&self) -> bool {
        matches!(
            self.what,
            What::UndoRecorded(_) | What::UndoIdentified { .. } | What::UndoSettled { .. } | What::UndoDone { .. }
        )
    }
}

/// The kinds of event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The plan stands and the run begins.
    RunStarted {
        /// The run's id: its folder's name.
        run: String,
        /// What was asked, as typed.
        arguments: Vec<String>,
        /// The playbooks, in order.
        playbooks: Vec<PlaybookInfo>,
        /// The modules that they import, by path.
        #[serde(default)]
        modules: Vec<ModuleInfo>,
        /// The steps, in order.
        steps: Vec<StepInfo>,
        /// Every setting with its value and origin.
        settings: Vec<SettingInfo>,
        /// Steps that may run side by side.
        jobs: usize,
        /// Steps of the known playbooks (procedures aside) that the selection left out: they keep a verdict from GO.
        #[serde(default)]
        not_selected: u64,
        /// The run's folder, as a person would type it; none where nothing is recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<String>,
        /// The earlier run that this one goes on with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        former: Option<Box<Former>>,
    },
    /// A step begins (again, when `attempt` is above 1).
    StepStarted {
        /// From 1.
        attempt: u32,
    },
    /// A host call begins.
    CallStarted {
        /// Number within the run.
        call: u64,
        /// `kube.list`
        function: String,
        /// What it may do.
        effect: Effect,
        /// The cluster, host or endpoint that it goes to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// The arguments, as canonical JSON.
        args: serde_json::Value,
        /// The command line that a person could type instead.
        line: String,
        /// The script line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// A host call ended.
    CallFinished {
        /// The number of its [`What::CallStarted`].
        call: u64,
        /// How long it took.
        seconds: f64,
        /// A word on the answer: `12 objects`, `exit 0`.
        summary: String,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Error>,
    },
    /// An expectation was judged and did not hold; within `eventually` only the last one is told.
    Failed(Failure),
    /// The step goes on waiting: what `eventually` or `wait` saw last.
    Waiting {
        /// What is not yet so.
        message: String,
    },
    /// `t.note`
    Note {
        /// Its text.
        text: String,
    },
    /// `t.warn`
    Warning {
        /// Its text.
        text: String,
    },
    /// `print` and `debug` in a script.
    Printed {
        /// Its text.
        text: String,
    },
    /// `t.metric`
    Measured(Metric),
    /// `t.evidence`
    Evidence {
        /// The name that the playbook gave.
        name: String,
        /// The file, relative to the run's folder.
        file: String,
        /// SHA-256 of the bytes written, in hex.
        sha256: String,
        /// Their number.
        bytes: u64,
    },
    /// `t.publish`
    Published {
        /// Its name; the step is the event's.
        name: String,
        /// The value.
        value: serde_json::Value,
    },
    /// A change is about to be made, and this undoes it.
    UndoRecorded(LedgerRow),
    /// What a row's change created has this uid: its undo deletes that object, and no other of the same name.
    UndoIdentified {
        /// The row's number.
        row: u64,
        /// The uid that the server gave.
        uid: String,
    },
    /// A row's change has been made, and the server's answer says otherwise than what was noted before: its undo goes by
    /// this.
    UndoSettled {
        /// The row's number.
        row: u64,
        /// The fields that it changed.
        fields: Vec<FieldChange>,
        /// What it took from whom of their ownership.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        owners: Vec<Owned>,
    },
    /// A change was undone, or could not be.
    UndoDone {
        /// The row's number.
        row: u64,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Who said that it was dealt with by hand, where nothing was done to it: `ada on desk-7`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_hand: Option<String>,
        /// The line of the ledger that was dealt with by hand, where it can't be read; `row` is 0 then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u64>,
    },
    /// After the run, `pb clean` began to work off what was left: what follows is its doing.
    CleaningStarted {
        /// How many changes were left.
        rows: u64,
    },
    /// A step ended.
    StepFinished(Box<StepResult>),
    /// The operator asked to stop.
    Interrupting {
        /// True when clean-up is skipped too.
        at_once: bool,
    },
    /// The run ended.
    RunFinished {
        /// By the order of precedence of the exit codes.
        exit_code: u8,
        /// Wall time.
        seconds: f64,
        /// What is left in the clusters because it could not be undone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<String>,
    },
}

impl What {
    /// The number of the undo that is told; none for any other event.
    fn undo_row(&self) -> Option<u64> {
        match self {
            Self::UndoRecorded(row) => Some(row.row),
            _ => None,
        }
    }
}

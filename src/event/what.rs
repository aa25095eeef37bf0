//! The events themselves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Effect, Failure, FieldChange, Former, LedgerRow, Metric, ModuleInfo, Owned, PlaybookInfo, SettingInfo, StepInfo,
    StepResult,
};
use crate::error::{Error, Place};

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
    pub(super) fn undo_row(&self) -> Option<u64> {
        match self {
            Self::UndoRecorded(row) => Some(row.row),
            _ => None,
        }
    }
}

//! What came of a run's steps and of its changes, whether the run came to its end or not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::End;
use crate::error::{Error, Kind, Result};
use crate::event::{Event, EvidenceFile, LedgerRow, ModuleInfo, Outcome, StepInfo, StepResult, Undo, What};

/// What a run's events amount to.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// The steps of the plan, in order.
    pub plan: Vec<StepInfo>,
    /// The modules that the playbooks import.
    pub modules: Vec<ModuleInfo>,
    /// The steps that ended, by id.
    pub ended: BTreeMap<String, StepResult>,
    /// The steps that had begun and not ended, with the attempt that they were at.
    pub under_way: BTreeMap<String, u32>,
    /// The calls that had begun and not ended, by number: step and command line. What they changed is not known.
    pub calls_under_way: BTreeMap<u64, (Option<String>, String)>,
    /// `t.publish`: by step, then by name.
    pub published: BTreeMap<String, BTreeMap<String, Value>>,
    /// `t.evidence`: by step, the last file of each path.
    pub evidence: BTreeMap<String, Vec<EvidenceFile>>,
    /// Whether the operator asked to stop.
    pub interrupted: bool,
    /// How the run ended; none where it was killed, or still runs.
    pub end: Option<End>,
    /// Whether the last that was told of it is `pb clean`'s doing.
    pub cleaned: bool,
    /// When the first thing happened.
    pub first: Option<Timestamp>,
    /// When the last thing of the run itself happened.
    pub last: Option<Timestamp>,
    /// Lines that can't be read.
    pub unreadable: Vec<Error>,
}

/// A change that is not undone.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftRow {
    /// The change and what undoes it, with the uid where the server gave one.
    pub row: LedgerRow,
    /// The step that made it; none where it belongs to the whole run.
    pub step: Option<String>,
    /// When it was about to be made.
    pub at: Timestamp,
    /// Why it could not be undone, where that was tried.
    pub why: Option<String>,
}

impl Course {
    /// Gathers it from events.
    pub fn of(events: impl IntoIterator<Item = Result<Event>>) -> Self {
        let mut course = Self::default();
        events.into_iter().for_each(|event| course.learn(event));
        course
    }

    /// Learns one event, or that there is a line which can't be read.
    pub fn learn(&mut self, event: Result<Event>) {
        match event {
            Ok(event) => self.on(event),
            Err(error) => self.unreadable.push(error),
        }
    }

    fn on(&mut self, event: Event) {
        self.first.get_or_insert(event.at);
        // A clean-up hours later is not the run's time.
        match event.what {
            What::CleaningStarted { .. } => self.cleaned = true,
            // It goes on.
            What::RunStarted { .. } | What::StepStarted { .. } => self.cleaned = false,
            _ => {}
        }
        if !self.cleaned {
            self.last = Some(event.at);
        }
        let step = event.step;
        match event.what {
            What::RunStarted { steps, modules, .. } => {
                self.plan = steps;
                self.modules = modules;
            }
            What::StepStarted { attempt } => {
                if let Some(step) = step {
                    // What an attempt that did not count has published is published anew.
                    self.published.remove(&step);
                    self.under_way.insert(step, attempt);
                }
            }
            What::CallStarted { call, line, .. } => {
                self.calls_under_way.insert(call, (step, line));
            }
            What::CallFinished { call, .. } => {
                self.calls_under_way.remove(&call);
            }
            What::Published { name, value } => {
                self.published.entry(step.unwrap_or_default()).or_default().insert(name, value);
            }
            What::Evidence { name, file, sha256, bytes } => {
                let of = self.evidence.entry(step.unwrap_or_default()).or_default();
                of.retain(|e| e.file != file);
                of.push(EvidenceFile { name, file, sha256, bytes });
            }
            What::StepFinished(result) => {
                self.under_way.remove(&result.id);
                self.ended.insert(result.id.clone(), *result);
            }
            What::Interrupting { .. } => self.interrupted = true,
            What::RunFinished { exit_code, seconds, left } => {
                self.end = Some(End { exit_code, seconds, left, outcomes: self.outcomes() });
            }
            _ => {}
        }
    }

    /// How many steps ended how.
    pub fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        let mut outcomes = BTreeMap::new();
        for result in self.ended.values() {
            *outcomes.entry(result.outcome).or_default() += 1;
        }
        outcomes
    }

    /// The steps of the plan that never began, in order.
    pub fn never_began(&self) -> Vec<&StepInfo> {
        let began: BTreeSet<&String> = self.ended.keys().chain(self.under_way.keys()).collect();
        self.plan.iter().filter(|step| !began.contains(&step.id)).collect()
    }

    /// Wall time from the first to the last thing that happened, in seconds.
    pub fn seconds(&self) -> f64 {
        match (&self.end, self.first, self.last) {
            (Some(end), ..) => end.seconds,
            (None, Some(first), Some(last)) => last.duration_since(first).as_secs_f64(),
            _ => 0.0,
        }
    }
}

/// What a run left behind.
#[derive(Debug, Clone, Default)]
pub struct Left {
    /// The changes that are not undone, newest first: the order in which to undo them.
    pub rows: Vec<LeftRow>,
    /// Rows that can't be read: somebody has to look. One that a kill cut is not among them, since a row is on the
    /// disk before its change is made.
    pub unreadable: Vec<Error>,
}

pub(super) fn left(events: impl IntoIterator<Item = Result<Event>>) -> Left {
    let mut rows: BTreeMap<u64, LeftRow> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for event in events {
        let event = match event {
            Ok(event) => event,
            Err(e) if is_cut(&e) => continue,
            Err(e) => {
                unreadable.push(e);
                continue;
            }
        };
        match event.what {
            What::UndoRecorded(row) => {
                rows.insert(row.row, LeftRow { row, step: event.step, at: event.at, why: None });
            }
            What::UndoIdentified { row, uid: seen } => {
                if let Some(Undo::Delete { object }) = rows.get_mut(&row).map(|left| &mut left.row.undo) {
                    object.uid = Some(seen);
                }
            }
            What::UndoDone { row, error: None, .. } => {
                rows.remove(&row);
            }
            What::UndoDone { row, error, .. } => {
                if let Some(left) = rows.get_mut(&row) {
                    left.why = error;
                }
            }
            _ => {}
        }
    }
    Left { rows: rows.into_values().rev().collect(), unreadable }
}

fn is_cut(error: &Error) -> bool {
    error.kind == Kind::Unreadable && error.message.ends_with(super::lines::CUT)
}

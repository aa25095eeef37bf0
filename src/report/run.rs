//! A run as its events tell it: what every report is rendered from, live or later.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::exit_code;
use crate::error::{Error, Kind};
use crate::event::{Event, ModuleInfo, Outcome, PlaybookInfo, SettingInfo, StepInfo, StepResult, What};

/// A file of evidence that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// The name that the playbook gave.
    pub name: String,
    /// The file, relative to the run's folder.
    pub file: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Their number.
    pub bytes: u64,
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// What the process ends with.
    pub exit_code: u8,
    /// Wall time.
    pub seconds: f64,
    /// What could not be undone.
    pub left: Vec<String>,
}

/// What the events told so far.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Its folder's name.
    pub id: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// What was asked, as typed.
    pub arguments: Vec<String>,
    /// In order.
    pub playbooks: Vec<PlaybookInfo>,
    /// What the playbooks import, by path.
    pub modules: Vec<ModuleInfo>,
    /// In order of the plan.
    pub steps: Vec<StepInfo>,
    /// All of them.
    pub settings: Vec<SettingInfo>,
    /// Steps side by side.
    pub jobs: usize,
    /// Steps that the selection left out.
    pub not_selected: u64,
    /// The run's folder, as a person would type it.
    pub record: Option<String>,
    /// Evidence that was written, by step.
    pub evidence: BTreeMap<String, Vec<EvidenceFile>>,
    /// Whether the operator asked to stop.
    pub interrupted: bool,
    /// The end, once it came.
    pub finished: Option<Finished>,
    results: HashMap<String, StepResult>,
}

impl Run {
    /// Learns one event.
    pub fn on(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted { run, arguments, playbooks, modules, steps, settings, jobs, not_selected, record } => {
                self.id.clone_from(run);
                self.started = Some(event.at);
                self.arguments.clone_from(arguments);
                self.playbooks.clone_from(playbooks);
                self.modules.clone_from(modules);
                self.steps.clone_from(steps);
                self.settings.clone_from(settings);
                self.jobs = *jobs;
                self.not_selected = *not_selected;
                self.record.clone_from(record);
            }
            What::Evidence { name, file, sha256, bytes } => {
                let of = self.evidence.entry(event.step.clone().unwrap_or_default()).or_default();
                // A step that is tried again writes its evidence again; the last one counts.
                of.retain(|e| e.file != *file);
                of.push(EvidenceFile { name: name.clone(), file: file.clone(), sha256: sha256.clone(), bytes: *bytes });
            }
            What::StepFinished(result) => {
                self.results.insert(result.id.clone(), (**result).clone());
            }
            What::Interrupting { .. } => self.interrupted = true,
            What::RunFinished { exit_code, seconds, left } => {
                self.finished = Some(Finished { exit_code: *exit_code, seconds: *seconds, left: left.clone() });
            }
            _ => {}
        }
    }

    /// What is known of a step's end.
    pub fn result(&self, id: &str) -> Option<&StepResult> {
        self.results.get(id)
    }

    /// Every step of the plan with its end, in order. A step without one did not come to its end before the run
    /// did, and says so: it must not be missing from a report.
    pub fn results(&self) -> Vec<(&StepInfo, StepResult)> {
        self.steps
            .iter()
            .map(|step| match self.results.get(&step.id) {
                Some(result) => (step, result.clone()),
                None => (step, unfinished(&step.id)),
            })
            .collect()
    }

    /// What the process ends with: what the runner said, or what the steps amount to so far.
    pub fn exit_code(&self) -> u8 {
        match &self.finished {
            Some(finished) => finished.exit_code,
            None => exit_code(self.interrupted, self.results().iter().map(|(_, result)| result), false),
        }
    }
}

const UNFINISHED: &str = "the run ended before this step did";

fn unfinished(id: &str) -> StepResult {
    StepResult {
        id: id.to_string(),
        outcome: Outcome::Errored,
        message: UNFINISHED.into(),
        seconds: 0.0,
        attempts: 0,
        calls: 0,
        judged: 0,
        failures: Vec::new(),
        error: Some(Error::new(Kind::Cancelled, UNFINISHED)),
        warnings: Vec::new(),
        notes: Vec::new(),
        metrics: Vec::new(),
        evidence: Vec::new(),
        instructions: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_step_without_an_end_is_not_forgotten() {
        let mut events = sample::good();
        events.retain(|e| !matches!(&e.what, What::StepFinished(r) if r.id == "t2/crds@apps"));
        let run = sample::run_of(&events);
        let lost = run.results().into_iter().find(|(step, _)| step.id == "t2/crds@apps").expect("listed").1;
        assert_eq!(lost.outcome, Outcome::Errored);
        assert_eq!(lost.error.map(|e| e.kind), Some(Kind::Cancelled));
    }
}

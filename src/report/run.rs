//! A run as its events tell it: what every report is rendered from, live or later.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::exit_code;
use crate::error::{Error, Kind};
use crate::event::{
    Event, EvidenceFile, Filter, Former, ModuleInfo, Outcome, Outstanding, PlaybookInfo, SettingInfo, StepInfo,
    StepResult, What,
};

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
    /// The earlier run that it goes on with.
    pub former: Option<Former>,
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
            What::RunStarted {
                run,
                arguments,
                playbooks,
                modules,
                steps,
                settings,
                jobs,
                not_selected,
                record,
                former,
            } => {
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
                self.former = former.as_deref().cloned();
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

    /// The same, told anew through a filter: what was gathered early may have to be hidden by now.
    #[must_use]
    pub fn filtered(self, filter: &Filter) -> Self {
        let at = self.started.unwrap_or_default();
        let mut again = Self::default();
        let mut tell = |step: Option<String>, what: What| again.on(&filter(Event { at, step, what }));
        if self.started.is_some() {
            tell(
                None,
                What::RunStarted {
                    run: self.id,
                    arguments: self.arguments,
                    playbooks: self.playbooks,
                    modules: self.modules,
                    steps: self.steps,
                    settings: self.settings,
                    jobs: self.jobs,
                    not_selected: self.not_selected,
                    record: self.record,
                    former: self.former.map(Box::new),
                },
            );
        }
        for (step, files) in self.evidence {
            for EvidenceFile { name, file, sha256, bytes } in files {
                tell(Some(step.clone()), What::Evidence { name, file, sha256, bytes });
            }
        }
        self.results.into_values().for_each(|result| tell(None, What::StepFinished(Box::new(result))));
        if let Some(Finished { exit_code, seconds, left }) = self.finished {
            tell(None, What::RunFinished { exit_code, seconds, left });
        }
        Self { interrupted: self.interrupted, ..again }
    }

    /// What did not pass in the former run and is not repeated in this one.
    fn left_open(&self) -> &[Outstanding] {
        self.former.as_ref().map(|former| former.outstanding.as_slice()).unwrap_or_default()
    }

    /// The steps that still have to pass: of this run, and of the former one that it does not repeat.
    pub fn outstanding(&self) -> Vec<Outstanding> {
        let former = self.left_open().iter().cloned();
        let open = self.results().into_iter().filter(|(_, result)| !result.outcome.is_good());
        open.map(|(step, result)| Outstanding { id: step.id.clone(), outcome: Some(result.outcome), why: None })
            .chain(former)
            .collect()
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
            None => exit_code(
                self.interrupted,
                self.results().iter().map(|(_, result)| result),
                false,
                !self.left_open().is_empty(),
            ),
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
        taken_from: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_told_anew_is_the_same_and_passes_the_filter() {
        let run = sample::run_of(&sample::mixed());
        assert_eq!(format!("{:?}", run.clone().filtered(&|event| event).results()), format!("{:?}", run.results()));
        let mut same = run.clone().filtered(&|event| event);
        same.results = run.results.clone();
        assert_eq!(format!("{same:?}"), format!("{run:?}"));
        let hidden = run.filtered(&|mut event| {
            if let What::StepFinished(result) = &mut event.what {
                result.message = "hidden".into();
            }
            event
        });
        assert!(hidden.results.values().all(|result| result.message == "hidden"));
    }

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

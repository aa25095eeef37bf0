//! Walks the plan: starts steps when they may run, ends them, cleans up after them, emits events.

mod clean;
mod interrupt;
mod judge;
mod leftover;
mod schedule;
mod step;

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::event::{EvidenceFile, Former, ModuleInfo, Outcome, PlaybookInfo, SettingInfo, StepResult, What};
use crate::host::World;
use crate::playbook::plan::{Plan, Planned};
use crate::report::exit_code;
use crate::script::call::{Caller, guarded};
use crate::script::declare::Body;

use schedule::{Next, Schedule};
use step::{Ended, StepRun};

pub use clean::Gone;
pub use interrupt::watch as watch_for_interrupts;
pub use leftover::{Leftover, work_off};

/// Everything that a run needs.
#[derive(Debug)]
pub struct Run {
    /// What all steps share.
    pub world: Arc<World>,
    /// What calls the closures.
    pub caller: Caller,
    /// The steps in order.
    pub plan: Plan,
    /// The closures, by playbook, cluster and step.
    pub bodies: BTreeMap<(String, Option<String>, String), Body>,
    /// What reports say of the playbooks.
    pub playbooks: Vec<PlaybookInfo>,
    /// What reports say of the modules that they import.
    pub modules: Vec<ModuleInfo>,
    /// What reports say of the settings.
    pub settings: Vec<SettingInfo>,
    /// What was typed.
    pub arguments: Vec<String>,
    /// Steps that may run side by side.
    pub jobs: usize,
    /// Steps of the known playbooks that the selection left out.
    pub not_selected: u64,
    /// The run's folder, as a person would type it.
    pub record: Option<String>,
    /// The earlier run that it goes on with.
    pub former: Option<Former>,
    /// The steps of the plan that stand from there, by id: they are told and not run.
    pub taken: BTreeMap<String, Taken>,
}

/// What is taken over of a step that passed in an earlier run.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its end, with the run that it is from.
    pub result: StepResult,
    /// What it published.
    pub published: BTreeMap<String, serde_json::Value>,
    /// Its evidence; the files lie in this run's folder already.
    pub evidence: Vec<EvidenceFile>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    /// The steps' results, in the order in which they ended.
    pub results: Vec<StepResult>,
    /// By the precedence of the exit codes.
    pub exit_code: u8,
}

/// The stack of a step's thread.
const STACK: usize = crate::host::values::STACK;

impl Run {
    /// Runs the plan to its end, or to the first interrupt and through the clean-up.
    pub fn execute(self) -> Finished {
        let started = self.world.clock.instant();
        self.world.bus.emit(
            None,
            What::RunStarted {
                run: self.world.run.clone(),
                arguments: self.arguments.clone(),
                playbooks: self.playbooks.clone(),
                modules: self.modules.clone(),
                steps: self.plan.steps.iter().map(|s| s.info.clone()).collect(),
                settings: self.settings.clone(),
                jobs: self.jobs,
                not_selected: self.not_selected,
                record: self.record.clone(),
                former: self.former.clone().map(Box::new),
            },
        );
        let results = self.walk();
        let mut left = clean::end_of_run(&self.world);
        left.sort();
        let interrupted = self.world.cancel.is_cancelled();
        let outstanding = self.former.as_ref().is_some_and(|former| !former.outstanding.is_empty());
        let exit_code = exit_code(interrupted, &results, !left.is_empty(), outstanding);
        let seconds = self.world.clock.instant().saturating_duration_since(started).as_secs_f64();
        self.world.bus.emit(None, What::RunFinished { exit_code, seconds, left });
        self.world.bus.flush();
        Finished { results, exit_code }
    }

    fn walk(&self) -> Vec<StepResult> {
        let mut schedule = Schedule::new(&self.plan, self.jobs, |planned| {
            step::not_allowed(&self.world.permissions, planned).is_some()
        });
        let mut results = self.take_over(&mut schedule);
        let (sender, receiver) = channel::<(usize, Ended)>();
        let mut later: Vec<(Instant, usize, Box<step::Parked>)> = Vec::new();
        let mut alarms = Vec::new();
        let mut running = 0_usize;
        std::thread::scope(|scope| {
            loop {
                if self.world.cancel.is_cancelled() {
                    for at in schedule.abandon() {
                        results.push(self.tell(step::not_run(
                            &self.plan.steps[at],
                            Outcome::Skipped,
                            "interrupted before it ran",
                        )));
                    }
                    for (_, at, parked) in later.drain(..) {
                        results.push(self.tell(parked.interrupted(&self.caller)));
                        schedule.finished(at, Outcome::Errored);
                    }
                }
                match schedule.next() {
                    Next::Start(at) => {
                        let run = self.step(&self.plan.steps[at]);
                        let sender = sender.clone();
                        let resumed = later.iter().position(|(_, i, _)| *i == at).map(|i| later.remove(i).2);
                        let planned = &self.plan.steps[at];
                        let work = move || {
                            let ended = guarded(|| match resumed {
                                Some(parked) => run.resume(*parked),
                                None => run.start(),
                            });
                            // Without a word from it the loop below would wait for it for ever.
                            let ended = ended.unwrap_or_else(|panicked| {
                                Ended::Done(Box::new(step::not_run(planned, Outcome::Errored, &panicked.message)))
                            });
                            // The receiver outlives every step: the loop below waits for all of them.
                            let _ = sender.send((at, ended));
                        };
                        self.world.clock.idle(false);
                        let started = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
                        running += usize::from(started.is_ok());
                        if let Err(error) = started {
                            let why = format!("no thread could be started for it: {error}");
                            results.push(self.tell(step::not_run(&self.plan.steps[at], Outcome::Errored, &why)));
                            schedule.finished(at, Outcome::Errored);
                        }
                    }
                    Next::Blocked(at, why) => {
                        let (outcome, message) = (Outcome::Blocked, why);
                        results.push(self.tell(step::not_run(&self.plan.steps[at], outcome, &message)));
                        schedule.finished(at, outcome);
                    }
                    Next::Finished => break,
                    Next::Wait => {
                        self.world.clock.idle(running == 0 && !later.is_empty());
                        let now = self.world.clock.instant();
                        let wait = later
                            .iter()
                            .map(|(when, _, _)| when.saturating_duration_since(now))
                            .min()
                            .unwrap_or(Duration::from_millis(200))
                            .clamp(Duration::from_millis(1), Duration::from_millis(200));
                        match receiver.recv_timeout(wait) {
                            Ok((at, Ended::Done(result))) => {
                                running -= 1;
                                schedule.finished(at, result.outcome);
                                results.push(self.tell(*result));
                            }
                            Ok((at, Ended::Later(when, parked))) => {
                                running -= 1;
                                schedule.parked(at);
                                // Nobody awaits it. But a clock that skips has to know what it is waited for.
                                let _within = self.world.runtime.enter();
                                let left = when.saturating_duration_since(self.world.clock.instant());
                                alarms.push(self.world.clock.sleep(left));
                                later.push((when, at, parked));
                            }
                            Err(RecvTimeoutError::Timeout) => {
                                let now = self.world.clock.instant();
                                for (when, at, _) in &later {
                                    if *when <= now {
                                        schedule.due(*at);
                                    }
                                }
                            }
                            Err(RecvTimeoutError::Disconnected) => break,
                        }
                    }
                }
            }
        });
        self.world.clock.idle(false);
        results
    }

    /// Tells what stands from an earlier run: this one's record is then whole by itself.
    fn take_over(&self, schedule: &mut Schedule) -> Vec<StepResult> {
        let mut results = Vec::new();
        for (at, planned) in self.plan.steps.iter().enumerate() {
            let id = &planned.info.id;
            let Some(taken) = self.taken.get(id) else { continue };
            let tell = |what: What| self.world.bus.emit(Some(id), what);
            for EvidenceFile { name, file, sha256, bytes } in taken.evidence.clone() {
                tell(What::Evidence { name, file, sha256, bytes });
            }
            for (name, value) in taken.published.clone() {
                tell(What::Published { name, value });
            }
            if !taken.published.is_empty() {
                let mut published = self.world.published.lock().unwrap_or_else(PoisonError::into_inner);
                published.insert(id.clone(), taken.published.clone());
            }
            schedule.finished(at, taken.result.outcome);
            results.push(self.tell(taken.result.clone()));
        }
        results
    }

    fn step<'a>(&'a self, planned: &'a Planned) -> StepRun<'a> {
        let info = &planned.info;
        let of = |cluster: Option<String>| self.bodies.get(&(info.playbook.clone(), cluster, info.step.clone()));
        let body = of(info.cluster.clone()).or_else(|| of(None)).cloned();
        StepRun { run: self, planned, body }
    }

    fn tell(&self, result: StepResult) -> StepResult {
        let id = result.id.clone();
        self.world.bus.emit(Some(&id), What::StepFinished(Box::new(result.clone())));
        result
    }
}

//! Which step may start now: dependencies, the number of jobs, exclusiveness on clusters.

use crate::event::{Effect, Outcome};
use crate::playbook::plan::{Plan, Planned};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    /// Between its closure and its check: it holds no cluster.
    Parked,
    /// Its check is due.
    Due,
    Done(Outcome),
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This step may start (or go on, when it was parked).
    Start(usize),
    /// This step can't run: something it needs did not pass.
    Blocked(usize, String),
    /// Nothing until a step ends or is due.
    Wait,
    /// Every step has ended.
    Finished,
}

/// The states of a plan's steps.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    jobs: usize,
    states: Vec<State>,
    /// Steps that will only say that they are skipped: they need no cluster for themselves.
    left_out: Vec<bool>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(plan: &'a Plan, jobs: usize, left_out: impl Fn(&Planned) -> bool) -> Self {
        let left_out = plan.steps.iter().map(left_out).collect();
        Self { plan, jobs: jobs.max(1), states: vec![State::Waiting; plan.steps.len()], left_out }
    }

    /// A step that may start is taken as running from here on.
    pub(super) fn next(&mut self) -> Next {
        if self.states.iter().all(|s| matches!(s, State::Done(_))) {
            return Next::Finished;
        }
        let running = self.states.iter().filter(|s| **s == State::Running).count();
        // What a step that waits for its clusters reserves, so that later ones do not overtake it for ever.
        let mut reserved: Vec<&str> = Vec::new();
        for at in 0..self.states.len() {
            let step = &self.plan.steps[at];
            match self.states[at] {
                State::Waiting => {}
                State::Due => {
                    if running < self.jobs && self.free(at, &reserved) {
                        self.states[at] = State::Running;
                        return Next::Start(at);
                    }
                    reserved.extend(step.clusters.iter().map(String::as_str));
                    continue;
                }
                _ => continue,
            }
            if let Some(why) = self.blocked(at) {
                return Next::Blocked(at, why);
            }
            if !self.ready(at) {
                continue;
            }
            if running < self.jobs && self.free(at, &reserved) {
                self.states[at] = State::Running;
                return Next::Start(at);
            }
            // What waits for another disruption to end could not begin even on a free cluster.
            if self.exclusive(at) && !(self.disrupts(at) && self.disrupting()) {
                reserved.extend(step.clusters.iter().map(String::as_str));
            }
        }
        Next::Wait
    }

    pub(super) fn finished(&mut self, at: usize, outcome: Outcome) {
        self.states[at] = State::Done(outcome);
    }

    pub(super) fn parked(&mut self, at: usize) {
        self.states[at] = State::Parked;
    }

    pub(super) fn due(&mut self, at: usize) {
        if self.states[at] == State::Parked {
            self.states[at] = State::Due;
        }
    }

    /// Ends every step that has not begun; which they were.
    pub(super) fn abandon(&mut self) -> Vec<usize> {
        let waiting: Vec<usize> = (0..self.states.len()).filter(|i| self.states[*i] == State::Waiting).collect();
        for at in &waiting {
            self.states[*at] = State::Done(Outcome::Skipped);
        }
        waiting
    }

    fn outcome(&self, at: usize) -> Option<Outcome> {
        match self.states[at] {
            State::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Why it will never run.
    fn blocked(&self, at: usize) -> Option<String> {
        let step = &self.plan.steps[at];
        let name = |i: usize| &self.plan.steps[i].info.id;
        let need = step.needs.iter().find_map(|i| Some((*i, self.outcome(*i).filter(|o| !o.is_good())?)));
        if let Some((i, outcome)) = need {
            return Some(format!("needs {}, which {}", name(i), was(outcome)));
        }
        let stops =
            |o: &Outcome| matches!(o, Outcome::Failed | Outcome::Errored | Outcome::Blocked | Outcome::Inconclusive);
        let gate = step.gates.iter().find_map(|i| Some((*i, self.outcome(*i).filter(stops)?)));
        gate.map(|(i, outcome)| format!("stands on {} (P0), which {}", name(i), was(outcome)))
    }

    fn ready(&self, at: usize) -> bool {
        let step = &self.plan.steps[at];
        step.needs.iter().chain(&step.after).all(|i| self.outcome(*i).is_some())
    }

    /// Whether it has begun and not ended, be it parked meanwhile.
    fn begun(&self, at: usize) -> bool {
        matches!(self.states[at], State::Running | State::Parked | State::Due)
    }

    /// Whether a disrupting step has begun and not ended.
    fn disrupting(&self) -> bool {
        (0..self.states.len()).any(|i| self.begun(i) && self.disrupts(i))
    }

    fn disrupts(&self, at: usize) -> bool {
        self.plan.steps[at].info.effect >= Effect::Disrupt && !self.left_out[at]
    }

    fn exclusive(&self, at: usize) -> bool {
        self.plan.steps[at].decl.alone && !self.left_out[at] || self.disrupts(at)
    }

    fn free(&self, at: usize, reserved: &[&str]) -> bool {
        let step = &self.plan.steps[at];
        let shares = |other: &Planned| other.clusters.iter().any(|c| step.clusters.contains(c));
        if step.clusters.iter().any(|c| reserved.contains(&c.as_str())) {
            return false;
        }
        (0..self.states.len()).filter(|i| *i != at).all(|i| {
            let other = &self.plan.steps[i];
            if self.disrupts(at) && self.disrupts(i) && self.begun(i) {
                return false;
            }
            self.states[i] != State::Running || !shares(other) || (!self.exclusive(at) && !self.exclusive(i))
        })
    }
}

fn was(outcome: Outcome) -> String {
    match outcome {
        Outcome::Manual => "waits for a person".into(),
        other => {
            format!("{} {other}", if other == Outcome::Failed || other == Outcome::Errored { "has" } else { "was" })
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;

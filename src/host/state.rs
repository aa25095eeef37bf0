//! What a step gathers while it runs: failures, warnings, notes, metrics, evidence.

use super::closure::Closure;
use crate::event::{Failure, Metric};

/// The findings of one attempt of a step.
#[derive(Debug, Default)]
pub struct StepState {
    /// Host calls made.
    pub calls: u64,
    /// Matchers that were judged, whether they held or not.
    pub judged: u64,
    /// Expectations that did not hold, in order.
    pub failures: Vec<Failure>,
    /// Expectations over an empty population: why they say nothing.
    pub inconclusive: Vec<String>,
    /// `t.warn`
    pub warnings: Vec<String>,
    /// `t.note`
    pub notes: Vec<String>,
    /// `t.metric`
    pub metrics: Vec<Metric>,
    /// `t.evidence`: files relative to the run's folder.
    pub evidence: Vec<String>,
    /// `expect(…)` whose matcher has not been called yet: label and place.
    pub unmatched: Vec<(u64, String, Option<crate::error::Place>)>,
    /// How many `eventually` are on their way: their attempts' failures are not told as they come.
    pub trying: u32,
    /// `finally(…)` closures, in order of registration.
    pub finally: Vec<Closure>,
    /// What lives until the step ends: port-forwards, sessions.
    pub kept: Vec<Box<dyn std::any::Any + Send>>,
}

/// How much a step had found at a moment, to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    failures: usize,
    inconclusive: usize,
    unmatched: usize,
}

impl StepState {
    /// Remembers how much was found.
    pub fn mark(&self) -> Mark {
        Mark { failures: self.failures.len(), inconclusive: self.inconclusive.len(), unmatched: self.unmatched.len() }
    }

    /// Forgets what was found since: the attempt does not count.
    pub fn rewind(&mut self, mark: Mark) {
        self.failures.truncate(mark.failures);
        self.inconclusive.truncate(mark.inconclusive);
        self.unmatched.truncate(mark.unmatched);
    }

    /// What was found since that does not hold.
    pub fn failures_since(&self, mark: Mark) -> &[Failure] {
        self.failures.get(mark.failures..).unwrap_or_default()
    }

    /// What was found since that says nothing.
    pub fn inconclusive_since(&self, mark: Mark) -> &[String] {
        self.inconclusive.get(mark.inconclusive..).unwrap_or_default()
    }
}

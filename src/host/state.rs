//! What a step gathers while it runs: failures, warnings, notes, metrics, evidence.

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
    /// `finally(…)` closures, in order of registration.
    pub finally: Vec<Finally>,
    /// What lives until the step ends: port-forwards, sessions.
    pub kept: Vec<Box<dyn std::any::Any + Send>>,
}

/// A closure to call at the step's end.
pub struct Finally {
    /// The closure.
    pub call: rhai::FnPtr,
    /// Where it can be called from another thread and for imported modules.
    #[expect(
        deprecated,
        reason = "Rhai marks it volatile; it is the one way to call a closure of an imported module later"
    )]
    pub store: rhai::NativeCallContextStore,
}

impl std::fmt::Debug for Finally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Finally")
    }
}

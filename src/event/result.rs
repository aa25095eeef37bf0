//! What a step came to: its outcome with failures and measurements.

use serde::{Deserialize, Serialize};

use super::{Outcome, number};
use crate::error::{Error, Place};

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
    /// The boxes of the checklist that the playbook says it judges: some of the step's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
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

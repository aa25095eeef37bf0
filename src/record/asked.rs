//! What was typed, as far as it says what runs and how: what `--resume` and `--rerun` begin with.

use serde::{Deserialize, Serialize};

/// The arguments of a run that another one takes over, each as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `--only`; where the run repeats an earlier one in part, the ids of its steps.
    pub only: Vec<String>,
    /// `--skip`
    pub skip: Vec<String>,
    /// `--priority`
    pub priority: Vec<String>,
    /// `--cluster`
    pub cluster: Vec<String>,
    /// `--from`
    pub from: Option<String>,
    /// `--config`
    pub config: Option<String>,
    /// `--context`
    pub contexts: Vec<String>,
    /// `--profile`
    pub profile: Option<String>,
    /// The platform that was opened for the run alone, in place of a configured one.
    pub platform: Option<String>,
    /// `--set`
    pub set: Vec<String>,
    /// `--allow`
    pub allow: Vec<String>,
    /// `--read-only`
    pub read_only: bool,
    /// `--jobs`
    pub jobs: Option<usize>,
    /// `--timeout`, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// `--report`
    pub reports: Vec<String>,
}

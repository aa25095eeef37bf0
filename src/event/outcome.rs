//! How steps end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a step ended. Only [`Outcome::Passed`] counts as passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Something was looked at and was right.
    Passed,
    /// Right, with a warning.
    Warned,
    /// Something was looked at and was not right.
    Failed,
    /// It could not be found out: unreachable, a missing tool, a script error.
    Errored,
    /// Nothing was asserted, or there was nothing to look at.
    Inconclusive,
    /// Waits for a person's attestation.
    Manual,
    /// Left out, with a reason, or its effect was not allowed.
    Skipped,
    /// Something it needs did not pass.
    Blocked,
}

impl Outcome {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Warned,
        Self::Failed,
        Self::Errored,
        Self::Inconclusive,
        Self::Manual,
        Self::Skipped,
        Self::Blocked,
    ];

    /// One line: what it means.
    pub fn about(self) -> &'static str {
        match self {
            Self::Passed => "something was looked at, and it was right",
            Self::Warned => "right, with a warning",
            Self::Failed => "something was looked at, and it was not right",
            Self::Errored => "it could not be found out: unreachable, a missing tool, an error in the script",
            Self::Inconclusive => "nothing was asserted, or there was nothing to look at",
            Self::Manual => "waits for a person's judgement",
            Self::Skipped => "left out, with a reason, or its effect was not allowed",
            Self::Blocked => "something that it needs did not pass",
        }
    }

    /// The word used everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Inconclusive => "inconclusive",
            Self::Manual => "manual",
            Self::Skipped => "skipped",
            Self::Blocked => "blocked",
        }
    }

    /// Whether a step that needs this one may run.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Passed | Self::Warned)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

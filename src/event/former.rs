//! What a run says of the earlier one that it goes on with, and what it takes over from there.

use serde::{Deserialize, Serialize};

use super::Outcome;

/// The earlier run that a run goes on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Former {
    /// Its id.
    pub run: String,
    /// What this one makes of it.
    pub how: How,
    /// How many steps of this run's plan passed there and stand.
    pub stand: u64,
    /// Why passes of the former run do not stand, each a clause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<String>,
    /// What else is not as it was then, each a clause: a text that has changed of which no pass stood, a step that is no
    /// longer declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// Steps of the former run that did not pass there and are no part of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outstanding: Vec<Outstanding>,
}

/// What a run makes of the former one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// `--resume`: goes on with it; the result is that of the whole.
    Resumes,
    /// `--rerun`: runs what did not pass there, and that alone.
    Reruns,
}

impl How {
    /// `resumes`, `reruns`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resumes => "resumes",
            Self::Reruns => "reruns",
        }
    }
}

/// A step that still has to pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outstanding {
    /// Which step.
    pub id: String,
    /// How it ended; none where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why a pass is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl std::fmt::Display for Outstanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outcome = self.outcome.map_or("never ended", Outcome::as_str);
        match &self.why {
            Some(why) => write!(f, "{} ({outcome}, but {why})", self.id),
            None => write!(f, "{} ({outcome})", self.id),
        }
    }
}

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

//! How strongly steps and calls may act.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How strongly something may act, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Only looks.
    #[default]
    Read,
    /// Creates test objects of its own, asks for a reconcile or a refresh.
    Write,
    /// Changes what this run did not create: drains, suspends, upgrades.
    Disrupt,
    /// Deletes what this run did not create, resets nodes.
    Destroy,
}

impl Effect {
    /// One line: what it allows.
    pub fn about(self) -> &'static str {
        match self {
            Self::Read => "only looks",
            Self::Write => "creates test objects of its own, asks for a reconcile or a refresh",
            Self::Disrupt => "changes what the run did not create: drains, suspends, upgrades; needs `--allow disrupt`",
            Self::Destroy => "deletes what the run did not create, resets nodes; needs `--allow destroy=CLUSTER`",
        }
    }

    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Disrupt, Self::Destroy];

    /// The word used in playbooks, on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Disrupt => "disrupt",
            Self::Destroy => "destroy",
        }
    }

    /// The effect that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == word)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

//! What a cluster's source-controller can fetch from the platform's own GitLab: told to the clusters after each change, so
//! that a fetch need ask nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A project's branch `main`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Project {
    /// Its newest commit.
    pub(crate) commit: String,
    /// All files of it, by path.
    pub(crate) files: BTreeMap<String, String>,
    /// The passwords and tokens that may read it.
    pub(crate) passwords: Vec<String>,
}

/// The projects, by the URL that they are cloned from.
#[derive(Debug, Default)]
pub(crate) struct Projects(Mutex<BTreeMap<String, Project>>);

impl Projects {
    /// These are there from now on, and no others.
    pub(crate) fn hold(&self, all: BTreeMap<String, Project>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// The project at a URL.
    pub(crate) fn at(&self, url: &str) -> Option<Project> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }
}

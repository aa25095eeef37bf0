//! What a matcher found, and the values that no matcher can judge.

use rhai::Dynamic;

use crate::host::object::Missing;
use crate::host::values::show;

/// What a matcher found.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is so.
    Holds,
    /// There was nothing to look at: why.
    Empty(String),
    /// It is not so.
    Fails {
        /// What should have been there.
        expected: String,
        /// What was there.
        actual: String,
        /// The object, where it is not the value's own.
        object: Option<String>,
        /// Where two structures differ, one line a path.
        diff: Vec<String>,
    },
}

impl Verdict {
    /// It is not so.
    pub(super) fn fails(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Fails { expected: expected.into(), actual: actual.into(), object: None, diff: Vec::new() }
    }

    /// Holds, or fails with these words and the value shown.
    pub(super) fn of(holds: bool, expected: impl FnOnce() -> String, actual: &Dynamic) -> Self {
        if holds { Self::Holds } else { Self::fails(expected(), show(actual)) }
    }

    /// The failure of a matcher on what is absent, or against it.
    pub(super) fn absent(expected: impl FnOnce() -> String, values: &[&Dynamic]) -> Option<Self> {
        let missing = values.iter().find_map(|value| value.read_lock::<Missing>().map(|missing| missing.clone()))?;
        Some(Self::Fails {
            expected: expected(),
            actual: missing.to_string(),
            object: Some(missing.object()),
            diff: Vec::new(),
        })
    }
}

/// How many offenders a failure names.
const NAMED: usize = 20;

/// The items that are not as they should be: how many, and the first of them in words.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    count: usize,
    named: Vec<String>,
}

impl Offenders {
    /// One more. Its words are made only where a failure would show them: an object is read several times for its own.
    pub(super) fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(words());
        }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl std::fmt::Display for Offenders {
    /// `a, b, c and 37 more`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.named.join(", "))?;
        match self.count - self.named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// `1 item`, `3 items`
pub(super) fn items(count: usize) -> String {
    if count == 1 { "1 item".into() } else { format!("{count} items") }
}

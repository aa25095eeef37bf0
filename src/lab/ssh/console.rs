//! What stands behind an SSH server: something that answers lines.

use std::fmt::Debug;

/// A command line, as a router has one.
pub trait Console: Debug + Send + Sync + 'static {
    /// What a session begins with.
    fn greeting(&self) -> String;
    /// What stands before each line; `configuring` while in the configuration.
    fn prompt(&self, configuring: bool) -> String;
    /// Answers a line.
    fn answer(&self, line: &str, configuring: bool) -> Reply;
    /// The words that may come next, where the line so far is to be helped with.
    fn next_words(&self, words: &[&str]) -> Vec<String>;
}

/// What came of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// What is printed.
    pub text: String,
    /// How a command that was run alone ends.
    pub code: u32,
    /// Whether the session is in the configuration afterwards.
    pub configuring: bool,
    /// Whether it is over.
    pub over: bool,
}

//! As much of a shell as the commands of containers need: lists, conditions, loops, pipes, variables, redirections.
//!
//! A script is read into a flat list of operations, so that it can stand still in a `sleep` for as long as the lab's
//! clock wants, and go on: the shell of `kubectl exec` waits where it is called, this one is looked at from time to time. What is beyond it (functions, `case`, here-documents) is an error of the reader, not a guess.

mod expand;
mod machine;
mod parse;
mod words;

pub(crate) use machine::{Machine, Step, finish};

/// The value of an expression in whole numbers: `1 + 2`.
pub(crate) fn calculate(text: &str) -> i64 {
    expand::arithmetic(text, &|_| None)
}

#[cfg(test)]
mod tests;

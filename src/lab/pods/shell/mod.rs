//! A small shell, for programs that are run in containers: lists, pipes, redirections, variables, loops.
//!
//! It is to busybox' `ash` what the lab is to a platform: what people type into `kubectl exec` works, and what it does
//! not know it says so.

mod parse;
mod run;
mod words;

pub(crate) use run::{Around, Ended, Out, Shell, Stdin};

#[cfg(test)]
mod tests;

//! The command line: one file a subcommand.

pub mod completions;
pub mod doctor;
mod files;
pub mod init;
pub mod new;

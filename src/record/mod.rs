//! The run's folder, `.pb/runs/<id>/`, and reading it back.
//!
//! | file | what stands in it |
//! |---|---|
//! | `run.json` | format, version of pb, command line, host and process, playbooks, settings, clusters; how it ended |
//! | `journal.jsonl` | every event, one a line, each written at once |
//! | `ledger.jsonl` | the events of undo rows once more, on the disk before the change is made |
//! | `calls.jsonl` | every call with its request and its answer; at the end compressed to `calls.jsonl.gz` |
//! | `evidence/` | what playbooks kept as evidence |
//! | `lock` | held by the process that runs, so that a killed run can be told from a running one |
//!
//! A run writes through [`Record`], a listener like any other. [`Recorded`] reads it back: the same events.

mod append;
mod asked;
mod calls;
mod course;
mod find;
mod folder;
mod info;
mod left;
mod lines;
mod list;
mod lock;
mod pack;
mod recorded;
mod review;
mod tail;
mod writer;

#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use calls::RecordedCall;
pub use course::{Course, LeftRow};
pub use find::find;
pub use folder::Folder;
pub use info::{ClusterInfo, End, FORMAT, RunInfo};
pub use left::{Left, UnreadableRow};
pub use lines::Lines;
pub use list::{RunSummary, State, list};
pub use lock::Lock;
pub use recorded::Recorded;
pub(crate) use review::info as freed;
pub use tail::{News, Tail};
pub use writer::{Record, Unwritten};

/// Every event.
pub(crate) const JOURNAL: &str = "journal.jsonl";
/// The undo rows.
pub(crate) const LEDGER: &str = "ledger.jsonl";
/// Requests and answers.
pub(crate) const CALLS: &str = "calls.jsonl";
/// The same once the run has ended.
pub(crate) const PACKED_CALLS: &str = "calls.jsonl.gz";

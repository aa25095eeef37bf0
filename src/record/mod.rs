//! The run's folder: `.pb/runs/<id>/` with the journal of events and the evidence.

mod folder;
mod journal;

pub use folder::Folder;
pub use journal::Journal;

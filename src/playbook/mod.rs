//! Playbooks as data: where their texts come from, what they declare, and the plan of a run.

pub mod checklist;
mod declared;
mod library;
pub mod matrix;
mod order;
pub mod plan;
mod select;
mod source;

pub use declared::{Later, On, PlaybookDecl, PlaybookKind, Retry, StepDecl};
pub use library::{Library, natural, seen_from};
pub use source::{Origin, Source};

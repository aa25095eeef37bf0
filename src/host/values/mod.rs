//! Values that scripts share with every module: durations, sizes, secrets, and the way to JSON and back.

mod convert;
mod depth;
mod duration;
mod rows;
mod secret;
mod show;
mod size;

/// A duration as a text that says exactly how long it is and can be read again: `1m30s`.
pub use crate::config::units::show_duration as exact;
pub use convert::{from_dynamic, to_array, to_dynamic};
pub use depth::{DEPTH, STACK, bounded, depth_of_list};
pub use duration::parse_duration;
pub(crate) use rows::MODULE;
pub use secret::Secret;
pub use show::{number, show, type_name};
pub use size::Size;

//! The four kinds of patch, and who owns which field.

mod compare;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod managers;
pub(crate) mod merge;
mod merged;
mod owner;
pub(crate) mod strategic;

pub(crate) use managers::Managers;
pub(crate) use owner::Owner;

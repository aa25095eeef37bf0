//! What kustomize would build of a folder, as far as Flux repositories use it: resources, components, generators,
//! patches, namespaces, prefixes, labels. What can't be known here (remote bases, charts, plugins) leaves the build open.

mod build;
mod generate;
mod merge;
mod patch;
mod select;
mod transform;

pub use build::{Build, Builder};

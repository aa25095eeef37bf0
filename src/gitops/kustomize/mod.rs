//! What kustomize would build of a folder, as far as Flux repositories use it: resources, components, generators,
//! patches, namespaces, prefixes, labels. What can't be known here (remote bases, charts, plugins) leaves the build open.

mod build;
mod form;
mod generate;
mod merge;
mod open;
mod patch;
mod select;
mod transform;

pub use build::Builder;
pub use open::Build;

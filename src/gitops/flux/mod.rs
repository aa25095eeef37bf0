//! What Flux would do with the repository: Kustomizations from a cluster's entry point on, and their variables.

mod cluster;
mod substitute;
mod variables;
mod walk;

pub use cluster::{Cluster, Unit};
pub use substitute::{Variables, substitute};
pub use walk::walk;

/// The API groups of Flux.
pub const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
/// Helm releases.
pub const HELM: &str = "helm.toolkit.fluxcd.io";
/// Sources.
pub const SOURCE: &str = "source.toolkit.fluxcd.io";

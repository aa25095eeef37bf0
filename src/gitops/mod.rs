//! A Flux repository, judged without a cluster and without tools.
//!
//! [`load`] walks from the entry points of the clusters to everything that Flux would apply, builds it as kustomize
//! would, substitutes as Flux would, and judges the result by the [`rules`]. What no entry point reaches is not read.
//! Nothing here knows scripts, clusters or programs.

pub mod files;
pub mod finding;
pub mod flux;
pub mod kustomize;
pub mod object;
pub mod rules;
#[cfg(test)]
mod tests;
pub mod yaml;

use std::path::Path;

use crate::error::{Error, Kind, Result, did_you_mean};
use files::{Files, join};
use finding::{Finding, Findings};
use flux::Cluster;
pub use rules::{RULES, Rule};

/// How a repository is laid out, and what it is for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The entry points: names of clusters, and folders from the repository's root. Empty: each folder of
    /// `kubernetes/clusters`, else of `clusters`.
    pub entries: Vec<(String, String)>,
    /// Names of sources that hold this very repository, besides `flux-system`.
    pub sources: Vec<String>,
    /// Folders with Talos configurations.
    pub talos: Vec<String>,
    /// The version of Kubernetes that runs.
    pub kubernetes: String,
    /// Rules that don't count, as `rule`, `rule path/of/file` or `rule Kind namespace/name`, with reasons.
    pub waive: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            sources: Vec::new(),
            talos: vec!["talos".into(), "kubernetes/talos".into()],
            kubernetes: "1.34".into(),
            waive: Vec::new(),
        }
    }
}

/// A repository that was read and judged.
#[derive(Debug)]
pub struct Repository {
    /// The files that were read.
    pub files: Files,
    /// The clusters.
    pub clusters: Vec<Cluster>,
    /// What is wrong, and why it does not count where it was waived.
    pub findings: Vec<(Finding, Option<String>)>,
}

/// Reads and judges the repository in a folder.
///
/// # Errors
/// [`Kind::Io`] where there is no such folder, [`Kind::NotFound`] where it has no such entry point; [`Kind::Script`] for a waived rule that there is not.
pub fn load(root: &Path, options: &Options) -> Result<Repository> {
    if !root.is_dir() {
        let message =
            format!("there is no folder {}: a checkout of the Flux repository is expected there", root.display());
        return Err(Error::new(Kind::Io, message));
    }
    for (waived, _) in &options.waive {
        let rule = waived.split(' ').next().unwrap_or_default();
        if !RULES.iter().any(|known| known.id == rule) {
            let error = Error::new(Kind::Script, format!("there is no rule \"{rule}\" to waive"));
            return Err(error.maybe_hint(did_you_mean(rule, RULES.iter().map(|rule| rule.id))));
        }
    }
    let mut files = Files::new(root);
    let entries = entries(&files, options, root)?;
    let mut findings = Findings::default();
    let mut clusters = Vec::new();
    for (name, entry) in &entries {
        findings.of_cluster(name);
        clusters.push(flux::walk(&mut files, &mut findings, name, entry, &options.sources));
    }
    let nodes = rules::nodes(&mut files, options);
    for cluster in &clusters {
        findings.of_cluster(&cluster.name);
        let view = rules::View { cluster, all: &clusters, options, nodes: nodes.as_deref() };
        rules::judge(&view, &mut findings);
    }
    let findings = findings.sorted(|at| files.name(at.file).to_owned());
    let findings = findings.into_iter().map(|one| (waived(&one, options, &files), one)).map(|(why, one)| (one, why));
    Ok(Repository { findings: findings.collect(), files, clusters })
}

fn entries(files: &Files, options: &Options, root: &Path) -> Result<Vec<(String, String)>> {
    let mut entries: Vec<(String, String)> =
        options.entries.iter().map(|(name, folder)| (name.clone(), join(".", folder))).collect();
    for folder in ["kubernetes/clusters", "clusters"] {
        if entries.is_empty() {
            let names = files.list(folder).into_iter().map(|name| (name.clone(), join(folder, &name)));
            entries = names.filter(|(_, path)| files.is_folder(path)).collect();
        }
    }
    if let Some((name, folder)) = entries.iter().find(|(_, folder)| folder.is_empty() || !files.is_folder(folder)) {
        let message = format!("{} has no folder {folder}, the entry point of cluster {name}", root.display());
        return Err(Error::new(Kind::NotFound, message));
    }
    if entries.is_empty() {
        let message = format!("{} has no folder in kubernetes/clusters: no entry point was found", root.display());
        return Err(Error::new(Kind::NotFound, message).hint("name them: #{ clusters: #{ infra: \"path/of/infra\" } }"));
    }
    Ok(entries)
}

fn waived(finding: &Finding, options: &Options, files: &Files) -> Option<String> {
    let fits = |waived: &str| match waived.split_once(' ') {
        None => waived == finding.rule,
        Some((rule, what)) => rule == finding.rule && (what == files.name(finding.at.file) || what == finding.object),
    };
    options.waive.iter().find(|(waived, _)| fits(waived)).map(|(_, reason)| reason.clone())
}

//! What is wrong, with its place and the way there.

use super::yaml::At;

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// The clusters whose entry points lead there.
    pub clusters: Vec<String>,
    /// Where it stands.
    pub at: At,
    /// The object that is concerned, `Kind namespace/name`; empty where it is a file.
    pub object: String,
    /// What is wrong, and what follows.
    pub message: String,
    /// From the entry point: folders, Flux Kustomizations, kustomization files.
    pub chain: Vec<String>,
}

/// Collects findings; the same one of two clusters is one.
#[derive(Debug, Default)]
pub struct Findings {
    cluster: String,
    list: Vec<Finding>,
}

impl Findings {
    /// Names the cluster that the next findings belong to.
    pub fn of_cluster(&mut self, cluster: &str) {
        cluster.clone_into(&mut self.cluster);
    }

    /// Adds one.
    pub fn add(&mut self, rule: &'static str, at: At, object: &str, message: impl Into<String>, chain: &[String]) {
        let message = message.into();
        let same = |one: &&mut Finding| one.rule == rule && one.at == at && one.message == message;
        match self.list.iter_mut().find(same) {
            Some(known) if known.clusters.contains(&self.cluster) => {}
            Some(known) => known.clusters.push(self.cluster.clone()),
            None => self.list.push(Finding {
                rule,
                clusters: vec![self.cluster.clone()],
                at,
                object: object.into(),
                message,
                chain: chain.to_vec(),
            }),
        }
    }

    /// All of them, in the order of the files' names and lines.
    pub fn sorted(mut self, name: impl Fn(At) -> String) -> Vec<Finding> {
        self.list.sort_by_cached_key(|one| (name(one.at), one.at.line, one.rule, one.message.clone()));
        self.list
    }
}

//! What is known of a run before it begins: what `run.json` keeps.

use std::path::PathBuf;

use super::prepare::{self, Planned, Prepared};
use super::run::Args;
use super::{resume, secret_settings};
use crate::client::kube::connect;
use crate::config::{Cluster, Config, Environment};
use crate::record::{ClusterInfo, RunInfo};

/// The clusters that may be reached, as the record keeps them.
pub(super) fn clusters(config: &Config) -> Vec<ClusterInfo> {
    let path = |path: &PathBuf| path.display().to_string();
    let of = |(name, cluster): (&String, &Cluster)| {
        // A cluster that no step runs on may lack its context.
        let leads = connect::look(name, cluster.kubeconfig.as_deref(), config.context(name)).ok();
        let (server, file) = leads.map(|leads| (leads.server, leads.kubeconfig)).unwrap_or_default();
        ClusterInfo {
            name: name.clone(),
            context: config.context(name).into(),
            kubeconfig: file.as_ref().or(cluster.kubeconfig.as_ref()).map(path),
            server,
            id: None,
        }
    };
    config.clusters.iter().map(of).collect()
}

/// What is known of the run before it begins.
pub(super) fn described(
    args: &Args,
    prepared: &Prepared,
    planned: &Planned,
    environment: &Environment,
    started: jiff::Timestamp,
) -> RunInfo {
    let config = &prepared.config;
    let path = |path: &PathBuf| path.display().to_string();
    let of_plan = |id: &String| planned.loaded.iter().find(|l| l.info.id == *id).map(|l| l.info.clone());
    RunInfo {
        arguments: secret_settings::typed(),
        targets: args.targets.clone(),
        dir: path(&environment.dir),
        config: config.path.as_ref().map(path),
        profile: config.profile.clone(),
        playbooks: planned.plan.playbooks.iter().filter_map(of_plan).collect(),
        settings: prepare::all_settings(&planned.loaded),
        places: resume::places(config),
        asked: Some(resume::asked(args)),
        ..RunInfo::here(started)
    }
}

//! What is known of a run before it begins: playbooks, modules, settings, steps.

use serde::{Deserialize, Serialize};

use super::Effect;
use crate::error::Place;

/// A playbook that takes part in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaybookInfo {
    /// `t5`
    pub id: String,
    /// The title that it declares.
    pub title: String,
    /// Where it was read.
    pub path: String,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
    /// `disk` or `embedded`.
    pub source: String,
}

/// A module that playbooks of a run import: of the standard library, or a file beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// The file's name without folder and ending: `bgp`.
    pub name: String,
    /// Where it was read.
    pub path: String,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
    /// `disk` or `embedded`.
    pub source: String,
    /// The ids of the playbooks that use it, themselves or through another module.
    pub playbooks: Vec<String>,
}

/// A setting and where its value came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingInfo {
    /// The playbook that declares it.
    pub playbook: String,
    /// `bgp_asn`
    pub name: String,
    /// The cluster that it has this value for; none where it is the same for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The value in force.
    pub value: serde_json::Value,
    /// What the playbook says without any configuration.
    pub default: serde_json::Value,
    /// `default`, `pb.toml`, `profile monosense`, `PB_SET_…`, `--set`.
    pub from: String,
    /// What it means, in the playbook's words.
    pub about: String,
}

/// What is known of a step before it runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepInfo {
    /// `t5/bgp-table@infra`
    pub id: String,
    /// `t5`
    pub playbook: String,
    /// `bgp-table`
    pub step: String,
    /// The cluster it runs on, if it runs on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// One line for a person.
    pub title: String,
    /// `P0`, `P1` or `P2`.
    pub priority: String,
    /// Boxes of the checklist.
    pub covers: Vec<String>,
    /// What it may do.
    pub effect: Effect,
    /// `R1` to `R10`, where it answers a risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// The first things to look at when it fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub if_fails: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

//! The programs that playbooks start, and whether they are on the PATH.

use std::path::PathBuf;

use super::view::{Row, Section, State};
use crate::config::{Config, Environment};

/// Each program with what needs it. `pb` itself talks to clusters, routers and services without any of them.
const TOOLS: [(&str, &str); 14] = [
    ("bash", "sh::script, and settings that are command lines (failover_command of t5)"),
    ("git", "the state of the manifests' repository"),
    ("task", "the repository's own tasks, such as bootstrapping"),
    ("kustomize", "building manifests before they are deployed"),
    ("kubeconform", "checking manifests against schemas"),
    ("helmfile", "the core releases of a bootstrap"),
    ("yq", "the repository's own tasks"),
    ("flux", "flux build, and looking at sources by hand"),
    ("talosctl", "generating and applying machine configuration"),
    ("cilium", "cilium connectivity test"),
    ("hubble", "looking at flows"),
    ("docker", "pushing and pulling an image of a registry"),
    ("op", "secrets written as op://…"),
    ("kubectl", "nothing in pb itself; the lines of --explain, typed by hand"),
];

/// The section, and whether a program is missing that the configuration itself needs.
pub(super) fn section(config: Option<&Config>, environment: &Environment) -> (Section, bool) {
    let needs_op = config.is_some_and(uses_op);
    let mut missing = false;
    let folders = config.map(|config| config.tools.path.clone()).unwrap_or_default();
    let rows = TOOLS.iter().map(|(tool, needed)| match find(tool, &folders, environment) {
        Some(path) => Row::new(State::Good, vec![(*tool).into(), path.display().to_string(), (*needed).into()]),
        None if *tool == "op" && needs_op => {
            missing = true;
            Row::new(State::Bad, vec![(*tool).into(), "not on PATH".into(), "pb.toml names secrets as op://…".into()])
        }
        None => Row::new(State::Absent, vec![(*tool).into(), "not on PATH".into(), (*needed).into()]),
    });
    let rows = rows.collect();
    (Section { title: "tools", rows }, missing)
}

fn uses_op(config: &Config) -> bool {
    let hosts = config.hosts.values().map(|host| &host.passphrase);
    let endpoints = config.endpoints.values().flat_map(|endpoint| [&endpoint.token, &endpoint.password]);
    hosts.chain(endpoints).flatten().any(|secret| secret.starts_with("op://"))
}

/// The program's file, as a shell would find it.
fn find(tool: &str, folders: &[PathBuf], environment: &Environment) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = environment.get("PATH").unwrap_or_default();
    let folders = folders.iter().cloned().chain(std::env::split_paths(path));
    folders
        .map(|folder| environment.dir.join(folder).join(tool))
        .find(|file| file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0))
}

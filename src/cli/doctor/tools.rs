//! The programs that playbooks start, and whether they are on the PATH.

use std::path::PathBuf;

use super::view::{Row, Section, State};
use crate::config::{Config, Environment};

/// Each program with what needs it. `pb` itself talks to clusters, routers and services without any of them.
const TOOLS: [(&str, &str); 14] = [
    ("bash", "sh::script, and failover_command and failover_undo of t5"),
    ("git", "t0 and t4: the repository's state"),
    ("task", "t0 and t1: the bootstrap tasks"),
    ("kustomize", "t0: building the manifests"),
    ("kubeconform", "t0: checking manifests against schemas"),
    ("helmfile", "t0 and t3: the core releases"),
    ("yq", "t0: the repository's own tasks"),
    ("flux", "t0: flux build; t13"),
    ("talosctl", "t1: generating and applying machine configuration"),
    ("cilium", "t5: cilium connectivity test"),
    ("hubble", "t5: flows"),
    ("docker", "t11: pushing and pulling an image"),
    ("op", "secrets written as op://…, and t0"),
    ("kubectl", "nothing in pb; the lines of --explain, typed by hand"),
];

/// The section, and whether a program is missing that the configuration itself needs.
pub(super) fn section(config: Option<&Config>, environment: &Environment) -> (Section, bool) {
    let needs_op = config.is_some_and(uses_op);
    let mut missing = false;
    let rows = TOOLS.iter().map(|(tool, needed)| match find(tool, environment) {
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
fn find(tool: &str, environment: &Environment) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = environment.get("PATH")?;
    std::env::split_paths(path)
        .map(|folder| environment.dir.join(folder).join(tool))
        .find(|file| file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0))
}

//! The story on real things: two Kubernetes clusters and a BGP router behind SSH.
//!
//! These tests are ignored unless asked for (`cargo test -- --ignored`); `.ci/run` starts what they
//! need from the folder `PB_SHARED`. Where it is missing they fail. One runs at a time: they compare what
//! stands in the clusters before and after.

mod cluster;
mod disk;
mod explained;
#[cfg(feature = "lab")]
mod export;
mod failing;
mod killed;
mod planted;
mod router;

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use crate::Test;

/// The clusters and the router, for one test at a time.
pub(crate) struct Real {
    _alone: File,
}

impl Real {
    /// Waits until no other test uses them.
    pub(crate) fn alone() -> Self {
        let lock = File::create(std::env::temp_dir().join("pb-real-tests.lock")).expect("a lock file");
        lock.lock().expect("locked");
        assert!(kubeconfig().is_file(), "{} is missing: start the clusters with realkube/up", kubeconfig().display());
        assert!(
            router_dir().join("id_ed25519").is_file(),
            "{} has no key: start the router with router/up",
            router_dir().display()
        );
        Self { _alone: lock }
    }

    /// A test with a `pb.toml` of both clusters and the router, and these settings.
    pub(crate) fn test(&self, settings: &str) -> Test {
        let router = router_dir();
        let kubeconfig = kubeconfig();
        let toml = format!(
            r#"[clusters.infra]
kubeconfig = "{kubeconfig}"
[clusters.infra.settings]
bgp_asn = 64512
bgp_prefixes = ["10.25.11.110/32", "10.25.11.111/32", "10.25.11.112/32", "10.25.11.119/32"]
[clusters.apps]
kubeconfig = "{kubeconfig}"
[clusters.apps.settings]
bgp_asn = 64513
bgp_prefixes = ["10.25.11.121/32", "10.25.11.122/32", "10.25.11.123/32", "10.25.11.139/32"]
[hosts.edge-1]
address = "10.99.0.1"
user = "netops"
key = "{router}/id_ed25519"
known_hosts = "{router}/known_hosts"
[settings]
bgp_sessions = 3
{settings}
"#,
            kubeconfig = kubeconfig.display(),
            router = router.display(),
        );
        Test::new().toml(&toml)
    }

    /// Everything that a run could leave behind, by name, in both clusters.
    pub(crate) fn inventory(&self) -> String {
        let mut all = String::new();
        for context in ["infra", "apps"] {
            all.push_str(&kubectl(&["--context", context, "get", "all,cm,secret,ns,pvc", "-A", "-o", "name"]));
        }
        all
    }
}

/// What `kubectl` prints.
#[track_caller]
pub(crate) fn kubectl(args: &[&str]) -> String {
    let output = kubectl_command(args).output().expect("kubectl runs");
    assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `kubectl`, not yet started.
pub(crate) fn kubectl_command(args: &[&str]) -> Command {
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig()).args(args);
    command
}

/// The router's script, with arguments.
#[track_caller]
pub(crate) fn router(args: &[&str]) {
    let output = Command::new("bash").arg(router_script()).args(args).output().expect("the router's script runs");
    assert!(output.status.success(), "router/up {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The router's script.
pub(crate) fn router_script() -> PathBuf {
    let shared = std::env::var_os("PB_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let script = shared.join("router/up");
    std::fs::canonicalize(&script).unwrap_or_else(|e| panic!("{}: {e}: set PB_SHARED", script.display()))
}

pub(crate) fn kubeconfig() -> PathBuf {
    let dir = std::env::var_os("REALKUBE_DIR").unwrap_or_else(|| "/var/tmp/realkube".into());
    PathBuf::from(dir).join("kubeconfig")
}

pub(crate) fn router_dir() -> PathBuf {
    std::env::var_os("ROUTER_DIR").unwrap_or_else(|| "/var/tmp/pbrouter".into()).into()
}

//! `pb.toml`, profiles, settings and the places of credentials, as one validated value.

pub mod environment;
pub mod keys;
pub mod load;
mod profiles;
mod reader;
pub mod secret;
mod sections;
pub mod settings;
pub mod units;
pub mod value;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use environment::Environment;
pub use load::{Overrides, load};
pub use secret::SecretRef;
pub use settings::{Declared, Origin, Resolved, Settings};
pub use value::{Type, Value};

use crate::error::{Error, Kind, Result, did_you_mean};

/// How much of a call's answer the record keeps, unless `answer_limit` says otherwise: a hundred pods or so.
pub const ANSWER_LIMIT: u64 = 256 * 1024;

/// Everything that was configured; made once, from files, environment and arguments.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The `pb.toml` that was read, if there was one.
    pub path: Option<PathBuf>,
    /// Its folder, or the working directory: relative paths are relative to it.
    pub dir: PathBuf,
    /// Where the folders of the runs stand.
    pub record: PathBuf,
    /// The longest answer of a call that the record keeps whole, in bytes; see [`Config::answer_limit`].
    pub answer_limit: Option<u64>,
    /// The checklist, where the platform brings its own.
    pub checklist: Option<PathBuf>,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// `ssh("edge-1")`
    pub hosts: BTreeMap<String, Host>,
    /// `http("grafana")`
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Networks in CIDR notation, and the proxy they are reached through.
    pub networks: BTreeMap<String, String>,
    /// What programs that are started find.
    pub tools: Tools,
    /// The profile in force.
    pub profile: Option<String>,
    /// What was configured of the playbooks' settings.
    pub settings: Settings,
}

impl Config {
    /// A cluster by its name.
    ///
    /// # Errors
    /// [`Kind::Config`] where none has it.
    pub fn cluster(&self, name: &str) -> Result<&Cluster> {
        self.clusters.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.clusters.keys().map(String::as_str).collect();
            Error::new(Kind::Config, format!("no cluster \"{name}\" (there are: {})", known.join(", ")))
                .maybe_hint(did_you_mean(name, known))
                .hint(format!("[clusters.{name}] in pb.toml makes one"))
        })
    }

    /// What the platform is called by: clusters, their contexts and nodes, hosts and their addresses, endpoints.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let clusters = self.clusters.iter().flat_map(|(name, cluster)| {
            let contexts = [Some(name), cluster.context.as_ref(), cluster.talos_context.as_ref()];
            contexts.into_iter().flatten().chain(&cluster.talos_nodes)
        });
        let hosts = self.hosts.iter().flat_map(|(name, host)| [Some(name), host.address.as_ref()]).flatten();
        let endpoints = self.endpoints.iter().flat_map(|(name, to)| [Some(name), to.service.as_ref()]).flatten();
        clusters.chain(hosts).chain(endpoints).map(String::as_str).chain(self.profile.as_deref())
    }

    /// The longest answer of a call that the record keeps whole, in bytes: as configured, or else [`ANSWER_LIMIT`].
    pub fn answer_limit(&self) -> usize {
        usize::try_from(self.answer_limit.unwrap_or(ANSWER_LIMIT)).unwrap_or(usize::MAX)
    }

    /// The kubeconfig's context of a cluster: as configured, or else the cluster's name.
    pub fn context<'a>(&'a self, cluster: &'a str) -> &'a str {
        self.clusters.get(cluster).and_then(|c| c.context.as_deref()).unwrap_or(cluster)
    }

    /// The talosconfig's context of a cluster: as configured, or else the cluster's name.
    pub fn talos_context<'a>(&'a self, cluster: &'a str) -> &'a str {
        self.clusters.get(cluster).and_then(|c| c.talos_context.as_deref()).unwrap_or(cluster)
    }
}

/// What the programs find that playbooks start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// Folders in which programs are looked for before those of `PATH`.
    pub path: Vec<PathBuf>,
    /// Variables of their environment.
    pub env: BTreeMap<String, String>,
}

impl Tools {
    /// `PATH` as programs get it, with the folders before what it was; none where there are none.
    pub fn path(&self, own: Option<&std::ffi::OsStr>) -> Option<std::ffi::OsString> {
        if self.path.is_empty() {
            return None;
        }
        let before = own.map(std::env::split_paths).into_iter().flatten();
        // A folder with a colon in its name can be in no PATH.
        std::env::join_paths(self.path.iter().cloned().chain(before)).ok()
    }
}

/// A Kubernetes cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// The kubeconfig; default: `$KUBECONFIG`, then the usual place.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; default: the cluster's name.
    pub context: Option<String>,
    /// The talosconfig; default: `$TALOSCONFIG`, then the usual place.
    pub talosconfig: Option<PathBuf>,
    /// The context in that; default: the cluster's name.
    pub talos_context: Option<String>,
    /// The nodes that are asked; default: those of that context.
    #[serde(default)]
    pub talos_nodes: Vec<String>,
    /// Whether the REPL is read-only on it until switched.
    #[serde(default)]
    pub protected: bool,
}

/// A host behind SSH.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Name or address; default: what `~/.ssh/config` says of the host's name.
    pub address: Option<String>,
    /// Default 22.
    pub port: Option<u16>,
    /// The user.
    pub user: Option<String>,
    /// The private key's file.
    pub key: Option<PathBuf>,
    /// Where the key's passphrase is: `env:NAME`, `file:PATH` …
    pub passphrase: Option<String>,
    /// The file of known host keys.
    pub known_hosts: Option<PathBuf>,
    /// Another host of `pb.toml` or of `~/.ssh/config` to go through.
    pub jump: Option<String>,
    /// `frr`, `ios`, `eos`; default: detected.
    pub dialect: Option<String>,
}

/// An HTTP endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `https://grafana.example.org`
    pub url: Option<String>,
    /// `cluster/namespace/service:port`, forwarded while it is used.
    pub service: Option<String>,
    /// Where the bearer token is.
    pub token: Option<String>,
    /// For basic authentication.
    pub user: Option<String>,
    /// Where that user's password is.
    pub password: Option<String>,
    /// A file with the certificate authority.
    pub ca: Option<PathBuf>,
    /// The address to connect to in place of what DNS says.
    pub resolve: Option<String>,
}

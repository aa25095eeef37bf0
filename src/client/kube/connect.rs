//! From a kubeconfig's context to a client.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::{Cluster, Inner, certificate};
use crate::error::{Error, Kind, Result, did_you_mean};

/// Reads the kubeconfig and builds the client of one context. Nothing is sent yet.
///
/// Exec credential plugins run synchronously in here: call it from `spawn_blocking`, inside a runtime.
///
/// # Errors
/// [`Kind::Config`] where the file or the context is missing or wrong.
pub fn connect(name: &str, kubeconfig: Option<&Path>, context: &str, connect_limit: Duration) -> Result<Cluster> {
    let (file, from) = read(kubeconfig)?;
    if !file.contexts.iter().any(|c| c.name == context) {
        let known: Vec<&str> = file.contexts.iter().map(|c| c.name.as_str()).collect();
        return Err(Error::new(
            Kind::Config,
            format!("cluster {name}: no context \"{context}\" in {from} (it has: {})", known.join(", ")),
        )
        .maybe_hint(did_you_mean(context, known.iter().copied()))
        .hint(format!(
            "--context {name}=CONTEXT maps the cluster to another context, [clusters.{name}] context does it for good"
        )));
    }
    let options = KubeConfigOptions { context: Some(context.to_string()), ..Default::default() };
    let mut config = block_on(kube::Config::from_custom_kubeconfig(file, &options)).map_err(|e| {
        Error::new(Kind::Config, format!("cluster {name}: context \"{context}\" of {from} can't be used")).caused_by(&e)
    })?;
    config.connect_timeout = Some(connect_limit);
    // Deadlines are the gate's; a retried POST could act twice.
    config.read_timeout = None;
    config.write_timeout = None;
    config.default_retry = false;
    let server = config.cluster_url.to_string().trim_end_matches('/').to_string();
    let loopback = config.cluster_url.host().is_some_and(is_loopback);
    if loopback {
        config.proxy_url = None;
    }
    let certificate = certificate::of_user(&config.auth_info);
    let client = kube::Client::try_from(config).map_err(|e| {
        Error::new(Kind::Config, format!("cluster {name}: the credentials of context \"{context}\" can't be used"))
            .caused_by(&e)
    })?;
    Ok(Cluster {
        inner: Arc::new(Inner {
            name: name.into(),
            context: context.into(),
            server,
            loopback,
            certificate,
            client,
            catalogue: tokio::sync::Mutex::default(),
        }),
    })
}

/// The contexts of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contexts {
    /// The file, as messages call it.
    pub from: String,
    /// Their names, in the file's order.
    pub names: Vec<String>,
}

/// Reads the names of the contexts of a kubeconfig; without a path, of `$KUBECONFIG` or of the usual place.
///
/// # Errors
/// [`Kind::Config`] where it can't be read.
pub fn contexts(kubeconfig: Option<&Path>) -> Result<Contexts> {
    let (file, from) = read(kubeconfig)?;
    Ok(Contexts { from, names: file.contexts.into_iter().map(|context| context.name).collect() })
}

fn read(path: Option<&Path>) -> Result<(Kubeconfig, String)> {
    let missing = |path: &Path, e: &(dyn std::error::Error + 'static)| {
        Error::new(Kind::Config, format!("the kubeconfig {} can't be read", path.display()))
            .caused_by(e)
            .hint("set kubeconfig in pb.toml's [clusters.NAME], or the variable KUBECONFIG")
    };
    if let Some(path) = path {
        let file = Kubeconfig::read_from(path).map_err(|e| missing(path, &e))?;
        return Ok((file, path.display().to_string()));
    }
    if let Some(paths) = std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty()) {
        let shown = PathBuf::from(&paths);
        let file = Kubeconfig::from_env().map_err(|e| missing(&shown, &e))?.unwrap_or_default();
        return Ok((file, format!("$KUBECONFIG ({})", shown.display())));
    }
    let path = std::env::home_dir().unwrap_or_default().join(".kube/config");
    let file = Kubeconfig::read_from(&path).map_err(|e| missing(&path, &e))?;
    Ok((file, path.display().to_string()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|a: std::net::IpAddr| a.is_loopback())
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Handle::current().block_on(future)
}

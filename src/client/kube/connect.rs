//! From a kubeconfig's context to a client.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::InvalidUri;
use kube::config::{KubeConfigOptions, Kubeconfig};
use reqwest::Url;

use super::{Cluster, Inner, certificate, identity, stack};
use crate::client::route::{Routes, resolve, shown};
use crate::error::{Error, Kind, Result, did_you_mean};

/// Reads the kubeconfig and builds the client of one context. Nothing is sent yet. A server in one of the networks
/// of `routes` is reached through that network's proxy, whatever the kubeconfig and the environment say.
///
/// Exec credential plugins run synchronously in here: call it from `spawn_blocking`, inside a runtime.
///
/// # Errors
/// [`Kind::Config`] where the file or the context is missing or wrong.
pub fn connect(
    name: &str,
    kubeconfig: Option<&Path>,
    context: &str,
    routes: &Routes,
    connect_limit: Duration,
) -> Result<Cluster> {
    let (file, from) = read(kubeconfig)?;
    find(name, &file, &from, context)?;
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
    } else if let Some(proxy) = block_on(proxy(routes, &config.cluster_url)) {
        config.proxy_url = Some(proxy.map_err(|e| e.context(format!("cluster {name}")))?);
    }
    let proxy = config.proxy_url.as_ref().and_then(|p| Url::parse(&p.to_string()).ok()).map(|p| shown(&p));
    let certificate = certificate::of_user(&config.auth_info);
    let authority = config.root_cert.as_deref().and_then(identity::authority);
    let client = stack::client(config).map_err(|e| {
        Error::new(Kind::Config, format!("cluster {name}: the credentials of context \"{context}\" can't be used"))
            .caused_by(&e)
    })?;
    Ok(Cluster {
        inner: Arc::new(Inner {
            name: name.into(),
            context: context.into(),
            server,
            proxy,
            loopback,
            certificate,
            authority,
            client,
            catalogue: tokio::sync::Mutex::default(),
        }),
    })
}

/// Where a context leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leads {
    /// The server's address, as the kubeconfig has it, without a slash at its end.
    pub server: Option<String>,
    /// The kubeconfig; none where it is put together of several.
    pub kubeconfig: Option<PathBuf>,
}

/// Looks whether a cluster's kubeconfig can be read and has its context, and where that leads, without connecting.
///
/// # Errors
/// [`Kind::Config`], with the cluster, where it is not so.
pub fn look(name: &str, kubeconfig: Option<&Path>, context: &str) -> Result<Leads> {
    let (file, from) = read(kubeconfig).map_err(|e| e.context(format!("cluster {name}")))?;
    find(name, &file, &from, context)?;
    let used = file.contexts.iter().find(|c| c.name == context).and_then(|c| c.context.as_ref());
    let cluster = used.and_then(|used| file.clusters.iter().find(|c| c.name == used.cluster));
    let server = cluster.and_then(|c| c.cluster.as_ref()?.server.as_deref());
    let alone = match (kubeconfig, kubeconfigs_of_environment()) {
        (Some(path), _) => Some(path.to_path_buf()),
        (None, Some(paths)) => {
            let mut paths = std::env::split_paths(&paths).filter(|p| !p.as_os_str().is_empty());
            paths.next().filter(|_| paths.next().is_none())
        }
        (None, None) => Some(usual_kubeconfig()),
    };
    Ok(Leads {
        server: server.map(|s| s.trim_end_matches('/').to_string()),
        kubeconfig: alone.map(|path| std::path::absolute(&path).unwrap_or(path)),
    })
}

fn kubeconfigs_of_environment() -> Option<std::ffi::OsString> {
    std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty())
}

fn usual_kubeconfig() -> PathBuf {
    std::env::home_dir().unwrap_or_default().join(".kube/config")
}

fn find(name: &str, file: &Kubeconfig, from: &str, context: &str) -> Result<()> {
    if file.contexts.iter().any(|c| c.name == context) {
        return Ok(());
    }
    let known: Vec<&str> = file.contexts.iter().map(|c| c.name.as_str()).collect();
    let has = if known.is_empty() { "it has none".to_string() } else { format!("it has: {}", known.join(", ")) };
    Err(Error::new(Kind::Config, format!("cluster {name}: no context \"{context}\" in {from} ({has})"))
        .maybe_hint(did_you_mean(context, known.iter().copied()))
        .hint(format!(
            "--context {name}=CONTEXT maps the cluster to another context, [clusters.{name}] context does it for good"
        )))
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
    if let Some(paths) = kubeconfigs_of_environment() {
        let shown = PathBuf::from(&paths);
        let file = Kubeconfig::from_env().map_err(|e| missing(&shown, &e))?.unwrap_or_default();
        return Ok((file, format!("$KUBECONFIG ({})", shown.display())));
    }
    let path = usual_kubeconfig();
    let file = Kubeconfig::read_from(&path).map_err(|e| missing(&path, &e))?;
    Ok((file, path.display().to_string()))
}

/// The proxy of the network that the server is in.
async fn proxy(routes: &Routes, server: &Uri) -> Option<Result<Uri>> {
    if routes.is_empty() {
        return None;
    }
    // A name that can't be resolved lies in no network; connecting says what is wrong with it.
    let addresses = resolve(server.host()?, server.port_u16().unwrap_or(443)).await.ok()?;
    let proxy = addresses.iter().find_map(|address| routes.proxy_for(address.ip()))?;
    if proxy.scheme() != "http" && !proxy.username().is_empty() {
        let what =
            format!("{} wants a password, which the Kubernetes client does not send to SOCKS proxies", shown(proxy));
        return Some(Err(Error::new(Kind::Config, what).hint("a proxy without one, or an http:// proxy, carries it")));
    }
    // The client knows `socks5` alone; it hands names on to be looked up behind the proxy, as `socks5h` wants it.
    let (scheme, rest) = proxy.as_str().split_once("://").unwrap_or_default();
    let text = match proxy.port() {
        Some(_) => format!("{}://{rest}", scheme.trim_end_matches('h')),
        None => shown(proxy),
    };
    let unfit = |e: InvalidUri| Error::new(Kind::Config, format!("{} is no proxy", shown(proxy))).because(e);
    Some(text.parse().map_err(unfit))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|a: std::net::IpAddr| a.is_loopback())
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Handle::current().block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(server: &str, rows: &[(&str, &str)]) -> Result<Option<String>> {
        let routes = Routes::new(&rows.iter().map(|(n, p)| ((*n).to_string(), (*p).to_string())).collect())?;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config");
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
             users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\n"
        );
        std::fs::write(&file, text).expect("written");
        let runtime = crate::host::testing::runtime();
        let connecting = runtime.spawn_blocking(move || {
            connect("infra", Some(&file), "x", &routes, Duration::from_secs(1)).map(|c| c.inner.proxy.clone())
        });
        runtime.block_on(connecting).expect("no panic")
    }

    #[test]
    fn a_server_is_reached_through_the_proxy_of_its_network() {
        let row = ("10.0.0.0/8", "socks5h://127.0.0.1:1080");
        assert_eq!(through("https://10.1.2.3:6443", &[row]), Ok(Some("socks5://127.0.0.1:1080".into())));
        assert_eq!(through("https://192.0.2.1:6443", &[row]), Ok(None));
        let all = [("0.0.0.0/0", "http://ada:pw@proxy")];
        assert_eq!(through("https://192.0.2.1:6443", &all), Ok(Some("http://proxy:80".into())));
        assert_eq!(through("https://127.0.0.1:6443", &all), Ok(None));
    }

    #[test]
    fn a_proxy_that_wants_what_the_client_does_not_send_is_refused() {
        let error = through("https://10.1.2.3", &[("10.0.0.0/8", "socks5://ada:pw@h:1080")]).expect_err("refused");
        assert_eq!(error.kind, Kind::Config);
        assert!(
            error.message.starts_with("cluster infra: socks5://h:1080") && !error.message.contains("pw"),
            "{error}"
        );
    }
}

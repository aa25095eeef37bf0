//! The talosconfig, as talosctl reads it: which endpoints, which nodes, whose credentials.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::Deserialize;

use crate::client::route::host_and_port;
use crate::error::{Error, Kind, Result, did_you_mean};

/// Where machines listen unless an endpoint says otherwise.
pub const PORT: u16 = 50000;

/// A context of a talosconfig.
#[derive(Clone, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// The file, as messages call it.
    pub from: String,
    /// The hosts and ports that take requests, and hand them on to the nodes.
    pub endpoints: Vec<(String, u16)>,
    /// The nodes that are asked where nobody names others.
    pub nodes: Vec<String>,
    /// The proxy that everything goes through.
    pub proxy: Option<String>,
    /// The authority that signed the machines' certificates, in PEM; none: one that this machine trusts.
    pub(super) authority: Option<Vec<u8>>,
    /// The client certificate in PEM.
    pub(super) certificate: Vec<u8>,
    /// Its key in PEM.
    pub(super) key: Vec<u8>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context {} of {}", self.name, self.from)
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    contexts: BTreeMap<String, Option<Entry>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    /// The former name of a single endpoint.
    target: String,
    endpoints: Vec<String>,
    nodes: Vec<String>,
    ca: String,
    crt: String,
    key: String,
    auth: Option<Auth>,
    #[serde(rename = "proxy-url")]
    proxy_url: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    basic: Option<serde::de::IgnoredAny>,
    siderov1: Option<serde::de::IgnoredAny>,
}

/// Reads a context of the talosconfig of a cluster; without a path of `$TALOSCONFIG` or of the usual place.
///
/// # Errors
/// [`Kind::Config`], with the cluster, where the file or the context is missing or wrong.
pub fn read(cluster: &str, path: Option<&Path>, context: &str) -> Result<Context> {
    let (path, from) = place(path);
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Error::new(Kind::Config, format!("cluster {cluster}: the talosconfig {from} can't be read"))
            .because(e)
            .hint(format!("set talosconfig in pb.toml's [clusters.{cluster}], or the variable TALOSCONFIG"))
    })?;
    parse(&text, &from, cluster, context)
}

/// Whether there is a talosconfig that can be read and has this context: for what is only asked where there is Talos.
pub fn has(path: Option<&Path>, context: &str) -> bool {
    let text = std::fs::read_to_string(place(path).0).ok();
    let file: Option<File> = text.and_then(|text| serde_saphyr::from_str(&text).ok());
    file.is_some_and(|file| file.contexts.contains_key(context))
}

fn place(path: Option<&Path>) -> (PathBuf, String) {
    if let Some(path) = path {
        return (path.into(), path.display().to_string());
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("TALOSCONFIG") {
        let from = format!("$TALOSCONFIG ({})", path.display());
        return (path, from);
    }
    let folder = set("TALOS_HOME").filter(|path| path.is_absolute());
    let path = folder.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".talos")).join("config");
    let from = path.display().to_string();
    (path, from)
}

fn parse(text: &str, from: &str, cluster: &str, context: &str) -> Result<Context> {
    let file: File = serde_saphyr::from_str(text).map_err(|e| {
        Error::new(Kind::Config, format!("cluster {cluster}: the talosconfig {from} is not understood")).because(e)
    })?;
    let Some(entry) = file.contexts.get(context) else {
        let known: Vec<&str> = file.contexts.keys().map(String::as_str).collect();
        let has = if known.is_empty() { "it has none".to_string() } else { format!("it has: {}", known.join(", ")) };
        return Err(Error::new(Kind::Config, format!("cluster {cluster}: no context \"{context}\" in {from} ({has})"))
            .maybe_hint(did_you_mean(context, known))
            .hint(format!("talos_context in pb.toml's [clusters.{cluster}] names another")));
    };
    let wrong =
        |what: String| Error::new(Kind::Config, format!("cluster {cluster}: context \"{context}\" of {from} {what}"));
    let empty = Entry::default();
    let entry = entry.as_ref().unwrap_or(&empty);
    let other = entry.auth.as_ref().and_then(|auth| match auth {
        Auth { siderov1: Some(_), .. } => Some("signs its requests (siderov1)"),
        Auth { basic: Some(_), .. } => Some("logs in by name and password"),
        _ => None,
    });
    if entry.crt.is_empty() || entry.key.is_empty() {
        let lacks = if entry.crt.is_empty() { "has no client certificate (crt)" } else { "has no key" };
        return Err(wrong(other.unwrap_or(lacks).into()).hint("pb needs a client certificate: talosctl config new"));
    }
    let endpoints = entry.endpoints.iter().chain(Some(&entry.target).filter(|target| !target.is_empty()));
    let endpoints = endpoints
        .map(|text| address(text).map_err(|e| wrong("has an endpoint that is no address".into()).because(e)))
        .collect::<Result<Vec<_>>>()?;
    if endpoints.is_empty() {
        return Err(wrong("has no endpoints".into())
            .hint(format!("talosctl --context {context} config endpoint ADDRESS … sets them")));
    }
    let decoded = |name: &str, text: &str| {
        let compact: String = text.split_whitespace().collect();
        STANDARD.decode(compact).map_err(|e| wrong(format!("has a {name} that is not base64")).because(e))
    };
    Ok(Context {
        name: context.into(),
        from: from.into(),
        endpoints,
        nodes: entry.nodes.clone(),
        proxy: Some(entry.proxy_url.clone()).filter(|url| !url.is_empty()),
        authority: if entry.ca.is_empty() { None } else { Some(decoded("ca", &entry.ca)?) },
        certificate: decoded("crt", &entry.crt)?,
        key: decoded("key", &entry.key)?,
    })
}

/// `10.25.11.11`, `10.25.11.11:50000`, `https://talos.example.org`
fn address(text: &str) -> Result<(String, u16)> {
    match Url::parse(text) {
        Ok(url) if text.contains("://") => {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_string();
            Ok((host, url.port_or_known_default().unwrap_or(PORT)))
        }
        _ => host_and_port(text, Some(PORT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &str = "context: other\ncontexts:\n  infra:\n    endpoints: [10.25.11.11, '10.25.11.12:50001', 'https://t.test']\n    \
        nodes: [10.25.11.11]\n    ca: Y2E=\n    crt: Y3J0\n    key: a2V5\n    new-key-of-talos: 1\n  other:\n";

    fn why(text: &str, context: &str) -> String {
        let error = parse(text, "~/.talos/config", "infra", context).expect_err(text);
        assert_eq!(error.kind, Kind::Config);
        format!("{error} {}", error.hints.join(" "))
    }

    #[test]
    fn a_context_has_endpoints_with_their_ports_and_decoded_credentials() {
        let context = parse(CONTEXT, "f", "infra", "infra").expect("a context");
        let endpoints = [("10.25.11.11".to_string(), 50000), ("10.25.11.12".into(), 50001), ("t.test".into(), 443)];
        assert_eq!(context.endpoints, endpoints);
        assert_eq!((context.authority.as_deref(), context.key.as_slice()), (Some(&b"ca"[..]), &b"key"[..]));
        assert_eq!(format!("{context:?}"), "context infra of f");
    }

    #[test]
    fn what_is_wrong_is_named_with_cluster_context_and_file() {
        let text = why(CONTEXT, "infr");
        assert!(
            text.starts_with("cluster infra: no context \"infr\" in ~/.talos/config (it has: infra, other)"),
            "{text}"
        );
        assert!(text.contains("did you mean \"infra\"") && text.contains("talos_context"), "{text}");
        assert!(why(CONTEXT, "other").contains("has no client certificate"), "an empty context");
        assert!(why("contexts: {}", "infra").contains("(it has none)"));
        assert!(why("contexts: [", "infra").contains("is not understood"));
        assert!(why(&CONTEXT.replace("Y3J0", "'***'"), "infra").contains("has a crt that is not base64"));
        let omni = "contexts: {infra: {endpoints: [a], auth: {siderov1: {identity: x}}}}";
        assert!(why(omni, "infra").contains("signs its requests (siderov1)"), "{}", why(omni, "infra"));
        let bare = "contexts: {infra: {crt: YQ==, key: YQ==}}";
        assert!(why(bare, "infra").contains("has no endpoints"), "{}", why(bare, "infra"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read("infra", Some(Path::new("/nowhere/talosconfig")), "infra").expect_err("no such file");
        assert!(error.message.contains("/nowhere/talosconfig"), "{error}");
    }
}

//! The sections of `pb.toml`: clusters, hosts, endpoints, networks, settings and profiles.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use toml::de::DeTable;

use super::reader::{Reader, Span, Table, plain, unknown_cluster};
use super::settings::{Origin, Raw, Row, split_key};
use super::{Cluster, Config, Endpoint, Host, keys};
use crate::client::ssh::config::SshConfig;
use crate::error::{Result, did_you_mean};

/// Those that [`crate::client::route::Routes`] goes through.
const PROXIES: [&str; 3] = ["socks5", "socks5h", "http"];

/// Reads the whole file into the configuration; the names of the profiles that it has are the answer.
pub(super) fn read<'t>(reader: &mut Reader<'t>, fields: &'t DeTable<'t>, config: &mut Config) -> Vec<String> {
    let root = Table { name: String::new(), fields };
    reader.only(&root, &keys::ROOT.names());
    if let Some(record) = reader.path(&root, "record") {
        config.record = record;
    }
    config.answer_limit = reader.size(&root, "answer_limit");
    config.checklist = reader.path(&root, "checklist");
    let clusters = reader.named(&root, "clusters");
    // Settings alone say nothing of which clusters there are: those of the default keep their place.
    let only_settings = |(name, table): &(String, Table<'_>)| {
        config.clusters.contains_key(name) && table.fields.len() == 1 && table.fields.contains_key("settings")
    };
    if fields.contains_key("clusters") && (clusters.is_empty() || !clusters.iter().all(only_settings)) {
        config.clusters = clusters.iter().map(|(name, table)| (name.clone(), cluster(reader, table))).collect();
    }
    let names: Vec<String> = config.clusters.keys().cloned().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    hosts(reader, &root, config, &names);
    for (name, table) in reader.named(&root, "endpoints") {
        let endpoint = endpoint(reader, &table, &names);
        config.endpoints.insert(name, endpoint);
    }
    networks(reader, &root, config);
    tools(reader, &root, config);

    let origin = |cluster: Option<&str>| Origin::File { file: file_name(config), cluster: cluster.map(Into::into) };
    let mut rows = settings(reader, &root, &origin(None));
    for (name, table) in &clusters {
        rows.extend(settings(reader, table, &origin(Some(name))));
    }
    let mut profiles = Vec::new();
    for (profile, table) in reader.named(&root, "profiles") {
        let own = self::profile(reader, &table, &profile, Some(&names));
        if config.profile.as_ref() == Some(&profile) {
            rows.extend(own);
        }
        profiles.push(profile);
    }
    config.settings.rows.extend(rows);
    profiles
}

/// The settings of a profile. Where the names of the clusters are told, it may speak of no others.
pub(super) fn profile<'t>(
    reader: &mut Reader<'t>,
    table: &Table<'t>,
    name: &str,
    clusters: Option<&[&str]>,
) -> Vec<Row> {
    reader.only(table, &keys::PROFILE.names());
    let origin = |cluster: Option<&str>| Origin::Profile { name: name.into(), cluster: cluster.map(Into::into) };
    let mut own = settings(reader, table, &origin(None));
    for (cluster, inner) in reader.named(table, "clusters") {
        reader.only(&inner, &["settings"]);
        if let Some(clusters) = clusters {
            known_cluster(reader, table, &cluster, clusters);
        }
        own.extend(settings(reader, &inner, &origin(Some(&cluster))));
    }
    own
}

fn file_name(config: &Config) -> String {
    let name = config.path.as_deref().and_then(|path| path.file_name());
    name.map_or_else(|| "pb.toml".into(), |name| name.to_string_lossy().into_owned())
}

fn known_cluster<'t>(reader: &mut Reader<'t>, profile: &Table<'t>, name: &str, clusters: &[&str]) {
    let inner = profile.fields.get("clusters").and_then(|value| value.get_ref().as_table());
    let key = inner.and_then(|table| table.keys().find(|key| key.get_ref().as_ref() == name));
    if let Some(key) = key.filter(|_| !clusters.contains(&name)) {
        let whole = if profile.name.is_empty() { String::new() } else { format!("{}.", profile.name) };
        let message = format!("[{whole}clusters.{name}]: no cluster \"{name}\"");
        reader.problem(&key.span(), message, unknown_cluster(name, clusters));
    }
}

fn cluster<'t>(reader: &mut Reader<'t>, table: &Table<'t>) -> Cluster {
    reader.only(table, &keys::CLUSTER.names());
    Cluster {
        kubeconfig: reader.path(table, "kubeconfig"),
        context: reader.text(table, "context"),
        talosconfig: reader.path(table, "talosconfig"),
        talos_context: reader.text(table, "talos_context"),
        talos_nodes: reader.texts(table, "talos_nodes"),
        protected: reader.flag(table, "protected"),
    }
}

fn hosts<'t>(reader: &mut Reader<'t>, root: &Table<'t>, config: &mut Config, clusters: &[&str]) {
    let tables = reader.named(root, "hosts");
    let names: BTreeSet<String> = tables.iter().map(|(name, _)| name.clone()).collect();
    let mut jumps: BTreeMap<String, (String, Span)> = BTreeMap::new();
    for (name, table) in tables {
        reader.only(&table, &keys::HOST.names());
        let jump = reader.string(&table, "jump");
        if let Some((jump, span)) = &jump {
            // `user@host:port` or a full name is an address of its own.
            let literal = jump.contains(['@', '.', ':']);
            let ssh = if names.contains(jump) || literal { Ok(true) } else { ssh_names(reader.home, jump) };
            let why = match ssh {
                Ok(true) => None,
                Ok(false) => Some(format!("\"{jump}\" is neither a host of {} nor of ~/.ssh/config", reader.file)),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = why {
                let hint = did_you_mean(jump, names.iter().map(String::as_str))
                    .unwrap_or_else(|| format!("a section [hosts.{jump}] says how to reach it"));
                reader.bad(&table, "jump", span, &why, Some(hint));
            }
            jumps.insert(name.clone(), (jump.clone(), span.clone()));
        }
        let host = Host {
            address: reader.text(&table, "address"),
            port: reader.port(&table, "port"),
            user: reader.text(&table, "user"),
            key: reader.path(&table, "key"),
            passphrase: reader.secret(&table, "passphrase", clusters),
            known_hosts: reader.path(&table, "known_hosts"),
            jump: jump.map(|(jump, _)| jump),
            dialect: reader.text(&table, "dialect"),
        };
        config.hosts.insert(name, host);
    }
    no_cycles(reader, &jumps);
}

/// Refuses jump hosts that lead back to where they came from; each ring is told once.
fn no_cycles(reader: &mut Reader<'_>, jumps: &BTreeMap<String, (String, Span)>) {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for start in jumps.keys() {
        let mut way = vec![start.as_str()];
        while let Some((next, _)) = way.last().and_then(|last| jumps.get(*last)) {
            if next == start {
                if !way.iter().any(|host| told.contains(host)) {
                    let message = format!("[hosts.{start}] jump: goes in a ring: {} → {start}", way.join(" → "));
                    let span = jumps.get(start).map(|(_, span)| span.clone()).unwrap_or_default();
                    reader.problem(&span, message, None);
                }
                told.extend(&way);
                break;
            }
            if way.contains(&next.as_str()) {
                break;
            }
            way.push(next);
        }
    }
}

fn endpoint<'t>(reader: &mut Reader<'t>, table: &Table<'t>, clusters: &[&str]) -> Endpoint {
    reader.only(table, &keys::ENDPOINT.names());
    let (url, service) = (reader.string(table, "url"), reader.string(table, "service"));
    let span = table.fields.values().next().map(toml::Spanned::span).unwrap_or_default();
    match (&url, &service) {
        (Some(_), Some((_, span))) => {
            reader.problem(span, format!("[{}] has both url and service; exactly one is wanted", table.name), None);
        }
        (None, None) if !table.fields.contains_key("url") && !table.fields.contains_key("service") => {
            let hint = "url = \"https://…\", or service = \"CLUSTER/NAMESPACE/SERVICE:PORT\" to be forwarded";
            reader.problem(&span, format!("[{}] has neither url nor service", table.name), Some(hint.into()));
        }
        _ => {}
    }
    if let Some((url, span)) = &url
        && let Err(why) = check_url(url, &["http", "https"])
    {
        reader.bad(table, "url", span, &why, None);
    }
    if let Some((service, span)) = &service {
        check_service(reader, table, service, span, clusters);
    }
    let (user, token) = (reader.string(table, "user"), reader.secret(table, "token", clusters));
    let password = reader.secret(table, "password", clusters);
    let has = |key: &str| table.fields.contains_key(key);
    if has("token") && (has("user") || has("password")) {
        reader.problem(&span, format!("[{}] has a token and a user with password; one is wanted", table.name), None);
    } else if has("user") != has("password") {
        let missing = if has("user") { "password" } else { "user" };
        let message = format!("[{}] lacks {missing}: user and password belong together", table.name);
        reader.problem(&span, message, None);
    }
    let resolve = reader.string(table, "resolve");
    if let Some((address, span)) = &resolve
        && address.parse::<IpAddr>().is_err()
    {
        reader.bad(table, "resolve", span, &format!("\"{address}\" is not an address"), None);
    }
    Endpoint {
        url: url.map(|(url, _)| url),
        service: service.map(|(service, _)| service),
        token,
        user: user.map(|(user, _)| user),
        password,
        ca: reader.path(table, "ca"),
        resolve: resolve.map(|(address, _)| address),
    }
}

/// Whether `~/.ssh/config` speaks of a host.
fn ssh_names(home: Option<&Path>, host: &str) -> Result<bool> {
    let Some(home) = home else { return Ok(false) };
    Ok(SshConfig::read(&home.join(".ssh/config"), home)?.names(host))
}

fn check_service<'t>(reader: &mut Reader<'t>, table: &Table<'t>, service: &str, span: &Span, clusters: &[&str]) {
    let (path, port) = service.rsplit_once(':').unwrap_or((service, ""));
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [cluster, namespace, name] if !namespace.is_empty() && !name.is_empty() && !port.is_empty() => {
            if !clusters.contains(cluster) {
                let hint = unknown_cluster(cluster, clusters);
                reader.bad(table, "service", span, &format!("no cluster \"{cluster}\""), hint);
            } else if port.chars().all(|c| c.is_ascii_digit()) && !port.parse::<u16>().is_ok_and(|p| p > 0) {
                reader.bad(table, "service", span, &format!("\"{port}\" is not a port"), None);
            }
        }
        _ => {
            let why = format!("expected CLUSTER/NAMESPACE/SERVICE:PORT, there is \"{service}\"");
            reader.bad(table, "service", span, &why, None);
        }
    }
}

fn networks<'t>(reader: &mut Reader<'t>, root: &Table<'t>, config: &mut Config) {
    let Some(table) = reader.table(root, "networks") else { return };
    for key in table.fields.keys() {
        let network = key.get_ref().as_ref();
        let name = format!("[networks] \"{network}\"");
        match network.parse::<IpNet>() {
            Ok(net) if net.trunc() == net => {}
            Ok(net) => {
                let hint = format!("the network is \"{}\"", net.trunc());
                reader.problem(&key.span(), format!("{name}: an address in a network, not the network"), Some(hint));
            }
            Err(_) => {
                let hint = "networks are written like \"10.25.11.0/24\", a single address like \"10.25.11.1/32\"";
                reader.problem(&key.span(), format!("{name}: not a network"), Some(hint.into()));
            }
        }
        if let Some((proxy, span)) = reader.string(&table, network) {
            if let Err(why) = check_url(&proxy, &PROXIES) {
                reader.problem(&span, format!("{name}: the proxy {why}"), None);
            }
            config.networks.insert(network.into(), proxy);
        }
    }
}

fn tools<'t>(reader: &mut Reader<'t>, root: &Table<'t>, config: &mut Config) {
    let Some(table) = reader.table(root, "tools") else { return };
    reader.only(&table, &keys::TOOLS.names());
    config.tools.path = reader.paths(&table, "path");
    let Some(env) = reader.table(&table, "env") else { return };
    for key in env.fields.keys() {
        let name = key.get_ref().as_ref();
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.problem(&key.span(), format!("[tools.env]: {name:?} is no name of a variable"), None);
        } else if let Some(value) = reader.text(&env, name) {
            config.tools.env.insert(name.into(), value);
        }
    }
}

fn check_url(text: &str, schemes: &[&str]) -> Result<(), String> {
    let expected = format!("expected {}://HOST…", schemes.join(":// or "));
    let uri: http::Uri = text.parse().map_err(|_| format!("\"{text}\" is not a URL; {expected}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some(scheme), Some(host)) if schemes.contains(&scheme) && !host.is_empty() => Ok(()),
        _ => Err(format!("\"{text}\" can't be used; {expected}")),
    }
}

fn settings<'t>(reader: &mut Reader<'t>, table: &Table<'t>, origin: &Origin) -> Vec<Row> {
    let Some(table) = reader.table(table, "settings") else { return Vec::new() };
    let mut rows = Vec::new();
    for (key, value) in table.fields.iter() {
        let text = key.get_ref().as_ref();
        let (Some((playbook, name)), Some(raw)) = (split_key(text), plain(value)) else {
            let hint = "a setting's name, or \"PLAYBOOK.NAME\"";
            reader.problem(&key.span(), format!("[{}]: \"{text}\" is not a setting", table.name), Some(hint.into()));
            continue;
        };
        let cluster = match origin {
            Origin::File { cluster, .. } | Origin::Profile { cluster, .. } => cluster.clone(),
            _ => None,
        };
        rows.push(Row {
            playbook: playbook.map(Into::into),
            name: name.into(),
            cluster,
            raw: Raw::Toml(raw),
            origin: origin.clone(),
            table: format!("[{}]", table.name),
            place: Some(reader.place(&key.span())),
        });
    }
    rows
}

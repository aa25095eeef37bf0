//! Reads topology files: those that the program brings, and a user's own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use toml::Spanned;

use super::called;
use super::range::after;
use super::sense;
use super::stage::{self, Stage};
use super::topology::{Node, ServiceKind, Topology};
use crate::error::{Error, Kind, Place, Result, did_you_mean};

/// The topologies that the program brings: name and text.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("monosense", include_str!("../topology/monosense.toml")),
    ("spec", include_str!("../topology/spec.toml")),
    ("one-node", include_str!("../topology/one-node.toml")),
    ("10000-pods", include_str!("../topology/10000-pods.toml")),
];

/// The one that is taken where none is named.
pub const DEFAULT: &str = "monosense";

/// An embedded topology.
///
/// # Errors
/// [`Kind::Usage`], with the names that there are.
pub fn embedded(name: &str) -> Result<Topology, Vec<Error>> {
    let known = || EMBEDDED.iter().map(|(name, _)| *name);
    let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = known().collect();
        let message = format!("there is no topology \"{name}\" (there are: {})", names.join(", "));
        return Err(vec![Error::new(Kind::Usage, message).maybe_hint(did_you_mean(name, known()))]);
    };
    parse(name, &format!("{name}.toml"), text)
}

/// A topology by the name of an embedded one, or by a file's path, which has a slash or ends in `.toml`.
///
/// # Errors
/// Everything that is wrong with the file, each with its line; or that there is none.
pub fn named(name: &str, dir: &Path) -> Result<Topology, Vec<Error>> {
    if is_name(name) {
        return embedded(name);
    }
    let stem = dir.join(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    parse(&stem, name, &text(name, dir)?)
}

/// The text of a topology, by the same names.
///
/// # Errors
/// There is none.
pub fn text(name: &str, dir: &Path) -> Result<String, Vec<Error>> {
    if let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| is_name(name) && *known == name) {
        return Ok((*text).into());
    }
    let path = dir.join(name);
    std::fs::read_to_string(&path).map_err(|e| {
        let error = Error::new(Kind::Usage, format!("the topology {} can't be read", path.display())).caused_by(&e);
        vec![error.hint("pb lab topology > mine.toml writes one to start from")]
    })
}

fn is_name(name: &str) -> bool {
    !name.contains('/') && !name.ends_with(".toml")
}

/// Reads a text; `file` is its name in messages.
///
/// # Errors
/// What is wrong, each of [`Kind::Config`] with file, line and reason: the first mistake of form, or else all that
/// makes no sense.
pub fn parse(name: &str, file: &str, text: &str) -> Result<Topology, Vec<Error>> {
    let mut topology: Topology = toml::from_str(text).map_err(|e| vec![malformed(file, text, &e)])?;
    topology.name = name.into();
    if topology.stages.is_empty() {
        topology.stages = stages(stage::TEXT).map_err(|e| vec![malformed("stages.toml", stage::TEXT, &e)])?;
    }
    let mut problems = Problems { file, text, found: Vec::new() };
    for cluster in topology.clusters.values_mut() {
        let rows = std::mem::take(&mut cluster.nodes);
        cluster.nodes = rows.into_iter().flat_map(|row| spread(row, &mut problems)).collect();
    }
    judge(&topology, &mut problems);
    sense::judge(&topology, &mut problems);
    called::judge(&topology, &mut problems);
    problems.found.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
    if problems.found.is_empty() { Ok(topology) } else { Err(problems.found) }
}

/// The stages of a text that has nothing else.
fn stages(text: &str) -> std::result::Result<Vec<Stage>, toml::de::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Stages {
        stages: Vec<Stage>,
    }
    toml::from_str::<Stages>(text).map(|all| all.stages)
}

pub(super) struct Problems<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<Error>,
}

impl Problems<'_> {
    pub(super) fn at<T>(&mut self, what: &Spanned<T>, message: String, hint: Option<String>) {
        let place = place(self.file, self.text, what.span().start);
        self.found.push(Error::new(Kind::Config, message).at(place).maybe_hint(hint));
    }

    /// The same where the form keeps no place: at a key of a table, `clusters.infra` and `dns`, or at the table itself.
    pub(super) fn within(&mut self, table: &str, key: Option<&str>, message: String) {
        let start = sense::find(self.text, table, key);
        let place = place(self.file, self.text, start);
        self.found.push(Error::new(Kind::Config, message).at(place));
    }
}

fn place(file: &str, text: &str, start: usize) -> Place {
    let before = text.get(..start).unwrap_or(text);
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Place { file: file.into(), line: line + 1, column: column + 1, source: text.lines().nth(line).map(Into::into) }
}

/// An error of form in our own words, with what the key may have been meant to be.
fn malformed(file: &str, text: &str, error: &toml::de::Error) -> Error {
    let message = error.message().replace('\n', ", ");
    let mut words = message.split('`').skip(1).step_by(2);
    let hint =
        message.starts_with("unknown ").then(|| words.next().and_then(|word| did_you_mean(word, words))).flatten();
    let place = place(file, text, error.span().map_or(0, |span| span.start));
    Error::new(Kind::Config, message).at(place).maybe_hint(hint)
}

/// The most nodes of a row.
const MOST_NODES: u32 = 1000;

/// A row of nodes, one by one.
fn spread(row: Node, problems: &mut Problems<'_>) -> Vec<Node> {
    let Some(count) = row.count else { return vec![row] };
    if !(1..=MOST_NODES).contains(&count) {
        problems.at(&row.name, format!("{count} nodes: a row has 1 to {MOST_NODES}"), None);
        return vec![Node { count: None, ..row }];
    }
    let (name, first) = (row.name.get_ref().clone(), *row.address.get_ref());
    let digits = count.to_string().len().max(3);
    let mut nodes = Vec::new();
    for number in 0..count {
        let Some(address) = after(first, number) else {
            problems.at(&row.address, format!("{first} has no {count} addresses after it"), None);
            break;
        };
        nodes.push(Node {
            name: Spanned::new(row.name.span(), format!("{name}{:0digits$}", number + 1)),
            address: Spanned::new(row.address.span(), address),
            count: None,
            roles: row.roles.clone(),
        });
    }
    nodes
}

/// What has the right form and makes no sense.
fn judge(topology: &Topology, problems: &mut Problems<'_>) {
    let mut names = BTreeMap::<&str, &str>::new();
    let mut addresses = BTreeMap::from([(topology.router.address, topology.router.name.clone())]);
    for (cluster, node) in topology.nodes() {
        let name = node.name.get_ref();
        if let Some(other) = names.insert(name, cluster) {
            problems.at(&node.name, format!("node {name} is there twice: in {other} and in {cluster}"), None);
        }
        taken(&mut addresses, &node.address, format!("node {name}"), problems);
    }
    for (name, cluster) in &topology.clusters {
        let namespaces: BTreeSet<&str> = cluster.namespaces.iter().map(String::as_str).chain(COMMON).collect();
        let known = |at: &Spanned<String>, what: String, problems: &mut Problems<'_>| {
            if !namespaces.contains(at.get_ref().as_str()) {
                let hint = did_you_mean(at.get_ref(), namespaces.iter().copied());
                let message =
                    format!("{what} is in namespace \"{}\", which cluster {name} does not have", at.get_ref());
                problems.at(at, message, hint);
            }
        };
        for workload in &cluster.workloads {
            known(&workload.namespace, format!("{:?} {}", workload.kind, workload.name.get_ref()), problems);
        }
        for operator in &cluster.operators {
            let all = || super::objects::operators();
            if !all().any(|known| known == operator.get_ref()) {
                let message = format!("there is no operator \"{}\"", operator.get_ref());
                problems.at(operator, message, did_you_mean(operator.get_ref(), all()));
            }
        }
        for rows in &cluster.objects {
            for object in super::wanted::expand(rows.get_ref()).unwrap_or_else(|message| {
                problems.at(rows, message, None);
                Vec::new()
            }) {
                if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                    let what =
                        format!("{} {}", object["kind"].as_str().unwrap_or("an object"), object["metadata"]["name"]);
                    if !namespaces.contains(namespace) {
                        let hint = did_you_mean(namespace, namespaces.iter().copied());
                        let message =
                            format!("{what} is in namespace \"{namespace}\", which cluster {name} does not have");
                        problems.at(rows, message, hint);
                    }
                }
            }
        }
        for service in &cluster.services {
            let what = format!("Service {}/{}", service.namespace.get_ref(), service.name.get_ref());
            known(&service.namespace, what.clone(), problems);
            if let Some(wanted) = &service.workload {
                let beside = cluster.workloads.iter().filter(|w| w.namespace.get_ref() == service.namespace.get_ref());
                let names: Vec<&str> = beside.map(|w| w.name.get_ref().as_str()).collect();
                if !names.contains(&wanted.get_ref().as_str()) {
                    let message = format!("{what}: there is no workload \"{}\" beside it", wanted.get_ref());
                    problems.at(wanted, message, did_you_mean(wanted.get_ref(), names));
                }
            }
            let Some(address) = &service.address else { continue };
            let ip = *address.get_ref();
            if service.kind != ServiceKind::LoadBalancer {
                problems.at(address, format!("{what} has an address and is of type {:?}", service.kind), None);
            } else if !cluster.pools.values().flatten().any(|range| range.contains(ip)) {
                problems.at(address, format!("{what} has the address {ip}, which no pool of cluster {name} has"), None);
            }
            taken(&mut addresses, address, what, problems);
        }
    }
}

/// The namespaces that every cluster has.
pub const COMMON: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

fn taken(seen: &mut BTreeMap<IpAddr, String>, at: &Spanned<IpAddr>, whose: String, problems: &mut Problems<'_>) {
    let address = *at.get_ref();
    if let Some(other) = seen.get(&address) {
        problems.at(at, format!("{whose} has the address {address}, which {other} has"), None);
    } else {
        seen.insert(address, whose);
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;

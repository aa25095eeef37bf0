//! What the platform's own containers answer when a program is run in them: `ceph`, `psql`, `redis-cli`, Kafka's scripts,
//! `cilium` and `hubble`. Each looks at what its cluster has, and at the causes of the world that it lies in.

mod ceph;
mod cilium;
mod kafka;
pub(crate) mod kept;
mod postgres;
mod redis;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;
use crate::lab::world::{Cause, World};

/// What was printed, what was complained, and the exit code.
pub(crate) type Said = (String, String, i32);

/// Where a program runs, and with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) pod: &'a Value,
    pub(crate) words: &'a [String],
    pub(crate) input: &'a str,
}

/// A program: whether an image has it, and what it does.
type Row = (fn(&str) -> bool, fn(&str) -> bool, fn(&At<'_>, &str) -> Said);

/// The programs, by image and name.
const ROWS: &[Row] = &[
    (|image| image.contains("/ceph"), |name| matches!(name, "ceph" | "rbd" | "rados"), ceph::run),
    (|image| image.contains("postgres"), |name| matches!(name, "psql" | "pg_isready"), postgres::run),
    (|image| image.contains("redis") || image.contains("dragonfly"), |name| name == "redis-cli", redis::run),
    (|image| image.contains("kafka"), |name| name.starts_with("kafka-"), kafka::run),
    (|image| image.contains("cilium/cilium"), |name| matches!(name, "cilium" | "cilium-dbg" | "hubble"), cilium::run),
];

fn find(pod: &Value, program: &str) -> Option<&'static Row> {
    let containers = pod["spec"]["containers"].as_array()?;
    let images: Vec<&str> = containers.iter().filter_map(|one| one["image"].as_str()).collect();
    ROWS.iter().find(|(has, is, _)| is(program) && images.iter().any(|image| has(image)))
}

/// Whether a pod's image has a program.
pub(crate) fn knows(pod: &Value, program: &str) -> bool {
    find(pod, program.rsplit('/').next().unwrap_or_default()).is_some()
}

/// Whether a program reads its input to the end.
pub(crate) fn reads(words: &[String]) -> bool {
    match words.first().and_then(|name| name.rsplit('/').next()) {
        Some("kafka-console-producer.sh") => true,
        Some("psql") => !words.iter().any(|word| {
            word.starts_with("-c") || word.ends_with('c') && word.starts_with("-") || word.starts_with("--command")
        }),
        _ => false,
    }
}

/// Runs a program of a pod's image: its words, the first of which is its name, and its input. None where the image has no
/// such program.
pub(crate) fn run(objects: &Objects, pod: &Value, words: &[String], input: &str) -> Option<Said> {
    let (program, rest) = words.split_first()?;
    let name = program.rsplit('/').next()?;
    let (_, _, does) = find(pod, name)?;
    Some(does(&At { objects, pod, words: rest, input }, name))
}

impl<'a> At<'a> {
    /// The lab's world and the cluster's name in it, where the cluster lies in one.
    fn world(&self) -> Option<(&'a str, &'a World)> {
        self.objects.lies.as_ref().map(|(name, world)| (name.as_str(), &**world))
    }

    fn namespace(&self) -> &'a str {
        self.pod["metadata"]["namespace"].as_str().unwrap_or_default()
    }

    /// The value after a flag: `-h host`, `--topic name`, `--topic=name`.
    fn flag(&self, names: &[&str]) -> Option<&'a str> {
        self.words.iter().enumerate().find_map(|(at, word)| {
            names.iter().find_map(|name| {
                if word == name {
                    return self.words.get(at + 1).map(String::as_str);
                }
                word.strip_prefix(name)?.strip_prefix('=')
            })
        })
    }

    fn has(&self, names: &[&str]) -> bool {
        self.words.iter().any(|word| names.contains(&word.as_str()))
    }

    /// The words that are no flags, where each of `valued` takes the word after it along.
    fn operands(&self, valued: &[&str]) -> Vec<&'a str> {
        let mut out = Vec::new();
        let mut skip = false;
        for word in self.words {
            if std::mem::take(&mut skip) {
                continue;
            }
            match word.starts_with('-') && word.len() > 1 {
                true => skip = valued.contains(&word.as_str()),
                false => out.push(word.as_str()),
            }
        }
        out
    }

    /// A Service by a host's name, from within this pod.
    fn service(&self, host: &'a str) -> Option<(&'a str, &'a Value)> {
        let bare = host.trim_end_matches('.').trim_end_matches(".cluster.local");
        let bare = bare.strip_suffix(".svc").unwrap_or(bare);
        let (name, namespace) = bare.split_once('.').unwrap_or((bare, self.namespace()));
        let place = Place::new("services", namespace, name);
        let (place, service) = self.objects.store.list("services", namespace).find(|(other, _)| **other == place)?;
        Some((place.namespace.as_str(), &service.value))
    }

    /// The pods behind a Service that are ready.
    fn behind(&self, namespace: &'a str, service: &'a Value) -> Vec<&'a Value> {
        let Some(wanted) = service["spec"]["selector"].as_object() else { return Vec::new() };
        let own = |pod: &Value| wanted.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value);
        let pods = self.objects.store.list("pods", namespace).map(|(_, pod)| &*pod.value);
        pods.filter(|pod| own(pod) && is_ready(pod) && !self.cut(pod)).collect()
    }

    /// Whether a pod's node is cut off.
    fn cut(&self, pod: &Value) -> bool {
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        self.world().is_some_and(|(_, world)| world.has(&Cause::link(node)))
    }
}

fn is_ready(pod: &Value) -> bool {
    crate::lab::controllers::platform::site::is_ready(pod)
}

/// Columns of equal width, two spaces between them.
fn table(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

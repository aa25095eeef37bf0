//! How a cluster is built: the stages as a topology has them, and which of its objects come with which.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

use super::topology::duration;
use crate::error::{Error, Kind, Result, did_you_mean};

/// The stages of a topology that has none of its own.
pub const TEXT: &str = include_str!("../topology/stages.toml");

/// The last stage by another name, which a person need not look up.
pub const COMPLETE: &str = "complete";

/// One stage. Everything that a former one has is there, too.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// `core`
    pub name: String,
    /// One line for people.
    pub about: String,
    /// How far the machines are.
    #[serde(default)]
    pub machines: Machines,
    /// The least that the way from the stage before takes.
    #[serde(default, deserialize_with = "duration")]
    pub takes: Duration,
    /// What comes.
    #[serde(default)]
    pub objects: Vec<Pattern>,
    /// What is there, and waits for its own stage to be ready.
    #[serde(default)]
    pub waiting: Vec<Pattern>,
}

/// How far a cluster's machines are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Machines {
    /// Talos waits for its configuration: who shows a certificate of the cluster is not known.
    Maintenance,
    /// It has one; etcd waits to be bootstrapped, and there is no API server.
    Configured,
    /// etcd and the API server run.
    #[default]
    Running,
}

/// Which objects are meant: `Deployment cert-manager/*`.
#[derive(Debug, Clone)]
pub struct Pattern {
    kind: GlobMatcher,
    namespace: Option<GlobMatcher>,
    name: Option<GlobMatcher>,
}

impl Pattern {
    /// Reads `KIND`, `KIND NAME` or `KIND NAMESPACE/NAME`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" names no objects: expected KIND, KIND NAME or KIND NAMESPACE/NAME");
        let glob = |part: &str| {
            let plain = !part.is_empty() && !part.contains(['[', '{', '?', '/', '\\']);
            let glob = plain.then(|| Glob::new(part).ok()).flatten();
            glob.map(|glob| glob.compile_matcher()).ok_or_else(wrong)
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (kind, place) = match words.as_slice() {
            [kind] => (kind, None),
            [kind, place] => (kind, Some(place)),
            _ => return Err(wrong()),
        };
        let (namespace, name) = match place.map(|place| place.split_once('/').unwrap_or(("", place))) {
            None => (None, None),
            Some(("", name)) => (None, Some(glob(name)?)),
            Some((namespace, name)) => (Some(glob(namespace)?), Some(glob(name)?)),
        };
        Ok(Self { kind: glob(kind)?, namespace, name })
    }

    /// Whether an object is one of them.
    pub fn fits(&self, object: &Value) -> bool {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let namespace = text("/metadata/namespace");
        self.kind.is_match(text("/kind"))
            && self.namespace.as_ref().is_none_or(|wanted| !namespace.is_empty() && wanted.is_match(namespace))
            && self.name.as_ref().is_none_or(|wanted| wanted.is_match(text("/metadata/name")))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The place of a stage among a topology's.
///
/// # Errors
/// [`Kind::Usage`], with the names that there are.
pub fn find(stages: &[Stage], name: &str) -> Result<usize> {
    if name == COMPLETE {
        return Ok(stages.len().saturating_sub(1));
    }
    let names = || stages.iter().map(|stage| stage.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        let all: Vec<&str> = names().chain([COMPLETE]).collect();
        let message = format!("there is no stage \"{name}\" (there are, in this order: {})", all.join(", "));
        Error::new(Kind::Usage, message).maybe_hint(did_you_mean(name, all))
    })
}

/// The stage of each of a cluster's objects, in their order.
pub fn of_all(stages: &[Stage], objects: &[Value]) -> Vec<usize> {
    let last = stages.len().saturating_sub(1);
    let definitions = objects.iter().filter(|object| object["kind"] == "CustomResourceDefinition");
    let own: Vec<(&Value, &Value)> = definitions.map(|d| (&d["spec"]["group"], &d["spec"]["names"]["kind"])).collect();
    let defined = stages.iter().position(|stage| {
        let any = objects.iter().find(|object| object["kind"] == "CustomResourceDefinition");
        any.is_some_and(|definition| stage.objects.iter().any(|pattern| pattern.fits(definition)))
    });
    let named = |object: &Value| stages.iter().position(|stage| stage.objects.iter().any(|one| one.fits(object)));
    let mut found: Vec<Option<usize>> = objects.iter().map(named).collect();
    // What belongs to something comes with it, whatever its own name is.
    let mut places: BTreeMap<[&str; 3], usize> = BTreeMap::new();
    for (index, object) in objects.iter().enumerate() {
        places.insert(place(object), index);
    }
    for _ in 0..3 {
        for (index, object) in objects.iter().enumerate() {
            if let Some(of) = above(object).and_then(|above| places.get(&above)) {
                found[index] = Some(found[*of].unwrap_or(last));
            }
        }
    }
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (object, stage) in objects.iter().zip(&found) {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let stage = stage.unwrap_or(last);
        first.entry(namespace).and_modify(|known| *known = stage.min(*known)).or_insert(stage);
    }
    let stage = |(object, found): (&Value, &Option<usize>)| {
        let group = object["apiVersion"].as_str().and_then(|version| version.split_once('/')).map_or("", |(g, _)| g);
        let custom = own.iter().any(|(of, kind)| **of == group && **kind == object["kind"]);
        let least = if custom { defined.unwrap_or(0) } else { 0 };
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        match (object["kind"] == "Namespace", first.get(name)) {
            (true, Some(first)) => found.unwrap_or(*first).min(*first),
            _ => found.unwrap_or(last).max(least),
        }
    };
    objects.iter().zip(&found).map(stage).collect()
}

fn place(object: &Value) -> [&str; 3] {
    let metadata = &object["metadata"];
    [&object["kind"], &metadata["namespace"], &metadata["name"]].map(|part| part.as_str().unwrap_or_default())
}

/// What an object belongs to: its owner, or the Service that a slice is of.
fn above(object: &Value) -> Option<[&str; 3]> {
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or_default();
    if object["kind"] == "EndpointSlice" {
        return Some(["Service", namespace, metadata["labels"]["kubernetes.io/service-name"].as_str()?]);
    }
    let owner = metadata["ownerReferences"].get(0)?;
    Some([owner["kind"].as_str()?, namespace, owner["name"].as_str()?])
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;

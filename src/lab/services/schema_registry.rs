//! Confluent's Schema Registry: subjects with versions, global ids, compatibility, and its error codes.
//!
//! Source: Confluent's "Schema Registry API Reference"; Avro 1.12, "Schema Resolution".

mod avro;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::{Asked, Reply, Site, ready};

/// The media type of its answers.
const MEDIA: &str = "application/vnd.schemaregistry.v1+json";

/// What a registry knows; it is kept in Kafka's topic `_schemas`, so that all of its pods have the same.
#[derive(Debug, Default, Clone)]
pub(crate) struct Registry {
    /// Schemas by id, which count from 1: type and text.
    schemas: Vec<(String, String)>,
    /// Versions of each subject, which count from 1.
    subjects: BTreeMap<String, Vec<Version>>,
    /// Levels of compatibility of subjects; the empty name is everybody's.
    levels: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Version {
    number: u64,
    id: usize,
    deleted: bool,
}

/// The levels of compatibility.
const LEVELS: [&str; 7] =
    ["BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE", "NONE"];

type Answered = Result<Value, Reply>;

fn refused(code: u32, message: &str) -> Reply {
    let status = u16::try_from(if code > 999 { code / 100 } else { code }).unwrap_or(500);
    Reply::new(status, MEDIA, json!({ "error_code": code, "message": message }).to_string())
}

/// Answers a request.
pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    if !kafka(site) {
        // What it can't write to its topic it does not take.
        if asked.method != Method::GET {
            return refused(50002, "Register operation timed out");
        }
    }
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut state = site.services.state();
    let registry = state.registries.entry(site.cluster.name.clone()).or_default();
    match answered(registry, asked, &parts) {
        Ok(value) => Reply::new(200, MEDIA, value.to_string()),
        Err(refused) => refused,
    }
}

/// Whether the brokers are there: any Kafka in the namespace with pods, most of which are not ready, is not.
fn kafka(site: &Site<'_>) -> bool {
    let world = site.cluster.world();
    let pods = world.store.list("pods", site.namespace()).map(|(_, pod)| &*pod.value);
    let brokers: Vec<bool> =
        pods.filter(|pod| pod["metadata"]["labels"]["strimzi.io/broker-role"] == "true").map(ready).collect();
    brokers.is_empty() || brokers.iter().filter(|ready| **ready).count() * 2 > brokers.len()
}

fn answered(registry: &mut Registry, asked: &Asked, path: &[&str]) -> Answered {
    let deleted = asked.value("deleted").as_deref() == Some("true");
    match (&asked.method, path) {
        (&Method::GET, []) => Ok(json!({})),
        (&Method::GET, ["subjects"]) => Ok(registry.names(deleted).into()),
        (&Method::GET, ["subjects", subject, "versions"]) => {
            let versions = registry.live(subject, deleted)?;
            Ok(versions.iter().map(|version| version.number).collect::<Vec<_>>().into())
        }
        (&Method::POST, ["subjects", subject, "versions"]) => registry.register(subject, asked),
        (&Method::POST, ["subjects", subject]) => registry.look_up(subject, asked),
        (&Method::GET, ["subjects", subject, "versions", version]) => registry.shown(subject, version, deleted),
        (&Method::GET, ["subjects", subject, "versions", version, "schema"]) => {
            let found = registry.version(subject, version, deleted)?;
            let (_, text) = registry.schema(found.id)?;
            Ok(serde_json::from_str(text).unwrap_or_default())
        }
        (&Method::DELETE, ["subjects", subject]) => registry.delete(subject, asked),
        (&Method::DELETE, ["subjects", subject, "versions", version]) => {
            registry.delete_version(subject, version, asked)
        }
        (&Method::GET, ["schemas", "ids", id]) => {
            let (kind, text) = registry.schema(id.parse().unwrap_or(0))?;
            let mut shown = json!({ "schema": text });
            if kind != "AVRO" {
                shown["schemaType"] = kind.as_str().into();
            }
            Ok(shown)
        }
        (&Method::GET, ["schemas", "types"]) => Ok(json!(["JSON", "PROTOBUF", "AVRO"])),
        (&Method::GET, ["schemas", "ids", id, "versions"]) => {
            let id: usize = id.parse().unwrap_or(0);
            registry.schema(id)?;
            let all = registry.subjects.iter().flat_map(|(name, all)| all.iter().map(move |version| (name, version)));
            let own = all.filter(|(_, version)| version.id == id && !version.deleted);
            Ok(own.map(|(name, version)| json!({ "subject": name, "version": version.number })).collect())
        }
        (&Method::POST, ["compatibility", "subjects", subject, "versions", version]) => {
            let (kind, text) = schema_of(asked)?;
            let against = registry.version(subject, version, false)?;
            let (old_kind, old) = registry.schema(against.id)?;
            let why = compatible(registry.level(subject), (&kind, &text), (old_kind, old));
            let mut shown = json!({ "is_compatible": why.is_empty() });
            if asked.value("verbose").as_deref() == Some("true") {
                shown["messages"] = why.into();
            }
            Ok(shown)
        }
        (&Method::POST, ["compatibility", "subjects", subject, "versions"]) => {
            let (kind, text) = schema_of(asked)?;
            let why = registry.against_all(subject, &kind, &text)?;
            Ok(json!({ "is_compatible": why.is_empty() }))
        }
        (&Method::GET, ["config"]) => Ok(json!({ "compatibilityLevel": registry.level("") })),
        (&Method::GET, ["config", subject]) => match registry.levels.get(*subject) {
            Some(level) => Ok(json!({ "compatibilityLevel": level })),
            None if asked.value("defaultToGlobal").as_deref() == Some("true") => {
                Ok(json!({ "compatibilityLevel": registry.level("") }))
            }
            None => Err(refused(
                40408,
                &format!("Subject '{subject}' does not have subject-level compatibility configured"),
            )),
        },
        (&Method::PUT, ["config"]) => registry.set_level("", asked),
        (&Method::PUT, ["config", subject]) => registry.set_level(subject, asked),
        (&Method::DELETE, ["config", subject]) => {
            let level = registry.levels.remove(*subject);
            Ok(json!({ "compatibilityLevel": level.unwrap_or_else(|| "BACKWARD".into()) }))
        }
        (&Method::GET, ["mode"]) => Ok(json!({ "mode": "READWRITE" })),
        (&Method::GET, ["v1", "metadata", "id"]) => Ok(
            json!({ "scope": { "path": [], "clusters": { "schema-registry-cluster": "schema-registry" } }, "id": "" }),
        ),
        (_, ["subjects" | "schemas" | "config" | "compatibility" | "mode", ..]) => {
            Err(refused(405, "HTTP 405 Method Not Allowed"))
        }
        _ => Err(refused(404, "HTTP 404 Not Found")),
    }
}

/// The schema in a body, with its type.
fn schema_of(asked: &Asked) -> Result<(String, String), Reply> {
    let body = asked.json().ok_or_else(|| refused(400, "Unrecognized token in the request's body: it is no JSON"))?;
    let kind = body["schemaType"].as_str().unwrap_or("AVRO").to_string();
    let text = body["schema"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err(refused(42201, "Empty schema"));
    }
    if !["AVRO", "JSON", "PROTOBUF"].contains(&kind.as_str()) {
        return Err(refused(42201, &format!("Invalid schema type {kind}")));
    }
    if kind == "PROTOBUF" {
        return Ok((kind, text.into()));
    }
    let wrong = |why: &str| {
        refused(
            42201,
            &format!(
                "Invalid schema {{subject=,version=0,id=-1,schemaType={kind},references=[],schema={text}}}, details: {why}"
            ),
        )
    };
    // A primitive's name may stand without its quotes.
    let value: Value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&format!("\"{text}\"")))
        .map_err(|e| wrong(&e.to_string()))?;
    if kind == "AVRO" {
        avro::check(&value).map_err(|why| wrong(&why))?;
    }
    Ok((kind, value.to_string()))
}

/// Why a schema is not compatible with an older one at a level.
fn compatible(level: &str, new: (&str, &str), old: (&str, &str)) -> Vec<String> {
    if level == "NONE" {
        return Vec::new();
    }
    if new.0 != old.0 {
        return vec![format!("Incompatible because of different schema type: {} and {}", new.0, old.0)];
    }
    if new.0 != "AVRO" {
        return Vec::new();
    }
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (new, old) = (value(new.1), value(old.1));
    let mut why = Vec::new();
    if !level.starts_with("FORWARD") {
        why.extend(avro::unreadable(&new, &old));
    }
    if !level.starts_with("BACKWARD") {
        why.extend(avro::unreadable(&old, &new));
    }
    why
}

impl Registry {
    fn names(&self, deleted: bool) -> Vec<String> {
        let live = |(_, all): &(&String, &Vec<Version>)| deleted || all.iter().any(|version| !version.deleted);
        self.subjects.iter().filter(live).map(|(name, _)| name.clone()).collect()
    }

    fn level(&self, subject: &str) -> &str {
        let own = self.levels.get(subject).or_else(|| self.levels.get(""));
        own.map_or("BACKWARD", String::as_str)
    }

    fn set_level(&mut self, subject: &str, asked: &Asked) -> Answered {
        let body = asked.json().unwrap_or_default();
        let level = body["compatibility"].as_str().unwrap_or_default().to_uppercase();
        if !LEVELS.contains(&level.as_str()) {
            return Err(refused(
                42203,
                "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive",
            ));
        }
        self.levels.insert(subject.into(), level.clone());
        Ok(json!({ "compatibility": level }))
    }

    fn live(&self, subject: &str, deleted: bool) -> Result<Vec<&Version>, Reply> {
        let all = self.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
        let live: Vec<&Version> = all.iter().filter(|version| deleted || !version.deleted).collect();
        if live.is_empty() { Err(refused(40401, &format!("Subject '{subject}' not found."))) } else { Ok(live) }
    }

    fn version(&self, subject: &str, version: &str, deleted: bool) -> Result<Version, Reply> {
        let all = self.live(subject, deleted)?;
        if version == "latest" || version == "-1" {
            return all.last().map(|one| (*one).clone()).ok_or_else(|| refused(40402, "Version latest not found."));
        }
        let Some(number) = version.parse::<u64>().ok().filter(|number| *number > 0) else {
            return Err(refused(
                42202,
                &format!(
                    "The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
                ),
            ));
        };
        let found = all.into_iter().find(|one| one.number == number).cloned();
        found.ok_or_else(|| refused(40402, &format!("Version {version} not found.")))
    }

    fn schema(&self, id: usize) -> Result<(&String, &String), Reply> {
        let found = id.checked_sub(1).and_then(|place| self.schemas.get(place));
        found.map(|(kind, text)| (kind, text)).ok_or_else(|| refused(40403, &format!("Schema {id} not found")))
    }

    fn shown(&self, subject: &str, version: &str, deleted: bool) -> Answered {
        let found = self.version(subject, version, deleted)?;
        let (kind, text) = self.schema(found.id)?;
        let mut shown = json!({ "subject": subject, "version": found.number, "id": found.id, "schema": text });
        if kind != "AVRO" {
            shown["schemaType"] = kind.as_str().into();
        }
        Ok(shown)
    }

    /// Why a schema does not fit the versions that its level wants it to fit.
    fn against_all(&self, subject: &str, kind: &str, text: &str) -> Result<Vec<String>, Reply> {
        let level = self.level(subject);
        let Ok(versions) = self.live(subject, false) else { return Ok(Vec::new()) };
        let from = if level.ends_with("_TRANSITIVE") { 0 } else { versions.len() - 1 };
        let mut why = Vec::new();
        for version in &versions[from..] {
            let (old_kind, old) = self.schema(version.id)?;
            why.extend(compatible(level, (kind, text), (old_kind, old)));
        }
        Ok(why)
    }

    fn register(&mut self, subject: &str, asked: &Asked) -> Answered {
        let (kind, text) = schema_of(asked)?;
        let own = self.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
        let known = |version: &&Version| {
            !version.deleted && self.schema(version.id).is_ok_and(|(k, t)| *k == kind && *t == text)
        };
        if let Some(version) = own.iter().find(known) {
            return Ok(json!({ "id": version.id }));
        }
        let why = self.against_all(subject, &kind, &text)?;
        if !why.is_empty() {
            let message = format!(
                "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{}]",
                why.join(", ")
            );
            return Err(refused(409, &message));
        }
        // The same text has the same id in every subject.
        let id = match self.schemas.iter().position(|(k, t)| *k == kind && *t == text) {
            Some(place) => place + 1,
            None => {
                self.schemas.push((kind, text));
                self.schemas.len()
            }
        };
        let versions = self.subjects.entry(subject.into()).or_default();
        let number = versions.last().map_or(1, |last| last.number + 1);
        versions.push(Version { number, id, deleted: false });
        Ok(json!({ "id": id }))
    }

    fn look_up(&self, subject: &str, asked: &Asked) -> Answered {
        let (kind, text) = schema_of(asked)?;
        let versions = self.live(subject, false)?;
        let found = versions.into_iter().find(|v| self.schema(v.id).is_ok_and(|(k, t)| *k == kind && *t == text));
        let found = found.ok_or_else(|| refused(40403, "Schema not found"))?;
        self.shown(subject, &found.number.to_string(), false)
    }

    fn delete(&mut self, subject: &str, asked: &Asked) -> Answered {
        let permanent = asked.value("permanent").as_deref() == Some("true");
        if permanent {
            if self.live(subject, false).is_ok() {
                return Err(refused(
                    40405,
                    &format!("Subject '{subject}' was not deleted first before being permanently deleted"),
                ));
            }
            let numbers: Vec<u64> = self.live(subject, true)?.iter().map(|version| version.number).collect();
            self.subjects.remove(subject);
            return Ok(numbers.into());
        }
        let numbers: Vec<u64> = match self.live(subject, false) {
            Ok(all) => all.iter().map(|version| version.number).collect(),
            Err(_) if self.subjects.contains_key(subject) => {
                return Err(refused(
                    40404,
                    &format!("Subject '{subject}' was soft deleted. Set permanent=true to delete permanently"),
                ));
            }
            Err(refused) => return Err(refused),
        };
        if let Some(all) = self.subjects.get_mut(subject) {
            all.iter_mut().for_each(|version| version.deleted = true);
        }
        Ok(numbers.into())
    }

    fn delete_version(&mut self, subject: &str, version: &str, asked: &Asked) -> Answered {
        let permanent = asked.value("permanent").as_deref() == Some("true");
        let found = self.version(subject, version, permanent)?;
        if permanent && !found.deleted {
            return Err(refused(
                40407,
                &format!(
                    "Subject '{subject}' Version {} was not deleted first before being permanently deleted",
                    found.number
                ),
            ));
        }
        if let Some(all) = self.subjects.get_mut(subject) {
            if permanent {
                all.retain(|one| one.number != found.number);
            } else {
                all.iter_mut().filter(|one| one.number == found.number).for_each(|one| one.deleted = true);
            }
        }
        Ok(found.number.into())
    }
}

#[cfg(test)]
mod tests;

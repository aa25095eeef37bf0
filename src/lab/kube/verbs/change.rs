//! PUT, and what every change of an object has in common: versions, what may change, owners, generation.

use std::sync::Arc;

use serde_json::{Value, json};

use super::asked::{Answered, Asked, Payload, Sub};
use super::{body, endings, scale};
use crate::lab::kube::cluster::World;
use crate::lab::kube::patch::Managers;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::store::Stored;
use crate::lab::kube::validate::{defaults, definition, finish, metadata, rules, unchanged};

/// Replaces an object.
pub(crate) fn replace(world: &mut World, asked: &Asked, payload: &Payload) -> Answer<Answered> {
    asked.query.check("UpdateOptions")?;
    let dry = asked.query.dry_run("UpdateOptions")?;
    if asked.sub == Sub::Scale {
        let wanted = body::plain(payload)?;
        return scale::put(world, asked, &wanted, dry);
    }
    let read = body::object(asked, payload)?;
    let name = read.object["metadata"]["name"].as_str().unwrap_or_default();
    if name != asked.name {
        return Err(misnamed(name, &asked.name));
    }
    let old = asked.find(&world.store)?;
    meant(asked, &old.value, &read.object)?;
    let unversioned = read.object["metadata"]["resourceVersion"].as_str().unwrap_or_default().is_empty();
    let value = change(world, asked, &old, read.object, Change { managers: None, dry, unversioned })?;
    Ok(Answered { code: 200, value, warnings: read.warnings })
}

/// The name in the body is another than in the address.
pub(super) fn misnamed(there: &str, asked: &str) -> Box<Refusal> {
    let why = format!("the name of the object ({there}) does not match the name on the URL ({asked})");
    Refusal::bad_request(why)
}

/// How an object is changed.
#[derive(Debug)]
pub(super) struct Change {
    /// The owners, where the change is applied; else they follow from what changed.
    pub(super) managers: Option<Managers>,
    pub(super) dry: bool,
    /// The caller did not say which version is changed, where some kinds want to know.
    pub(super) unversioned: bool,
}

/// Puts a changed object in the old one's place.
pub(super) fn change(
    world: &mut World,
    asked: &Asked,
    old: &Arc<Stored>,
    mut new: Value,
    how: Change,
) -> Answer<Value> {
    let kind = &asked.kind;
    let was = &old.value;
    current(asked, was, &new)?;
    let fixed = metadata::fixed(was, &new);
    defaults::apply(kind, &mut new);
    if kind.plural == "secrets" && kind.group.is_empty() {
        finish::secret(&mut new);
    }
    keep(asked, was, &mut new);
    let owners = if new["metadata"]["managedFields"].is_array() { Managers::of(&new) } else { Managers::of(was) };
    let managers = match how.managers {
        Some(managers) => managers,
        // An object whose account nobody keeps goes on without one, until it is applied (`skipNonAppliedManager`).
        None if owners.is_empty() => owners,
        None => {
            let only = (asked.sub == Sub::Status).then_some("f:status");
            owners.updated(kind.schema(), was, &new, &asked.owner("Update"), only)
        }
    };
    managers.write(&mut new);
    finish::update(world, kind, was, &mut new)?;
    if kind.generation && asked.sub != Sub::Status && wanted(was) != wanted(&new) {
        let generation = was["metadata"]["generation"].as_i64().unwrap_or(0);
        new["metadata"]["generation"] = json!(generation + 1);
    }
    if how.unversioned && unchanged::needs_version(kind) {
        return Err(Refusal::invalid(&kind.named(&asked.name), &[unchanged::without_version()]));
    }
    let mut faults = fixed;
    faults.extend(rules::object(kind, &new));
    faults.extend(unchanged::faults(kind, was, &new));
    if !faults.is_empty() {
        return Err(Refusal::invalid(&kind.by_kind(&asked.name), &faults));
    }
    new["metadata"]["resourceVersion"] = was["metadata"]["resourceVersion"].clone();
    let place = asked.place();
    if endings::is_over(&new) {
        if !how.dry {
            endings::remove(world, &place);
        }
        return Ok(asked.shown(&new));
    }
    if how.dry || new == **was {
        return Ok(asked.shown(&new));
    }
    let stored = world.store.put(place.clone(), new);
    let shown = asked.shown(&stored.value);
    if kind.plural == "customresourcedefinitions" {
        let established = definition::established(kind, &stored.value, &asked.time());
        world.register(&established, true);
        if established != *stored.value {
            world.store.put(place, established);
        }
    }
    Ok(shown)
}

/// What is replaced has to be the one that was meant.
fn meant(asked: &Asked, was: &Value, new: &Value) -> Answer<()> {
    let (meant, there) = (&new["metadata"]["uid"], &was["metadata"]["uid"]);
    if meant.as_str().is_some_and(|uid| !uid.is_empty()) && meant != there {
        let (resource, namespace, name) = (&asked.kind.plural, &asked.namespace, &asked.name);
        let (meant, there) = (meant.as_str().unwrap_or_default(), there.as_str().unwrap_or_default());
        let path = [resource.as_str(), namespace.as_str(), name.as_str()];
        let path: Vec<&str> = path.into_iter().filter(|p| !p.is_empty()).collect();
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
             failed: UID in precondition: {meant}, UID in object meta: {there}",
            path.join("/")
        );
        return Err(Refusal::conflict(&asked.kind.named(name), &why));
    }
    Ok(())
}

/// The object has to be there in the version that was meant.
fn current(asked: &Asked, was: &Value, new: &Value) -> Answer<()> {
    let version = new["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !version.is_empty() {
        if version.parse::<u64>().is_err() {
            return Err(Refusal::internal(format!("strconv.ParseUint: parsing {version:?}: invalid syntax")));
        }
        if was["metadata"]["resourceVersion"] != version {
            return Err(Refusal::modified(&asked.kind.named(&asked.name)));
        }
    }
    Ok(())
}

/// What the change may not touch is as it was.
fn keep(asked: &Asked, was: &Value, new: &mut Value) {
    let custom = asked.kind.custom.is_some();
    match asked.sub {
        Sub::Status => {
            let status = new["status"].take();
            let metadata = new["metadata"].clone();
            *new = was.clone();
            if status.is_null() {
                if let Some(object) = new.as_object_mut() {
                    object.remove("status");
                }
            } else {
                new["status"] = status;
            }
            if !custom {
                new["metadata"] = metadata;
            }
        }
        Sub::Whole if asked.kind.status => match was.get("status") {
            Some(status) => new["status"] = status.clone(),
            None => {
                if let Some(object) = new.as_object_mut() {
                    object.remove("status");
                }
            }
        },
        _ => {}
    }
    let Some(metadata) = new["metadata"].as_object_mut() else { return };
    let fixed = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "name",
        "namespace",
    ];
    for key in fixed {
        match was["metadata"].get(key) {
            Some(value) => metadata.insert(key.to_owned(), value.clone()),
            None => metadata.remove(key),
        };
    }
}

/// What is wanted of an object: all but metadata and status.
fn wanted(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.remove("metadata");
        object.remove("status");
    }
    object
}

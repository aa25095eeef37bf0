//! POST: an object is made.

use serde_json::{Value, json};

use super::asked::{Answered, Asked, Payload};
use super::body::{self, Read};
use crate::lab::kube::cluster::World;
use crate::lab::kube::patch::Managers;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::store::Place;
use crate::lab::kube::validate::{defaults, definition, finish, rules, security};

/// Makes the object of a body.
pub(crate) fn create(world: &mut World, asked: &Asked, payload: &Payload) -> Answer<Answered> {
    asked.query.check("CreateOptions")?;
    let dry = asked.query.dry_run("CreateOptions")?;
    let Read { object, mut warnings } = body::object(asked, payload)?;
    let value = object_in(world, asked, object, None, dry)?;
    warnings.extend(security::warnings(world, &asked.kind, &value));
    Ok(Answered { code: 201, value, warnings })
}

/// Makes an object; `managers` are those of one that is applied.
pub(crate) fn object_in(
    world: &mut World,
    asked: &Asked,
    mut object: Value,
    managers: Option<Managers>,
    dry: bool,
) -> Answer<Value> {
    let kind = &asked.kind;
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    namespace(world, asked, &name)?;
    defaults::apply(kind, &mut object);
    if kind.plural == "secrets" && kind.group.is_empty() {
        finish::secret(&mut object);
    }
    if kind.status
        && kind.plural != "nodes"
        && let Some(object) = object.as_object_mut()
    {
        object.remove("status");
    }
    let owner = asked.owner(if managers.is_some() { "Apply" } else { "Update" });
    let managers = match managers {
        Some(managers) => managers,
        None => Managers::of(&object).updated(kind.schema(), &json!({}), &object, &owner, None),
    };
    let uid = world.naming.uid();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for key in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
            metadata.remove(key);
        }
        metadata.insert("uid".to_owned(), json!(uid));
        metadata.insert("creationTimestamp".to_owned(), json!(asked.time()));
        let base = metadata.get("generateName").and_then(Value::as_str).unwrap_or_default().to_owned();
        if name.is_empty() && !base.is_empty() {
            metadata.insert("name".to_owned(), json!(world.naming.generate(&base)));
        }
    }
    managers.write(&mut object);
    finish::create(world, kind, &mut object, &asked.time())?;
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    security::enforce(world, kind, &name, &object)?;
    let faults = rules::object(kind, &object);
    if !faults.is_empty() {
        return Err(Refusal::invalid(&kind.by_kind(&name), &faults));
    }
    if object["metadata"]["resourceVersion"].as_str().is_some_and(|v| !v.is_empty()) {
        return Err(Refusal::internal("resourceVersion should not be set on objects to be created"));
    }
    let place = Place::new(&kind.resource(), &asked.namespace, &name);
    if world.store.get(&place).is_some() {
        return Err(Refusal::exists(&kind.named(&name)));
    }
    if dry {
        return Ok(asked.shown(&object));
    }
    let stored = world.store.put(place.clone(), object);
    let shown = asked.shown(&stored.value);
    if kind.plural == "customresourcedefinitions" {
        // The controller that serves it answers a moment later, in a change of its own.
        let all = world.store.list(&place.resource, "").map(|(_, other)| &*other.value);
        let judged = match definition::conflict(&stored.value, all) {
            Some(taken) => definition::refused(&stored.value, &taken, &asked.time()),
            None => {
                let established = definition::established(&asked.kind, &stored.value, &asked.time());
                world.register(&established, true);
                established
            }
        };
        world.store.put(place, judged);
    }
    Ok(shown)
}

/// The namespace has to be there, and to stay.
fn namespace(world: &World, asked: &Asked, name: &str) -> Answer<()> {
    if !asked.kind.namespaced {
        return Ok(());
    }
    let what = |name| crate::lab::kube::refusal::Named { group: "", kind: "namespaces", name };
    let Some(there) = world.store.get(&Place::new("namespaces", "", &asked.namespace)) else {
        return Err(Refusal::not_found(&what(&asked.namespace)));
    };
    if there.value["metadata"]["deletionTimestamp"].is_string() {
        let why =
            format!("unable to create new content in namespace {} because it is being terminated", asked.namespace);
        let mut refusal = Refusal::forbidden(&asked.kind.named(name), &why);
        if let Some(details) = &mut refusal.details {
            details["causes"] = json!([{
                "reason": "NamespaceTerminating", "field": "metadata.namespace",
                "message": format!("namespace {} is being terminated", asked.namespace),
            }]);
        }
        return Err(refusal);
    }
    Ok(())
}

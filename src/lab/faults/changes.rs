//! Objects that causes change: made so through the API server's own verbs, and taken back when the cause goes.
//!
//! Whoever watches sees what an operator's mistake looks like: a change with an owner, judged by the schema, to which the
//! controllers react. Where several changes are about one object and an earlier one goes, the later ones are taken back
//! first and made again after it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::inverse::inverse;
use crate::lab::kube::cluster::{Cluster, World as Objects};
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::refusal::Answer;
use crate::lab::kube::store::Place;
use crate::lab::kube::verbs::{self, Asked, Payload, Query, Sub};
use crate::lab::world::wrong::Object;
use crate::lab::world::{Cause, Change, World};

/// What was changed, and how it is taken back.
#[derive(Debug)]
struct Made {
    cluster: String,
    object: Object,
    change: Change,
    back: Back,
}

/// How a change is taken back.
#[derive(Debug)]
enum Back {
    /// It could not be made.
    Nothing,
    /// By a merge patch, of the status alone or of all but the status.
    Merge(Value, Sub),
    /// It is deleted.
    Delete,
    /// These are made again: the object, and what was only there through it.
    Create(Vec<Value>),
}

/// The changes that are in force.
#[derive(Debug)]
pub struct Changes {
    clusters: BTreeMap<String, Arc<Cluster>>,
    made: Mutex<Vec<Made>>,
}

impl Changes {
    /// Nothing is changed yet.
    pub fn new(clusters: BTreeMap<String, Arc<Cluster>>) -> Self {
        Self { clusters, made: Mutex::default() }
    }

    /// Makes what the world's causes say that is changed, and takes back what they no longer say. What could not be
    /// done is told, each with the API server's words.
    pub fn settle(&self, world: &World) -> Vec<String> {
        self.after(world, || {})
    }

    /// The same after something was done to the causes, with nobody in between who would be told in the caller's place.
    pub fn after(&self, world: &World, done: impl FnOnce()) -> Vec<String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        done();
        let mut wanted: Vec<_> = world.causes();
        wanted.sort_by_key(|(_, since)| *since);
        let wanted: Vec<(String, Object, Change)> = wanted
            .into_iter()
            .filter_map(|(cause, _)| match cause {
                Cause::Changed { cluster, object, change } => Some((cluster, object, change)),
                _ => None,
            })
            .collect();
        let mut problems = Vec::new();
        let stays =
            |one: &Made| wanted.iter().any(|(c, o, how)| *c == one.cluster && *o == one.object && *how == one.change);
        while let Some(first) = made.iter().position(|one| !stays(one)) {
            let (cluster, object) = (made[first].cluster.clone(), made[first].object.clone());
            // Those after it that are about the same object go first, the last one foremost.
            while let Some(last) = made.iter().rposition(|one| one.cluster == cluster && one.object == object) {
                let one = made.remove(last);
                problems.extend(self.take_back(&one).err());
                if last == first {
                    break;
                }
            }
        }
        for (cluster, object, change) in wanted {
            if made.iter().any(|one| one.cluster == cluster && one.object == object && one.change == change) {
                continue;
            }
            let mut back = self.make(&cluster, &object, &change).unwrap_or_else(|why| {
                problems.push(why);
                Back::Nothing
            });
            if let Back::Create(gone) = &mut back {
                // What a cause made is no part of what comes back.
                let of_cause = |one: &Made| one.cluster == cluster && matches!(one.change, Change::Create(_));
                gone.retain(|was| !made.iter().any(|one| of_cause(one) && one.object == Object::of(was)));
            }
            made.push(Made { cluster, object, change, back });
        }
        problems
    }

    fn make(&self, cluster: &str, object: &Object, change: &Change) -> Result<Back, String> {
        let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| format!("{object}: no JSON: {e}"));
        match change {
            Change::Merge(patch) => self.patch(cluster, object, &parse(patch)?, Sub::Whole),
            Change::Status(patch) => self.patch(cluster, object, &json!({ "status": parse(patch)? }), Sub::Status),
            Change::Create(manifest) => {
                self.create(cluster, object, &parse(manifest)?)?;
                Ok(Back::Delete)
            }
            Change::Delete => self.delete(cluster, object).map(Back::Create),
        }
    }

    fn take_back(&self, one: &Made) -> Result<(), String> {
        let Made { cluster, object, back, .. } = one;
        match back {
            Back::Nothing => Ok(()),
            // What is gone by now needs no way back.
            Back::Merge(..) | Back::Delete if self.current(cluster, object).is_none() => Ok(()),
            Back::Merge(patch, sub) => self.patch(cluster, object, patch, *sub).map(|_| ()),
            Back::Delete => {
                self.unhold(cluster, object)?;
                // One that was to go, and was only held, is gone by that.
                if self.current(cluster, object).is_none() {
                    return Ok(());
                }
                self.delete(cluster, object).map(|_| ())
            }
            Back::Create(objects) => {
                self.finish(cluster, object)?;
                objects.iter().try_for_each(|manifest| {
                    let object = Object::of(manifest);
                    // Whoever made it anew in the meantime knows best how.
                    if self.current(cluster, &object).is_some() {
                        return Ok(());
                    }
                    self.restore(cluster, &object, manifest)
                })
            }
        }
    }

    fn current(&self, cluster: &str, object: &Object) -> Option<Value> {
        let cluster = self.clusters.get(cluster)?;
        let world = cluster.world();
        let place = kind(&world, object)?.resource();
        let place = Place::new(&place, &object.namespace, &object.name);
        world.store.get(&place).map(|stored| stored.value.clone())
    }

    fn patch(&self, cluster: &str, object: &Object, patch: &Value, sub: Sub) -> Result<Back, String> {
        let before = self.current(cluster, object).ok_or_else(|| format!("{cluster} has no {object}"))?;
        let payload = payload(patch, "application/merge-patch+json");
        self.ask(cluster, object, sub, |world, asked| verbs::patch(world, asked, &payload))?;
        Ok(Back::Merge(inverse(&before, patch), sub))
    }

    fn create(&self, cluster: &str, object: &Object, manifest: &Value) -> Result<(), String> {
        let payload = payload(manifest, "application/json");
        self.ask(cluster, object, Sub::Whole, |world, asked| {
            let unnamed = Asked { name: String::new(), kind: asked.kind.clone(), query: Query::default(), ..of(asked) };
            verbs::create(world, &unnamed, &payload)
        })
    }

    /// Takes its finalizers from an object: what only they hold is gone then.
    fn unhold(&self, cluster: &str, object: &Object) -> Result<(), String> {
        let held = |object: Value| object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        if !self.current(cluster, object).is_some_and(held) {
            return Ok(());
        }
        self.patch(cluster, object, &json!({ "metadata": { "finalizers": null } }), Sub::Whole).map(|_| ())
    }

    /// Brings the end of a namespace about that somebody holds up.
    fn finish(&self, cluster: &str, object: &Object) -> Result<(), String> {
        let ends = |object: Value| object["metadata"]["deletionTimestamp"].is_string();
        if object.kind != "Namespace" || !self.current(cluster, object).is_some_and(ends) {
            return Ok(());
        }
        let rest = self.within(cluster, &object.name);
        rest.iter().map(Object::of).try_for_each(|one| {
            self.unhold(cluster, &one)?;
            if self.current(cluster, &one).is_some() { self.delete(cluster, &one).map(|_| ()) } else { Ok(()) }
        })
    }

    /// What is in a namespace.
    fn within(&self, cluster: &str, namespace: &str) -> Vec<Value> {
        let Some(cluster) = self.clusters.get(cluster) else { return Vec::new() };
        let world = cluster.world();
        let places: Vec<Place> = world.store.in_namespace(namespace).cloned().collect();
        places.iter().filter_map(|place| Some(world.store.get(place)?.value.clone())).collect()
    }

    /// Makes an object as it was, with its status.
    fn restore(&self, cluster: &str, object: &Object, before: &Value) -> Result<(), String> {
        let mut manifest = before.clone();
        if let Some(metadata) = manifest["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
            metadata.remove("managedFields");
        }
        self.create(cluster, object, &manifest)?;
        if manifest["status"].is_null() {
            return Ok(());
        }
        let status = json!({ "status": manifest["status"] });
        // A kind whose status is no part of its own has it already.
        let _ = self.patch(cluster, object, &status, Sub::Status);
        Ok(())
    }

    /// Deletes an object; gives back what went: a definition takes its objects along, and a namespace what is in it.
    fn delete(&self, cluster: &str, object: &Object) -> Result<Vec<Value>, String> {
        let before = self.current(cluster, object).ok_or_else(|| format!("{cluster} has no {object}"))?;
        let mut gone = vec![before];
        if object.kind == "CustomResourceDefinition"
            && let Some(cluster) = self.clusters.get(cluster)
        {
            let world = cluster.world();
            gone.extend(world.store.list(&object.name, "").map(|(_, stored)| stored.value.clone()));
        }
        if object.kind == "Namespace" {
            // What others make of these comes back by itself.
            let of_others = |object: &Value| object["metadata"]["ownerReferences"].is_array() || told(object);
            gone.extend(self.within(cluster, &object.name).into_iter().filter(|object| !of_others(object)));
        }
        let options =
            payload(&json!({ "gracePeriodSeconds": 0, "propagationPolicy": "Background" }), "application/json");
        self.ask(cluster, object, Sub::Whole, |world, asked| verbs::delete(world, asked, &options))?;
        Ok(gone)
    }

    /// Does something to an object as a client would, and tells the watches.
    fn ask(
        &self,
        cluster: &str,
        object: &Object,
        sub: Sub,
        verb: impl FnOnce(&mut Objects, &Asked) -> Answer<verbs::Answered>,
    ) -> Result<(), String> {
        let cluster = self.clusters.get(cluster).ok_or_else(|| format!("there is no cluster {cluster}"))?;
        let (answered, revision) = {
            let mut world = cluster.world();
            let kind = kind(&world, object)
                .ok_or_else(|| format!("cluster {} serves no {} {}", cluster.name, object.api_version, object.kind))?;
            let asked = Asked {
                kind,
                namespace: object.namespace.clone(),
                name: object.name.clone(),
                sub,
                query: Query::default(),
                agent: "kubectl-edit".into(),
                user: "somebody".into(),
                now: cluster.clock.now(),
            };
            (verb(&mut world, &asked), world.store.revision())
        };
        cluster.ring(revision);
        answered.map(|_| ()).map_err(|refusal| format!("{object} of {}: {}", cluster.name, refusal.message))
    }
}

/// Whether an object only tells what happened, or who holds what for a moment.
fn told(object: &Value) -> bool {
    matches!(object["kind"].as_str(), Some("Event" | "Lease" | "Endpoints" | "EndpointSlice"))
}

fn kind(world: &Objects, object: &Object) -> Option<Arc<Kind>> {
    world.kinds.of(&json!({ "apiVersion": object.api_version, "kind": object.kind }))
}

fn payload(value: &Value, media: &str) -> Payload {
    Payload { bytes: value.to_string().into_bytes(), media: media.into() }
}

fn of(asked: &Asked) -> Asked {
    Asked {
        kind: asked.kind.clone(),
        namespace: asked.namespace.clone(),
        name: asked.name.clone(),
        sub: asked.sub,
        query: Query::default(),
        agent: asked.agent.clone(),
        user: asked.user.clone(),
        now: asked.now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::world::read;

    const MAP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"default"}}"#;

    struct Bench {
        world: Arc<World>,
        changes: Changes,
        object: Object,
    }

    impl Bench {
        fn new() -> Self {
            let clock: Arc<LabClock> = Arc::new(LabClock::real());
            let world = World::new(read::embedded("one-node").unwrap(), clock.clone());
            let cluster = Cluster::new("infra", clock.clone());
            let mut object: Value = serde_json::from_str(MAP).unwrap();
            object["data"] = json!({ "a": "1", "b": "2" });
            cluster.world().plant(&object, crate::clock::Clock::now(&*clock));
            let changes = Changes::new(BTreeMap::from([("infra".into(), cluster)]));
            Self { world, changes, object: Object::of(&object) }
        }

        fn cause(&self, change: Change) -> Cause {
            Cause::Changed { cluster: "infra".into(), object: self.object.clone(), change }
        }

        fn data(&self) -> Option<Value> {
            self.changes.current("infra", &self.object).map(|object| object["data"].clone())
        }

        fn settle(&self) {
            assert_eq!(self.changes.settle(&self.world), Vec::<String>::new());
        }
    }

    #[test]
    fn what_a_cause_changed_comes_back_when_it_goes_in_whatever_order() {
        let bench = Bench::new();
        let merge = |patch: Value| bench.cause(Change::Merge(patch.to_string()));
        let (one, two) = (merge(json!({ "data": { "a": "x", "c": "y" } })), merge(json!({ "data": { "a": null } })));
        bench.world.put(one.clone());
        bench.settle();
        bench.world.put(two.clone());
        bench.settle();
        assert_eq!(bench.data(), Some(json!({ "b": "2", "c": "y" })));
        bench.world.lift(&one);
        bench.settle();
        assert_eq!(bench.data(), Some(json!({ "b": "2" })), "the later one still holds");
        bench.world.lift(&two);
        bench.settle();
        assert_eq!(bench.data(), Some(json!({ "a": "1", "b": "2" })));
    }

    #[test]
    fn what_is_deleted_is_made_again_and_what_is_made_is_deleted() {
        let mut bench = Bench::new();
        let gone = bench.cause(Change::Delete);
        bench.world.put(gone.clone());
        bench.settle();
        assert_eq!(bench.data(), None);
        bench.world.lift(&gone);
        bench.settle();
        assert_eq!(bench.data(), Some(json!({ "a": "1", "b": "2" })));
        let manifest = MAP.replace("settings", "other");
        bench.object.name = "other".into();
        let made = bench.cause(Change::Create(manifest));
        bench.world.put(made.clone());
        bench.settle();
        assert_eq!(bench.data(), Some(Value::Null));
        bench.world.lift(&made);
        bench.settle();
        assert_eq!(bench.data(), None);
    }

    #[test]
    fn a_namespace_that_is_held_up_ends_and_comes_back_with_what_was_in_it() {
        let mut bench = Bench::new();
        let manifest = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let namespace = manifest(
            r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}"#,
        );
        let map = manifest(&MAP.replace("\"default\"", "\"shop\""));
        let mut held = manifest(&MAP.replace("\"default\"", "\"shop\"").replace("settings", "held"));
        held["metadata"]["finalizers"] = json!(["example.org/nobody"]);
        {
            let cluster = &bench.changes.clusters["infra"];
            let mut world = cluster.world();
            world.plant(&namespace, jiff::Timestamp::UNIX_EPOCH);
            world.plant(&map, jiff::Timestamp::UNIX_EPOCH);
        }
        bench.object = Object::of(&held);
        let made = bench.cause(Change::Create(held.to_string()));
        let of = |object: &Value| Object::of(object);
        let gone = Cause::Changed { cluster: "infra".into(), object: of(&namespace), change: Change::Delete };
        bench.world.put(made.clone());
        bench.world.put(gone.clone());
        bench.settle();
        let phase =
            |bench: &Bench| bench.changes.current("infra", &of(&namespace)).map(|ns| ns["status"]["phase"].clone());
        assert_eq!((phase(&bench), bench.changes.current("infra", &of(&map))), (Some("Terminating".into()), None));
        bench.world.lift(&made);
        bench.world.lift(&gone);
        bench.settle();
        assert_eq!(phase(&bench), Some("Active".into()));
        assert!(bench.changes.current("infra", &of(&map)).is_some());
        assert_eq!(bench.changes.current("infra", &of(&held)), None);
    }

    #[test]
    fn what_the_server_refuses_is_told_once() {
        let bench = Bench::new();
        bench.world.put(bench.cause(Change::Merge(json!({ "data": { "a": 1 } }).to_string())));
        let problems = bench.changes.settle(&bench.world);
        assert!(
            problems.len() == 1 && problems[0].starts_with("ConfigMap default/settings of infra: "),
            "{problems:?}"
        );
        assert_eq!(bench.data(), Some(json!({ "a": "1", "b": "2" })));
        bench.settle();
    }
}

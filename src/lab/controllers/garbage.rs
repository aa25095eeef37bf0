//! The garbage collector: what its owners left behind goes after them, before them, or stays, as the deletion said.
//!
//! Source: k8s.io/kubernetes `pkg/controller/garbagecollector`.

use serde_json::Value;

use super::fields::{self, has_finalizer, list, text};
use super::scene::Scene;
use crate::lab::kube::store::Place;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What became of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    There,
    /// It is there, and waits for what it owns.
    Waits,
    Gone,
    /// Its kind is not known here.
    Unknown,
}

/// Looks at an object: as one that is owned, and as one that owns.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let object = &stored.value;
    if fields::is_ending(object) {
        if has_finalizer(object, ORPHAN) {
            return orphan(scene, place, object);
        }
        if has_finalizer(object, FOREGROUND) {
            return first_what_it_owns(scene, place, object);
        }
    }
    owned(scene, place, object);
}

/// What it owns stays, and has one owner less.
fn orphan(scene: &mut Scene<'_>, place: &Place, object: &Value) {
    let uid = fields::uid(object);
    let owned: Vec<Place> = scene.index.owned(uid).cloned().collect();
    for dependent in owned {
        scene.change(&dependent, |dependent| super::adopt::release(dependent, uid));
    }
    let_go(scene, place, ORPHAN);
}

/// What it owns goes first; it waits for those that hold it back.
fn first_what_it_owns(scene: &mut Scene<'_>, place: &Place, object: &Value) {
    let uid = fields::uid(object);
    let owned: Vec<Place> = scene.index.owned(uid).cloned().collect();
    let mut held = false;
    for dependent in owned {
        let Some(stored) = scene.get(&dependent) else { continue };
        let references = list(&stored.value, "/metadata/ownerReferences");
        held |= references.iter().any(|owner| owner["uid"] == uid && owner["blockOwnerDeletion"] == true);
        self::owned(scene, &dependent, &stored.value);
    }
    // A dependent that is gone calls for one more look.
    let left = scene.index.owned(uid).any(|dependent| scene.objects.store.get(dependent).is_some());
    if !held || !left {
        let_go(scene, place, FOREGROUND);
    }
}

fn let_go(scene: &mut Scene<'_>, place: &Place, finalizer: &str) {
    scene.change(place, |object| {
        if let Some(all) = object["metadata"]["finalizers"].as_array_mut() {
            all.retain(|one| one != finalizer);
        }
    });
}

/// An object whose owners are all gone, or wait for it, goes.
fn owned(scene: &mut Scene<'_>, place: &Place, object: &Value) {
    let references = list(object, "/metadata/ownerReferences");
    if references.is_empty() {
        return;
    }
    let states: Vec<Owner> = references.iter().map(|owner| state(scene, place, owner)).collect();
    let of = |state: Owner| states.contains(&state);
    if fields::is_ending(object) || of(Owner::Unknown) {
        return;
    }
    if of(Owner::There) {
        // It has an owner still, and no longer those that are gone.
        let gone: Vec<String> = references
            .iter()
            .zip(&states)
            .filter(|(_, state)| matches!(state, Owner::Gone | Owner::Waits))
            .map(|(owner, _)| text(owner, "/uid").to_owned())
            .collect();
        for uid in gone {
            scene.change(place, |object| super::adopt::release(object, &uid));
        }
        return;
    }
    if of(Owner::Waits) {
        let uid = fields::uid(object);
        // What it owns itself may hold it back in turn.
        let deep = scene.index.owned(uid).next().is_some();
        scene.delete_by(place, Some(if deep { "Foreground" } else { "Background" }), None);
        return;
    }
    let policy = if has_finalizer(object, ORPHAN) {
        Some("Orphan")
    } else if has_finalizer(object, FOREGROUND) {
        Some("Foreground")
    } else {
        None
    };
    scene.delete_by(place, policy, None);
}

fn state(scene: &Scene<'_>, place: &Place, owner: &Value) -> Owner {
    let Some(kind) = scene.objects.kinds.of(owner) else { return Owner::Unknown };
    let namespace = if kind.namespaced { place.namespace.as_str() } else { "" };
    // What belongs to no namespace can't be owned by what belongs to one.
    if kind.namespaced && place.namespace.is_empty() {
        return Owner::Unknown;
    }
    let found = scene.get(&Place::new(&kind.resource(), namespace, text(owner, "/name")));
    match found {
        Some(found) if fields::uid(&found.value) == owner["uid"] => {
            let waits = fields::is_ending(&found.value) && has_finalizer(&found.value, FOREGROUND);
            if waits { Owner::Waits } else { Owner::There }
        }
        _ => Owner::Gone,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::lab::controllers::testing::Stage;

    fn deployment() -> serde_json::Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "default" },
            "spec": { "replicas": 2, "selector": { "matchLabels": { "app": "web" } },
                      "template": { "metadata": { "labels": { "app": "web" } },
                                    "spec": { "containers": [{ "name": "web", "image": "nginx" }] } } },
        })
    }

    #[test]
    fn in_the_background_what_is_owned_goes_after_its_owner() {
        let mut stage = Stage::new(1);
        stage.create(deployment());
        stage.run(5);
        assert_eq!((stage.count("replicasets.apps"), stage.count("pods")), (1, 2));
        stage.delete_by("deployments.apps", "web", Some("Background"));
        assert_eq!(stage.count("deployments.apps"), 0);
        stage.run(5);
        assert_eq!((stage.count("replicasets.apps"), stage.count("pods")), (0, 0));
    }

    #[test]
    fn in_the_foreground_the_owner_waits() {
        let mut stage = Stage::new(1);
        stage.create(deployment());
        stage.run(5);
        stage.delete_by("deployments.apps", "web", Some("Foreground"));
        stage.settle();
        assert_eq!(
            (stage.count("deployments.apps"), stage.count("replicasets.apps")),
            (1, 1),
            "pods take their time to end"
        );
        stage.run(5);
        assert_eq!((stage.count("deployments.apps"), stage.count("replicasets.apps"), stage.count("pods")), (0, 0, 0));
    }

    #[test]
    fn orphans_stay_and_are_adopted() {
        let mut stage = Stage::new(1);
        stage.create(deployment());
        stage.run(5);
        stage.delete_by("deployments.apps", "web", Some("Orphan"));
        stage.run(5);
        assert_eq!((stage.count("deployments.apps"), stage.count("replicasets.apps"), stage.count("pods")), (0, 1, 2));
        let set = stage.only("replicasets.apps");
        assert!(set["metadata"]["ownerReferences"].is_null());
        stage.create(deployment());
        stage.run(5);
        assert_eq!((stage.count("replicasets.apps"), stage.count("pods")), (1, 2));
        assert_eq!(stage.only("replicasets.apps")["metadata"]["ownerReferences"][0]["name"], "web");
    }

    #[test]
    fn an_owner_that_never_existed_takes_its_own_along() {
        let mut stage = Stage::new(1);
        let map = |name: &str, uid: &str| {
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "default",
                    "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid }] } })
        };
        stage.create(
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "owner", "namespace": "default" } }),
        );
        let uid = stage.get("configmaps", "owner")["metadata"]["uid"].as_str().unwrap().to_owned();
        stage.create(map("owned", &uid));
        stage.create(map("stray", "00000000-0000-0000-0000-000000000000"));
        stage.settle();
        assert!(stage.find("configmaps", "owned").is_some());
        assert!(stage.find("configmaps", "stray").is_none(), "an owner of the same name is another one");
    }
}

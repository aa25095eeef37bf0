//! What a platform that has stood for days has besides what its topology says: the history that its controllers wrote.
//!
//! A topology names workloads and pods. Their controllers have filled in defaults, noted revisions, and written
//! endpoints; this does so in their place, so that they find a world at rest when they begin.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fields;
use super::manager::Manager;
use super::revisions;
use crate::lab::kube::cluster::{World as Objects, time};
use crate::lab::kube::store::Place;
use crate::lab::kube::validate::{defaults, finish};
use crate::lab::world::World;

/// The kinds with templates.
const SETS: [&str; 6] =
    ["daemonsets.apps", "deployments.apps", "replicasets.apps", "statefulsets.apps", "jobs.batch", "cronjobs.batch"];

/// Brings planted objects to rest: what was born then, and is looked at from now on.
pub(crate) fn settle(world: &World, objects: &mut Objects, born: Timestamp, now: Timestamp) {
    whole(objects);
    admit(objects);
    images(objects);
    history(world, objects, born);
    heartbeat(objects, now);
}

/// Gives a workload its defaults, where it came without.
pub(super) fn complete(objects: &mut Objects, place: &Place) {
    let Some(stored) = objects.store.get(place).cloned() else { return };
    let Some(kind) = objects.kinds.of(&stored.value) else { return };
    let mut whole = stored.value.clone();
    defaults::apply(&kind, &mut whole);
    if whole != *stored.value {
        objects.store.put(place.clone(), whole);
    }
}

/// Gives workloads their defaults, so that a template that somebody changes back is the same again.
fn whole(objects: &mut Objects) {
    for resource in SETS {
        for (place, _) in all(objects, resource) {
            complete(objects, &place);
        }
    }
    // The sets of a Deployment know how many it wants.
    for (place, mut set) in all(objects, "replicasets.apps") {
        let owner = fields::controller_of(&set)
            .filter(|owner| owner["kind"] == "Deployment")
            .map(|owner| owner["name"].clone());
        let Some(name) = owner.as_ref().and_then(Value::as_str) else { continue };
        let Some(deployment) = objects.store.get(&Place::new("deployments.apps", &place.namespace, name)) else {
            continue;
        };
        let deployment = deployment.value.clone();
        super::deployment::note(&mut set, &deployment);
        // A topology has one set a Deployment: the one of its present template, whatever labels it gave it besides.
        let mut template = deployment["spec"]["template"].clone();
        template["metadata"]["labels"]["pod-template-hash"] = set["metadata"]["labels"]["pod-template-hash"].clone();
        set["spec"]["template"] = template;
        objects.store.put(place, set);
    }
}

/// Gives pods what they would have from whoever made them, and from admission.
fn admit(objects: &mut Objects) {
    for (place, mut pod) in all(objects, "pods") {
        let set = fields::controller_of(&pod).filter(|owner| owner["kind"] == "DaemonSet").and_then(|owner| {
            let name = owner["name"].as_str()?;
            objects.store.get(&Place::new("daemonsets.apps", &place.namespace, name))
        });
        let tolerations = set.map(|set| super::daemonset::tolerations(&set.value));
        let Some(spec) = pod["spec"].as_object_mut() else { continue };
        if let Some(tolerations) = tolerations {
            spec.insert("tolerations".to_owned(), tolerations.into());
        }
        finish::admitted(spec);
        objects.store.put(place, pod);
    }
}

fn all(objects: &Objects, resource: &str) -> Vec<(Place, Value)> {
    objects.store.list(resource, "").map(|(place, stored)| (place.clone(), stored.value.clone())).collect()
}

/// The registries have what runs.
fn images(objects: &Objects) {
    let mut seen = std::collections::BTreeSet::new();
    for (_, pod) in objects.store.list("pods", "") {
        for container in crate::lab::pods::words::containers(&pod.value) {
            seen.insert(fields::text(container, "/image"));
        }
    }
    for resource in SETS {
        for (_, set) in objects.store.list(resource, "") {
            let template = if resource == "cronjobs.batch" {
                &set.value["spec"]["jobTemplate"]["spec"]
            } else {
                &set.value["spec"]
            };
            for container in crate::lab::pods::words::containers(&template["template"]) {
                seen.insert(fields::text(container, "/image"));
            }
        }
    }
    seen.into_iter().filter(|image| !image.is_empty()).for_each(|image| objects.inside.images.push(image));
}

/// DaemonSets and StatefulSets have a revision that their pods name; Services have endpoints. The controllers write
/// them, as they would have at the time that everything was born.
fn history(world: &World, objects: &mut Objects, born: Timestamp) {
    for resource in ["daemonsets.apps", "statefulsets.apps"] {
        for (place, _) in all(objects, resource) {
            let mut manager = Manager::default();
            let Some(label) = manager.revision(world, objects, &place, born) else { continue };
            label_pods(objects, &place, &label);
        }
    }
    Manager::default().rest(world, objects, born);
}

/// The pods of a set name its revision, and the set itself does.
fn label_pods(objects: &mut Objects, set: &Place, label: &str) {
    let Some(stored) = objects.store.get(set).cloned() else { return };
    let uid = fields::uid(&stored.value).to_owned();
    let stateful = set.resource == "statefulsets.apps";
    let own = |pod: &Value| fields::controller_of(pod).is_some_and(|owner| owner["uid"] == uid.as_str());
    let pods = objects.store.list("pods", &set.namespace).filter(|(_, pod)| own(&pod.value));
    let pods: Vec<(Place, Value)> = pods.map(|(place, pod)| (place.clone(), pod.value.clone())).collect();
    for (place, mut pod) in pods {
        if pod["metadata"]["labels"][revisions::LABEL].is_string() {
            continue;
        }
        pod["metadata"]["labels"][revisions::LABEL] = json!(label);
        if stateful {
            pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(place.name);
            if let Some(number) = super::statefulset::ordinal(&set.name, &place.name) {
                pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(number.to_string());
            }
        } else {
            pod["metadata"]["labels"]["pod-template-generation"] = json!("1");
        }
        objects.store.put(place, pod);
    }
    if stateful {
        let mut value = stored.value.clone();
        let replicas = value["status"]["replicas"].clone();
        for (key, own) in [
            ("currentRevision", json!(label)),
            ("updateRevision", json!(label)),
            ("currentReplicas", replicas),
            ("collisionCount", json!(0)),
        ] {
            if value["status"][key].is_null() {
                value["status"][key] = own;
            }
        }
        objects.store.put(set.clone(), value);
    }
}

/// The kubelets have told of their nodes just now.
fn heartbeat(objects: &mut Objects, now: Timestamp) {
    let stamp = time(now);
    for (place, mut node) in all(objects, "nodes") {
        for one in node["status"]["conditions"].as_array_mut().into_iter().flatten() {
            one["lastHeartbeatTime"] = json!(stamp);
        }
        objects.store.put(place, node);
    }
}

#[cfg(test)]
mod tests {
    use crate::lab::controllers::fields;
    use crate::lab::controllers::testing::Stage;
    use crate::lab::world::read;

    /// What a cluster's controllers change of their own accord.
    fn changed(topology: &str, cluster: &str, seconds: u64) -> Vec<String> {
        let mut stage = Stage::of(read::embedded(topology).unwrap(), cluster);
        let before = stage.cluster.world().store.revision();
        stage.run(seconds);
        since(&stage, before)
    }

    fn since(stage: &Stage, before: u64) -> Vec<String> {
        let world = stage.cluster.world();
        let changes = world.store.since(before).unwrap();
        changes
            .map(|change| {
                let said = change.after.as_ref().map_or("", |object| fields::text(&object.value, "/message"));
                format!("{} {}/{} {said}", change.place.resource, change.place.namespace, change.place.name)
            })
            .collect()
    }

    #[test]
    fn the_controllers_find_a_world_at_rest() {
        for (topology, cluster) in
            [("monosense", "infra"), ("monosense", "apps"), ("spec", "infra"), ("spec", "apps"), ("one-node", "infra")]
        {
            assert_eq!(changed(topology, cluster, 60), Vec::<String>::new(), "{topology} {cluster}");
        }
    }

    #[test]
    fn ten_thousand_pods_are_at_rest_and_cheap_to_look_at() {
        let mut stage = Stage::of(read::embedded("10000-pods").unwrap(), "infra");
        let before = stage.cluster.world().store.revision();
        stage.settle();
        assert_eq!(since(&stage, before), Vec::<String>::new(), "nothing is done");
        let begun = std::time::Instant::now();
        for _ in 0..1_000 {
            stage.settle();
        }
        assert!(begun.elapsed().as_secs() < 2, "a look at nothing new: {:?} for a thousand", begun.elapsed());
    }
}

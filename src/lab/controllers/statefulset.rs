//! StatefulSets: pods with names and volumes of their own, one after the other.
//!
//! Source: k8s.io/kubernetes `pkg/controller/statefulset`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::fields::{self, number, text};
use super::index::Pod;
use super::manager::{Key, Who};
use super::revisions::{self, LABEL};
use super::scene::Scene;
use super::template;
use crate::lab::kube::store::Place;

const COMPONENT: &str = "statefulset-controller";

/// The number of a set's pod, by its name.
pub(super) fn ordinal(set: &str, pod: &str) -> Option<i64> {
    pod.strip_prefix(set)?.strip_prefix('-')?.parse().ok()
}

/// What one look works with.
struct Work<'s> {
    set: &'s Value,
    first: i64,
    wanted: i64,
    least: i64,
    /// One after the other, or all at once.
    ordered: bool,
    current: String,
    update: String,
    pods: BTreeMap<i64, Arc<Pod>>,
}

impl Work<'_> {
    /// The ordinals that are wanted.
    fn wanted(&self) -> std::ops::Range<i64> {
        self.first..self.first + self.wanted
    }

    /// Those below the partition, and those that an update has not reached, keep the current revision.
    fn revision(&self, ordinal: i64) -> &str {
        let strategy = &self.set["spec"]["updateStrategy"];
        let partition = number(strategy, "/rollingUpdate/partition");
        if strategy["type"] != "OnDelete" && ordinal < partition { &self.current } else { &self.update }
    }
}

/// Brings a StatefulSet one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let set = &stored.value;
    if fields::is_ending(set) {
        return;
    }
    let Some(revision) = revisions::present(scene, set) else { return };
    let update = fields::name(&revision).to_owned();
    let current =
        Some(text(set, "/status/currentRevision")).filter(|name| !name.is_empty()).unwrap_or(&update).to_owned();
    let own = scene.index.controlled(fields::uid(set));
    let pods = own.filter_map(|pod| Some((ordinal(fields::name(set), &pod.place.name)?, pod.clone()))).collect();
    let work = Work {
        set,
        first: number(set, "/spec/ordinals/start"),
        wanted: set["spec"]["replicas"].as_i64().unwrap_or(1),
        least: number(set, "/spec/minReadySeconds"),
        ordered: set["spec"]["podManagementPolicy"] != "Parallel",
        current,
        update,
        pods,
    };
    if fill(scene, &work) && condemn(scene, &work) {
        roll(scene, &work);
    }
    status(scene, place, &work);
}

/// Makes the pods that are missing, in order. Whether all are there and, where order counts, fit.
fn fill(scene: &mut Scene<'_>, work: &Work<'_>) -> bool {
    for number in work.wanted() {
        let Some(pod) = work.pods.get(&number) else {
            if !make(scene, work, number) || work.ordered {
                return false;
            }
            continue;
        };
        if pod.is_over() && !pod.ending {
            let message = format!(
                "StatefulSet {}/{} is recreating terminated Pod {}",
                pod.place.namespace,
                fields::name(work.set),
                pod.place.name
            );
            scene.warning(work.set, COMPONENT, "RecreatingTerminatedPod", &message);
            remove(scene, work, pod);
            return false;
        }
        if pod.ending && work.ordered {
            return false;
        }
        if work.ordered && !pod.is_available(work.least, scene.now) {
            wait(scene, work, pod);
            return false;
        }
    }
    true
}

/// Looks again when a pod has been ready for long enough.
fn wait(scene: &mut Scene<'_>, work: &Work<'_>, pod: &Pod) {
    if let Some(since) = pod.ready {
        let key = Key { who: Who::StatefulSet, place: fields::place("statefulsets.apps", work.set) };
        scene.at(since + SignedDuration::from_secs(work.least), key);
    }
}

/// Lets those go that are beyond what is wanted, the highest first. Whether none are left.
fn condemn(scene: &mut Scene<'_>, work: &Work<'_>) -> bool {
    let wanted = work.wanted();
    let surplus: Vec<&Arc<Pod>> =
        work.pods.iter().rev().filter(|(number, _)| !wanted.contains(number)).map(|(_, pod)| pod).collect();
    for pod in &surplus {
        if pod.ending {
            if work.ordered {
                return false;
            }
            continue;
        }
        remove(scene, work, pod);
        if work.ordered {
            return false;
        }
    }
    surplus.is_empty()
}

/// Replaces one pod of an older template, from the highest down, each once those above are ready.
fn roll(scene: &mut Scene<'_>, work: &Work<'_>) {
    if work.set["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return;
    }
    let partition = number(work.set, "/spec/updateStrategy/rollingUpdate/partition");
    for (number, pod) in work.pods.iter().rev().filter(|(number, _)| **number >= partition) {
        if !work.wanted().contains(number) {
            continue;
        }
        if pod.label(LABEL) != work.update && !pod.ending {
            remove(scene, work, pod);
            return;
        }
        if pod.ending || !pod.is_available(work.least, scene.now) {
            wait(scene, work, pod);
            return;
        }
    }
}

fn remove(scene: &mut Scene<'_>, work: &Work<'_>, pod: &Pod) {
    let message = format!("delete Pod {} in StatefulSet {} successful", pod.place.name, fields::name(work.set));
    scene.normal(work.set, COMPONENT, "SuccessfulDelete", &message);
    scene.delete(&pod.place);
}

/// Makes a pod, and its claims before it. Whether it is there.
fn make(scene: &mut Scene<'_>, work: &Work<'_>, number: i64) -> bool {
    let set = work.set;
    let own = fields::name(set);
    let name = format!("{own}-{number}");
    let mut template = set["spec"]["template"].clone();
    let revision = work.revision(number).to_owned();
    if revision != work.update
        && let Some(old) = scene.get(&Place::new("controllerrevisions.apps", fields::namespace(set), &revision))
    {
        template = old.value["data"]["spec"]["template"].clone();
    }
    let mut pod = template::pod(set, &template);
    pod["metadata"]["name"] = json!(name);
    for (label, value) in [
        (LABEL, revision.as_str()),
        ("statefulset.kubernetes.io/pod-name", &name),
        ("apps.kubernetes.io/pod-index", &number.to_string()),
    ] {
        pod["metadata"]["labels"][label] = json!(value);
    }
    pod["spec"]["hostname"] = json!(name);
    if set["spec"]["serviceName"].as_str().is_some_and(|name| !name.is_empty()) {
        pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    }
    for claim in fields::list(set, "/spec/volumeClaimTemplates") {
        let claimed = format!("{}-{name}", fields::name(claim));
        let mut volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        volumes.retain(|volume| volume["name"] != claim["metadata"]["name"]);
        volumes.push(json!({ "name": claim["metadata"]["name"], "persistentVolumeClaim": { "claimName": claimed } }));
        pod["spec"]["volumes"] = volumes.into();
        if !claim_one(scene, set, claim, &claimed, &name) {
            return false;
        }
    }
    match scene.create(pod) {
        Ok(_) => {
            let message = format!("create Pod {name} in StatefulSet {own} successful");
            scene.normal(set, COMPONENT, "SuccessfulCreate", &message);
            true
        }
        Err(why) if why.contains("being terminated") => false,
        Err(why) => {
            failed(scene, set, &format!("create Pod {name} in StatefulSet {own} failed error: {why}"));
            false
        }
    }
}

/// Makes a pod's claim where it is missing. Whether it is there.
fn claim_one(scene: &mut Scene<'_>, set: &Value, template: &Value, name: &str, pod: &str) -> bool {
    let namespace = fields::namespace(set);
    if scene.get(&Place::new("persistentvolumeclaims", namespace, name)).is_some() {
        return true;
    }
    let mut labels = template["metadata"]["labels"].clone();
    for (key, value) in set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
        labels[key] = value.clone();
    }
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "namespace": namespace, "labels": labels, "annotations": template["metadata"]["annotations"] },
        "spec": template["spec"],
    });
    let own = fields::name(set);
    match scene.create(claim) {
        Ok(_) => {
            let message = format!("create Claim {name} Pod {pod} in StatefulSet {own} success");
            scene.normal(set, COMPONENT, "SuccessfulCreate", &message);
            true
        }
        Err(why) => {
            failed(scene, set, &format!("create Claim {name} for Pod {pod} in StatefulSet {own} failed error: {why}"));
            false
        }
    }
}

fn failed(scene: &mut Scene<'_>, set: &Value, message: &str) {
    scene.warning(set, COMPONENT, "FailedCreate", message);
    let key = Key { who: Who::StatefulSet, place: fields::place("statefulsets.apps", set) };
    scene.at(scene.now + SignedDuration::from_secs(5), key);
}

fn status(scene: &mut Scene<'_>, place: &Place, work: &Work<'_>) {
    let alive: Vec<&Arc<Pod>> = work.pods.values().filter(|pod| !pod.is_over()).collect();
    let of = |revision: &str| alive.iter().filter(|pod| pod.label(LABEL) == revision && !pod.ending).count();
    let ready = alive.iter().filter(|pod| pod.ready.is_some()).count();
    let (updated, mut current) = (of(&work.update), work.current.clone());
    let wanted = usize::try_from(work.wanted).unwrap_or(0);
    let rolling = work.set["spec"]["updateStrategy"]["type"] != "OnDelete";
    // Once every pod is new and ready, the update is what is current.
    if rolling && updated == wanted && alive.len() == wanted && ready == wanted {
        current.clone_from(&work.update);
    }
    let status = json!({
        "replicas": alive.len(), "readyReplicas": ready,
        "availableReplicas": alive.iter().filter(|pod| pod.is_available(work.least, scene.now)).count(),
        "currentReplicas": of(&current), "updatedReplicas": updated, "currentRevision": current,
        "updateRevision": work.update, "observedGeneration": work.set["metadata"]["generation"],
        "collisionCount": work.set["status"]["collisionCount"].as_i64().unwrap_or(0),
    });
    scene.status(place, fields::without_zeros(status, &["replicas", "availableReplicas", "collisionCount"]));
    let keep = [current.as_str(), work.update.as_str()];
    revisions::clean(scene, work.set, &keep);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_has_its_number_by_its_name() {
        assert_eq!(ordinal("db", "db-2"), Some(2));
        assert_eq!(ordinal("db", "db-2-x"), None);
        assert_eq!(ordinal("db", "dba-2"), None);
    }
}

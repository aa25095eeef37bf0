//! DaemonSets: a pod on every node that takes one, moved to a new template node by node.
//!
//! Source: k8s.io/kubernetes `pkg/controller/daemon`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::fields::{self, number, share, text};
use super::fit;
use super::index::{Phase, Pod};
use super::manager::{Key, Who};
use super::revisions::{self, LABEL};
use super::scene::Scene;
use super::template;
use crate::lab::kube::store::Place;

const COMPONENT: &str = "daemonset-controller";
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// Brings a DaemonSet one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let set = &stored.value;
    if fields::is_ending(set) {
        return;
    }
    count_templates(scene, place, set);
    let Some(stored) = scene.get(place) else { return };
    let set = &stored.value;
    let Some(revision) = revisions::present(scene, set) else { return };
    let hash = revisions::label(set, &revision).to_owned();
    let nodes = nodes(scene, set);
    if !manage(scene, set, &nodes, &hash) {
        update(scene, set, &nodes, &hash);
    }
    revisions::clean(scene, set, &[fields::name(&revision)]);
    status(scene, place, set, &nodes, &hash);
}

/// The template's number counts up with each change of the template.
fn count_templates(scene: &mut Scene<'_>, place: &Place, set: &Value) {
    let known =
        set["metadata"]["annotations"][GENERATION].as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let all = revisions::of(scene, set);
    let fresh = all.last().is_some_and(|one| {
        let mut was = one["data"]["spec"]["template"].clone();
        fields::unset(&mut was, "", "$patch");
        was != set["spec"]["template"]
    });
    if known == 0
        || (fresh && known < number(set, "/metadata/generation") && known <= i64::try_from(all.len()).unwrap_or(0))
    {
        scene.change(place, |set| set["metadata"]["annotations"][GENERATION] = json!((known + 1).to_string()));
    }
}

/// A node, and whether a pod is to be made there, and whether one that is there may stay.
#[derive(Debug)]
struct Node {
    name: String,
    runs: bool,
    stays: bool,
    pods: Vec<Arc<Pod>>,
}

/// What every pod of a DaemonSet tolerates.
pub(super) fn tolerations(set: &Value) -> Vec<Value> {
    let mut all = fields::list(set, "/spec/template/spec/tolerations").to_vec();
    let own = [
        ("node.kubernetes.io/not-ready", "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ];
    let host = [("node.kubernetes.io/network-unavailable", "NoSchedule")];
    let host = if set["spec"]["template"]["spec"]["hostNetwork"] == true { &host[..] } else { &[] };
    for (key, effect) in own.iter().chain(host) {
        let one = json!({ "key": key, "operator": "Exists", "effect": effect });
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

fn nodes(scene: &Scene<'_>, set: &Value) -> Vec<Node> {
    let spec = &set["spec"]["template"]["spec"];
    let tolerations = tolerations(set);
    let mut pods: BTreeMap<String, Vec<Arc<Pod>>> = BTreeMap::new();
    for pod in scene.index.controlled(fields::uid(set)) {
        pods.entry(node_of(pod)).or_default().push(pod.clone());
    }
    let all = scene.objects.store.list("nodes", "");
    let mut nodes: Vec<Node> = all
        .map(|(place, stored)| {
            let node = &stored.value;
            let fits = fit::selected(node, spec)
                && (text(spec, "/nodeName").is_empty() || text(spec, "/nodeName") == place.name);
            Node {
                runs: fits && fit::untolerated(node, &tolerations, &["NoSchedule", "NoExecute"]).is_none(),
                stays: fits && fit::untolerated(node, &tolerations, &["NoExecute"]).is_none(),
                pods: pods.remove(&place.name).unwrap_or_default(),
                name: place.name.clone(),
            }
        })
        .collect();
    // What is left is on nodes that are gone.
    nodes.extend(pods.into_iter().map(|(name, pods)| Node { name, runs: false, stays: false, pods }));
    nodes
}

/// The node of a pod, or the one that it was made for.
fn node_of(pod: &Pod) -> String {
    if !pod.node.is_empty() {
        return pod.node.clone();
    }
    let path = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0";
    text(&pod.stored.value, path).to_owned()
}

/// Makes what is missing and deletes what is too much. Whether there was anything to do.
fn manage(scene: &mut Scene<'_>, set: &Value, nodes: &[Node], hash: &str) -> bool {
    let mut done = false;
    for node in nodes {
        let mut alive: Vec<&Arc<Pod>> = Vec::new();
        for pod in &node.pods {
            if pod.phase == Phase::Failed && !pod.ending {
                let message = format!(
                    "Found failed daemon pod {}/{} on node {}, will try to kill it",
                    pod.place.namespace, pod.place.name, node.name
                );
                scene.warning(set, COMPONENT, "FailedDaemonPod", &message);
                done |= remove(scene, set, pod);
            } else if pod.phase == Phase::Succeeded && !pod.ending {
                done |= remove(scene, set, pod);
            } else {
                alive.push(pod);
            }
        }
        if node.stays || (node.runs && !alive.is_empty()) {
            alive.sort_by_key(|pod| (pod.created, pod.place.name.clone()));
            for pod in alive.iter().skip(1).filter(|pod| !pod.ending) {
                done |= remove(scene, set, pod);
            }
            if node.runs && alive.is_empty() {
                done |= make(scene, set, &node.name, hash);
            }
        } else if !node.stays {
            for pod in alive.iter().filter(|pod| !pod.ending) {
                done |= remove(scene, set, pod);
            }
        }
    }
    done
}

fn remove(scene: &mut Scene<'_>, set: &Value, pod: &Pod) -> bool {
    scene.normal(set, COMPONENT, "SuccessfulDelete", &format!("Deleted pod: {}", pod.place.name));
    scene.delete(&pod.place)
}

fn make(scene: &mut Scene<'_>, set: &Value, node: &str, hash: &str) -> bool {
    let mut pod = template::pod(set, &set["spec"]["template"]);
    pod["metadata"]["labels"][LABEL] = json!(hash);
    if let Some(generation) = set["metadata"]["annotations"][GENERATION].as_str() {
        pod["metadata"]["labels"]["pod-template-generation"] = json!(generation);
    }
    pod["spec"]["tolerations"] = tolerations(set).into();
    // The scheduler binds it, to the one node that it is for.
    let field = json!({ "key": "metadata.name", "operator": "In", "values": [node] });
    pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
        json!({ "nodeSelectorTerms": [{ "matchFields": [field] }] });
    match scene.create(pod) {
        Ok(pod) => {
            scene.normal(set, COMPONENT, "SuccessfulCreate", &format!("Created pod: {}", fields::name(&pod.value)));
            true
        }
        Err(why) if why.contains("being terminated") => false,
        Err(why) => {
            scene.warning(set, COMPONENT, "FailedCreate", &format!("Error creating: {why}"));
            let key = Key { who: Who::DaemonSet, place: fields::place("daemonsets.apps", set) };
            scene.at(scene.now + SignedDuration::from_secs(5), key);
            false
        }
    }
}

fn is_new(pod: &Pod, set: &Value, hash: &str) -> bool {
    let generation = set["metadata"]["annotations"][GENERATION].as_str().unwrap_or_default();
    pod.label(LABEL) == hash || (!generation.is_empty() && pod.label("pod-template-generation") == generation)
}

/// Deletes old pods, as many as may be missing at once; those that are missing anyhow first.
fn update(scene: &mut Scene<'_>, set: &Value, nodes: &[Node], hash: &str) {
    if set["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return;
    }
    let least = number(set, "/spec/minReadySeconds");
    let wanted: Vec<&Node> = nodes.iter().filter(|node| node.runs).collect();
    let count = i64::try_from(wanted.len()).unwrap_or(0);
    let allowed = match &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] {
        Value::Null => 1,
        value => share(value, count, true).max(1),
    };
    let (mut missing, mut olds, mut broken) = (0, Vec::new(), Vec::new());
    for node in wanted {
        let pod = node.pods.iter().find(|pod| !pod.ending);
        match pod {
            None => missing += 1,
            Some(pod) => {
                let available = pod.is_available(least, scene.now);
                missing += i64::from(!available);
                if !is_new(pod, set, hash) {
                    if available { olds.push(pod.clone()) } else { broken.push(pod.clone()) }
                }
            }
        }
    }
    let room = usize::try_from((allowed - missing).max(0)).unwrap_or(0);
    for pod in broken.iter().chain(olds.iter().take(room)) {
        remove(scene, set, pod);
    }
}

fn status(scene: &mut Scene<'_>, place: &Place, set: &Value, nodes: &[Node], hash: &str) {
    let least = number(set, "/spec/minReadySeconds");
    let (mut desired, mut scheduled, mut misplaced, mut ready, mut available, mut updated) = (0, 0, 0, 0, 0, 0);
    for node in nodes {
        let pod = node.pods.iter().min_by_key(|pod| pod.created);
        if !node.runs {
            misplaced += i64::from(pod.is_some());
            continue;
        }
        desired += 1;
        let Some(pod) = pod else { continue };
        scheduled += 1;
        ready += i64::from(pod.ready.is_some());
        available += i64::from(pod.is_available(least, scene.now));
        updated += i64::from(is_new(pod, set, hash));
        if let Some(since) = pod.ready.filter(|_| !pod.is_available(least, scene.now)) {
            let key = Key { who: Who::DaemonSet, place: place.clone() };
            scene.at(since + SignedDuration::from_secs(least), key);
        }
    }
    let status = json!({
        "desiredNumberScheduled": desired, "currentNumberScheduled": scheduled, "numberMisscheduled": misplaced,
        "numberReady": ready, "numberAvailable": available, "numberUnavailable": desired - available,
        "updatedNumberScheduled": updated, "observedGeneration": set["metadata"]["generation"],
        "collisionCount": set["status"]["collisionCount"], "conditions": set["status"]["conditions"],
    });
    let always = ["desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady"];
    scene.status(place, fields::without_zeros(status, &always));
}

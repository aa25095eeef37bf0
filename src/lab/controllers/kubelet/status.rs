//! What a kubelet tells of a pod.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Node;
use super::cell::{Cell, State};
use super::run::{Run, waiting};
use crate::lab::controllers::fields::{list, text};
use crate::lab::controllers::index::{Phase, Pod};
use crate::lab::controllers::scene::Scene;
use crate::lab::kube::cluster::time;
use crate::lab::pods::images::Reference;

/// The conditions that a kubelet decides, in its order.
const OWN: [&str; 4] = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"];

/// Writes a pod's status, where it differs.
pub(super) fn write(scene: &mut Scene<'_>, pod: &Pod, run: &Run) {
    if pod.is_over() && !pod.ending {
        return;
    }
    let Some(stored) = scene.get(&pod.place) else { return };
    let mut status = stored.value["status"].clone();
    let (host, address) = addresses(scene, pod, run, &status);
    let initialised = is_initialised(run);
    let phase = phase(pod, run);
    status["phase"] = json!(match phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    });
    if status["startTime"].is_null() {
        status["startTime"] = json!(time(run.begun));
    }
    status["hostIP"] = host.clone();
    status["hostIPs"] = json!([{ "ip": host }]);
    if address.is_string() {
        status["podIPs"] = json!([{ "ip": address }]);
        status["podIP"] = address;
    }
    if let Some((reason, message)) = &run.failed {
        status["reason"] = json!(reason);
        status["message"] = json!(message);
    }
    let of = |init: bool| -> Vec<Value> {
        run.cells.iter().filter(|cell| cell.init == init).map(|cell| container(cell, pod, initialised, run)).collect()
    };
    let inits = of(true);
    if !inits.is_empty() {
        status["initContainerStatuses"] = inits.into();
    }
    status["containerStatuses"] = of(false).into();
    status["conditions"] = conditions(pod, run, &status, phase, initialised, &scene.stamp).into();
    scene.status(&pod.place, status);
}

fn addresses(scene: &mut Scene<'_>, pod: &Pod, run: &Run, status: &Value) -> (Value, Value) {
    let mut images = std::collections::HashSet::new();
    let node = Node { scene, images: &mut images, name: &pod.node };
    let host = if status["hostIP"].is_string() { status["hostIP"].clone() } else { node.own_address() };
    let address = if status["podIP"].is_string() {
        status["podIP"].clone()
    } else if run.network.is_none() {
        Value::Null
    } else if pod.stored.value["spec"]["hostNetwork"] == true {
        host.clone()
    } else {
        node.free_address()
    };
    (host, address)
}

fn is_initialised(run: &Run) -> bool {
    run.cells.iter().filter(|cell| cell.init).all(|cell| {
        if cell.is_sidecar() { cell.is_started() } else { cell.ended().is_some_and(|ended| ended.code == 0) }
    })
}

/// The phase that follows from the containers.
fn phase(pod: &Pod, run: &Run) -> Phase {
    let policy = text(&pod.stored.value, "/spec/restartPolicy");
    let main: Vec<&Cell> = run.cells.iter().filter(|cell| !cell.init).collect();
    // What was over before stays so.
    if pod.is_over() {
        return pod.phase;
    }
    let stopped = main.iter().all(|cell| matches!(cell.state, State::Ended(_) | State::Waiting));
    if run.failed.is_some() && stopped {
        return Phase::Failed;
    }
    let broken = run.cells.iter().any(|cell| {
        cell.init && !cell.is_sidecar() && cell.ended().is_some_and(|ended| ended.code != 0) && policy == "Never"
    });
    if broken {
        return Phase::Failed;
    }
    let for_good = |cell: &&&Cell| cell.ended().is_some() && (pod.ending || !cell.restarts_by(policy));
    if !main.is_empty() && main.iter().filter(for_good).count() == main.len() {
        let failed = main.iter().any(|cell| cell.ended().is_some_and(|ended| ended.code != 0));
        return if failed { Phase::Failed } else { Phase::Succeeded };
    }
    let begun = |cell: &&Cell| cell.is_running() || cell.ended().is_some() || cell.last.is_some();
    if is_initialised(run) && main.iter().all(begun) { Phase::Running } else { Phase::Pending }
}

fn container(cell: &Cell, pod: &Pod, initialised: bool, run: &Run) -> Value {
    let state = match &cell.state {
        State::Running { since } => json!({ "running": { "startedAt": time(*since) } }),
        State::Ended(ended) => json!({ "terminated": ended.json() }),
        _ => {
            // Before the network is there, nothing is told apart.
            let ready = initialised || run.network.is_none() && !run.cells.iter().any(|cell| cell.init);
            let (reason, message) = waiting(cell, pod, ready).unwrap_or_default();
            let mut one = json!({ "reason": reason });
            if !message.is_empty() {
                one["message"] = json!(message);
            }
            json!({ "waiting": one })
        }
    };
    let begun = cell.is_running() || cell.ended().is_some() || cell.last.is_some();
    let image = text(&cell.spec, "/image");
    let reference = Reference::of(image);
    let id = if begun {
        let sum: String =
            Sha256::digest(reference.whole().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}@sha256:{sum}", reference.repository)
    } else {
        String::new()
    };
    let last = cell.last.as_ref().map_or(json!({}), |ended| json!({ "terminated": ended.json() }));
    let done = cell.init && !cell.is_sidecar() && cell.ended().is_some_and(|ended| ended.code == 0);
    let mut status = json!({
        "name": cell.name, "state": state, "lastState": last, "ready": cell.is_ready() || done, "restartCount": cell.restarts,
        "image": if begun { reference.whole() } else { image.to_owned() }, "imageID": id, "started": cell.is_started(),
    });
    if begun {
        let own = match &cell.state {
            State::Ended(ended) => ended.id.clone(),
            State::Running { .. } => cell.id.clone(),
            _ => cell.last.as_ref().map(|ended| ended.id.clone()).unwrap_or_default(),
        };
        status["containerID"] = json!(own);
    }
    status
}

fn conditions(pod: &Pod, run: &Run, status: &Value, phase: Phase, initialised: bool, now: &str) -> Vec<Value> {
    let object = &pod.stored.value;
    let old = list(status, "/conditions");
    let unready: Vec<&str> =
        run.cells.iter().filter(|cell| !cell.init && !cell.is_ready()).map(|cell| cell.name.as_str()).collect();
    let open: Vec<&str> = run
        .cells
        .iter()
        .filter(|cell| cell.init && !cell.is_sidecar() && cell.ended().is_none_or(|ended| ended.code != 0))
        .map(|cell| cell.name.as_str())
        .collect();
    let over = matches!(phase, Phase::Succeeded | Phase::Failed);
    let containers = match phase {
        Phase::Succeeded => Err(("PodCompleted", String::new())),
        Phase::Failed => Err(("PodFailed", String::new())),
        _ if unready.is_empty() => Ok(()),
        _ => Err(("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" ")))),
    };
    let gates = list(object, "/spec/readinessGates").iter().filter_map(|gate| gate["conditionType"].as_str());
    let shut: Vec<String> = gates
        .filter(|gate| !old.iter().any(|one| one["type"] == *gate && one["status"] == "True"))
        .map(|gate| format!("corresponding condition of pod readiness gate \"{gate}\" does not exist."))
        .collect();
    let ready = match &containers {
        Ok(()) if !shut.is_empty() => Err(("ReadinessGatesNotReady", shut.join(", "))),
        other => other.clone(),
    };
    let first = match (phase, initialised) {
        (Phase::Succeeded, _) => Some(("True", "PodCompleted", String::new())),
        (_, true) => Some(("True", "", String::new())),
        _ => Some((
            "False",
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{}]", open.join(" ")),
        )),
    };
    let of = |result: &Result<(), (&'static str, String)>| match result {
        Ok(()) => ("True", "", String::new()),
        Err((reason, message)) => ("False", *reason, message.clone()),
    };
    let network =
        if run.network.is_some() && !over { ("True", "", String::new()) } else { ("False", "", String::new()) };
    let wanted = [network, first.unwrap_or_default(), of(&ready), of(&containers)];
    let mut all: Vec<Value> = OWN
        .iter()
        .zip(wanted)
        .map(|(kind, (status, reason, message))| {
            let before = old.iter().find(|one| one["type"] == *kind && one["status"] == status);
            let since = before.map_or(json!(now), |one| one["lastTransitionTime"].clone());
            let mut one = json!({ "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since });
            if !reason.is_empty() {
                one["reason"] = json!(reason);
            }
            if !message.is_empty() {
                one["message"] = json!(message);
            }
            one
        })
        .collect();
    all.extend(old.iter().filter(|one| !OWN.contains(&text(one, "/type"))).cloned());
    all
}

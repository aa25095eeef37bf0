//! The cells of pods: what `kubectl` says that a pod is doing.
//!
//! Source: k8s.io/kubernetes `printPod`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::ago;

fn list<'a>(value: &'a Value, key: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value[key].as_str().filter(|t| !t.is_empty())
}

/// Ready, status, restarts, age; address, node, nominated node, gates.
pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let total = list(spec, "containers").count();
    let ready = list(status, "containerStatuses").filter(|c| c["ready"] == true && c["state"]["running"].is_object());
    let restarts = restarts(pod, now);
    let none = |value: Option<&str>| json!(value.unwrap_or("<none>"));
    vec![
        json!(format!("{}/{total}", ready.count())),
        json!(state(pod)),
        json!(restarts),
        json!(ago(&pod["metadata"]["creationTimestamp"], now)),
        none(text(status, "podIP")),
        none(text(spec, "nodeName")),
        none(text(status, "nominatedNodeName")),
        json!(gates(pod)),
    ]
}

fn gates(pod: &Value) -> String {
    let gates: Vec<&Value> = list(&pod["spec"], "readinessGates").collect();
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let holds = |gate: &&&Value| {
        list(&pod["status"], "conditions").any(|c| c["type"] == gate["conditionType"] && c["status"] == "True")
    };
    format!("{}/{}", gates.iter().filter(holds).count(), gates.len())
}

/// Restarts of the containers that count: the init ones as long as they have not done their work, then the others and
/// the sidecars.
fn restarts(pod: &Value, now: Timestamp) -> String {
    let status = &pod["status"];
    let sidecar = |container: &&Value| {
        list(&pod["spec"], "initContainers").any(|c| c["name"] == container["name"] && c["restartPolicy"] == "Always")
    };
    let counted: Vec<&Value> = if initialising(pod).is_some() {
        list(status, "initContainerStatuses").collect()
    } else {
        list(status, "initContainerStatuses").filter(sidecar).chain(list(status, "containerStatuses")).collect()
    };
    let all: i64 = counted.iter().filter_map(|c| c["restartCount"].as_i64()).sum();
    let last = counted.iter().filter_map(|c| c["lastState"]["terminated"]["finishedAt"].as_str()).max();
    match last {
        Some(last) if all > 0 => format!("{all} ({} ago)", ago(&json!(last), now)),
        _ => all.to_string(),
    }
}

/// What the first init container is doing that has not done its work.
fn initialising(pod: &Value) -> Option<String> {
    let status = &pod["status"];
    if list(status, "conditions").any(|c| c["type"] == "Initialized" && c["status"] == "True") {
        return None;
    }
    let sidecar = |container: &Value| {
        list(&pod["spec"], "initContainers").any(|c| c["name"] == container["name"] && c["restartPolicy"] == "Always")
    };
    let count = list(&pod["spec"], "initContainers").count();
    let done = |container: &Value| {
        container["state"]["terminated"]["exitCode"] == 0 || sidecar(container) && container["started"] == true
    };
    let (at, container) = list(status, "initContainerStatuses").enumerate().find(|(_, c)| !done(c))?;
    let ended = &container["state"]["terminated"];
    Some(match text(&container["state"]["waiting"], "reason") {
        _ if ended.is_object() => format!("Init:{}", ended_by(ended)),
        Some(why) if why != "PodInitializing" => format!("Init:{why}"),
        _ => format!("Init:{at}/{count}"),
    })
}

/// The one word for what a pod is doing.
fn state(pod: &Value) -> String {
    let status = &pod["status"];
    let mut reason = text(status, "phase").unwrap_or_default().to_owned();
    if let Some(why) = text(status, "reason") {
        reason = why.to_owned();
    }
    if list(status, "conditions").any(|c| c["type"] == "PodScheduled" && c["reason"] == "SchedulingGated") {
        reason = "SchedulingGated".to_owned();
    }
    if let Some(doing) = initialising(pod) {
        reason = doing;
    } else {
        let mut running = false;
        for container in list(status, "containerStatuses").rev() {
            let state = &container["state"];
            if let Some(why) = text(&state["waiting"], "reason") {
                reason = why.to_owned();
            } else if state["terminated"].is_object() {
                reason = ended_by(&state["terminated"]);
            } else if container["ready"] == true && state["running"].is_object() {
                running = true;
            }
        }
        if reason == "Completed" && running {
            let ready = list(status, "conditions").any(|c| c["type"] == "Ready" && c["status"] == "True");
            reason = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        let lost = text(status, "reason") == Some("NodeLost");
        reason = if lost { "Unknown" } else { "Terminating" }.to_owned();
    }
    reason
}

fn ended_by(ended: &Value) -> String {
    match text(ended, "reason") {
        Some(why) => why.to_owned(),
        None => match ended["signal"].as_i64().filter(|s| *s != 0) {
            Some(signal) => format!("Signal:{signal}"),
            None => format!("ExitCode:{}", ended["exitCode"].as_i64().unwrap_or(0)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_for_what_a_pod_is_doing() {
        let waiting = json!({"status": {"phase": "Running", "containerStatuses": [
            {"ready": true, "state": {"running": {}}}, {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
        assert_eq!(state(&waiting), "CrashLoopBackOff");
        let init = json!({"spec": {"initContainers": [{}, {}]}, "status": {"phase": "Pending", "initContainerStatuses": [
            {"state": {"terminated": {"exitCode": 0}}}, {"state": {"running": {}}}]}});
        assert_eq!(state(&init), "Init:1/2");
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}});
        assert_eq!(state(&going), "Terminating");
    }
}

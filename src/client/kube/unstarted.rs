//! What a person would look at when a test pod does not start: conditions, events, log, and what to do next.

use serde_json::Value;

use super::{Cluster, Query, events, logs, node, rest};
use crate::error::{Error, Kind, did_you_mean};

/// Why the runtime could not even start the program: containerd's and Docker's word.
const START_ERRORS: &[&str] = &["StartError", "ContainerCannotRun"];

/// Whether a container that ended with this reason never ran its program.
pub fn is_start_error(reason: &str) -> bool {
    START_ERRORS.contains(&reason)
}

/// Adds the pod's conditions, its events, the last words of its container, and what to do next.
pub(super) async fn explain(cluster: &Cluster, namespace: &str, pod: &Value, mut error: Error) -> Error {
    let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    error.causes.extend(conditions(pod));
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
    let ended = statuses.into_iter().flatten().filter_map(|c| c.pointer("/state/terminated/message")?.as_str());
    error.causes.extend(ended.map(|message| format!("the container runtime: {}", message.trim())));
    match events::of_uid(cluster, namespace, text("/metadata/uid")).await {
        Ok(events) if events.is_empty() => error.causes.push("it has no events".into()),
        Ok(events) => error.causes.extend(events.into_iter().map(|e| format!("event: {e}"))),
        Err(e) => error.causes.push(format!("its events can't be read: {e}")),
    }
    let lines = logs::last_lines(cluster, namespace, text("/metadata/name"), 5).await;
    error.causes.extend(lines.into_iter().map(|l| format!("log: {l}")));
    let hint = next(&error.message, text("/spec/containers/0/image"), cluster.context());
    let error = error.maybe_hint(hint);
    match wanted_node(pod) {
        Some(name) => missing_node(cluster, name, error).await,
        None => error,
    }
}

/// The conditions that are not met, one a line: `condition PodScheduled is False: Unschedulable: 0/1 nodes …`.
fn conditions(pod: &Value) -> Vec<String> {
    let all = pod.pointer("/status/conditions").and_then(Value::as_array);
    let unmet = all.into_iter().flatten().filter(|c| c.get("status").is_some_and(|status| status != "True"));
    unmet
        .map(|condition| {
            let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
            let why = [text("reason"), text("message")].into_iter().filter(|w| !w.is_empty());
            let words = [format!("condition {} is {}", text("type"), text("status"))];
            words.into_iter().chain(why.map(Into::into)).collect::<Vec<_>>().join(": ")
        })
        .collect()
}

/// What to do about it, by what the message says.
fn next(message: &str, image: &str, context: &str) -> Option<String> {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["ImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"]) {
        return Some(format!(
            "can the node pull {image}? The option `image` names another, such as one that the nodes have already"
        ));
    }
    if says(&["finds no node"]) {
        return Some(format!(
            "kubectl --context {context} describe nodes shows taints, cordons and what is requested; the option `node` \
             runs the pod on one past taints and cordon"
        ));
    }
    if says(&["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "program can't be started"]) {
        return Some(format!("is what `command` names in the image {image}, and does what the pod refers to exist?"));
    }
    None
}

/// The node that the pod was bound to by the option `node`.
fn wanted_node(pod: &Value) -> Option<&str> {
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0";
    let field = pod.pointer(&format!("{terms}/matchFields/0"))?;
    field.get("key").filter(|key| *key == "metadata.name")?;
    field.pointer("/values/0")?.as_str()
}

/// Says so where there is no such node: the scheduler only says that none matches.
async fn missing_node(cluster: &Cluster, name: &str, error: Error) -> Error {
    if !node::get(cluster, name).await.is_err_and(|e| e.kind == Kind::NotFound) {
        return error;
    }
    let error = error.because(format!("cluster {} has no node {name}", cluster.name()));
    let Ok(nodes) = rest::list(cluster, "nodes", &Query::default()).await else { return error };
    let names: Vec<&str> = nodes.iter().filter_map(|n| n.pointer("/metadata/name")?.as_str()).collect();
    error.maybe_hint(did_you_mean(name, names.iter().copied())).hint(format!("its nodes: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions_that_are_not_met_are_told_with_their_reason() {
        let pod = json!({ "status": { "conditions": [
            { "type": "Initialized", "status": "True" },
            { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes" },
            { "type": "Ready", "status": "False" }] } });
        assert_eq!(
            conditions(&pod),
            ["condition PodScheduled is False: Unschedulable: 0/1 nodes", "condition Ready is False"]
        );
    }

    #[test]
    fn each_cause_has_its_next_step() {
        let hint = |message| next(message, "img:1", "infra").unwrap_or_default();
        assert!(hint("Pod a can't start: container main: ImagePullBackOff: x").starts_with("can the node pull img:1?"));
        assert!(hint("Pod a finds no node (for 15 s)").contains("describe nodes"));
        assert!(hint("Pod a: its program can't be started: exit code 128").contains("`command`"));
        assert_eq!(next("Pod a was not ready within 2 min", "img:1", "infra"), None);
    }
}

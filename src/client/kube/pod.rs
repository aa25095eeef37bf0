//! The life of a test pod: is it ready, has it ended, or will it never start, and why.

use std::time::Duration;

use serde_json::Value;

use super::Cluster;
use super::rest::{self, pod_path};
use super::unstarted::{explain, is_start_error};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::event::short;

/// Reasons for which a container waits and that time alone does not mend.
const HOPELESS: &[&str] = &[
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];
/// As long as this a pod may find no node: one may just be coming back.
const UNSCHEDULABLE: Duration = Duration::from_secs(15);
/// As long as this a command has to go on for the pod to count as one that stays: a kubelet looks at its containers
/// once a second, and calls one ready whose end it has not seen yet.
const STAYS: Duration = Duration::from_secs(2);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// What a pod has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// On its way; what it waits for.
    Waiting(String),
    /// No node takes it; the scheduler's words.
    Unschedulable(String),
    /// Running, and all its containers are ready.
    Ready,
    /// Its first container ended with this exit code; a reason such as `OOMKilled`.
    Ended(i64, String),
    /// It won't start; why.
    Hopeless(String),
}

/// Judges a pod as the API server shows it.
pub fn state(pod: &Value) -> State {
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    let status = pod.get("status").cloned().unwrap_or_default();
    let array = |key: &str| status.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let containers = array("containerStatuses");
    let phase = text(&status, "phase");
    for container in array("initContainerStatuses").iter().chain(&containers) {
        if let Some(waiting) = container.pointer("/state/waiting") {
            let reason = text(waiting, "reason");
            if HOPELESS.contains(&reason.as_str()) {
                let message = text(waiting, "message");
                return State::Hopeless(format!("container {}: {reason}: {message}", text(container, "name")));
            }
        }
    }
    if phase == "Succeeded" || phase == "Failed" {
        let ended =
            containers.iter().find_map(|c| c.pointer("/state/terminated").filter(|t| t.get("exitCode").is_some()));
        return match ended {
            Some(ended) => {
                State::Ended(ended.get("exitCode").and_then(Value::as_i64).unwrap_or(-1), text(ended, "reason"))
            }
            None => State::Hopeless(format!("{phase}: {}: {}", text(&status, "reason"), text(&status, "message"))),
        };
    }
    let conditions = array("conditions");
    let condition = |kind: &str| conditions.iter().find(|c| c.get("type").is_some_and(|t| t == kind));
    if condition("Ready").is_some_and(|c| text(c, "status") == "True") {
        return State::Ready;
    }
    if let Some(scheduled) = condition("PodScheduled").filter(|c| text(c, "reason") == "Unschedulable") {
        return State::Unschedulable(text(scheduled, "message"));
    }
    let waits = containers.iter().find_map(|c| {
        let waiting = c.pointer("/state/waiting")?;
        Some(format!("{} {}", text(waiting, "reason"), text(waiting, "message")).trim().to_string())
    });
    State::Waiting(waits.unwrap_or_else(|| format!("phase {phase}, not ready")))
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All containers are ready; an end before that is an error.
    Ready,
    /// The same, and they still are a moment later.
    Stays,
    /// The pod has ended.
    Ended,
}

/// Waits for a pod, and stops early when it can't come to that. Returns the pod as it is then.
///
/// # Errors
/// [`Kind::NotStarted`] when it won't start, [`Kind::ExitCode`] when it ended instead of getting ready,
/// [`Kind::Timeout`] after `within`: each with the reason, the pod's conditions and events, the last lines of its log
/// and what to do next.
pub async fn wait(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    until: Until,
    within: Duration,
    clock: &dyn Clock,
) -> Result<Value> {
    let what = format!("Pod {namespace}/{name}");
    let path = pod_path(namespace, name)?;
    let started = clock.instant();
    let (mut homeless, mut ready) = (None, None);
    loop {
        let pod = rest::get(cluster, &path, &what).await.map_err(removed)?;
        let waited = clock.instant().saturating_duration_since(started);
        let state = state(&pod);
        if !matches!(state, State::Unschedulable(_)) {
            homeless = None;
        }
        let on = format!("{what} on cluster {}", cluster.name());
        let error = match state {
            State::Ready if until == Until::Ready => return Ok(pod),
            State::Ready if until == Until::Stays => {
                let since = *ready.get_or_insert(waited);
                if waited - since >= STAYS {
                    return Ok(pod);
                }
                clock.sleep(LOOK.saturating_mul(3)).await;
                continue;
            }
            State::Ended(..) if until == Until::Ended => return Ok(pod),
            State::Ended(code, reason) if is_start_error(&reason) => {
                Error::new(Kind::NotStarted, format!("{on}: its program can't be started: exit code {code} ({reason})"))
            }
            State::Ended(code, reason) => {
                let when = if ready.is_some() { "as soon as it was ready" } else { "before it was ready" };
                Error::new(Kind::ExitCode, format!("{on} ended {when}: exit code {code} ({reason})"))
                    .hint("a test pod needs a command that stays, such as \"sleep 3600\"; kube.run waits for an end")
            }
            State::Hopeless(why) => Error::new(Kind::NotStarted, format!("{on} can't start: {why}")),
            State::Unschedulable(why) => {
                let since = *homeless.get_or_insert(waited);
                if waited - since < UNSCHEDULABLE.min(within) {
                    clock.sleep(LOOK).await;
                    continue;
                }
                Error::new(Kind::NotStarted, format!("{on} finds no node (for {}): {why}", short(waited - since)))
            }
            State::Ready | State::Waiting(_) if waited < within => {
                clock.sleep(LOOK).await;
                continue;
            }
            State::Ready => Error::new(Kind::Timeout, format!("{on} had not ended within {}", short(within))),
            State::Waiting(last) => {
                let wanted = if until == Until::Ended { "not at its end" } else { "not ready" };
                Error::new(Kind::Timeout, format!("{on} was {wanted} within {}: {last}", short(within)))
            }
        };
        return Err(explain(cluster, namespace, &pod, error).await);
    }
}

/// A pod that goes while it is waited for was taken away: that says nothing about what the step looks at.
fn removed(error: Error) -> Error {
    match error.kind {
        Kind::NotFound => Error { kind: Kind::NotStarted, ..error }.because("it was deleted while it was waited for"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn waiting(reason: &str) -> Value {
        json!({ "status": { "phase": "Pending", "containerStatuses": [
            { "name": "main", "state": { "waiting": { "reason": reason, "message": "why" } } }] } })
    }

    #[test]
    fn what_time_does_not_mend_is_told_apart_from_what_it_does() {
        assert_eq!(state(&waiting("ContainerCreating")), State::Waiting("ContainerCreating why".into()));
        // The first failed pull may be a hiccup; the back-off comes after it.
        assert_eq!(state(&waiting("ErrImagePull")), State::Waiting("ErrImagePull why".into()));
        assert_eq!(
            state(&waiting("ImagePullBackOff")),
            State::Hopeless("container main: ImagePullBackOff: why".into())
        );
    }

    #[test]
    fn ready_ended_and_unschedulable() {
        let condition = |kind: &str, status: &str, reason: &str| {
            json!({ "status": { "phase": "Pending", "conditions": [
                { "type": kind, "status": status, "reason": reason, "message": "0/1 nodes" }] } })
        };
        assert_eq!(state(&condition("Ready", "True", "")), State::Ready);
        assert_eq!(
            state(&condition("PodScheduled", "False", "Unschedulable")),
            State::Unschedulable("0/1 nodes".into())
        );
        let ended = json!({ "status": { "phase": "Failed", "containerStatuses": [
            { "name": "main", "state": { "terminated": { "exitCode": 137, "reason": "OOMKilled" } } }] } });
        assert_eq!(state(&ended), State::Ended(137, "OOMKilled".into()));
        let evicted = json!({ "status": { "phase": "Failed", "reason": "Evicted", "message": "disk" } });
        assert_eq!(state(&evicted), State::Hopeless("Failed: Evicted: disk".into()));
        assert_eq!(state(&json!({})), State::Waiting("phase , not ready".into()));
    }
}

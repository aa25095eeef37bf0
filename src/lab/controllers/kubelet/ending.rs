//! A pod that is to end: its containers are told to, and killed where they do not heed it in time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Node;
use super::cell::{Cell, State};
use super::run::{self, Due, Run};
use crate::lab::controllers::fields::{number, time_at};
use crate::lab::controllers::index::Pod;
use crate::lab::pods::programs;

/// Brings a pod's end one step on. When something is to come next.
pub(super) fn advance(pod_run: &mut Run, node: &mut Node<'_, '_>, pod: &Pod) -> Option<Timestamp> {
    let now = node.scene.now;
    let object = &pod.stored.value;
    // By then everything is over.
    let deadline = if pod.ending {
        time_at(object, "/metadata/deletionTimestamp").unwrap_or(now)
    } else {
        now + SignedDuration::from_secs(number(object, "/spec/terminationGracePeriodSeconds"))
    };
    let mut due = Due::default();
    // Those that stay beside the others end after them.
    let others = pod_run.cells.iter().any(|cell| !cell.is_sidecar() && cell.is_running());
    for cell in &mut pod_run.cells {
        match cell.state {
            State::Running { since } => {
                if cell.is_sidecar() && others && now < deadline {
                    continue;
                }
                stop(node, pod, cell, deadline);
                let Some((at, code, reason)) = cell.stopping else { continue };
                let at = at.min(deadline.max(now));
                if now >= at {
                    run::end(cell, since, at, code, reason);
                } else {
                    due.at(at);
                }
            }
            State::Ended(_) => {}
            _ => cell.state = State::Waiting,
        }
    }
    if others && !pod_run.cells.iter().any(|cell| !cell.is_sidecar() && cell.is_running()) {
        due.at(now + SignedDuration::from_millis(1));
    }
    due.0
}

/// Tells a container to end, once.
fn stop(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell, deadline: Timestamp) {
    if cell.told_stop {
        return;
    }
    cell.told_stop = true;
    node.tell(pod, Some(&cell.name.clone()), "Normal", "Killing", &format!("Stopping container {}", cell.name));
    let now = node.scene.now;
    // What is to be done before it is told takes its time out of the grace.
    let told = now + hook(node, pod, &cell.spec);
    let end = cell.process.as_mut().and_then(|process| process.terminate(told));
    let (at, code) = end.filter(|(at, _)| *at <= deadline).unwrap_or((deadline, 137));
    cell.stopping = Some((at, code, if code == 0 { "Completed" } else { "Error" }));
}

/// How long a container's `preStop` takes.
fn hook(node: &Node<'_, '_>, pod: &Pod, container: &Value) -> Duration {
    let hook = &container["lifecycle"]["preStop"];
    if let Some(seconds) = hook["sleep"]["seconds"].as_u64() {
        return Duration::from_secs(seconds);
    }
    let words: Vec<String> = hook["exec"]["command"]
        .as_array()
        .map(|all| all.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    if words.is_empty() {
        return Duration::ZERO;
    }
    let ran = programs::run_in(node.scene.objects, &pod.stored.value, container, &words, "", node.scene.now);
    ran.map(|ran| ran.took).unwrap_or_default()
}

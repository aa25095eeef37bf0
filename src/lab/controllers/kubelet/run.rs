//! A pod on its node: containers begun in their order, started again, and told to end.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::cell::{Cell, Ended, State, go};
use super::probe::Probes;
use super::{Node, ending, image, start};
use crate::lab::controllers::fields::{list, number, text};
use crate::lab::controllers::index::{Phase, Pod};
use crate::lab::controllers::scene::Scene;
use crate::lab::pods::process::Process;

/// From a pod's coming to its first container: its network.
const SANDBOX: SignedDuration = SignedDuration::from_millis(400);
/// How often what is missing is looked for.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);
/// How long an end stands before anything follows from it.
const SEEN: SignedDuration = SignedDuration::from_secs(1);

/// A pod, with its containers.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) begun: Timestamp,
    /// The pod has its network.
    pub(super) network: Option<Timestamp>,
    pub(super) cells: Vec<Cell>,
    /// Why the pod was ended as a whole: reason and message.
    pub(super) failed: Option<(&'static str, String)>,
    told_missing: Option<String>,
}

impl Run {
    /// A pod that its kubelet sees for the first time.
    pub(super) fn of(scene: &Scene<'_>, pod: &Pod) -> Self {
        let object = &pod.stored.value;
        let known = pod.phase != Phase::Pending;
        let mut cells = Vec::new();
        for (path, statuses, init) in [
            ("/spec/initContainers", "/status/initContainerStatuses", true),
            ("/spec/containers", "/status/containerStatuses", false),
        ] {
            for spec in list(object, path) {
                let status = list(object, statuses).iter().find(|one| one["name"] == spec["name"]);
                let mut cell = match status.filter(|_| known) {
                    Some(status) => Cell::known(spec, init, status, scene.now),
                    None => Cell::new(spec, init),
                };
                if cell.is_running() {
                    let log = scene.objects.inside.logs.present(&pod.uid, &cell.name);
                    cell.process = Some(Process::there(scene.now, log));
                }
                cells.push(cell);
            }
        }
        let begun = text(object, "/status/startTime").parse().ok().filter(|_| known).unwrap_or(scene.now);
        Self { begun, network: known.then_some(begun), cells, failed: None, told_missing: None }
    }

    /// Does what the time has come for. When something is to come next.
    pub(super) fn advance(&mut self, node: &mut Node<'_, '_>, pod: &Pod) -> Option<Timestamp> {
        if pod.is_over() && !pod.ending {
            return None;
        }
        if pod.ending || self.failed.is_some() {
            return ending::advance(self, node, pod);
        }
        let now = node.scene.now;
        let mut due = Due::default();
        if let Some(seconds) = pod.stored.value["spec"]["activeDeadlineSeconds"].as_i64() {
            let end = self.begun + SignedDuration::from_secs(seconds);
            if now >= end {
                let message = "Pod was active on the node longer than the specified deadline";
                node.tell(pod, None, "Normal", "DeadlineExceeded", message);
                self.failed = Some(("DeadlineExceeded", message.into()));
                return ending::advance(self, node, pod);
            }
            due.at(end);
        }
        if self.network.is_none() {
            if now < self.begun + SANDBOX {
                return Some(self.begun + SANDBOX);
            }
            if let Some(why) = start::missing(node, pod) {
                if self.told_missing.as_ref() != Some(&why) {
                    node.tell(pod, None, "Warning", "FailedMount", &why);
                    self.told_missing = Some(why);
                }
                return Some(now + AGAIN);
            }
            self.network = Some(now);
        }
        let policy = text(&pod.stored.value, "/spec/restartPolicy").to_owned();
        let mut cells = std::mem::take(&mut self.cells);
        let mut open = true;
        for cell in &mut cells {
            // Containers that come first are done, or started where they stay, before the next one begins.
            if !open && matches!(cell.state, State::Waiting) {
                continue;
            }
            for _ in 0..8 {
                let before = cell.state.clone();
                let next = step(node, pod, cell, &policy, self.begun);
                if cell.state == before {
                    due.add(next);
                    break;
                }
            }
            if cell.init {
                open &= if cell.is_sidecar() {
                    cell.is_started()
                } else {
                    cell.ended().is_some_and(|ended| ended.code == 0)
                };
            }
        }
        self.cells = cells;
        due.0
    }

    /// Whether nothing is left to do for a pod that is to go.
    pub(super) fn is_finished(&self, pod: &Pod) -> bool {
        pod.ending && self.cells.iter().all(|cell| matches!(cell.state, State::Ended(_) | State::Waiting))
    }
}

/// The earliest of several times.
#[derive(Debug, Default)]
pub(super) struct Due(pub(super) Option<Timestamp>);

impl Due {
    pub(super) fn at(&mut self, time: Timestamp) {
        self.0 = Some(self.0.map_or(time, |other| other.min(time)));
    }

    pub(super) fn add(&mut self, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.at(time);
        }
    }
}

/// One step of a container. When something is to come next.
fn step(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell, policy: &str, _begun: Timestamp) -> Option<Timestamp> {
    let now = node.scene.now;
    match cell.state.clone() {
        State::Waiting => {
            image::begin(node, pod, cell);
            None
        }
        State::Refused { again, .. } => {
            if now < again {
                return Some(again);
            }
            image::begin(node, pod, cell);
            None
        }
        State::Pulling { until } => {
            if now < until {
                return Some(until);
            }
            image::pulled(node, pod, cell);
            None
        }
        State::PullFailed { since, again, .. } => Some(image::failed(node, pod, cell, since, again)),
        State::Starting { until } => {
            if now < until {
                return Some(until);
            }
            begin(node, pod, cell);
            None
        }
        State::Running { since } => running(node, pod, cell, since),
        State::Ended(ended) => {
            if !cell.restarts_by(policy) {
                return None;
            }
            if now < ended.finished + SEEN {
                return Some(ended.finished + SEEN);
            }
            again(node, pod, cell, &ended);
            None
        }
        State::BackOff { until, .. } => {
            if now < until {
                return Some(until);
            }
            restart(node, pod, cell);
            None
        }
    }
}

/// A container that ended starts again: at once after its first crash, then after longer and longer waits.
fn again(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell, ended: &Ended) {
    let until = cell.next_start(ended);
    cell.last = Some(ended.clone());
    if until <= node.scene.now {
        restart(node, pod, cell);
        return;
    }
    let message = format!(
        "Back-off restarting failed container {} in pod {}_{}({})",
        cell.name, pod.place.name, pod.place.namespace, pod.uid
    );
    node.tell(pod, Some(&cell.name.clone()), "Warning", "BackOff", &message);
    cell.state = State::BackOff { until, span: cell.back_off() };
}

fn restart(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell) {
    cell.crashed();
    cell.restarts += 1;
    cell.probes = Probes::of(&cell.spec);
    cell.stopping = None;
    cell.told_stop = false;
    image::begin(node, pod, cell);
}

/// Starts a container's program.
fn begin(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell) {
    let now = node.scene.now;
    let stored = node.scene.get(&pod.place);
    let object = stored.as_ref().map_or(&pod.stored.value, |stored| &stored.value);
    // Its variables may come from what is not there.
    if let Err(message) = crate::lab::pods::environment::of(node.scene.objects, object, &cell.spec) {
        node.tell(pod, Some(&cell.name), "Warning", "Failed", &format!("Error: {message}"));
        cell.state = State::Refused { reason: "CreateContainerConfigError", message, again: now + AGAIN };
        return;
    }
    let (a, b) = (node.scene.objects.naming.uid(), node.scene.objects.naming.uid());
    cell.id = format!("containerd://{}{}", a.replace('-', ""), b.replace('-', ""));
    node.tell(pod, Some(&cell.name), "Normal", "Created", &format!("Created container: {}", cell.name));
    node.scene.objects.inside.disks.of(&pod.uid, &cell.name).renew();
    crate::lab::pods::files::mount(node.scene.objects, object, &cell.spec);
    let log = node.scene.objects.inside.logs.begin(&pod.uid, &cell.name);
    match Process::start(node.scene.objects, object, &cell.spec, now, log) {
        Ok(process) => {
            cell.process = Some(process);
            cell.state = State::Running { since: now };
            node.tell(pod, Some(&cell.name), "Normal", "Started", &format!("Started container {}", cell.name));
        }
        Err(message) => {
            node.tell(pod, Some(&cell.name), "Warning", "Failed", &format!("Error: {message}"));
            cell.process = None;
            cell.state = State::Ended(Ended {
                code: 128,
                reason: "StartError",
                message,
                started: Timestamp::UNIX_EPOCH,
                finished: now,
                id: cell.id.clone(),
            });
        }
    }
}

/// A container that runs: its program goes on, and its probes ask.
fn running(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell, since: Timestamp) -> Option<Timestamp> {
    let now = node.scene.now;
    let mut due = Due::default();
    if let Some((at, code, reason)) = cell.stopping {
        if now >= at {
            end(cell, since, at, code, reason);
            return None;
        }
        return Some(at);
    }
    let stored = node.scene.get(&pod.place);
    let object: &Value = stored.as_ref().map_or(&pod.stored.value, |stored| &stored.value);
    let spec = cell.spec.clone();
    if let Some(process) = &mut cell.process {
        due.add(process.run(node.scene.objects, object, &spec, now));
        if let Some((at, code)) = process.ended(now) {
            end(cell, since, at, code, if code == 0 { "Completed" } else { "Error" });
            return None;
        }
    }
    let (next, found) = Probes::ask(node.scene, pod, cell, since);
    due.add(next);
    for one in found {
        node.tell(pod, Some(&cell.name.clone()), "Warning", "Unhealthy", &one.message);
        if one.fatal {
            let what = if one.kind == super::probe::Kind::Startup { "startup" } else { "liveness" };
            let message = format!("Container {} failed {what} probe, will be restarted", cell.name);
            node.tell(pod, Some(&cell.name.clone()), "Normal", "Killing", &message);
            let grace = number(&pod.stored.value, "/spec/terminationGracePeriodSeconds").max(1);
            let end = cell.process.as_mut().and_then(|process| process.terminate(now));
            let late = now + SignedDuration::from_secs(grace);
            let (at, code) = end.filter(|(at, _)| *at <= late).unwrap_or((late, 137));
            cell.stopping = Some((at, code, if code == 0 { "Completed" } else { "Error" }));
            due.at(at);
        }
    }
    due.0
}

/// A container has ended.
pub(super) fn end(cell: &mut Cell, started: Timestamp, finished: Timestamp, code: i32, reason: &'static str) {
    if let Some(process) = cell.process.take() {
        process.log().end();
    }
    cell.stopping = None;
    cell.state = State::Ended(Ended { code, reason, message: String::new(), started, finished, id: cell.id.clone() });
}

/// What a container that waits says of it.
pub(super) fn waiting(cell: &Cell, pod: &Pod, initialised: bool) -> Option<(String, String)> {
    let image = text(&cell.spec, "/image");
    Some(match &cell.state {
        State::Waiting if !initialised => ("PodInitializing".into(), String::new()),
        State::Waiting | State::Pulling { .. } | State::Starting { .. } => {
            (if cell.init || initialised { "ContainerCreating" } else { "PodInitializing" }.into(), String::new())
        }
        State::Refused { reason, message, .. } => ((*reason).to_owned(), message.clone()),
        State::PullFailed { message, .. } if image::waits(cell) => {
            ("ImagePullBackOff".into(), format!("Back-off pulling image \"{image}\": ErrImagePull: {message}"))
        }
        State::PullFailed { message, .. } => ("ErrImagePull".into(), message.clone()),
        State::BackOff { span, .. } => (
            "CrashLoopBackOff".into(),
            format!(
                "back-off {} restarting failed container={} pod={}_{}({})",
                go(*span),
                cell.name,
                pod.place.name,
                pod.place.namespace,
                pod.uid
            ),
        ),
        State::Running { .. } | State::Ended(_) => return None,
    })
}

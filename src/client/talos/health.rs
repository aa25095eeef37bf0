//! The cluster's health, as `talosctl health` asks it: a control plane node checks one condition after the other, and
//! says how far it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tonic::Code;

use super::wire::{Answer, ClusterInfo, HealthCheckProgress, HealthCheckRequest, path};
use super::{Ask, Machines};
use crate::error::{Error, Kind, Result};

const WHAT: &str = "the cluster's health";

/// What a node may take beyond the time that it waits for the conditions: it ends a look that is under way.
const GRACE: Duration = Duration::from_secs(15);

/// The conditions of Talos 1.11, in its order: those after one that does not hold are never come to.
pub(crate) const CONDITIONS: [&str; 16] = [
    "etcd to be healthy",
    "etcd members to be consistent across nodes",
    "etcd members to be control plane nodes",
    "apid to be ready",
    "all nodes memory sizes",
    "all nodes disk sizes",
    "no diagnostics",
    "kubelet to be healthy",
    "all nodes to finish boot sequence",
    "all k8s nodes to report",
    "all control plane static pods to be running",
    "all control plane components to be ready",
    "all k8s nodes to report ready",
    "kube-proxy to report ready",
    "coredns to report ready",
    "all k8s nodes to report schedulable",
];

/// How a cluster is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The node that looked.
    pub node: String,
    /// The nodes that it looked at, as it says it.
    pub found: String,
    /// In the order in which they were looked at.
    pub conditions: Vec<Condition>,
}

/// One of the things that have to be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `etcd to be healthy`
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was last said against it; empty where nothing was.
    pub message: String,
}

/// How a condition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It holds.
    Ok,
    /// It did not come to hold.
    Failed,
    /// It does not apply to this cluster.
    Skipped,
    /// One before it did not hold, so that nobody looked.
    NotReached,
}

impl Machines {
    /// Has the first of the nodes that can check the cluster's health, and wait so long for it to be well. With
    /// `control_plane` or `workers` these have to be the cluster's nodes; else Talos knows them.
    ///
    /// # Errors
    /// That of the first node, where none can. A condition that does not hold is none.
    pub async fn health(
        &self,
        ask: &Ask,
        wait: Duration,
        control_plane: &[String],
        workers: &[String],
    ) -> Result<Health> {
        let info = (!control_plane.is_empty() || !workers.is_empty()).then(|| ClusterInfo {
            control_plane_nodes: control_plane.into(),
            worker_nodes: workers.into(),
            force_endpoint: String::new(),
        });
        let question = HealthCheckRequest { wait_timeout: Some(wait.into()), cluster_info: info };
        let mut first = None;
        for node in &self.answering(ask).await? {
            match self.within(wait + GRACE, node, WHAT, self.health_by(node, question.clone())).await {
                Ok(health) => return Ok(health),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first
            .unwrap_or_else(|| Error::new(Kind::Script, "no node was named that could check the cluster's health")))
    }

    async fn health_by(&self, node: &str, question: HealthCheckRequest) -> Result<Health> {
        let mut stream = self.stream::<_, HealthCheckProgress>(node, path::HEALTH, WHAT, question).await?;
        let mut progress = Progress::default();
        let complete = loop {
            match stream.inner.message().await {
                Ok(Some(message)) => match message.metadata() {
                    Some(metadata) if !metadata.error.is_empty() => {
                        return Err(self.failed(node, WHAT, metadata, &stream.connection));
                    }
                    _ => progress.hear(&message.message),
                },
                Ok(None) => break true,
                // The time to wait is over: what was looked at last did not come to hold.
                Err(status) if status.code() == Code::DeadlineExceeded && progress.pending() => break false,
                Err(status) => return Err(self.refusal(node, WHAT, &status, &stream.connection)),
            }
        };
        let place = format!("cluster {}: node {node}", self.name());
        let unreadable = |what: &str| Error::new(Kind::Unreadable, format!("{place}: {WHAT}: {what}"));
        if progress.conditions.is_empty() {
            return Err(unreadable("it named no condition"));
        }
        if complete && progress.pending() {
            return Err(unreadable("it ended without saying whether the last condition holds"));
        }
        Ok(Health { node: node.into(), found: progress.found.clone(), conditions: progress.end(complete) })
    }
}

/// What was heard so far.
#[derive(Debug, Default)]
struct Progress {
    found: String,
    /// The state of the last one alone may be open.
    conditions: Vec<(String, Option<State>, String)>,
}

impl Progress {
    /// `waiting for etcd to be healthy: OK`
    fn hear(&mut self, line: &str) {
        if let Some(found) = line.strip_prefix("discovered nodes: ") {
            self.found = found.trim().into();
        }
        let Some(told) = line.trim().strip_prefix("waiting for ") else { return };
        let (name, said) = told.split_once(": ").unwrap_or((told, "..."));
        // Several errors stand in lines of their own.
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let (state, message) = match said.as_str() {
            "OK" => (Some(State::Ok), ""),
            "SKIP" => (Some(State::Skipped), ""),
            "..." | "" => (None, ""),
            error => (None, error.strip_prefix("1 error occurred: * ").unwrap_or(error)),
        };
        match self.conditions.last_mut().filter(|(last, ..)| last == name) {
            // What was said against it stays known when it is looked at once more.
            Some(last) if state.is_none() && message.is_empty() => last.1 = None,
            Some(last) => *last = (name.into(), state, message.into()),
            None => self.conditions.push((name.into(), state, message.into())),
        }
    }

    fn pending(&self) -> bool {
        self.conditions.last().is_some_and(|(_, state, _)| state.is_none())
    }

    /// All of them; where one did not hold, with those that were not come to.
    fn end(self, complete: bool) -> Vec<Condition> {
        let heard = self.conditions.into_iter().map(|(name, state, message)| Condition {
            name,
            state: state.unwrap_or(State::Failed),
            message,
        });
        let mut all: Vec<Condition> = heard.collect();
        if !complete {
            let last = all.iter().filter_map(|c| CONDITIONS.iter().position(|name| *name == c.name)).max();
            let rest = CONDITIONS.iter().skip(last.map_or(CONDITIONS.len(), |last| last + 1));
            let nobody =
                |name: &&str| Condition { name: (*name).into(), state: State::NotReached, message: String::new() };
            let rest: Vec<Condition> = rest.filter(|name| all.iter().all(|c| c.name != **name)).map(nobody).collect();
            all.extend(rest);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Progress {
        let mut progress = Progress::default();
        lines.iter().for_each(|line| progress.hear(line));
        progress
    }

    #[test]
    fn a_condition_keeps_the_last_that_was_said_against_it() {
        let progress = heard(&[
            r#"discovered nodes: ["10.25.11.11" "10.25.11.12"]"#,
            "waiting for etcd to be healthy: ...",
            "waiting for etcd to be healthy: OK",
            "waiting for kubelet to be healthy: ...",
            "waiting for kubelet to be healthy: 1 error occurred:\n\t* 10.25.11.12: service \"kubelet\" not in expected state \"Running\": current state [Finished] x\n\n",
            "waiting for kubelet to be healthy: ...",
        ]);
        assert!(progress.pending());
        assert_eq!(progress.found, r#"["10.25.11.11" "10.25.11.12"]"#);
        let all = progress.end(false);
        let state = |name: &str| all.iter().find(|c| c.name == name).map(|c| (c.state, c.message.as_str()));
        assert_eq!(state("etcd to be healthy"), Some((State::Ok, "")));
        let kubelet = state("kubelet to be healthy").expect("told");
        assert_eq!(kubelet.0, State::Failed);
        assert!(kubelet.1.starts_with("10.25.11.12: service \"kubelet\" not in"), "{kubelet:?}");
        assert_eq!(state("coredns to report ready"), Some((State::NotReached, "")));
        assert_eq!(state("no diagnostics"), None, "before the one that failed, and never named: not this Talos'");
    }

    #[test]
    fn skipped_and_unknown_conditions_are_told_as_they_came() {
        let progress =
            heard(&["waiting for kube-proxy to report ready: SKIP", "waiting for something new: OK", "chatter"]);
        assert!(!progress.pending());
        let all = progress.end(true);
        let states: Vec<_> = all.iter().map(|c| (c.name.as_str(), c.state)).collect();
        assert_eq!(states, [("kube-proxy to report ready", State::Skipped), ("something new", State::Ok)]);
    }
}

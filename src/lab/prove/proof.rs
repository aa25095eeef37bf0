//! What came of it: for each step the faults that it caught, and whether it is proven.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::event::{Outcome, StepResult};
use crate::lab::faults::Broken;
use crate::ui::plural;

/// How a step ended under a fault that made it end otherwise than well.
#[derive(Debug, Clone, PartialEq)]
pub struct Caught {
    /// The fault.
    pub fault: String,
    /// The broken object.
    pub object: String,
    /// The step's id, with its cluster.
    pub step: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it said.
    pub message: String,
    /// Whether that names the broken object.
    pub names: bool,
}

/// A step, on whatever clusters it runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proven {
    /// What it ended with in the healthy lab where that was not well: by its id with the cluster.
    pub unwell: BTreeMap<String, String>,
    /// What it caught.
    pub caught: Vec<Caught>,
    /// The faults that could have touched it, and under which it ended well.
    pub passed: BTreeSet<String>,
    /// How it ends where that needs a person, or was left out on purpose.
    pub apart: Option<String>,
}

impl Proven {
    /// Whether it failed under a fault, and said what is broken.
    pub fn holds(&self) -> bool {
        self.caught.iter().any(|caught| caught.outcome == Outcome::Failed && caught.names)
    }

    /// Why it is not proven, in a sentence; none where it is.
    pub fn why_not(&self) -> Option<String> {
        if self.is_well() {
            return None;
        }
        if let Some((id, why)) = self.unwell.first_key_value() {
            return Some(format!("it does not pass in the healthy lab: {id} {why}"));
        }
        let under = |outcomes: &[Outcome]| -> BTreeSet<&str> {
            let ended = self.caught.iter().filter(|caught| outcomes.contains(&caught.outcome));
            ended.map(|caught| caught.fault.as_str()).collect()
        };
        let failed = under(&[Outcome::Failed]);
        if let Some(caught) = self.caught.iter().find(|caught| caught.outcome == Outcome::Failed) {
            let (fault, object) = (&caught.fault, &caught.object);
            return Some(match failed.len() - 1 {
                0 => format!("it fails under {fault}, and its message does not name {object}"),
                more => format!(
                    "it fails under {fault} and {}, and no message names what is broken ({object})",
                    plural(more, "other")
                ),
            });
        }
        let unclear = under(&[Outcome::Errored, Outcome::Inconclusive, Outcome::Warned]);
        let passed = self.passed.iter().filter(|fault| !unclear.contains(fault.as_str())).count();
        Some(match (passed, unclear.len()) {
            (0, 0) => "no fault touches what it looks at".into(),
            (0, unclear) => format!("no fault makes it fail: under {unclear} it could not find out"),
            (1, 0) => "no fault makes it fail: it passes under the 1 that touches what it looks at".into(),
            (passed, 0) => format!("no fault makes it fail: it passes under all {passed} that touch what it looks at"),
            (passed, unclear) => format!(
                "no fault makes it fail: of those that touch what it looks at, it passes under {passed}, and under {unclear} it could not find out"
            ),
        })
    }

    /// Whether it is all right: it is proven and was well, or there is nothing to prove.
    pub fn is_well(&self) -> bool {
        self.apart.is_some() || (self.unwell.is_empty() && self.holds())
    }
}

/// The whole proof.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proof {
    /// By the steps' ids without cluster: `t5/bgp-table`.
    pub steps: BTreeMap<String, Proven>,
    /// What each fault broke, and how many steps it could touch.
    pub faults: BTreeMap<String, (String, usize)>,
    /// Faults that this platform can't have, with the reason.
    pub not_here: BTreeMap<String, String>,
    /// How long it took.
    pub seconds: f64,
}

/// `t5/bgp-table`, of `t5/bgp-table@infra`.
pub fn without_cluster(id: &str) -> &str {
    id.split('@').next().unwrap_or(id)
}

impl Proof {
    /// Takes a step's end in the healthy lab.
    pub fn healthy(&mut self, result: &StepResult) {
        let proven = self.steps.entry(without_cluster(&result.id).into()).or_default();
        match result.outcome {
            Outcome::Passed | Outcome::Warned => {}
            Outcome::Manual | Outcome::Skipped => {
                proven.apart = Some(format!("{}: {}", result.outcome, result.message));
            }
            outcome => {
                proven.unwell.insert(result.id.clone(), format!("{outcome}: {}", result.message));
            }
        }
    }

    /// Takes a step's end under a fault.
    pub fn under(&mut self, fault: &str, broken: &Broken, result: &StepResult) {
        let proven = self.steps.entry(without_cluster(&result.id).into()).or_default();
        match result.outcome {
            Outcome::Passed => {
                proven.passed.insert(fault.into());
            }
            // Something it needs caught it.
            Outcome::Blocked | Outcome::Skipped | Outcome::Manual => {}
            outcome => proven.caught.push(Caught {
                fault: fault.into(),
                object: broken.object.clone(),
                step: result.id.clone(),
                outcome,
                message: result.message.clone(),
                names: broken.named_by(&said(result)),
            }),
        }
    }

    /// The steps that are not proven.
    pub fn unproven(&self) -> Vec<&str> {
        self.steps.iter().filter(|(_, proven)| !proven.is_well()).map(|(id, _)| id.as_str()).collect()
    }

    /// All of it as JSON.
    pub fn to_json(&self) -> Value {
        let caught = |one: &Caught| {
            json!({ "fault": one.fault, "object": one.object, "step": one.step, "outcome": one.outcome.as_str(),
                    "message": one.message, "names_object": one.names })
        };
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|(id, proven)| {
                json!({
                    "step": id, "proven": proven.holds(), "healthy": proven.unwell.is_empty(), "unwell": proven.unwell,
                    "apart": proven.apart, "caught": proven.caught.iter().map(caught).collect::<Vec<_>>(),
                    "passed_under": proven.passed, "why_not": proven.why_not(),
                })
            })
            .collect();
        let faults: Vec<Value> = self
            .faults
            .iter()
            .map(|(name, (object, steps))| json!({ "fault": name, "object": object, "steps": steps }))
            .collect();
        json!({ "steps": steps, "faults": faults, "not_here": self.not_here, "unproven": self.unproven(),
                "seconds": self.seconds })
    }
}

/// Everything that a step said of what it found.
fn said(result: &StepResult) -> String {
    let mut out = vec![result.message.clone()];
    for failure in &result.failures {
        out.extend([failure.label.clone(), failure.expected.clone(), failure.actual.clone()]);
        out.extend(failure.object.clone());
        out.extend(failure.diff.clone());
    }
    if let Some(error) = &result.error {
        out.push(error.message.clone());
        out.extend(error.causes.clone());
    }
    out.extend(result.warnings.clone());
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(id: &str, outcome: Outcome, message: &str) -> StepResult {
        StepResult {
            id: id.into(),
            outcome,
            message: message.into(),
            seconds: 0.1,
            attempts: 1,
            calls: 1,
            judged: 1,
            failures: Vec::new(),
            error: None,
            warnings: Vec::new(),
            notes: Vec::new(),
            metrics: Vec::new(),
            evidence: Vec::new(),
            instructions: None,
            taken_from: None,
        }
    }

    #[test]
    fn a_step_is_proven_by_a_failure_that_names_what_is_broken() {
        let mut proof = Proof::default();
        for id in ["t5/a@infra", "t5/a@apps", "t5/b@infra", "t5/c@infra", "t5/d@infra"] {
            proof.healthy(&ended(id, Outcome::Passed, ""));
        }
        proof.healthy(&ended("t5/e", Outcome::Manual, "look at it"));
        proof.healthy(&ended("t5/f", Outcome::Failed, "it never passed"));
        let broken = Broken::new("Node n1", &["n1"], vec![]);
        proof.under("node-gone", &broken, &ended("t5/a@infra", Outcome::Failed, "node n1 is not ready"));
        proof.under("node-gone", &broken, &ended("t5/b@infra", Outcome::Failed, "2 nodes, expected 3"));
        proof.under("node-gone", &broken, &ended("t5/c@infra", Outcome::Errored, "n1 does not answer"));
        proof.under("node-gone", &broken, &ended("t5/d@infra", Outcome::Passed, ""));
        assert_eq!(proof.unproven(), ["t5/b", "t5/c", "t5/d", "t5/f"]);
        let why = |id: &str| proof.steps[id].why_not().unwrap_or_default();
        assert_eq!(proof.steps["t5/a"].why_not(), None);
        assert_eq!(why("t5/b"), "it fails under node-gone, and its message does not name Node n1");
        assert_eq!(why("t5/c"), "no fault makes it fail: under 1 it could not find out");
        assert_eq!(why("t5/d"), "no fault makes it fail: it passes under the 1 that touches what it looks at");
        assert_eq!(why("t5/f"), "it does not pass in the healthy lab: t5/f failed: it never passed");
        let json = proof.to_json();
        assert_eq!(json["steps"][0]["caught"][0]["names_object"], true);
        assert_eq!(json["steps"][3]["passed_under"][0], "node-gone");
        assert_eq!(json["unproven"].as_array().map(Vec::len), Some(4));
    }
}

//! What of an earlier run still has to pass, and what of it is not there any more; the words for both.

use std::collections::BTreeMap;

use super::Before;
use crate::cli::prepare::Planned;
use crate::event::{Former, Outcome, Outstanding};
use crate::ui::{joined, plural};

impl Before {
    fn left_open(&self) -> &[Outstanding] {
        self.recorded.info.former.as_ref().map(|f| f.outstanding.as_slice()).unwrap_or_default()
    }

    /// What is no part of the new plan and has not passed: of the former run, and of the one that it went on with.
    pub(super) fn outstanding(
        &self,
        whole: &Planned,
        part: Option<&Planned>,
        again: &BTreeMap<String, String>,
    ) -> Vec<Outstanding> {
        let planned = |id: &str| part.is_some_and(|p| p.plan.steps.iter().any(|s| s.info.id == id));
        let mut open: Vec<Outstanding> = Vec::new();
        for step in &self.course.plan {
            let outcome = self.course.ended.get(&step.id).map(|r| r.outcome);
            let why = again.get(&step.id).filter(|_| outcome.is_some_and(Outcome::is_good));
            if why.is_some() || !outcome.is_some_and(Outcome::is_good) {
                open.push(Outstanding { id: step.id.clone(), outcome, why: why.cloned() });
            }
        }
        let of_former: Vec<Outstanding> =
            self.left_open().iter().filter(|o| !self.course.plan.iter().any(|s| s.id == o.id)).cloned().collect();
        open.extend(of_former);
        open.retain(|o| !planned(&o.id) && !is_gone(&o.id, whole));
        open
    }

    /// What had not passed and is not declared any more.
    pub(super) fn vanished(&self, whole: &Planned) -> Vec<String> {
        let gone: Vec<String> = self
            .course
            .plan
            .iter()
            .filter(|s| self.passed(&s.id).is_none() && is_gone(&s.id, whole))
            .map(|s| s.id.clone())
            .collect();
        if gone.is_empty() {
            Vec::new()
        } else {
            vec![format!("{} {} no longer declared", joined(&gone), is(gone.len()))]
        }
    }
}

/// What is to be said where nothing is run again.
pub(in crate::cli) fn nothing_to_do(former: &Former) -> (Vec<String>, u8) {
    let mut lines: Vec<String> = former.again.iter().chain(&former.differs).cloned().collect();
    if former.outstanding.is_empty() {
        lines.push(format!("Every step of run {} has passed: there is nothing to run again.", former.run));
        return (lines, 0);
    }
    lines.push(format!("There is nothing in run {} to run again; outstanding:", former.run));
    lines.extend(former.outstanding.iter().map(|open| format!("  {open}")));
    (lines, 4)
}

/// Whether its playbook is there and no longer declares it.
fn is_gone(id: &str, whole: &Planned) -> bool {
    let Some((playbook, step)) = id.split_once('/') else { return false };
    let step = step.split('@').next().unwrap_or(step);
    whole.loaded.iter().filter(|l| l.info.id == playbook).any(|loaded| {
        let declared = loaded.declared.steps.get(&None);
        !declared.is_some_and(|steps| steps.iter().any(|s| s.id == step))
    })
}

fn is(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// `playbook t5 has changed: t5/a@infra, t5/b`, each reason once.
pub(super) fn grouped<'a>(again: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, why) in again {
        by_reason.entry(why).or_default().push(id);
    }
    by_reason
        .into_iter()
        .map(|(why, ids)| {
            let named = if ids.len() > 3 { plural(ids.len(), "step") } else { ids.join(", ") };
            format!("{why}: {named}")
        })
        .collect()
}

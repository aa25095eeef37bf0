//! What `record::` gives: maps of a run's steps, metrics, evidence and settings.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::reading::{Source, platform};
use crate::error::Result;
use crate::event::{EvidenceFile, Failure, Metric, Outcome, SettingInfo, StepInfo, StepResult};
use crate::record::Recorded;

/// A step of several runs, in the run that counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) source: &'a Source,
    pub(super) step: &'a StepInfo,
    /// None where it has not ended there.
    pub(super) end: Option<&'a StepResult>,
}

/// The steps of all these runs, oldest first, in the order in which they are first planned. Where several runs have a
/// step, that counts in which it ran and ended last; one that was left out, or never ended, counts only where there is
/// no other.
pub(super) fn steps(sources: &[Source]) -> Vec<Row<'_>> {
    let mut order: Vec<&str> = Vec::new();
    let mut chosen: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for source in sources {
        for step in &source.told.plan {
            let row = Row { source, step, end: source.told.course.ended.get(&step.id) };
            match chosen.get(step.id.as_str()) {
                Some(before) if before.weight() > row.weight() => {}
                Some(_) => drop(chosen.insert(&step.id, row)),
                None => {
                    order.push(&step.id);
                    chosen.insert(&step.id, row);
                }
            }
        }
    }
    order.into_iter().filter_map(|id| chosen.get(id).copied()).collect()
}

impl Row<'_> {
    /// How much it says: that it ran, that it was left out, that it has not ended.
    fn weight(&self) -> u8 {
        match self.end {
            Some(end) if ran(end.outcome) => 2,
            Some(_) => 1,
            None => 0,
        }
    }

    /// Its evidence, as far as it has ended.
    pub(super) fn evidence(&self) -> &[EvidenceFile] {
        let kept = self.source.told.course.evidence.get(&self.step.id).map(Vec::as_slice).unwrap_or_default();
        if self.end.is_some() { kept } else { &[] }
    }

    /// Its metrics, as far as it has ended.
    pub(super) fn metrics(&self) -> &[Metric] {
        self.end.map(|end| end.metrics.as_slice()).unwrap_or_default()
    }

    /// What is the same in each kind of row.
    fn head(&self) -> Value {
        json!({
            "run": self.source.info.id, "step": self.step.id, "cluster": self.step.cluster, "outcome": self.outcome(),
            "ended": self.source.told.at.get(&self.step.id).map(ToString::to_string).unwrap_or_default(),
        })
    }

    fn outcome(&self) -> &'static str {
        match self.end {
            Some(end) => end.outcome.as_str(),
            None if self.source.told.course.under_way.contains_key(&self.step.id) => "unfinished",
            None => "pending",
        }
    }

    /// `record::steps`
    pub(super) fn step(&self) -> Value {
        let (step, end) = (self.step, self.end);
        let texts = |of: fn(&StepResult) -> &[String]| end.map(of).unwrap_or_default();
        let failures: Vec<Value> = end.iter().flat_map(|end| &end.failures).map(failure).collect();
        let told = json!({
            "id": step.id, "playbook": step.playbook, "name": step.step, "title": step.title, "priority": step.priority,
            "covers": step.covers, "effect": step.effect.as_str(), "risk": step.risk, "if_fails": step.if_fails,
            "ran": end.is_some_and(|end| ran(end.outcome)),
            "message": end.map(|end| end.message.as_str()).unwrap_or_default(),
            "seconds": end.map_or(0.0, |end| end.seconds),
            "attempts": end.map_or(0, |end| end.attempts),
            "judged": end.map_or(0, |end| end.judged),
            "failures": failures,
            "error": end.and_then(|end| end.error.as_ref()).map(ToString::to_string).unwrap_or_default(),
            "warnings": texts(|end| &end.warnings), "notes": texts(|end| &end.notes),
            "retries": self.source.told.retries.get(&step.id).cloned().unwrap_or_default(),
            "instructions": end.and_then(|end| end.instructions.as_deref()).unwrap_or_default(),
            "taken_from": end.and_then(|end| end.taken_from.as_deref()).unwrap_or_default(),
            "evidence": self.evidence().iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
            "metrics": self.metrics().iter().map(|metric| metric.name.as_str()).collect::<Vec<_>>(),
        });
        joined(self.head(), told)
    }

    /// `record::metrics`
    pub(super) fn metric(&self, metric: &Metric) -> Value {
        let samples = metric.summary.as_ref().and_then(|summary| summary["count"].as_u64());
        joined(
            self.head(),
            json!({ "name": metric.name, "value": metric.value, "unit": metric.unit, "max": metric.max,
                    "samples": samples.unwrap_or(1), "summary": metric.summary }),
        )
    }

    /// `record::evidence`
    pub(super) fn file(&self, file: &EvidenceFile) -> Value {
        joined(self.head(), json!({ "name": file.name, "file": file.file, "sha256": file.sha256, "bytes": file.bytes }))
    }
}

fn failure(failure: &Failure) -> Value {
    json!({
        "label": failure.label, "expected": failure.expected, "actual": failure.actual,
        "object": failure.object.as_deref().unwrap_or_default(), "covers": failure.covers,
    })
}

fn joined(mut head: Value, more: Value) -> Value {
    if let (Value::Object(head), Value::Object(more)) = (&mut head, more) {
        head.extend(more);
    }
    head
}

/// Whether a step with this end was begun: something was looked at, or tried.
fn ran(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Skipped | Outcome::Blocked)
}

/// `record::settings`
pub(super) fn settings(source: &Source) -> Vec<Value> {
    let row = |one: &SettingInfo| {
        json!({ "run": source.info.id, "playbook": one.playbook, "name": one.name, "cluster": one.cluster, "value": one.value,
                "usual": one.default, "from": one.from, "about": one.about })
    };
    source.told.settings.iter().map(row).collect()
}

/// `record::runs`
///
/// # Errors
/// What [`Recorded::left`] says.
pub(super) fn run(source: &Source) -> Result<Value> {
    let (info, course) = (&source.info, &source.told.course);
    let end = course.end.as_ref();
    let state = match end {
        _ if source.running => "running",
        Some(_) => "ended",
        None => "killed",
    };
    let outcomes: BTreeMap<&str, u64> = course.outcomes().iter().map(|(o, count)| (o.as_str(), *count)).collect();
    let clusters: Vec<Value> = info
        .clusters
        .iter()
        .map(|c| json!({ "name": c.name, "context": c.context, "server": c.server.as_deref().unwrap_or_default() }))
        .collect();
    Ok(json!({
        "id": info.id, "own": source.this, "state": state, "started": info.started.to_string(),
        "seconds": course.seconds(), "exit_code": end.map(|end| end.exit_code), "arguments": info.arguments,
        "targets": info.targets, "dir": info.dir, "host": info.host, "pb": info.pb,
        "profile": info.profile.as_deref().unwrap_or_default(), "platform": platform(info).unwrap_or_default(),
        "former": info.former.as_ref().map(|former| former.run.as_str()).unwrap_or_default(),
        "clusters": clusters, "outcomes": outcomes, "steps": source.told.plan.len(), "left": left(source)?,
    }))
}

/// What is not undone, in words. A step that goes on will undo what it changed.
fn left(source: &Source) -> Result<Vec<String>> {
    let left = Recorded::open(&source.folder)?.left()?;
    let rows = left.rows.into_iter().filter(|row| row.why.is_some() || !source.running);
    let words = rows.map(|row| match (row.step, row.why) {
        (Some(step), Some(why)) => format!("{step}: {}: {why}", row.row.change),
        (Some(step), None) => format!("{step}: {}", row.row.change),
        (None, Some(why)) => format!("{}: {why}", row.row.change),
        (None, None) => row.row.change,
    });
    Ok(words.chain(left.unreadable.into_iter().map(|row| row.error.message)).collect())
}

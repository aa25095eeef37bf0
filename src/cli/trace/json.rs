//! `pb trace --json`: the matrix for programs.

use serde::Serialize;

use super::Traced;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::playbook::matrix::{Judge, Judged, Row};

#[derive(Serialize)]
struct Told<'a> {
    schema: u32,
    counts: Counts,
    boxes: Vec<Entry<'a>>,
    /// What names boxes by a value that only running it would tell.
    computed: Vec<Computed>,
}

#[derive(Serialize)]
struct Counts {
    /// How many boxes the checklist has.
    listed: usize,
    boxes: usize,
    judged: usize,
    person: usize,
    uncovered: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    group: &'a str,
    text: &'a str,
    state: &'static str,
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    id: String,
    title: &'a str,
    priority: &'a str,
    effect: Effect,
    on: &'a str,
    manual: bool,
    at: String,
    judged_by: Vec<JudgedBy<'a>>,
}

#[derive(Serialize)]
struct JudgedBy<'a> {
    how: &'static str,
    label: &'a str,
    at: String,
    /// Whether it names the box, or is all that the step has.
    names_it: bool,
}

#[derive(Serialize)]
struct Computed {
    step: String,
    at: String,
}

pub(super) fn render(traced: &Traced<'_>) -> Result<String, Vec<Error>> {
    let counts = traced.matrix.counts();
    let told = Told {
        schema: 1,
        counts: Counts {
            listed: traced.listed,
            boxes: counts.boxes,
            judged: counts.judged,
            person: counts.person,
            uncovered: counts.uncovered,
        },
        boxes: traced.rows().map(row).collect(),
        computed: traced.matrix.computed.iter().map(|(step, judge)| computed(step, judge)).collect(),
    };
    serde_json::to_string_pretty(&told)
        .map_err(|why| vec![Error::new(Kind::Io, "the matrix can't be written as JSON").because(why)])
}

fn row<'a>(row: &'a Row<'_>) -> Entry<'a> {
    let steps = row.steps.iter().map(|(of, judges)| step(of, judges, &row.of.id)).collect();
    Entry { id: &row.of.id, group: &row.of.group, text: &row.of.text, state: row.state().as_str(), steps }
}

fn step<'a>(step: &'a Judged, judges: &[&'a Judge], id: &String) -> Step<'a> {
    let decl = &step.decl;
    let by = |judge: &&'a Judge| JudgedBy {
        how: judge.how.as_str(),
        label: &judge.label,
        at: judge.place.to_string(),
        names_it: judge.boxes.contains(id),
    };
    Step {
        id: step.id(),
        title: &decl.title,
        priority: &decl.priority,
        effect: decl.effect,
        on: decl.on.as_str(),
        manual: decl.manual.is_some(),
        at: decl.place.to_string(),
        judged_by: judges.iter().map(by).collect(),
    }
}

fn computed(step: &Judged, judge: &Judge) -> Computed {
    Computed { step: step.id(), at: judge.place.to_string() }
}

//! `--report json=FILE`: the whole run for programs. The shape is promised: fields may be added, none renamed, and
//! `docs/report.schema.json` describes it.

use serde::Serialize;

use super::{Run, Verdict, Word};
use crate::error::{Error, Kind, Result};
use crate::event::{
    Effect, EvidenceFile, Failure, Former, Metric, ModuleInfo, Outcome, PlaybookInfo, SettingInfo, StepInfo, StepResult,
};

/// The version of the shape.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    run: &'a str,
    verdict: Word,
    reasons: &'a [String],
    exit_code: u8,
    /// RFC 3339; null when the run never began.
    started: Option<String>,
    seconds: f64,
    interrupted: bool,
    arguments: &'a [String],
    jobs: usize,
    not_selected: u64,
    record: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<&'a Former>,
    playbooks: &'a [PlaybookInfo],
    modules: &'a [ModuleInfo],
    settings: &'a [SettingInfo],
    steps: Vec<Step<'a>>,
    left: &'a [String],
}

#[derive(Serialize)]
struct Step<'a> {
    id: &'a str,
    playbook: &'a str,
    step: &'a str,
    cluster: Option<&'a str>,
    title: &'a str,
    priority: &'a str,
    covers: &'a [String],
    effect: Effect,
    outcome: Outcome,
    seconds: f64,
    attempts: u32,
    calls: u64,
    judged: u64,
    message: &'a str,
    failures: Vec<At<'a>>,
    metrics: Vec<Measured<'a>>,
    evidence: &'a [String],
    evidence_files: Vec<File<'a>>,
    warnings: &'a [String],
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Error>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<&'a str>,
    if_fails: &'a [String],
    /// Where the step is declared.
    at: String,
}

#[derive(Serialize)]
struct At<'a> {
    label: &'a str,
    expected: &'a str,
    actual: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    diff: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    covers: &'a [String],
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    file: &'a str,
    sha256: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct Measured<'a> {
    name: &'a str,
    /// Null where JSON has no number for it.
    value: Option<f64>,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a serde_json::Value>,
}

/// The report as JSON text.
pub(super) fn render(run: &Run) -> Result<String> {
    let verdict = Verdict::of(run);
    let results = run.results();
    let report = Report {
        schema: SCHEMA,
        run: &run.id,
        verdict: verdict.word,
        reasons: &verdict.reasons,
        exit_code: run.exit_code(),
        started: run.started.map(|at| at.to_string()),
        seconds: run.finished.as_ref().map_or(0.0, |f| f.seconds),
        interrupted: run.interrupted,
        arguments: &run.arguments,
        jobs: run.jobs,
        not_selected: run.not_selected,
        record: run.record.as_deref(),
        former: run.former.as_ref(),
        playbooks: &run.playbooks,
        modules: &run.modules,
        settings: &run.settings,
        steps: results.iter().map(|(info, result)| step(run, info, result)).collect(),
        left: run.finished.as_ref().map(|f| f.left.as_slice()).unwrap_or_default(),
    };
    let mut text = serde_json::to_string_pretty(&report)
        .map_err(|error| Error::new(Kind::Io, "the JSON report cannot be written").because(error))?;
    text.push('\n');
    Ok(text)
}

fn step<'a>(run: &'a Run, info: &'a StepInfo, result: &'a StepResult) -> Step<'a> {
    let files = run.evidence.get(&info.id).map(Vec::as_slice).unwrap_or_default();
    Step {
        id: &info.id,
        playbook: &info.playbook,
        step: &info.step,
        cluster: info.cluster.as_deref(),
        title: &info.title,
        priority: &info.priority,
        covers: &info.covers,
        effect: info.effect,
        outcome: result.outcome,
        seconds: result.seconds,
        attempts: result.attempts,
        calls: result.calls,
        judged: result.judged,
        message: &result.message,
        failures: result.failures.iter().map(failure).collect(),
        metrics: result.metrics.iter().map(measured).collect(),
        evidence: &result.evidence,
        evidence_files: files.iter().map(file).collect(),
        warnings: &result.warnings,
        notes: &result.notes,
        error: result.error.as_ref(),
        instructions: result.instructions.as_deref(),
        taken_from: result.taken_from.as_deref(),
        risk: info.risk.as_deref(),
        if_fails: &info.if_fails,
        at: info.place.to_string(),
    }
}

fn failure(failure: &Failure) -> At<'_> {
    At {
        label: &failure.label,
        expected: &failure.expected,
        actual: &failure.actual,
        object: failure.object.as_deref(),
        at: failure.at.as_ref().map(ToString::to_string),
        diff: &failure.diff,
        covers: &failure.covers,
    }
}

fn measured(metric: &Metric) -> Measured<'_> {
    let Metric { name, value, unit, max, summary } = metric;
    let finite = |value: &f64| value.is_finite().then_some(*value);
    Measured { name, value: finite(value), unit, max: max.as_ref().and_then(finite), summary: summary.as_ref() }
}

fn file(file: &EvidenceFile) -> File<'_> {
    File { name: &file.name, file: &file.file, sha256: &file.sha256, bytes: file.bytes }
}

#[cfg(test)]
#[path = "../../tests/it/support/schema.rs"]
mod schema;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::schema::problems;
    use super::*;
    use crate::event::What;
    use crate::report::sample;

    const DOCUMENTED: &str = include_str!("../../docs/report.schema.json");

    #[test]
    fn the_shape_of_the_design_is_kept() {
        insta::assert_snapshot!(render(&sample::run_of(&sample::mixed())).expect("JSON"));
    }

    #[test]
    fn samples_follow_the_documented_schema() {
        let schema: Value = serde_json::from_str(DOCUMENTED).expect("a schema");
        let mut goes_on = sample::good();
        for event in &mut goes_on {
            match &mut event.what {
                What::StepFinished(result) => result.taken_from = Some("20261122-063012-0a1b2c".into()),
                What::RunStarted { former, .. } => *former = sample::former(),
                _ => {}
            }
        }
        let goes_on = sample::run_of(&goes_on);
        assert!(render(&goes_on).expect("JSON").contains("\"taken_from\"") && goes_on.former.is_some());
        for run in [sample::run_of(&sample::mixed()), sample::run_of(&sample::good()), Run::default(), goes_on] {
            let value: Value = serde_json::from_str(&render(&run).expect("JSON")).expect("JSON");
            assert_eq!(problems(&schema, &schema, &value, "$"), Vec::<String>::new());
        }
    }

    #[test]
    fn an_error_with_its_expectation_and_a_figure_without_bounds_follow_it_too() {
        let schema: Value = serde_json::from_str(DOCUMENTED).expect("a schema");
        let at = crate::error::Place { file: "p.rhai".into(), line: 1, column: 1, source: Some("x".into()) };
        let failure = Failure { label: "x".into(), at: Some(at), ..Failure::default() };
        let metric = |value| Metric { name: "m".into(), value, unit: "s".into(), max: Some(value), summary: None };
        let mut events = sample::good();
        for event in &mut events {
            if let What::StepFinished(result) = &mut event.what {
                let error = Error::new(Kind::Expectation, "x");
                result.error = Some(Error { failure: Some(Box::new(failure.clone())), ..error });
                result.metrics = vec![metric(f64::NAN), metric(f64::INFINITY), metric(1.5)];
            }
        }
        let value: Value = serde_json::from_str(&render(&sample::run_of(&events)).expect("JSON")).expect("JSON");
        assert_eq!(value["steps"][0]["error"]["failure"]["place"]["line"], 1);
        assert_eq!(value["steps"][0]["metrics"][1]["value"], Value::Null);
        assert_eq!(problems(&schema, &schema, &value, "$"), Vec::<String>::new());
    }

    #[test]
    fn the_schema_would_notice_a_renamed_or_mistyped_field() {
        let schema: Value = serde_json::from_str(DOCUMENTED).expect("a schema");
        let mut value: Value =
            serde_json::from_str(&render(&sample::run_of(&sample::mixed())).expect("JSON")).expect("JSON");
        value["steps"][0]["outcome"] = "fine".into();
        value["steps"][1].as_object_mut().expect("a step").remove("seconds");
        value["sttarted"] = "x".into();
        let found = problems(&schema, &schema, &value, "$");
        assert_eq!(found.len(), 3, "{found:#?}");
    }
}

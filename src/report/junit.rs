//! `--report junit=FILE`: JUnit XML for CI servers.
//!
//! A playbook is a testsuite (its properties: where it and its modules were read, the settings that differ, the run's
//! verdict), a step is a testcase (`bgp-table@infra`). JUnit knows four ends only: `passed` and `warned` are successes (the warning
//! stands in system-out), `failed` is a failure, `errored` is an error. `skipped`, `blocked`, `manual` and
//! `inconclusive` become skipped with a message: nothing that was looked at was wrong, so a failure would be untrue;
//! but nothing was shown to be right, so a success would be a lie.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Run, Verdict};
use crate::error::{Error, Kind, Result};
use crate::event::{Outcome, StepInfo, StepResult};
use crate::ui::{Ui, clean, kind_name, show_error};

/// The report as XML text.
pub(super) fn render(run: &Run) -> Result<String> {
    let mut report = Report::new(format!("pb {}", run.id).trim_end());
    if let Some(finished) = &run.finished {
        report.set_time(seconds(finished.seconds));
    }
    report.timestamp = run.started.and_then(|at| at.to_string().parse().ok());
    let results = run.results();
    for playbook in &run.playbooks {
        let mut suite = TestSuite::new(playbook.id.as_str());
        let mine: Vec<_> = results.iter().filter(|(step, _)| step.playbook == playbook.id).collect();
        suite.set_time(seconds(mine.iter().map(|(_, result)| result.seconds).sum()));
        for (name, value) in [
            ("title", &playbook.title),
            ("path", &playbook.path),
            ("sha256", &playbook.sha256),
            ("source", &playbook.source),
        ] {
            suite.add_property(Property::new(name, value));
        }
        for module in run.modules.iter().filter(|m| m.playbooks.contains(&playbook.id)) {
            let value = format!("{}, {} {}", module.path, module.source, module.sha256);
            suite.add_property(Property::new(format!("module.{}", module.name), value));
        }
        for setting in run.settings.iter().filter(|s| s.playbook == playbook.id && s.value != s.default) {
            let cluster = setting.cluster.as_ref().map(|c| format!("@{c}")).unwrap_or_default();
            let value = format!("{} ({})", setting.value, setting.from);
            suite.add_property(Property::new(format!("setting.{}{cluster}", setting.name), value));
        }
        suite.add_property(Property::new("verdict", Verdict::of(run).word.to_string()));
        suite.add_test_cases(mine.into_iter().map(|(step, result)| case(step, result)));
        report.add_test_suite(suite);
    }
    let mut text = report
        .to_string()
        .map_err(|error| Error::new(Kind::Io, "the JUnit report cannot be written").because(error))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn case(step: &StepInfo, result: &StepResult) -> TestCase {
    let name = match &step.cluster {
        Some(cluster) => format!("{}@{cluster}", step.step),
        None => step.step.clone(),
    };
    let mut case = TestCase::new(name, status(result));
    case.set_classname(step.playbook.as_str());
    case.set_time(seconds(result.seconds));
    case.assertions = usize::try_from(result.judged).ok();
    case.add_property(Property::new("priority", &step.priority));
    case.add_property(Property::new("covers", step.covers.join(" ")));
    case.add_property(Property::new("effect", step.effect.as_str()));
    case.add_property(Property::new("outcome", result.outcome.as_str()));
    if let Some(run) = &result.taken_from {
        case.add_property(Property::new("taken_from", run));
    }
    for metric in &result.metrics {
        case.add_property(Property::new(
            format!("metric.{}", metric.name),
            format!("{} {}", metric.value, if metric.unit == "1" { "" } else { &metric.unit }).trim_end().to_string(),
        ));
    }
    let mut out = vec![step.title.clone()];
    out.extend(result.warnings.iter().map(|text| format!("warning: {text}")));
    out.extend(result.notes.iter().map(|text| format!("note: {text}")));
    out.extend(result.instructions.iter().map(|text| format!("to do: {text}")));
    out.extend(result.evidence.iter().map(|file| format!("evidence: {file}")));
    case.set_system_out(clean(&out.join("\n")));
    case
}

fn status(result: &StepResult) -> TestCaseStatus {
    let mut status = match result.outcome {
        Outcome::Passed | Outcome::Warned => return TestCaseStatus::success(),
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Errored => TestCaseStatus::non_success(NonSuccessKind::Error),
        _ => TestCaseStatus::skipped(),
    };
    match result.outcome {
        Outcome::Skipped => status.set_message(clean(&result.message)),
        outcome if matches!(status, TestCaseStatus::Skipped { .. }) => {
            status.set_message(format!("{outcome}: {}", clean(&result.message)))
        }
        _ => status.set_message(clean(&result.message)),
    };
    if let Some(error) = &result.error {
        status.set_type(kind_name(error.kind));
    }
    let text = description(result);
    if !text.is_empty() {
        status.set_description(text);
    }
    status
}

/// Everything that explains a failure, as plain text.
fn description(result: &StepResult) -> String {
    let mut lines = Vec::new();
    for failure in &result.failures {
        lines.push(failure.label.clone());
        lines.push(format!("  expected: {}", failure.expected));
        lines.push(format!("  actual:   {}", failure.actual));
        lines.extend(failure.object.iter().map(|object| format!("  object:   {object}")));
        lines.extend(failure.at.iter().map(|at| format!("  at:       {at}")));
        lines.extend(failure.diff.iter().map(|line| format!("    {line}")));
    }
    if let Some(error) = &result.error
        && error.failure.is_none()
    {
        lines.push(show_error(Ui::plain(), error));
    }
    clean(&lines.join("\n"))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn playbooks_are_suites_and_steps_are_cases() {
        insta::assert_snapshot!(render(&sample::run_of(&sample::mixed())).expect("XML"));
    }

    #[test]
    fn only_what_was_shown_to_be_right_is_a_success() {
        for outcome in Outcome::ALL.into_iter().filter(|o| !o.is_good()) {
            let status = status(&sample::result("t1/x", outcome));
            assert!(!matches!(status, TestCaseStatus::Success { .. }), "{outcome}");
        }
    }
}

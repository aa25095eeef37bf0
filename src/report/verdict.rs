//! GO, NO-GO or INCOMPLETE, by one rule, always with the reasons.
//!
//! GO when every P0 step passed, more than 90 % of the P1 steps passed and the evidence is complete (`warned` counts
//! as passed here). NO-GO when a P0 step failed, or so many P1 steps that 90 % cannot be exceeded any more.
//! INCOMPLETE else: what was not selected, waits or could not be found out is no reason to go, nor to stay.

use std::fmt;

use serde::Serialize;

use super::Run;
use crate::event::{Outcome, StepInfo, StepResult};
use crate::ui::plural;

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Word {
    /// Go.
    #[serde(rename = "GO")]
    Go,
    /// Do not go.
    #[serde(rename = "NO-GO")]
    NoGo,
    /// It cannot be said yet.
    #[serde(rename = "INCOMPLETE")]
    Incomplete,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Go => "GO",
            Self::NoGo => "NO-GO",
            Self::Incomplete => "INCOMPLETE",
        })
    }
}

/// The word and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The word.
    pub word: Word,
    /// Each a clause: `P0 t2/crds@apps failed`.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// The verdict over a run's steps.
    pub fn of(run: &Run) -> Self {
        let results = run.results();
        let p0: Vec<_> = results.iter().filter(|(step, _)| step.priority == "P0").collect();
        let p1: Vec<_> = results.iter().filter(|(step, _)| step.priority == "P1").collect();
        let passed = p1.iter().filter(|(_, r)| r.outcome.is_good()).count();
        let failed: Vec<_> = p1.iter().filter(|(_, r)| r.outcome == Outcome::Failed).collect();

        let mut stop: Vec<String> =
            p0.iter().filter(|(_, r)| r.outcome == Outcome::Failed).map(|(s, r)| says(s, r)).collect();
        if !failed.is_empty() && failed.len() * 10 >= p1.len() {
            let ids: Vec<&str> = failed.iter().map(|(step, _)| step.id.as_str()).collect();
            stop.push(format!("{} of {} failed: {}", failed.len(), plural(p1.len(), "P1 step"), ids.join(", ")));
        }
        if !stop.is_empty() {
            return Self { word: Word::NoGo, reasons: stop };
        }

        let mut open: Vec<String> = p0.iter().filter(|(_, r)| !r.outcome.is_good()).map(|(s, r)| says(s, r)).collect();
        if !p1.is_empty() && passed * 10 <= p1.len() * 9 {
            open.push(format!("{passed} of {} passed; more than 90 % must", plural(p1.len(), "P1 step")));
        }
        if p0.is_empty() && p1.is_empty() {
            open.push("no P0 and no P1 step took part".into());
        }
        open.extend(missing_evidence(run, &results));
        if run.not_selected > 0 {
            let were = if run.not_selected == 1 { "was" } else { "were" };
            let count = usize::try_from(run.not_selected).unwrap_or(usize::MAX);
            open.push(format!("{} {were} not selected", plural(count, "step")));
        }
        if let Some(former) = run.former.as_ref().filter(|f| !f.outstanding.is_empty()) {
            let steps = plural(former.outstanding.len(), "step");
            open.push(format!("{steps} of run {} did not pass there and took no part here", former.run));
        }
        if run.finished.is_none() {
            open.push("the run has not ended".into());
        } else if run.interrupted {
            open.push("the run was interrupted".into());
        }
        if !open.is_empty() {
            return Self { word: Word::Incomplete, reasons: open };
        }
        let mut reasons = Vec::new();
        if !p0.is_empty() {
            reasons.push(format!("{} of {} passed", p0.len(), plural(p0.len(), "P0 step")));
        }
        if !p1.is_empty() {
            reasons.push(format!("{passed} of {} passed", plural(p1.len(), "P1 step")));
        }
        reasons.push("the evidence is complete".into());
        Self { word: Word::Go, reasons }
    }
}

fn says(step: &StepInfo, result: &StepResult) -> String {
    let how = match result.outcome {
        Outcome::Failed => "failed".to_string(),
        Outcome::Manual => "waits for a person".to_string(),
        Outcome::Errored => "could not be found out".to_string(),
        outcome => format!("is {outcome}"),
    };
    format!("{} {} {how}", step.priority, step.id)
}

/// A person's evidence that is still awaited, and files that a step names but nobody wrote.
fn missing_evidence(run: &Run, results: &[(&StepInfo, StepResult)]) -> Vec<String> {
    let mut out = Vec::new();
    for (step, result) in results {
        // A P0 step that waits has said so already.
        if result.outcome == Outcome::Manual && step.priority != "P0" {
            out.push(format!("{} waits for a person's evidence", step.id));
        }
        let written = run.evidence.get(&step.id).map(Vec::as_slice).unwrap_or_default();
        for file in &result.evidence {
            if !written.iter().any(|e| e.file == *file) {
                out.push(format!("{}: the evidence {file} was not written", step.id));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::What;
    use crate::report::sample::{at, finished, result, run_of, started};
    use Outcome::{Errored, Failed, Manual, Passed, Skipped, Warned};

    /// Steps by priority and outcome.
    fn verdict(steps: &[(&str, Outcome)]) -> (Word, String) {
        let v = Verdict::of(&run(steps, |_| {}));
        (v.word, v.reasons.join("; "))
    }

    fn run(steps: &[(&str, Outcome)], change: impl Fn(&mut What)) -> Run {
        let ids: Vec<String> = (0..steps.len()).map(|n| format!("t1/s{n}")).collect();
        let mut first = started(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        if let What::RunStarted { steps: infos, .. } = &mut first.what {
            for (info, (priority, _)) in infos.iter_mut().zip(steps) {
                info.priority = (*priority).to_string();
            }
        }
        change(&mut first.what);
        let mut events = vec![first];
        events.extend(ids.iter().zip(steps).map(|(id, (_, outcome))| finished(0, result(id, *outcome))));
        events.push(at(1000, None, What::RunFinished { exit_code: 0, seconds: 1.0, left: vec![] }));
        run_of(&events)
    }

    fn many(count: usize, outcome: Outcome) -> Vec<(&'static str, Outcome)> {
        vec![("P1", outcome); count]
    }

    #[test]
    fn go_needs_every_p0_and_more_than_nine_tenths_of_p1() {
        assert_eq!(
            verdict(&[("P0", Passed), ("P1", Warned), ("P2", Failed)]),
            (Word::Go, "1 of 1 P0 step passed; 1 of 1 P1 step passed; the evidence is complete".into())
        );
        let mut eleven = many(10, Passed);
        eleven.push(("P1", Failed));
        assert_eq!(verdict(&eleven).0, Word::Go);
        let mut ten = many(9, Passed);
        ten.push(("P1", Failed));
        assert_eq!(verdict(&ten), (Word::NoGo, "1 of 10 P1 steps failed: t1/s9".into()));
    }

    #[test]
    fn a_failed_p0_is_no_go_whatever_else() {
        let mut steps = many(50, Passed);
        steps.push(("P0", Failed));
        assert_eq!(verdict(&steps), (Word::NoGo, "P0 t1/s50 failed".into()));
    }

    #[test]
    fn what_is_not_known_is_incomplete() {
        assert_eq!(verdict(&[("P0", Errored)]), (Word::Incomplete, "P0 t1/s0 could not be found out".into()));
        assert_eq!(verdict(&[("P0", Skipped)]), (Word::Incomplete, "P0 t1/s0 is skipped".into()));
        assert_eq!(verdict(&[("P0", Manual)]), (Word::Incomplete, "P0 t1/s0 waits for a person".into()));
        assert_eq!(
            verdict(&[("P0", Passed), ("P1", Errored)]),
            (Word::Incomplete, "0 of 1 P1 step passed; more than 90 % must".into())
        );
        assert_eq!(verdict(&[]), (Word::Incomplete, "no P0 and no P1 step took part".into()));
        assert_eq!(verdict(&[("P2", Passed)]).0, Word::Incomplete);
    }

    #[test]
    fn steps_that_were_not_selected_keep_it_incomplete() {
        let run = run(&[("P0", Passed)], |what| {
            if let What::RunStarted { not_selected, .. } = what {
                *not_selected = 41;
            }
        });
        let verdict = Verdict::of(&run);
        assert_eq!((verdict.word, verdict.reasons.join("; ")), (Word::Incomplete, "41 steps were not selected".into()));
    }

    #[test]
    fn what_the_former_run_left_open_keeps_it_incomplete() {
        let run = run(&[("P0", Passed)], |what| {
            if let What::RunStarted { former, .. } = what {
                *former = crate::report::sample::former();
            }
        });
        let verdict = Verdict::of(&run);
        assert_eq!(verdict.word, Word::Incomplete);
        assert!(verdict.reasons[0].starts_with("2 steps of run 20261122-063012-0a1b2c did not pass"), "{verdict:?}");
    }

    #[test]
    fn evidence_that_is_named_must_have_been_written() {
        let mut with_file = result("t1/s0", Passed);
        with_file.evidence = vec!["evidence/a.json".into()];
        let end = at(1000, None, What::RunFinished { exit_code: 0, seconds: 1.0, left: vec![] });
        let mut events = vec![started(&["t1/s0"]), finished(0, with_file), end];
        assert_eq!(Verdict::of(&run_of(&events)).reasons, ["t1/s0: the evidence evidence/a.json was not written"]);
        let (name, file, sha256) = ("a".into(), "evidence/a.json".into(), "00".into());
        events.insert(1, at(0, Some("t1/s0"), What::Evidence { name, file, sha256, bytes: 2 }));
        assert_eq!(Verdict::of(&run_of(&events)).word, Word::Go);
        let mut waiting = many(20, Passed);
        waiting.push(("P1", Manual));
        assert_eq!(verdict(&waiting), (Word::Incomplete, "t1/s20 waits for a person's evidence".into()));
    }

    #[test]
    fn a_run_that_has_not_ended_is_incomplete() {
        let events = [started(&["t1/s0"]), finished(0, result("t1/s0", Passed))];
        assert_eq!(Verdict::of(&run_of(&events)).reasons, ["the run has not ended"]);
    }
}

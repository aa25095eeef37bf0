//! The exit code of a run, from how its steps ended, and what it means in words.

use super::Run;
use crate::event::{Outcome, StepResult};
use crate::ui::{joined, plural};

/// Interrupted.
const INTERRUPTED: u8 = 130;
/// The playbook, the configuration or the command line is wrong.
const WRONG: u8 = 2;
/// A check failed.
const FAILED: u8 = 1;
/// Something could not be found out.
const ERRORED: u8 = 3;
/// Nothing failed, but the run is incomplete.
const INCOMPLETE: u8 = 4;

/// The codes with what they mean, the gravest first: the first that applies is the run's.
pub const EXIT_CODES: [(u8, &str); 6] = [
    (INTERRUPTED, "interrupted"),
    (WRONG, "the playbook, the configuration or the command line is wrong"),
    (FAILED, "a check failed"),
    (ERRORED, "something could not be found out, or a change could not be undone"),
    (INCOMPLETE, "nothing failed, but the run is incomplete: steps are manual, inconclusive, blocked or skipped"),
    (0, "every step passed, some perhaps with a warning"),
];

/// By the order 130 > 2 > 1 > 3 > 4 > 0.
///
/// `left` is whether something could not be undone: the operator has to look, so it counts as not found out. A run
/// without any step is incomplete: nothing was looked at. So is one that leaves `outstanding` what did not pass in the
/// run that it goes on with.
pub fn exit_code<'a>(
    interrupted: bool,
    results: impl IntoIterator<Item = &'a StepResult>,
    left: bool,
    outstanding: bool,
) -> u8 {
    let mut codes: Vec<u8> = results.into_iter().map(of_step).collect();
    if codes.is_empty() || outstanding {
        codes.push(INCOMPLETE);
    }
    if interrupted {
        codes.push(INTERRUPTED);
    }
    if left {
        codes.push(ERRORED);
    }
    EXIT_CODES.iter().map(|(code, _)| *code).find(|code| codes.contains(code)).unwrap_or(0)
}

fn of_step(result: &StepResult) -> u8 {
    // A mistake in the playbook ends its step as errored, and a stop does: the code says whose doing it is.
    match (result.outcome, result.error.as_ref().map(|e| e.kind.exit_code())) {
        (Outcome::Passed | Outcome::Warned, _) => 0,
        (_, Some(code @ (INTERRUPTED | WRONG))) => code,
        (Outcome::Failed, _) => FAILED,
        (Outcome::Errored, _) => ERRORED,
        _ => INCOMPLETE,
    }
}

/// An exit code in a word or two: `failed`, `not found out`.
pub fn exit_word(code: u8) -> &'static str {
    match code {
        INTERRUPTED => "interrupted",
        WRONG => "the playbook or the configuration is wrong",
        FAILED => "failed",
        ERRORED => "not found out",
        INCOMPLETE => "incomplete",
        0 => "passed",
        _ => "ended",
    }
}

/// The exit code's meaning: `incomplete: 2 manual steps wait (exit code 4)`.
pub fn exit_words(run: &Run) -> String {
    let results = run.results();
    let code = run.exit_code();
    let count = |outcome: Outcome| results.iter().filter(|(_, r)| r.outcome == outcome).count();
    let coded = |code: u8| results.iter().filter(|(_, r)| of_step(r) == code).count();
    let mut why: Vec<String> = Vec::new();
    let mut say = |count: usize, words: &str| {
        if count > 0 {
            why.push(format!("{} {words}", plural(count, "step")));
        }
    };
    match code {
        INTERRUPTED => {
            say(coded(INTERRUPTED), "did not finish");
            say(count(Outcome::Skipped), "did not begin");
        }
        WRONG => {
            say(coded(WRONG), "could not run as written");
        }
        FAILED => {
            say(coded(FAILED), "failed");
            say(coded(ERRORED), "could not find out");
        }
        ERRORED => {
            say(coded(ERRORED), "could not find out");
            if run.finished.as_ref().is_some_and(|f| !f.left.is_empty()) {
                why.push("a change could not be undone".into());
            }
        }
        INCOMPLETE => {
            why = incomplete(&count);
            if results.is_empty() {
                why.push("there was no step to run".into());
            }
            if let Some(former) = run.former.as_ref().filter(|f| !f.outstanding.is_empty()) {
                why.push(format!("{} of run {} outstanding", plural(former.outstanding.len(), "step"), former.run));
            }
        }
        0 => {
            let all = results.len();
            why.push(match (all, count(Outcome::Warned)) {
                (1, 0) => "the step passed".into(),
                (1, _) => "the step passed, with a warning".into(),
                (_, 0) => format!("all {all} steps passed"),
                (_, warned) => format!("all {all} steps passed, {warned} with a warning"),
            });
        }
        _ => {}
    }
    let word = exit_word(code);
    match why.is_empty() {
        true => format!("{word} (exit code {code})"),
        false => format!("{word}: {} (exit code {code})", joined(&why)),
    }
}

fn incomplete(count: &dyn Fn(Outcome) -> usize) -> Vec<String> {
    let mut why = Vec::new();
    let manual = count(Outcome::Manual);
    if manual > 0 {
        why.push(format!("{} {}", plural(manual, "manual step"), if manual == 1 { "waits" } else { "wait" }));
    }
    for outcome in [Outcome::Inconclusive, Outcome::Blocked, Outcome::Skipped] {
        if count(outcome) > 0 {
            why.push(format!("{} {outcome}", count(outcome)));
        }
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};
    use crate::report::sample::{result, run_of, started, stopped};

    fn code(outcomes: &[Outcome]) -> u8 {
        exit_code(false, &outcomes.iter().map(|o| result("t1/x", *o)).collect::<Vec<_>>(), false, false)
    }

    #[test]
    fn the_gravest_outcome_decides() {
        use Outcome::{Blocked, Errored, Failed, Inconclusive, Manual, Passed, Skipped, Warned};
        assert_eq!(code(&[Passed, Warned]), 0);
        for outcome in [Inconclusive, Manual, Skipped, Blocked] {
            assert_eq!(code(&[Passed, outcome]), 4);
        }
        assert_eq!(code(&[Manual, Errored]), 3);
        assert_eq!(code(&[Manual, Errored, Failed]), 1);
        assert_eq!(code(&[]), 4);
        let passed = [result("t1/x", Passed)];
        assert_eq!(exit_code(true, &passed, false, false), 130);
        assert_eq!(exit_code(false, &passed, true, false), 3);
        assert_eq!(exit_code(false, &passed, false, true), 4);
        assert_eq!(exit_code(false, &[stopped(), result("t1/x", Failed)], true, false), 130);
    }

    #[test]
    fn a_mistake_in_the_playbook_comes_before_a_failed_check() {
        let mut wrong = result("t1/x", Outcome::Errored);
        wrong.error = Some(Error::new(Kind::Playbook, "unknown function"));
        assert_eq!(exit_code(false, &[wrong, result("t1/y", Outcome::Failed)], false, false), 2);
    }

    #[test]
    fn the_words_say_what_the_code_means() {
        use Outcome::{Errored, Failed, Manual, Passed, Skipped, Warned};
        let words = |outcomes: &[Outcome]| {
            let ids: Vec<String> = (0..outcomes.len()).map(|n| format!("t1/s{n}")).collect();
            let mut events = vec![started(&ids.iter().map(String::as_str).collect::<Vec<_>>())];
            for (id, outcome) in ids.iter().zip(outcomes) {
                events.push(crate::report::sample::finished(0, result(id, *outcome)));
            }
            exit_words(&run_of(&events))
        };
        assert_eq!(words(&[Passed, Passed]), "passed: all 2 steps passed (exit code 0)");
        assert_eq!(words(&[Passed, Warned]), "passed: all 2 steps passed, 1 with a warning (exit code 0)");
        assert_eq!(words(&[Manual, Manual]), "incomplete: 2 manual steps wait (exit code 4)");
        assert_eq!(words(&[Manual, Skipped]), "incomplete: 1 manual step waits and 1 skipped (exit code 4)");
        assert_eq!(words(&[Failed, Errored]), "failed: 1 step failed and 1 step could not find out (exit code 1)");
        assert_eq!(words(&[Errored]), "not found out: 1 step could not find out (exit code 3)");
        assert_eq!(
            exit_words(&run_of(&[started(&["t1/x"]), crate::report::sample::finished(0, stopped())])),
            "interrupted: 1 step did not finish (exit code 130)"
        );
        assert_eq!(words(&[]), "incomplete: there was no step to run (exit code 4)");
    }
}

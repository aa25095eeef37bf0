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

/// By the order 130 > 2 > 1 > 3 > 4 > 0. A run without any step is incomplete: nothing was looked at.
pub fn exit_code<'a>(results: impl IntoIterator<Item = &'a StepResult>) -> u8 {
    let codes: Vec<u8> = results.into_iter().map(of_step).collect();
    if codes.is_empty() {
        return INCOMPLETE;
    }
    let order = [INTERRUPTED, WRONG, FAILED, ERRORED, INCOMPLETE];
    order.into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

fn of_step(result: &StepResult) -> u8 {
    match result.outcome {
        Outcome::Interrupted => INTERRUPTED,
        Outcome::Failed => FAILED,
        // A mistake in the playbook ends its step as errored; the code says whose mistake it is.
        Outcome::Errored => match result.error.as_ref().map(|e| e.kind.exit_code()) {
            Some(WRONG) => WRONG,
            _ => ERRORED,
        },
        Outcome::Inconclusive | Outcome::Manual | Outcome::Skipped | Outcome::Blocked => INCOMPLETE,
        Outcome::Passed | Outcome::Warned => 0,
    }
}

/// The exit code's meaning: `incomplete: 2 manual steps wait (exit code 4)`.
pub fn exit_words(run: &Run) -> String {
    let results = run.results();
    let code = run.exit_code();
    let count = |outcome: Outcome| results.iter().filter(|(_, r)| r.outcome == outcome).count();
    let wrong = results.iter().filter(|(_, r)| r.outcome == Outcome::Errored && of_step(r) == WRONG).count();
    let unknown = count(Outcome::Errored) - wrong;
    let mut why = Vec::new();
    let mut say = |count: usize, words: &str| {
        if count > 0 {
            why.push(format!("{} {words}", plural(count, "step")));
        }
    };
    let word = match code {
        INTERRUPTED => {
            say(count(Outcome::Interrupted), "did not finish");
            "interrupted"
        }
        WRONG => {
            say(wrong, "could not run as written");
            "the playbook or the configuration is wrong"
        }
        FAILED => {
            say(count(Outcome::Failed), "failed");
            say(wrong + unknown, "could not find out");
            "failed"
        }
        ERRORED => {
            say(unknown, "could not find out");
            "not found out"
        }
        INCOMPLETE => {
            let manual = count(Outcome::Manual);
            if manual > 0 {
                why.push(format!("{} {}", plural(manual, "manual step"), if manual == 1 { "waits" } else { "wait" }));
            }
            let mut say = |count: usize, words: &str| {
                if count > 0 {
                    why.push(format!("{count} {words}"));
                }
            };
            say(count(Outcome::Inconclusive), "inconclusive");
            say(count(Outcome::Blocked), "blocked");
            say(count(Outcome::Skipped), "skipped");
            if results.is_empty() {
                why.push("there was no step to run".into());
            }
            "incomplete"
        }
        0 => {
            match (results.len(), count(Outcome::Warned)) {
                (1, 0) => why.push("the step passed".into()),
                (all, 0) => why.push(format!("all {all} steps passed")),
                (1, _) => why.push("the step passed, with a warning".into()),
                (all, warned) => why.push(format!("all {all} steps passed, {warned} with a warning")),
            }
            "passed"
        }
        _ => "ended",
    };
    match why.is_empty() {
        true => format!("{word} (exit code {code})"),
        false => format!("{word}: {} (exit code {code})", joined(&why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};
    use crate::report::sample::{result, run_of, started};

    fn code(outcomes: &[Outcome]) -> u8 {
        exit_code(&outcomes.iter().map(|o| result("t1/x", *o)).collect::<Vec<_>>())
    }

    #[test]
    fn the_gravest_outcome_decides() {
        use Outcome::{Blocked, Errored, Failed, Inconclusive, Interrupted, Manual, Passed, Skipped, Warned};
        assert_eq!(code(&[Passed, Warned]), 0);
        for outcome in [Inconclusive, Manual, Skipped, Blocked] {
            assert_eq!(code(&[Passed, outcome]), 4);
        }
        assert_eq!(code(&[Manual, Errored]), 3);
        assert_eq!(code(&[Manual, Errored, Failed]), 1);
        assert_eq!(code(&[Failed, Interrupted, Errored]), 130);
        assert_eq!(code(&[]), 4);
    }

    #[test]
    fn a_mistake_in_the_playbook_comes_before_a_failed_check() {
        let mut wrong = result("t1/x", Outcome::Errored);
        wrong.error = Some(Error::new(Kind::Playbook, "unknown function"));
        assert_eq!(exit_code(&[wrong, result("t1/y", Outcome::Failed)]), 2);
    }

    #[test]
    fn the_words_say_what_the_code_means() {
        use Outcome::{Errored, Failed, Interrupted, Manual, Passed, Skipped, Warned};
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
        assert_eq!(words(&[Interrupted, Passed]), "interrupted: 1 step did not finish (exit code 130)");
        assert_eq!(words(&[]), "incomplete: there was no step to run (exit code 4)");
    }
}

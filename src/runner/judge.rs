//! From what a step found to its outcome.

use crate::error::{Error, Kind};
use crate::event::Outcome;
use crate::host::state::StepState;

/// How a step's closure came to its end.
#[derive(Debug)]
pub(super) enum Ending {
    /// It returned.
    Returned,
    /// It left by `t.skip`.
    Skipped(String),
    /// It threw.
    Threw(Box<Error>),
}

/// The outcome, one line on why, and the error where that is not an expectation's.
pub(super) fn judge(ending: Ending, state: &StepState, manual: Option<&str>) -> (Outcome, String, Option<Error>) {
    let failures = state.failures.len();
    let threw = match ending {
        Ending::Skipped(reason) if failures == 0 => return (Outcome::Skipped, reason, None),
        Ending::Threw(error) => Some(*error),
        Ending::Returned | Ending::Skipped(_) => None,
    };
    if let Some(error) = threw {
        let expectation = error.kind == Kind::Expectation && failures > 0;
        if expectation {
            return (Outcome::Failed, failed(state), None);
        }
        let outcome = if failures > 0 { Outcome::Failed } else { error.kind.outcome() };
        return (outcome, error.message.clone(), Some(error));
    }
    if failures > 0 {
        return (Outcome::Failed, failed(state), None);
    }
    if let Some((_, label, place)) = state.unmatched.first() {
        let mut error =
            Error::new(Kind::Playbook, format!("expect(…, \"{label}\") has no matcher: nothing was judged"))
                .hint("end it with one: .to_be(…), .to_contain(…), .to_be_ready() …");
        error.place.clone_from(place);
        return (Outcome::Errored, error.message.clone(), Some(error));
    }
    if let Some(why) = state.inconclusive.first() {
        let more = state.inconclusive.len() - 1;
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        return (Outcome::Inconclusive, format!("{why}{more}"), None);
    }
    if let Some(manual) = manual {
        return (Outcome::Manual, manual.lines().next().unwrap_or_default().to_string(), None);
    }
    if state.judged == 0 {
        return (Outcome::Inconclusive, "nothing was asserted".into(), None);
    }
    if let Some(first) = state.warnings.first() {
        let more = state.warnings.len() - 1;
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        return (Outcome::Warned, format!("{first}{more}"), None);
    }
    let times =
        if state.judged == 1 { "1 expectation held".into() } else { format!("{} expectations held", state.judged) };
    (Outcome::Passed, times, None)
}

fn failed(state: &StepState) -> String {
    let Some(first) = state.failures.first() else { return String::new() };
    let more = state.failures.len() - 1;
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}: expected {}, is {}{more}", first.label, first.expected, first.actual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Failure;

    fn state(judged: u64) -> StepState {
        StepState { judged, ..StepState::default() }
    }

    fn threw(kind: Kind) -> Ending {
        Ending::Threw(Box::new(Error::new(kind, "x")))
    }

    #[test]
    fn only_what_was_judged_passes() {
        assert_eq!(judge(Ending::Returned, &state(0), None).0, Outcome::Inconclusive);
        assert_eq!(judge(Ending::Returned, &state(2), None).0, Outcome::Passed);
        assert_eq!(judge(Ending::Returned, &state(0), Some("look")).0, Outcome::Manual);
    }

    #[test]
    fn the_kind_of_an_error_decides() {
        assert_eq!(judge(threw(Kind::Unreachable), &state(3), None).0, Outcome::Errored);
        assert_eq!(judge(threw(Kind::NotFound), &state(0), None).0, Outcome::Failed);
        assert_eq!(judge(threw(Kind::Inconclusive), &state(0), None).0, Outcome::Inconclusive);
    }

    #[test]
    fn a_failure_is_not_hidden_by_what_comes_after_it() {
        let mut found = state(2);
        found.failures.push(Failure {
            label: "x".into(),
            expected: "1".into(),
            actual: "2".into(),
            ..Failure::default()
        });
        assert_eq!(judge(Ending::Returned, &found, None).0, Outcome::Failed);
        assert_eq!(judge(threw(Kind::Unreachable), &found, None).0, Outcome::Failed);
        assert_eq!(judge(Ending::Skipped("late".into()), &found, None).0, Outcome::Failed);
    }

    #[test]
    fn an_expectation_without_a_matcher_is_the_playbooks_error() {
        let mut found = state(1);
        found.unmatched.push((1, "pods".into(), None));
        let (outcome, message, error) = judge(Ending::Returned, &found, None);
        assert_eq!((outcome, error.map(|e| e.kind)), (Outcome::Errored, Some(Kind::Playbook)));
        assert!(message.contains("no matcher"), "{message}");
    }
}

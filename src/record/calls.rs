//! `calls.jsonl`: each call that ended, with its request and its answer, on a line of its own.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::event::{Answer, Body, Effect, Event, What};

/// A call as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedCall {
    /// Its number within the run.
    pub call: u64,
    /// When it began.
    pub at: Timestamp,
    /// The step that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Which attempt of the step, from 1; 0 outside of steps.
    #[serde(default)]
    pub attempt: u32,
    /// `kube.list`
    pub function: String,
    /// What it may do.
    pub effect: Effect,
    /// The cluster, host or endpoint that it went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The arguments, as canonical JSON.
    #[serde(default)]
    pub args: serde_json::Value,
    /// The command line that a person could type instead.
    #[serde(default)]
    pub line: String,
    /// How long it took.
    pub seconds: f64,
    /// A word on the answer.
    #[serde(default)]
    pub summary: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// The answer, where all of it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<RawValue>>,
    /// The beginning of the answer's JSON text, where it was longer than `answer_limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// Why the answer is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
}

/// Puts calls together from what is told of them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    attempts: HashMap<String, u32>,
    open: HashMap<u64, RecordedCall>,
}

impl Calls {
    /// Learns an event; a call that has ended with it.
    pub(super) fn on(&mut self, event: &Event) -> Option<RecordedCall> {
        match &event.what {
            What::StepStarted { attempt } => {
                self.attempts.insert(event.step.clone()?, *attempt);
                None
            }
            What::CallStarted { call, function, effect, target, args, line, place: _ } => {
                let begun = RecordedCall {
                    call: *call,
                    at: event.at,
                    attempt: event.step.as_ref().and_then(|s| self.attempts.get(s)).copied().unwrap_or(0),
                    step: event.step.clone(),
                    function: function.clone(),
                    effect: *effect,
                    target: target.clone(),
                    args: args.clone(),
                    line: line.clone(),
                    seconds: 0.0,
                    summary: String::new(),
                    error: None,
                    answer: None,
                    cut: None,
                    withheld: None,
                };
                self.open.insert(*call, begun);
                None
            }
            What::CallFinished { call, seconds, summary, error } => {
                let mut ended = self.open.remove(call)?;
                ended.seconds = *seconds;
                ended.summary.clone_from(summary);
                ended.error.clone_from(error);
                Some(ended)
            }
            _ => None,
        }
    }

    /// Learns what a call answered.
    pub(super) fn answered(&mut self, answer: &Answer) {
        let Some(call) = self.open.get_mut(&answer.call) else { return };
        match &answer.body {
            Body::Whole(whole) => call.answer = Some(whole.clone()),
            Body::Cut(text) => call.cut = Some(text.clone()),
            Body::Withheld(why) => call.withheld = Some((*why).into()),
        }
    }
}

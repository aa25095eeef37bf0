//! The matrix from the checklist's boxes to the steps that cover them, and to what judges each: which box is judged,
//! which waits for a person, and which is uncovered.

use std::collections::BTreeSet;

use super::checklist::CheckBox;
use super::declared::StepDecl;
use crate::error::Place;

/// How something is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// `expect(…)` with a matcher.
    Expectation,
    /// `t.metric(…)` with a limit.
    Limit,
    /// `kube.wait(…)`, which fails the step.
    Wait,
}

impl How {
    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expectation => "expectation",
            Self::Limit => "limit",
            Self::Wait => "wait",
        }
    }
}

/// A place in a script that judges something.
#[derive(Debug, Clone, PartialEq)]
pub struct Judge {
    /// How.
    pub how: How,
    /// What it judges, in the playbook's words; `${…}` stays as it is written.
    pub label: String,
    /// Where it stands.
    pub place: Place,
    /// The boxes that it names itself, or may name: in a loop over a table those of every row.
    pub boxes: Vec<String>,
    /// Those of them that it names whenever it is reached.
    pub certain: Vec<String>,
    /// Whether it names boxes that nobody can tell without running it.
    pub computed: bool,
}

/// A declared step with what judges in it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// `t5`
    pub playbook: String,
    /// What it declares.
    pub decl: StepDecl,
    /// In the order of the text.
    pub judges: Vec<Judge>,
}

impl Judged {
    /// `t5/bgp-table`
    pub fn id(&self) -> String {
        format!("{}/{}", self.playbook, self.decl.id)
    }

    /// What of the step judges a box that it covers: what names the box; and in a step that covers no other, what
    /// names none. What stands beside a person's judgement may only prepare it, so a manual step has to name.
    pub fn of(&self, id: &str) -> Vec<&Judge> {
        let boxes: BTreeSet<&str> = self.decl.covers.iter().map(String::as_str).collect();
        if !boxes.contains(id) {
            return Vec::new();
        }
        let alone = boxes.len() == 1 && self.decl.manual.is_none();
        let judges = |judge: &&Judge| {
            let named = judge.boxes.iter().any(|named| named == id);
            named || (alone && (judge.computed || judge.boxes.is_empty()))
        };
        self.judges.iter().filter(judges).collect()
    }
}

/// Whether anything says if a box holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A step judges it.
    Judged,
    /// Only a person does.
    Person,
    /// Nobody does.
    Uncovered,
}

impl State {
    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Judged => "judged",
            Self::Person => "person",
            Self::Uncovered => "uncovered",
        }
    }
}

/// A box with the steps that cover it.
#[derive(Debug)]
pub struct Row<'a> {
    /// The box.
    pub of: &'a CheckBox,
    /// Each step with what judges the box in it.
    pub steps: Vec<(&'a Judged, Vec<&'a Judge>)>,
}

impl Row<'_> {
    /// Whether anything says if it holds.
    pub fn state(&self) -> State {
        if self.steps.iter().any(|(_, judges)| !judges.is_empty()) {
            State::Judged
        } else if self.steps.iter().any(|(step, _)| step.decl.manual.is_some()) {
            State::Person
        } else {
            State::Uncovered
        }
    }

    /// Why it is uncovered.
    pub fn lacks(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(|(step, _)| step.id()).collect();
        let several = |(step, _): &(&Judged, Vec<&Judge>)| step.decl.covers.len() > 1;
        match (steps.as_slice(), self.steps.iter().any(several)) {
            ([], _) => "no step covers it".into(),
            (_, true) => format!("{}: no expectation names it", steps.join(", ")),
            (_, false) => format!("{}: nothing is expected", steps.join(", ")),
        }
    }
}

/// How many boxes there are, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that were looked at.
    pub boxes: usize,
    /// Those that a step judges.
    pub judged: usize,
    /// Those that only a person judges.
    pub person: usize,
    /// The rest.
    pub uncovered: usize,
}

/// Boxes against steps.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// In the checklist's order.
    pub rows: Vec<Row<'a>>,
    /// What names boxes that nobody can tell without running it, in steps with several: it counts for none.
    pub computed: Vec<(&'a Judged, &'a Judge)>,
}

impl<'a> Matrix<'a> {
    /// Puts boxes and steps together.
    pub fn new(boxes: &[&'a CheckBox], steps: &'a [Judged]) -> Self {
        let covering = |id: &str| {
            let steps = steps.iter().filter(|step| step.decl.covers.iter().any(|covered| covered == id));
            steps.map(|step| (step, step.of(id))).collect()
        };
        let rows = boxes.iter().map(|of| Row { of, steps: covering(&of.id) }).collect();
        let unclear = |step: &'a Judged| {
            let several = step.decl.covers.len() > 1;
            step.judges
                .iter()
                .filter(move |judge| several && judge.computed && judge.boxes.is_empty())
                .map(move |judge| (step, judge))
        };
        Self { rows, computed: steps.iter().flat_map(unclear).collect() }
    }

    /// How many boxes there are, by state.
    pub fn counts(&self) -> Counts {
        let count = |state| self.rows.iter().filter(|row| row.state() == state).count();
        let (judged, person, uncovered) = (count(State::Judged), count(State::Person), count(State::Uncovered));
        Counts { boxes: self.rows.len(), judged, person, uncovered }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { boxes, judged, person, uncovered } = self;
        let boxes = if *boxes == 1 { "1 box".to_string() } else { format!("{boxes} boxes") };
        write!(f, "{boxes}: {judged} judged, {person} by a person, {uncovered} uncovered")
    }
}

//! What a playbook declares, as data. The closures stay with `script`.

use std::time::Duration;

use crate::error::{Error, Kind, Place, Result};
use crate::event::Effect;

/// What kind of playbook it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlaybookKind {
    /// Runs by id, by folder and by `all`.
    #[default]
    Validation,
    /// Rollback and recovery: runs only when its id or file is named.
    Procedure,
}

/// `playbook(#{ … })`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlaybookDecl {
    /// `t5`
    pub id: String,
    /// One line for a person.
    pub title: String,
    /// Playbooks that come before, where they are selected too.
    pub after: Vec<String>,
    /// Whether it is a procedure.
    pub kind: PlaybookKind,
    /// Whether its steps run also where a P0 step of an earlier playbook has failed.
    pub ungated: bool,
    /// Where it is declared.
    pub place: Place,
}

/// On what a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// `"each cluster"`: once for every selected cluster.
    Each,
    /// `"all"`: once, with every cluster at hand.
    All,
    /// `"none"`: once, without a cluster.
    None,
    /// `"infra"`: once, on the named cluster.
    Cluster(String),
}

impl On {
    /// Reads the option's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "each cluster" => Self::Each,
            "all" => Self::All,
            "none" => Self::None,
            name => Self::Cluster(name.to_string()),
        }
    }

    /// The option's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Each => "each cluster",
            Self::All => "all",
            Self::None => "none",
            Self::Cluster(name) => name,
        }
    }
}

/// How often a step is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Further attempts after the first.
    pub times: u32,
    /// Pause before each.
    pub wait: Duration,
}

/// A step that goes on later: the cluster is released in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// The pause between the closure and its check.
    pub after: Duration,
}

/// `step(id, #{ … }, |t| …)`
#[derive(Debug, Clone, PartialEq)]
pub struct StepDecl {
    /// `bgp-table`
    pub id: String,
    /// One line for a person.
    pub title: String,
    /// Boxes of the checklist.
    pub covers: Vec<String>,
    /// `P0`, `P1`, `P2`.
    pub priority: String,
    /// On what it runs.
    pub on: On,
    /// What it may do.
    pub effect: Effect,
    /// Its deadline; none takes the run's.
    pub timeout: Option<Duration>,
    /// How often it is tried again.
    pub retry: Option<Retry>,
    /// Steps that must have passed: `bgp-sessions`, `t4/flux-ready`.
    pub needs: Vec<String>,
    /// Whether nothing else may run on its cluster meanwhile.
    pub alone: bool,
    /// Whether a closure guards it.
    pub guarded: bool,
    /// Whether it goes on later.
    pub later: Option<Later>,
    /// What a person has to judge, and what evidence is wanted.
    pub manual: Option<String>,
    /// `R1` to `R10`.
    pub risk: Option<String>,
    /// The first things to look at when it fails.
    pub if_fails: Vec<String>,
    /// Whether it has a closure (a manual step may do without).
    pub has_body: bool,
    /// Where it is declared.
    pub place: Place,
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

impl PlaybookDecl {
    /// Judges its id, which targets, folders of evidence and options on the command line are made of.
    ///
    /// # Errors
    /// [`Kind::Playbook`].
    pub fn check(&self) -> Result<()> {
        if is_id(&self.id) && self.id != "all" && !self.id.starts_with(['-', '.']) {
            return Ok(());
        }
        Err(Error::new(Kind::Playbook, format!("playbook(…): \"{}\" is no id for a playbook", self.id))
            .hint("an id has letters, digits, - _ and . alone, begins with no - or ., and is not \"all\"")
            .at(self.place.clone()))
    }
}

impl StepDecl {
    /// The options that a step takes, with what each is.
    pub const OPTIONS: &'static [(&'static str, &'static str)] = &[
        ("title", "a string: one line for a person"),
        ("covers", "a list of the checklist's ids"),
        ("priority", "\"P0\", \"P1\" or \"P2\" (default \"P1\")"),
        ("on", "\"each cluster\" (default), a cluster's name, \"all\" or \"none\""),
        ("effect", "\"read\" (default), \"write\", \"disrupt\" or \"destroy\""),
        ("timeout", "a duration: the step's deadline (default 5m, or --timeout)"),
        ("retry", "a number of further attempts, or #{ times, wait }"),
        ("needs", "a list of step ids that must have passed"),
        ("alone", "a bool: nothing else runs on its cluster meanwhile"),
        ("guard", "a closure |t| that must hold before it begins"),
        ("later", "#{ after: duration, check: |t, started| … }"),
        ("manual", "a string, or #{ what, evidence }: what a person has to judge"),
        ("risk", "\"R1\" to \"R10\""),
        ("if_fails", "a list: the first things to look at"),
    ];

    /// Everything that can be judged without the other steps, each [`Kind::Playbook`] at the step's place.
    pub fn problems(&self) -> Vec<Error> {
        let mut wrong = Vec::new();
        if !is_id(&self.id) {
            wrong.push("an id has letters, digits, - _ and . alone".to_string());
        }
        if !["P0", "P1", "P2"].contains(&self.priority.as_str()) {
            wrong.push(format!("priority is \"{}\", expected \"P0\", \"P1\" or \"P2\"", self.priority));
        }
        if !self.has_body && self.manual.is_none() {
            wrong.push("it has neither a closure nor manual: nothing would be looked at".to_string());
        }
        let error = |what| Error::new(Kind::Playbook, format!("step \"{}\": {what}", self.id)).at(self.place.clone());
        wrong.into_iter().map(error).collect()
    }
}

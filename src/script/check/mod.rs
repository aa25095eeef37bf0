//! `pb check`: what is wrong with a playbook, found by walking its syntax tree; no cluster is needed.

mod bound;
mod boxes;
mod calls;
mod caught;
mod closures;
mod configured;
mod empty;
mod handles;
mod imports;
mod judges;
mod lints;
mod lost;
mod names;
mod options;
mod others;
mod steps;
mod table;
mod tree;
mod unread;

use std::collections::BTreeSet;

use super::load::{Loaded, Loader};
use crate::error::{Error, Kind, Place, Result, nearest};
use crate::playbook::Source;

pub use boxes::known_boxes;
pub use configured::Configured;
pub use judges::judged;
pub use steps::no_steps;
pub use table::{LINTS, Lint};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It will fail, or does not do what it says.
    Error,
    /// It may not do what was meant.
    Warning,
}

/// Something that is wrong with a text.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// What, where, and the rewrite as a hint.
    pub error: Error,
}

/// What is wrong with one text, and the playbook where it loads.
#[derive(Debug)]
pub struct Checked {
    /// In the order of the lines.
    pub findings: Vec<Finding>,
    /// The playbook, as far as it could be loaded.
    pub loaded: Option<Loaded>,
}

/// Checks playbooks and modules with one knowledge of what scripts can call.
#[derive(Debug)]
pub struct Checker<'a> {
    loader: &'a Loader,
    known: names::Known,
    boxes: BTreeSet<String>,
    others: others::Others,
    configured: Configured,
    /// Parses what the strict engine refuses at its first undefined variable.
    lenient: rhai::Engine,
}

impl<'a> Checker<'a> {
    /// A checker; `boxes` are the checklist's ids.
    ///
    /// # Errors
    /// Where a module of the standard library does not compile.
    pub fn new(loader: &'a Loader, boxes: BTreeSet<String>) -> Result<Self> {
        let mut lenient = super::engine::build();
        lenient.set_strict_variables(false);
        let configured = Configured::default();
        Ok(Self {
            loader,
            known: names::Known::of(loader)?,
            boxes,
            others: others::Others::default(),
            configured,
            lenient,
        })
    }

    /// Texts that are checked too: playbooks may speak of each other, wherever their files lie.
    #[must_use]
    pub fn together_with(mut self, sources: &[Source]) -> Self {
        self.others.sources = sources.to_vec();
        self
    }

    /// What the names of hosts, endpoints and clusters in scripts are compared with.
    #[must_use]
    pub fn configured(mut self, configured: Configured) -> Self {
        self.configured = configured;
        self
    }

    /// Everything that is wrong with a playbook.
    pub fn playbook(&self, source: &Source, clusters: &[String]) -> Checked {
        let mut checked = self.module(source);
        let salvaged = self.loader.salvage(source, clusters);
        // What a step covers may be among what is wrong.
        let loads = salvaged.ended.is_empty() && salvaged.declares.is_empty();
        for error in salvaged.ended {
            if !self.told_of_module(source, &error) {
                add(&mut checked.findings, error);
            }
        }
        // A closure in the same line has its own problems.
        let declares = salvaged.declares.into_iter();
        checked.findings.extend(declares.map(|error| Finding { level: Level::Error, error }));
        if let Some(loaded) = salvaged.loaded {
            checked.findings.extend(boxes::check(&loaded, &self.boxes));
            if loads {
                checked.findings.extend(judges::foreign(self.loader, &loaded));
            }
            let tree = tree::Tree { source, ast: &loaded.ast };
            checked.findings.extend(steps::none(&loaded));
            checked.findings.extend(steps::risks(&loaded));
            checked.findings.extend(steps::settings(&tree, &loaded));
            checked.findings.extend(others::check(&tree, &loaded, &self.others, self.loader));
            checked.loaded = Some(loaded);
        }
        sort(&mut checked.findings);
        checked
    }

    /// Whether an error of an evaluation is in a module, of which walking that module's own tree tells.
    fn told_of_module(&self, source: &Source, error: &Error) -> bool {
        let Some(place) = error.place.as_ref().filter(|p| p.file != source.name) else { return false };
        let sources = self.loader.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let module = sources.get(&place.file).cloned();
        drop(sources);
        let found = module.map(|module| self.module(&module).findings).unwrap_or_default();
        found.iter().any(|f| f.error.place.as_ref().is_some_and(|p| (p.line, p.column) == (place.line, place.column)))
    }

    /// The modules that texts reach by imports, themselves or through one another, each once and without the texts.
    pub fn reached(&self, from: &[Source]) -> Vec<Source> {
        let mut all: Vec<Source> = from.to_vec();
        let mut at = 0;
        while let Some(source) = all.get(at).cloned() {
            at += 1;
            self.loader.enter(&source);
            let Ok(ast) = self.lenient.compile(source.text.as_ref()) else { continue };
            for module in imports::modules(&tree::Tree { source: &source, ast: &ast }, self.loader) {
                if !all.iter().any(|s| s.name == module.name) {
                    all.push(module);
                }
            }
        }
        all.split_off(from.len())
    }

    /// Everything that is wrong with a module, or that walking a playbook's tree shows.
    pub fn module(&self, source: &Source) -> Checked {
        self.loader.enter(source);
        let mut findings = Vec::new();
        let mut variables = BTreeSet::new();
        if let Ok(ast) = self.lenient.compile(source.text.as_ref()) {
            let tree = tree::Tree { source, ast: &ast };
            findings.extend(names::check(&tree, &self.known, self.loader));
            findings.extend(lints::check(&tree, &self.known));
            findings.extend(lost::check(&tree));
            findings.extend(empty::check(&tree));
            findings.extend(caught::check(&tree));
            findings.extend(unread::check(&tree));
            findings.extend(options::check(&tree, &self.known));
            findings.extend(closures::late(&tree));
            let handles = handles::check(&tree, &self.known);
            // Where the receiver is known, what its own type has is told, not what any type has.
            findings.retain(|f| !handles.iter().any(|known| place(known) == place(f)));
            findings.extend(handles);
            for found in calls::check(&tree, &self.known) {
                if !findings.iter().any(|known| place(known) == place(&found)) {
                    findings.push(found);
                }
            }
            findings.extend(steps::check(&tree));
            findings.extend(configured::check(&tree, &self.configured));
            variables = bound::Names::of(&tree).variables;
        }
        let (_, problems, undefined) = self.loader.compile_or_all(source);
        for mut error in problems {
            match undefined.iter().find(|name| error.message.ends_with(&format!(": {name}"))) {
                Some(name) => {
                    error.hints.extend(
                        nearest(name, variables.iter().map(String::as_str).filter(|v| v != name))
                            .map(|near| format!("did you mean \"{near}\"?")),
                    );
                    findings.push(Finding { level: Level::Error, error });
                }
                None => add(&mut findings, error),
            }
        }
        sort(&mut findings);
        Checked { findings, loaded: None }
    }
}

/// Adds what compiling or loading said, unless walking the tree told of that very place already, or the same nearby:
/// evaluating puts some mistakes elsewhere in their line.
fn add(findings: &mut Vec<Finding>, error: Error) {
    let line = |e: &Error| e.place.as_ref().map(|p| (p.file.clone(), p.line));
    let column = |e: &Error| e.place.as_ref().map(|p| p.column);
    let told = |e: &Error| line(e) == line(&error) && (column(e) == column(&error) || e.message == error.message);
    if error.place.is_none() || !findings.iter().any(|f| told(&f.error)) {
        findings.push(Finding { level: Level::Error, error });
    }
}

fn place(found: &Finding) -> Option<(usize, usize)> {
    found.error.place.as_ref().map(|p| (p.line, p.column))
}

fn sort(findings: &mut Vec<Finding>) {
    let at = |f: &Finding| f.error.place.as_ref().map_or((0, 0), |p| (p.line, p.column));
    findings.sort_by_key(at);
    findings.dedup_by(|a, b| at(a) == at(b) && a.error.message == b.error.message);
}

/// A finding at a position of a source.
fn finding(level: Level, source: &Source, position: rhai::Position, message: impl Into<String>) -> Finding {
    let line = position.line().unwrap_or(0);
    let place = Place {
        file: source.name.clone(),
        line,
        column: position.position().unwrap_or(0),
        source: line.checked_sub(1).and_then(|at| source.text.lines().nth(at)).map(Into::into),
    };
    Finding { level, error: Error::new(Kind::Playbook, message).at(place) }
}

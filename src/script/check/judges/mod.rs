//! What judges in the steps of a playbook, found by walking its tree and the functions that it calls: for `pb trace`.
//!
//! Nothing is run. An expectation counts wherever it stands, also behind a condition; one that a function makes which
//! is called by a name that is computed does not.

mod follow;
mod known;
mod units;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{AST, Expr, FnCallExpr};

use super::tree::call_of;
use super::{Finding, Level};
use crate::error::{Error, Kind, did_you_mean};
use crate::playbook::StepDecl;
use crate::playbook::matrix::{Judge, Judged};
use crate::script::engine;
use crate::script::load::{Loaded, Loader, line_of};
use follow::Follow;
use known::{Env, bind};
use units::{Unit, Units};

/// By the line and column of `step(…)`.
type ByPlace = BTreeMap<(usize, usize), Vec<Judge>>;

/// Every step that a playbook declares, with or without a cluster, and what judges in it.
pub fn judged(loader: &Loader, loaded: &Loaded) -> Vec<Judged> {
    let mut units = Units::new(loader);
    units.playbook(loaded);
    let matchers = matchers();
    let mut files: BTreeMap<String, ByPlace> = BTreeMap::new();
    let mut steps: Vec<Judged> = Vec::new();
    for decl in declared(loaded) {
        let file = &decl.place.file;
        if !files.contains_key(file) {
            let unit = units.file(file);
            let found = unit.map(|unit| steps_of(&unit, &mut units, &matchers)).unwrap_or_default();
            files.insert(file.clone(), found);
        }
        let found = files.get(file).and_then(|found| found.get(&(decl.place.line, decl.place.column)));
        let judges = found.cloned().unwrap_or_default();
        steps.push(Judged { playbook: loaded.info.id.clone(), decl, judges });
    }
    steps
}

/// Boxes that an expectation names, and that its step does not cover: reaching it would be an error.
pub(super) fn foreign(loader: &Loader, loaded: &Loaded) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in judged(loader, loaded) {
        let covered = &step.decl.covers;
        for judge in &step.judges {
            for id in judge.certain.iter().filter(|id| !covered.contains(id)) {
                let message = format!(
                    "\"{}\" names the box \"{id}\", and step \"{}\" does not cover it",
                    judge.label, step.decl.id
                );
                let hint = match covered.as_slice() {
                    [] => "covers: […] in the step's options says which boxes it covers".to_string(),
                    covered => format!("the step covers {}", covered.join(", ")),
                };
                let mut place = judge.place.clone();
                place.source = line_of(&loader.sources, &place.file, place.line);
                let error = Error::new(Kind::Playbook, message)
                    .maybe_hint(did_you_mean(id, covered.iter().map(String::as_str)))
                    .hint(hint)
                    .at(place);
                findings.push(Finding { level: Level::Error, error });
            }
        }
    }
    findings
}

/// Each step once; where clusters differ in what a step covers, all of it.
fn declared(loaded: &Loaded) -> Vec<StepDecl> {
    let mut steps: Vec<StepDecl> = Vec::new();
    for decl in loaded.declared.steps.values().flatten() {
        match steps.iter_mut().find(|known| known.id == decl.id) {
            Some(known) => {
                let more: Vec<String> = decl.covers.iter().filter(|id| !known.covers.contains(id)).cloned().collect();
                known.covers.extend(more);
            }
            None => steps.push(decl.clone()),
        }
    }
    steps
}

/// The methods that end an expectation: those that give nothing.
fn matchers() -> BTreeSet<String> {
    let of_expectation = engine::functions().into_iter().filter(|f| !f.signature.contains("->"));
    of_expectation.filter_map(|f| f.full_name().strip_prefix("expectation.").map(ToString::to_string)).collect()
}

/// What judges in every `step(…)` of a text.
fn steps_of(unit: &Rc<Unit>, units: &mut Units<'_>, matchers: &BTreeSet<String>) -> ByPlace {
    let mut found = ByPlace::new();
    let mut top = Env::new();
    bind(&unit.top, &mut top);
    let mut look = |tree: &AST, env: &Env| {
        tree.walk(&mut |path| {
            if let Some(node) = path.last().and_then(call_of)
                && !node.method
                && node.call.name == "step"
                && node.call.namespace.is_empty()
            {
                let at = (node.position.line().unwrap_or(0), node.position.position().unwrap_or(0));
                let follow = Follow { units: &mut *units, matchers, way: Vec::new(), found: Vec::new() };
                found.insert(at, judges_of(follow, unit, node.call, env));
            }
            true
        });
    };
    look(&unit.top, &top);
    // Steps that a function declares, or a closure of the top level.
    for function in unit.functions.values() {
        let mut env = if function.name.starts_with("anon$") { top.clone() } else { Env::new() };
        bind(&function.tree, &mut env);
        look(&function.tree, &env);
    }
    found
}

/// What judges in one step: its closure, and what comes later. A guard judges whether it may begin.
fn judges_of(mut follow: Follow<'_, '_>, unit: &Rc<Unit>, call: &FnCallExpr, env: &Env) -> Vec<Judge> {
    if let Some(Expr::Map(options, _)) = call.args.get(1) {
        for (_, value) in options.0.iter().filter(|(key, _)| key.name == "later") {
            follow.expression(unit, value, env);
        }
    }
    if let Some(body) = call.args.get(2) {
        follow.expression(unit, body, env);
    }
    let mut found = follow.found;
    // A function that is also looked through without what it is called with.
    let named: Vec<_> = found.iter().filter(|judge| !judge.boxes.is_empty()).map(|judge| judge.place.clone()).collect();
    found.retain(|judge| !judge.boxes.is_empty() || !judge.computed || !named.contains(&judge.place));
    found.sort_by_key(|judge| {
        let place = &judge.place;
        (place.file != unit.source.name, place.file.clone(), place.line, place.column)
    });
    found
}

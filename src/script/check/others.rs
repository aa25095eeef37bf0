//! What a playbook says of other steps and playbooks: `needs`, `t.value`. The others are loaded once, when asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use rhai::AST;

use super::closures::{Calls, calls_of_steps};
use super::tree::Tree;
use super::{Finding, Level, finding};
use crate::error::{Error, Kind, did_you_mean};
use crate::playbook::Source;
use crate::script::load::{Loaded, Loader};
use crate::script::salvage::guessed;

/// What is known of a playbook that others speak of.
#[derive(Debug)]
struct Other {
    /// Its steps; none where it is broken, and may have more.
    steps: Option<BTreeSet<String>>,
    /// The names that it publishes; none where one of them is computed.
    published: Option<BTreeSet<String>>,
}

impl Other {
    fn of(loaded: &Loaded) -> Self {
        let steps = loaded.declared.steps.get(&None).into_iter().flatten().map(|s| s.id.clone()).collect();
        Self { steps: Some(steps).filter(|_| loaded.whole), published: published(&loaded.ast) }
    }

    fn of_source(source: &Source, loader: &Loader) -> (String, Self) {
        match loader.salvage(source, &[]).loaded {
            Some(loaded) => (loaded.info.id.clone(), Self::of(&loaded)),
            None => (guessed(source).0, Self { steps: None, published: None }),
        }
    }

    fn lacks(&self, step: &str) -> bool {
        self.steps.as_ref().is_some_and(|steps| !steps.contains(step))
    }
}

/// The playbooks of the library, and those that are checked with it.
#[derive(Debug, Default)]
pub(super) struct Others {
    pub(super) sources: Vec<Source>,
    known: OnceLock<BTreeMap<String, Other>>,
}

impl Others {
    fn known(&self, loader: &Loader) -> &BTreeMap<String, Other> {
        self.known.get_or_init(|| {
            let library = loader.library.playbooks().unwrap_or_default();
            let all = library.iter().chain(&self.sources);
            all.map(|source| Other::of_source(source, loader)).collect()
        })
    }
}

/// Everything that is wrong with what a playbook says of others.
pub(super) fn check(tree: &Tree<'_>, loaded: &Loaded, others: &Others, loader: &Loader) -> Vec<Finding> {
    let own = Other::of(loaded);
    let mut findings = needs(loaded, others, loader);
    let calls = Calls::of(tree.ast);
    for read in &calls.values {
        let (Some((step, at)), Some((name, at_name))) = (&read.step, &read.name) else { continue };
        let wanted = step.split('@').next().unwrap_or_default();
        let (playbook, id) = wanted.split_once('/').unwrap_or((&loaded.info.id, wanted));
        let other = if playbook == loaded.info.id { Some(&own) } else { others.known(loader).get(playbook) };
        // A playbook that is not at hand cannot be judged.
        let Some(other) = other else { continue };
        if !wanted.contains('/') || other.lacks(id) {
            let full: Vec<String> = other.steps.iter().flatten().map(|s| format!("{playbook}/{s}")).collect();
            let mut found =
                finding(Level::Error, tree.source, *at, format!("t.value(\"{step}\", …): there is no such step"));
            found.error = found
                .error
                .maybe_hint(did_you_mean(&format!("{playbook}/{id}"), full.iter().map(String::as_str)))
                .hint("a step is named with its playbook here: \"PLAYBOOK/STEP\"");
            findings.push(found);
        } else if let Some(published) = other.published.as_ref().filter(|p| !p.contains(name.as_str())) {
            let message = format!("t.value(\"{step}\", \"{name}\"): playbook {playbook} publishes no \"{name}\"");
            let mut found = finding(Level::Error, tree.source, *at_name, message);
            found.error = found
                .error
                .maybe_hint(did_you_mean(name, published.iter().map(String::as_str)))
                .hint(format!("t.publish(\"{name}\", …) in step {wanted} gives it"));
            findings.push(found);
        }
    }
    findings.extend(unneeded(tree, loaded, &own));
    findings
}

/// The names that a text publishes, where all are written out.
fn published(ast: &AST) -> Option<BTreeSet<String>> {
    Calls::of(ast).published.into_iter().map(|name| name.map(|(name, _)| name)).collect()
}

/// `needs` that name steps of other playbooks; those of the own one are the plan's affair.
fn needs(loaded: &Loaded, others: &Others, loader: &Loader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in loaded.declared.steps.get(&None).into_iter().flatten() {
        for need in &step.needs {
            let wanted = need.split('@').next().unwrap_or_default();
            let Some((playbook, id)) = wanted.split_once('/').filter(|(p, _)| *p != loaded.info.id) else { continue };
            let known = others.known(loader);
            let (what, hint) = match known.get(playbook) {
                Some(other) if !other.lacks(id) => continue,
                Some(other) => {
                    let full: Vec<String> = other.steps.iter().flatten().map(|s| format!("{playbook}/{s}")).collect();
                    ("step", did_you_mean(wanted, full.iter().map(String::as_str)))
                }
                None => ("playbook", did_you_mean(playbook, known.keys().map(String::as_str))),
            };
            let message = format!("step \"{}\" needs \"{need}\", and there is no such {what}", step.id);
            let error = Error::new(Kind::Playbook, message).maybe_hint(hint).at(step.place.clone());
            findings.push(Finding { level: Level::Error, error });
        }
    }
    findings
}

/// Steps that read what others publish, and do not need them: they may run before.
fn unneeded(tree: &Tree<'_>, loaded: &Loaded, own: &Other) -> Vec<Finding> {
    let mut findings = Vec::new();
    let playbook = &loaded.info.id;
    let needs: BTreeMap<String, Vec<String>> = loaded
        .declared
        .steps
        .get(&None)
        .into_iter()
        .flatten()
        .map(|s| (format!("{playbook}/{}", s.id), s.needs.iter().map(|n| full(playbook, n)).collect()))
        .collect();
    for (step, calls) in calls_of_steps(tree.ast) {
        let Some(step) = step else { continue };
        let id = format!("{playbook}/{step}");
        let before = reached(&needs, &id);
        for read in &calls.values {
            let Some((of, at)) = &read.step else { continue };
            let wanted = of.split('@').next().unwrap_or_default();
            let Some((other, short)) = wanted.split_once('/') else { continue };
            if wanted == id || before.contains(wanted) || (other == playbook && own.lacks(short)) {
                continue;
            }
            let need = if other == playbook { short } else { wanted };
            let message = format!("step \"{step}\" reads what {wanted} publishes, and does not need it");
            let mut found = finding(Level::Warning, tree.source, *at, message);
            found.error =
                found.error.hint(format!("needs: [\"{need}\"] in the options of \"{step}\" runs that one first"));
            findings.push(found);
        }
    }
    findings
}

/// `PLAYBOOK/STEP` of a need, without its cluster.
fn full(playbook: &str, need: &str) -> String {
    let need = need.split('@').next().unwrap_or_default();
    if need.contains('/') { need.to_string() } else { format!("{playbook}/{need}") }
}

/// Everything that a step needs, directly or not.
fn reached(needs: &BTreeMap<String, Vec<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&String> = needs.get(from).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if seen.insert(next.clone()) {
            open.extend(needs.get(next).into_iter().flatten());
        }
    }
    seen
}

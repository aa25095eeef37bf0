//! What would run, in what order: selection by target, glob, priority and cluster; dependencies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::declared::{On, PlaybookDecl, StepDecl};
use super::order::{cycles, earlier_playbooks, playbook_order, sort};
use super::select::choose;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::event::StepInfo;

/// What the operator selected.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `--only`: globs on step ids.
    pub only: Vec<String>,
    /// `--skip`: globs on step ids.
    pub skip: Vec<String>,
    /// `--priority`: `P0`, `P1` …; empty is all.
    pub priorities: Vec<String>,
    /// `--cluster`; empty is all.
    pub clusters: Vec<String>,
    /// `--from`: the step to begin at.
    pub from: Option<String>,
}

/// A playbook's declarations: once without a cluster, and once for each cluster.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// `playbook(#{ … })`
    pub playbook: PlaybookDecl,
    /// Whether it was not asked for, and only gives the steps that others need.
    pub support: bool,
    /// The steps as declared without a cluster's values (`None`), and with each cluster's.
    pub steps: BTreeMap<Option<String>, Vec<StepDecl>>,
}

/// A step that would run.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What reports know of it: id, title, place.
    pub info: StepInfo,
    /// What it declares.
    pub decl: StepDecl,
    /// The clusters that it occupies.
    pub clusters: Vec<String>,
    /// Steps that must have passed: indices into the plan.
    pub needs: Vec<usize>,
    /// Steps that must have ended before, whatever their outcome: indices into the plan.
    pub after: Vec<usize>,
    /// Among `after`, those whose failure blocks it: P0 steps of earlier playbooks.
    pub gates: Vec<usize>,
    /// Its deadline.
    pub timeout: Duration,
    /// Whether it runs only because another step needs it.
    pub support: bool,
}

/// The steps in order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Earlier ones first; every index in `needs` and `after` is smaller.
    pub steps: Vec<Planned>,
    /// The playbooks in order.
    pub playbooks: Vec<String>,
}

impl Plan {
    /// Puts the plan together.
    ///
    /// # Errors
    /// All of its problems at once: duplicate ids, cycles, unknown needs and clusters, globs that
    /// match nothing.
    pub fn new(
        playbooks: &[Declared],
        clusters: &[String],
        selection: &Selection,
        timeout: Duration,
    ) -> Result<Self, Vec<Error>> {
        let mut problems = unknown_clusters(clusters, selection);
        let order = match playbook_order(playbooks) {
            Ok(order) => order,
            Err(error) => {
                problems.push(error);
                (0..playbooks.len()).collect()
            }
        };
        let on: Vec<&String> =
            clusters.iter().filter(|c| selection.clusters.is_empty() || selection.clusters.contains(c)).collect();
        let mut all = Vec::new();
        for &at in &order {
            problems.extend(duplicates(&playbooks[at]));
            all.extend(expand(&playbooks[at], clusters, &on, timeout, &mut problems));
        }
        let names: HashMap<String, Vec<usize>> = index(&all);
        let needs: Vec<Vec<usize>> = all
            .iter()
            .map(|step| step.decl.needs.iter().flat_map(|n| resolve(n, step, &all, &names, &mut problems)).collect())
            .collect();
        let Some(sorted) = sort(&all, &needs) else {
            problems.extend(cycles(&all, &needs));
            return Err(problems);
        };
        let chosen = match choose(&all, &needs, selection) {
            Ok(chosen) => chosen,
            Err(errors) => {
                problems.extend(errors);
                BTreeSet::new()
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self::assemble(playbooks, &order, all, &needs, &sorted, &chosen))
    }

    fn assemble(
        playbooks: &[Declared],
        order: &[usize],
        all: Vec<Planned>,
        needs: &[Vec<usize>],
        sorted: &[usize],
        chosen: &BTreeSet<usize>,
    ) -> Self {
        let kept: Vec<usize> = sorted.iter().copied().filter(|i| chosen.contains(i)).collect();
        let place: HashMap<usize, usize> = kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let mut all: Vec<Option<Planned>> = all.into_iter().map(Some).collect();
        let mut steps = Vec::new();
        for &old in &kept {
            let Some(mut step) = all[old].take() else { continue };
            step.needs = needs[old].iter().filter_map(|n| place.get(n).copied()).collect();
            steps.push(step);
        }
        let before = earlier_playbooks(playbooks);
        let ungated = |id: &str| playbooks.iter().any(|p| p.playbook.id == id && p.playbook.ungated);
        for at in 0..steps.len() {
            let Some(earlier) = before.get(steps[at].info.playbook.as_str()) else { continue };
            let after: Vec<usize> = (0..at).filter(|i| earlier.contains(steps[*i].info.playbook.as_str())).collect();
            let gates = after.iter().copied().filter(|i| steps[*i].info.priority == "P0");
            steps[at].gates = gates.filter(|_| !ungated(&steps[at].info.playbook)).collect();
            steps[at].after = after;
        }
        let used: BTreeSet<&str> = steps.iter().map(|s| s.info.playbook.as_str()).collect();
        let playbooks =
            order.iter().map(|i| playbooks[*i].playbook.id.clone()).filter(|id| used.contains(id.as_str())).collect();
        Self { steps, playbooks }
    }
}

fn unknown_clusters(clusters: &[String], selection: &Selection) -> Vec<Error> {
    selection
        .clusters
        .iter()
        .filter(|c| !clusters.contains(c))
        .map(|c| {
            Error::new(Kind::Usage, format!("--cluster {c}: no such cluster (there are: {})", clusters.join(", ")))
                .maybe_hint(did_you_mean(c, clusters.iter().map(String::as_str)))
        })
        .collect()
}

fn duplicates(declared: &Declared) -> Vec<Error> {
    let mut seen: HashMap<&str, &StepDecl> = HashMap::new();
    let mut problems = Vec::new();
    for step in declared.steps.get(&None).into_iter().flatten() {
        if let Some(first) = seen.insert(&step.id, step) {
            problems.push(
                Error::new(Kind::Playbook, format!("step \"{}\" is declared twice, first at {}", step.id, first.place))
                    .at(step.place.clone()),
            );
        }
    }
    problems
}

/// The runs of a playbook's steps: one for each cluster where a step says so.
fn expand(
    declared: &Declared,
    clusters: &[String],
    selected: &[&String],
    timeout: Duration,
    problems: &mut Vec<Error>,
) -> Vec<Planned> {
    let mut out = Vec::new();
    let plain = declared.steps.get(&None).cloned().unwrap_or_default();
    for (at, step) in plain.iter().enumerate() {
        // Of steps with one id, which is a problem of its own, each is meant.
        let before = plain[..at].iter().filter(|s| s.id == step.id).count();
        let runs: Vec<Option<String>> = match &step.on {
            On::Each => selected.iter().map(|c| Some((*c).clone())).collect(),
            On::All | On::None => vec![None],
            On::Cluster(name) if !clusters.contains(name) => {
                problems.push(
                    Error::new(
                        Kind::Playbook,
                        format!("step \"{}\" runs on \"{name}\", and there is no such cluster", step.id),
                    )
                    .at(step.place.clone())
                    .maybe_hint(did_you_mean(name, clusters.iter().map(String::as_str)))
                    .hint(format!("clusters: {}; or \"each cluster\", \"all\", \"none\"", clusters.join(", "))),
                );
                Vec::new()
            }
            On::Cluster(name) => selected.iter().filter(|c| **c == name).map(|c| Some((*c).clone())).collect(),
        };
        for cluster in runs {
            // The top level was evaluated with the cluster's own settings: take what it declared then.
            let decl = declared
                .steps
                .get(&cluster)
                .and_then(|steps| steps.iter().filter(|s| s.id == step.id).nth(before))
                .unwrap_or(step)
                .clone();
            let id = match &cluster {
                Some(cluster) => format!("{}/{}@{cluster}", declared.playbook.id, decl.id),
                None => format!("{}/{}", declared.playbook.id, decl.id),
            };
            let occupied = match (&decl.on, &cluster) {
                (On::All, _) => selected.iter().map(|c| (*c).clone()).collect(),
                (_, Some(cluster)) => vec![cluster.clone()],
                _ => Vec::new(),
            };
            out.push(Planned {
                info: StepInfo {
                    id,
                    playbook: declared.playbook.id.clone(),
                    step: decl.id.clone(),
                    cluster,
                    title: decl.title.clone(),
                    priority: decl.priority.clone(),
                    covers: decl.covers.clone(),
                    effect: decl.effect,
                    risk: decl.risk.clone(),
                    if_fails: decl.if_fails.clone(),
                    place: decl.place.clone(),
                },
                timeout: decl.timeout.unwrap_or(timeout),
                support: declared.support,
                decl,
                clusters: occupied,
                needs: Vec::new(),
                after: Vec::new(),
                gates: Vec::new(),
            });
        }
    }
    out
}

fn index(all: &[Planned]) -> HashMap<String, Vec<usize>> {
    let mut names: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, step) in all.iter().enumerate() {
        names.entry(format!("{}/{}", step.info.playbook, step.info.step)).or_default().push(at);
    }
    names
}

/// A need of a step on a cluster is that cluster's run of the needed step, where it has one.
fn resolve(
    need: &str,
    step: &Planned,
    all: &[Planned],
    names: &HashMap<String, Vec<usize>>,
    problems: &mut Vec<Error>,
) -> Vec<usize> {
    let (wanted, cluster) = match need.split_once('@') {
        Some((name, cluster)) => (name, Some(cluster)),
        None => (need, None),
    };
    let full = if wanted.contains('/') { wanted.to_string() } else { format!("{}/{wanted}", step.info.playbook) };
    let Some(runs) = names.get(&full) else {
        // A step of a playbook that is not part of this run can neither be waited for nor judged.
        let foreign = full.split_once('/').is_some_and(|(p, _)| !all.iter().any(|s| s.info.playbook == p));
        if !foreign {
            problems.push(
                Error::new(
                    Kind::Playbook,
                    format!("step \"{}\" needs \"{need}\", and there is no such step", step.info.step),
                )
                .at(step.info.place.clone())
                .maybe_hint(did_you_mean(&full, names.keys().map(String::as_str))),
            );
        }
        return Vec::new();
    };
    let same: Vec<usize> = runs
        .iter()
        .copied()
        .filter(|i| match cluster.or(step.info.cluster.as_deref()) {
            Some(cluster) => all[*i].info.cluster.as_deref() == Some(cluster),
            None => true,
        })
        .collect();
    if same.is_empty() { runs.clone() } else { same }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

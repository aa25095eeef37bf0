//! What the operator selects of a plan's steps: globs, priorities, a step to begin at; with what these need.

use std::collections::BTreeSet;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::plan::{Planned, Selection};
use crate::error::{Error, Kind, did_you_mean};

/// The indices that selection keeps, with what they need.
pub(super) fn choose(
    all: &[Planned],
    needs: &[Vec<usize>],
    selection: &Selection,
) -> Result<BTreeSet<usize>, Vec<Error>> {
    let mut problems = Vec::new();
    let only = globs("--only", &selection.only, all, &mut problems);
    let skip = globs("--skip", &selection.skip, all, &mut problems);
    for priority in &selection.priorities {
        if !["P0", "P1", "P2"].contains(&priority.as_str()) {
            problems.push(Error::new(Kind::Usage, format!("--priority {priority}: expected P0, P1 or P2")));
        }
    }
    let from = selection.from.as_ref().and_then(|from| {
        let glob = globs("--from", std::slice::from_ref(from), all, &mut problems)?;
        all.iter().position(|s| matches(&glob, s))
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let wanted = |at: usize, step: &Planned| {
        !step.support
            && only.as_ref().is_none_or(|g| matches(g, step))
            && !skip.as_ref().is_some_and(|g| matches(g, step))
            && (selection.priorities.is_empty() || selection.priorities.contains(&step.info.priority))
            && from.is_none_or(|from| at >= from)
    };
    let mut open: Vec<usize> = (0..all.len()).filter(|i| wanted(*i, &all[*i])).collect();
    let mut chosen = BTreeSet::new();
    while let Some(at) = open.pop() {
        let skipped = skip.as_ref().is_some_and(|g| matches(g, &all[at]));
        if !skipped && chosen.insert(at) {
            open.extend(&needs[at]);
        }
    }
    Ok(chosen)
}

fn globs(flag: &str, patterns: &[String], all: &[Planned], problems: &mut Vec<Error>) -> Option<GlobSet> {
    if patterns.is_empty() {
        return None;
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = match Glob::new(pattern) {
            Ok(glob) => glob,
            Err(e) => {
                problems.push(Error::new(Kind::Usage, format!("{flag} {pattern}: not a glob")).because(e));
                continue;
            }
        };
        let matcher = glob.compile_matcher();
        if !all.iter().any(|s| names_of(s).iter().any(|n| matcher.is_match(n))) {
            let names: BTreeSet<&str> = all.iter().map(|s| s.info.step.as_str()).collect();
            problems.push(
                Error::new(Kind::Usage, format!("{flag} {pattern}: no step has such an id"))
                    .maybe_hint(did_you_mean(pattern, names.iter().copied()))
                    .hint(format!("steps: {}", names.into_iter().collect::<Vec<_>>().join(", "))),
            );
        }
        set.add(glob);
    }
    set.build().ok()
}

/// A glob may name a step by its id, with its playbook, with its cluster, or in full.
fn names_of(step: &Planned) -> Vec<String> {
    let short = format!("{}/{}", step.info.playbook, step.info.step);
    let with_cluster = step.info.cluster.as_ref().map(|c| format!("{}@{c}", step.info.step));
    [step.info.step.clone(), short, step.info.id.clone()].into_iter().chain(with_cluster).collect()
}

fn matches(set: &GlobSet, step: &Planned) -> bool {
    names_of(step).iter().any(|n| set.is_match(n))
}

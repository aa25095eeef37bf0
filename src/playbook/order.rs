//! The order of playbooks by `after` and of steps by `needs`, and the circles in which there is none.

use std::collections::{BTreeSet, HashMap};

use super::plan::{Declared, Planned};
use crate::error::{Error, Kind, Result};

/// Every playbook that comes before each, directly or not, among those here.
pub(super) fn earlier_playbooks(playbooks: &[Declared]) -> HashMap<&str, BTreeSet<&str>> {
    let direct: HashMap<&str, Vec<&str>> = playbooks
        .iter()
        .map(|p| (p.playbook.id.as_str(), p.playbook.after.iter().map(String::as_str).collect()))
        .collect();
    let mut all = HashMap::new();
    for id in direct.keys() {
        let mut seen = BTreeSet::new();
        let mut open = direct.get(id).cloned().unwrap_or_default();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(direct.get(next).into_iter().flatten());
            }
        }
        all.insert(*id, seen);
    }
    all
}

pub(super) fn playbook_order(playbooks: &[Declared]) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < playbooks.len() {
        let placed = |id: &str| {
            order.iter().any(|i| playbooks[*i].playbook.id == id) || !playbooks.iter().any(|p| p.playbook.id == id)
        };
        let next =
            (0..playbooks.len()).find(|i| !order.contains(i) && playbooks[*i].playbook.after.iter().all(|a| placed(a)));
        match next {
            Some(next) => order.push(next),
            None => {
                let left: Vec<&Declared> =
                    (0..playbooks.len()).filter(|i| !order.contains(i)).map(|i| &playbooks[i]).collect();
                let names: Vec<&str> = left.iter().map(|p| p.playbook.id.as_str()).collect();
                return Err(Error::new(
                    Kind::Playbook,
                    format!("playbooks wait for each other by after: {}", names.join(", ")),
                )
                .at(left[0].playbook.place.clone()));
            }
        }
    }
    Ok(order)
}

/// Kahn's algorithm that keeps the declared order where it may.
pub(super) fn sort(all: &[Planned], needs: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut done = vec![false; all.len()];
    let mut order = Vec::with_capacity(all.len());
    while order.len() < all.len() {
        let next = (0..all.len()).find(|i| !done[*i] && needs[*i].iter().all(|n| done[*n]))?;
        done[next] = true;
        order.push(next);
    }
    Some(order)
}

/// Every circle in which steps need each other, once, by the shortest words: a way round it.
pub(super) fn cycles(all: &[Planned], needs: &[Vec<usize>]) -> Vec<Error> {
    let mut told: Vec<usize> = Vec::new();
    let mut errors = Vec::new();
    // Each cluster's run of the steps has the same circle.
    let mut places = BTreeSet::new();
    for start in (0..all.len()).filter(|i| reaches_any(needs, *i)) {
        // Those that reach each other are in the same circle.
        if told.iter().any(|t| *t == start || (reaches(needs, *t, start) && reaches(needs, start, *t))) {
            continue;
        }
        told.push(start);
        if places.insert(all[start].info.place.to_string()) {
            errors.push(cycle(all, needs, start));
        }
    }
    errors
}

fn cycle(all: &[Planned], needs: &[Vec<usize>], start: usize) -> Error {
    let mut path = Vec::new();
    let reduced = |i: usize| needs[i].iter().copied().find(|n| reaches(needs, *n, i));
    let mut at = start;
    loop {
        path.push(all[at].info.id.clone());
        match reduced(at) {
            Some(next) if !path.contains(&all[next].info.id) => at = next,
            Some(next) => {
                path.push(all[next].info.id.clone());
                break;
            }
            None => break,
        }
    }
    Error::new(Kind::Playbook, format!("steps need each other in a circle: {}", path.join(" → ")))
        .at(all[start].info.place.clone())
}

fn reaches_any(needs: &[Vec<usize>], from: usize) -> bool {
    needs[from].iter().any(|n| reaches(needs, *n, from))
}

fn reaches(needs: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(&needs[at]);
        }
    }
    false
}

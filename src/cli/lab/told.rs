//! A proof, as a person reads it.

use std::collections::BTreeMap;

use crate::event::Outcome;
use crate::lab::prove::{Caught, Proof, Proven};
use crate::ui::{Role, Ui, clean, fitted, plural, wrap};

/// The lines: each step with what it caught, then what is not proven.
pub(super) fn told(proof: &Proof, ui: Ui, verbose: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, proven) in &proof.steps {
        lines.push(heading(id, proven, ui));
        lines.extend(below(proven, ui, verbose));
    }
    lines.push(String::new());
    lines.extend(summary(proof, ui));
    lines
}

fn heading(id: &str, proven: &Proven, ui: Ui) -> String {
    let mark = match (&proven.apart, proven.is_well()) {
        (Some(_), _) => ui.paint(Role::Unknown, "–"),
        (None, true) => ui.paint(Role::Good, "✓"),
        (None, false) => ui.paint(Role::Bad, "✗"),
    };
    let word = match &proven.apart {
        Some(why) => clean(why),
        None => {
            let faults: std::collections::BTreeSet<&str> = by_fault(proven, Outcome::Failed).keys().copied().collect();
            format!("fails under {}", plural(faults.len(), "fault"))
        }
    };
    format!("{mark} {}  {}", ui.paint(Role::Strong, id), ui.paint(Role::Quiet, word))
}

/// The faults under which a step ended so, each with what was said first.
fn by_fault(proven: &Proven, outcome: Outcome) -> BTreeMap<&str, &Caught> {
    let mut out: BTreeMap<&str, &Caught> = BTreeMap::new();
    for caught in proven.caught.iter().filter(|caught| caught.outcome == outcome) {
        let first = out.entry(&caught.fault).or_insert(caught);
        // Of several clusters, the one that names it tells more.
        if caught.names && !first.names {
            *first = caught;
        }
    }
    out
}

fn below(proven: &Proven, ui: Ui, verbose: bool) -> Vec<String> {
    let mut lines: Vec<String> = proven
        .unwell
        .iter()
        .map(|(id, why)| format!("    {} {id}: {}", ui.paint(Role::Bad, "healthy"), clean(why)))
        .collect();
    let row = |(fault, caught): (&&str, &&Caught)| {
        let mark = if caught.names { " " } else { "?" };
        vec![ui.paint(Role::Name, fault), ui.paint(Role::Warned, mark), clean(&caught.message)]
    };
    let failed = by_fault(proven, Outcome::Failed);
    let rows: Vec<Vec<String>> = failed.iter().map(row).collect();
    lines.extend(fitted(ui, 4, &rows).into_iter().map(|line| format!("    {line}")));
    for outcome in [Outcome::Warned, Outcome::Inconclusive, Outcome::Errored] {
        let others = by_fault(proven, outcome);
        if others.is_empty() {
            continue;
        }
        if verbose {
            let rows: Vec<Vec<String>> = others.iter().map(row).collect();
            lines.extend(fitted(ui, 17, &rows).into_iter().map(|line| format!("    {:<13}{line}", outcome.as_str())));
        } else {
            let names: Vec<&str> = others.keys().copied().collect();
            lines.push(format!("    {}", ui.paint(Role::Quiet, format!("{outcome} under {}", names.join(", ")))));
        }
    }
    if verbose && !proven.passed.is_empty() {
        let names: Vec<&str> = proven.passed.iter().map(String::as_str).collect();
        lines.push(format!("    {}", ui.paint(Role::Quiet, format!("passed under {}", names.join(", ")))));
    }
    lines
}

fn summary(proof: &Proof, ui: Ui) -> Vec<String> {
    let unproven = proof.unproven();
    let mut lines = Vec::new();
    for id in &unproven {
        let why = proof.steps.get(*id).and_then(Proven::why_not).unwrap_or_default();
        let said = format!("{id}: {}", clean(&why));
        let mut marks = [ui.paint(Role::Bad, "✗"), " ".into()].into_iter();
        for line in wrap(&said, ui.width.saturating_sub(2)) {
            lines.push(format!("{} {line}", marks.next().unwrap_or_else(|| " ".into())));
        }
    }
    let quiet = proof.faults.values().filter(|(_, steps)| *steps == 0).count();
    let proven = proof.steps.len() - unproven.len();
    let mut counts =
        vec![format!("{proven} of {} proven", plural(proof.steps.len(), "step")), plural(proof.faults.len(), "fault")];
    if quiet > 0 {
        counts.push(format!("{quiet} touch none of them"));
    }
    if !proof.not_here.is_empty() {
        counts.push(format!("{} not in this platform", proof.not_here.len()));
    }
    counts.push(format!("{:.0} s", proof.seconds));
    lines.push(counts.join(" · "));
    if proof
        .steps
        .values()
        .any(|proven| proven.caught.iter().any(|caught| caught.outcome == Outcome::Failed && !caught.names))
    {
        lines.push(ui.paint(Role::Quiet, "? does not name the broken object"));
    }
    lines
}

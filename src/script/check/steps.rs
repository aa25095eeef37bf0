//! What steps may not do: judge after a matcher, name risks or settings that there are not.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr};

use super::tree::{Tree, chain};
use super::{Finding, Level, finding};
use crate::error::{Error, Kind, did_you_mean};
use crate::script::engine;
use crate::script::load::Loaded;

/// What walking the tree shows.
pub(super) fn check(tree: &Tree<'_>) -> Vec<Finding> {
    let matchers: BTreeSet<String> = engine::functions()
        .iter()
        .filter(|f| !f.signature.contains("->"))
        .filter_map(|f| f.full_name().strip_prefix("expectation.").map(ToString::to_string))
        .collect();
    let mut findings = Vec::new();
    tree.ast.walk(&mut |path| {
        if let Some(ASTNode::Expr(Expr::Dot(binary, ..))) = path.last() {
            after_matcher(tree, &binary.lhs, &binary.rhs, &matchers, &mut findings);
        }
        true
    });
    findings
}

/// `expect(x).to_be(1).to_be(2)`: a matcher gives nothing.
fn after_matcher(tree: &Tree<'_>, root: &Expr, rest: &Expr, matchers: &BTreeSet<String>, findings: &mut Vec<Finding>) {
    let Expr::FnCall(call, _) = root else { return };
    if call.name != "expect" || !call.namespace.is_empty() {
        return;
    }
    let mut calls = Vec::new();
    chain(rest, &mut calls);
    let Some(at) = calls.iter().position(|(call, _)| matchers.contains(call.name.as_str())) else { return };
    if let Some((next, position)) = calls.get(at + 1) {
        let message = format!("{}() ends an expectation and gives nothing that has {}()", calls[at].0.name, next.name);
        let mut found = finding(Level::Error, tree.source, *position, message);
        found.error = found.error.hint(format!("write a second one: expect(…).{}(…);", next.name));
        findings.push(found);
    }
}

/// A playbook that looks at nothing.
pub(super) fn none(loaded: &Loaded) -> Option<Finding> {
    let steps = loaded.declared.steps.get(&None).map_or(0, Vec::len);
    (steps == 0 && loaded.whole).then(|| Finding { level: Level::Error, error: no_steps(loaded) })
}

/// What is said of a playbook without steps.
pub fn no_steps(loaded: &Loaded) -> Error {
    Error::new(Kind::Playbook, format!("playbook \"{}\" declares no step: nothing would be looked at", loaded.info.id))
        .hint("step(\"ID\", #{ title: \"…\" }, |t| { expect(…).to_be(…); });")
        .at(loaded.declared.playbook.place.clone())
}

/// Risks that nobody listed.
pub(super) fn risks(loaded: &Loaded) -> Vec<Finding> {
    let steps = loaded.declared.steps.get(&None).into_iter().flatten();
    let known: Vec<String> = (1..=10).map(|n| format!("R{n}")).collect();
    steps
        .filter_map(|step| {
            let risk = step.risk.as_ref().filter(|r| !known.contains(*r))?;
            let message = format!("step \"{}\": risk is \"{risk}\", expected \"R1\" to \"R10\"", step.id);
            let error = Error::new(Kind::Playbook, message).at(step.place.clone());
            Some(Finding { level: Level::Error, error })
        })
        .collect()
}

/// `t.cluster("x").setting("nme")`: settings of this playbook alone can be asked for.
pub(super) fn settings(tree: &Tree<'_>, loaded: &Loaded) -> Vec<Finding> {
    let known: BTreeSet<&str> = loaded.values_of_none().map(|(name, _)| name).collect();
    let mut findings = Vec::new();
    tree.ast.walk(&mut |path| {
        // Whole chains alone: a part of one is the right side of what is around it.
        let inner = matches!(path.iter().rev().nth(1), Some(ASTNode::Expr(Expr::Dot(outer, ..)))
            if matches!(path.last(), Some(ASTNode::Expr(own)) if std::ptr::eq(&raw const outer.rhs, *own)));
        if let Some(ASTNode::Expr(Expr::Dot(binary, ..))) = path.last()
            && !inner
        {
            let mut calls = Vec::new();
            chain(&binary.rhs, &mut calls);
            for pair in calls.windows(2) {
                let ((of, _), (call, position)) = (&pair[0], &pair[1]);
                if of.name == "cluster"
                    && call.name == "setting"
                    && let [Expr::StringConstant(name, _)] = &call.args[..]
                    && !known.contains(name.as_str())
                {
                    let message = format!("this playbook declares no setting \"{name}\"");
                    let mut found = finding(Level::Error, tree.source, *position, message);
                    found.error = found.error.maybe_hint(did_you_mean(name, known.iter().copied()));
                    findings.push(found);
                }
            }
        }
        true
    });
    findings
}

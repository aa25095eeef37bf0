//! Which closures belong to which step, and what they call: declaring, publishing, reading values.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Expr, FnPtr, Position};

use super::tree::{Tree, body, call_of};
use super::{Finding, Level, finding};

/// A string that is written out, and where; none where it is computed.
type Literal = Option<(String, Position)>;

/// `t.value(step, name)`
pub(super) struct Read {
    pub(super) step: Literal,
    pub(super) name: Literal,
}

/// Calls that other checks want to know of.
#[derive(Default)]
pub(super) struct Calls {
    pub(super) values: Vec<Read>,
    /// The names that are given to `t.publish`.
    pub(super) published: Vec<Literal>,
    /// `playbook`, `setting`, `step`.
    declared: Vec<(String, Position)>,
}

impl Calls {
    /// Those of a whole text.
    pub(super) fn of(ast: &AST) -> Self {
        let mut calls = Self::default();
        ast.walk(&mut |path| {
            if let Some(node) = path.last() {
                calls.look(node);
            }
            true
        });
        calls
    }

    fn look(&mut self, node: &ASTNode<'_>) {
        let Some(node) = call_of(node) else { return };
        let call = node.call;
        match (node.method, call.name.as_str(), &call.args[..]) {
            (true, "value", [step, name]) => {
                self.values.push(Read { step: literal(step), name: literal(name) });
            }
            (true, "publish", [name, _]) => self.published.push(literal(name)),
            (false, name @ ("playbook" | "setting" | "step"), _) if call.namespace.is_empty() => {
                self.declared.push((name.to_string(), node.position));
            }
            _ => {}
        }
    }
}

fn literal(expr: &Expr) -> Literal {
    match expr {
        Expr::StringConstant(text, position) => Some((text.to_string(), *position)),
        _ => None,
    }
}

/// `setting(…)` within a step: when it runs, the plan stands.
pub(super) fn late(tree: &Tree<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, position) in calls_of_steps(tree.ast).into_iter().flat_map(|(_, calls)| calls.declared) {
        let message = format!("{name}(…) declares, and belongs at the top level of a playbook");
        let mut found = finding(Level::Error, tree.source, position, message);
        found.error = found.error.hint(match name.as_str() {
            "setting" => "let value = setting(…); before the step, and value inside it",
            _ => "inside a step it is too late: the plan stands",
        });
        findings.push(found);
    }
    findings
}

/// Every `step(…)` of the top level: its id, and what its closures call, those inside them too.
pub(super) fn calls_of_steps(ast: &AST) -> Vec<(Option<String>, Calls)> {
    let mut steps = Vec::new();
    for stmt in ast.statements() {
        stmt.walk(&mut Vec::new(), &mut |path| {
            if let Some(node) = path.last().and_then(call_of)
                && !node.method
                && node.call.name == "step"
                && node.call.namespace.is_empty()
            {
                let mut names = BTreeSet::new();
                for arg in &node.call.args {
                    arg.walk(&mut Vec::new(), &mut |path| {
                        names.extend(path.last().and_then(closure_name));
                        true
                    });
                }
                let id = node.call.args.first().and_then(literal).map(|(id, _)| id);
                steps.push((id, inside(ast, names)));
            }
            true
        });
    }
    steps
}

/// What closures of these names call.
fn inside(ast: &AST, names: BTreeSet<String>) -> Calls {
    let mut calls = Calls::default();
    let mut open: Vec<String> = names.iter().cloned().collect();
    let mut seen = names;
    while let Some(next) = open.pop() {
        body(ast, &next).walk(&mut |path| {
            let Some(node) = path.last() else { return true };
            calls.look(node);
            if let Some(name) = closure_name(node).filter(|n| seen.insert(n.clone())) {
                open.push(name);
            }
            true
        });
    }
    calls
}

/// The name under which the tree keeps a closure.
pub(super) fn closure_name(node: &ASTNode<'_>) -> Option<String> {
    match node {
        ASTNode::Expr(Expr::DynamicConstant(value, _)) => {
            value.read_lock::<FnPtr>().map(|call| call.fn_name().to_string())
        }
        _ => None,
    }
}
